"""Measure how often the shipped version reads a whole number right, and publish it in docs, README and model card.

`python -m benchmarks.accuracy [FOLDER…]` measures what `manage.py evaluate [FOLDER…]` does.
"""

import os
import sys
from pathlib import Path
from typing import Any

from . import publishing

SUMMARY = {
    "MNIST test": "one digit, from MNIST's test images",
    "drawings": "a number, drawn (synthetic)",
    "cheques_dev": "an amount, on scanned cheques",
    "desk": "a number on paper, photographed on a desk (synthetic)",
    "letters": "one letter, which must be refused or marked unsure",
}
"""Names of the README's five test sets."""


def summary(evaluation: dict[str, Any]) -> str:
    """Return the README's five rows of an evaluation, as Markdown."""
    lines = ["| picture | tested | right | 95 % interval |", "|---|---:|---:|---|"]
    sets = {result["set"]: result for result in evaluation["sets"]}
    for name, words in SUMMARY.items():
        if name in sets:
            low, high = sets[name]["interval"]
            right = f"{sets[name]['right']:.1%}"
            lines.append(f"| {words} | {sets[name]['pages']:,} | {right} | {low:.1%} to {high:.1%} |")
    return "\n".join(lines) + "\n"


def measure(folders: list[Path]) -> None:
    """Measure the shipped version, and publish table, reliability curve and model card.

    Raises SystemExit if another version is current, CommandError if a folder cannot be used.
    """
    from recognizer.models import ModelVersion
    from recognizer.serving.loading import load_version
    from training.evaluation import report
    from training.management.commands.evaluate import Command
    from training.networks import model_card
    from training.synthesis.datasets import load_mnist

    version = ModelVersion.objects.serving()
    if version is None or not version.shipped:
        raise SystemExit("Only the shipped version's figures are published, and it is not the current version.")
    results = Command().measure(load_version(version).reader, folders)
    measured = report.summarised(version.name, results)
    with publishing.shipped_card() as card:
        card["evaluation"] = measured
        model_card.add_test(card, results[0], load_mnist(), publishing.SHIPPED)
    publishing.replace_blocks("evaluate", report.table(measured))
    publishing.replace_blocks("summary", summary(measured))
    report.draw_reliability(measured, publishing.DOCS / "images" / "reliability.png")
    sys.stdout.write(report.table(measured))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    import django

    django.setup()
    measure([Path(name) for name in sys.argv[1:]])
