"""How much corrections improve the current version, and how much a retraining slows the site.

`python -m benchmarks.learning_curve [--publish]` retrains once beside a site, and then with 30, 100 and 300 corrections
in a handwriting that the version misreads, with and without wrong labels. `--publish` writes the results into docs and
model card.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

from . import publishing

WRONG = (0.0, 0.3)
"""Shares of wrong labels."""


def measure(publish: bool) -> None:
    """Measure the current version and print the table. Raises SystemExit if it may not be published."""
    from recognizer.models import ModelVersion
    from recognizer.serving.loading import load_version
    from training.retraining.pipeline import open_network
    from training.synthesis.datasets import load_mnist

    from .load_while_training import serve_while_training
    from .slanted_hand import COUNTS, HELD_BACK, learn, written

    version = ModelVersion.objects.serving()
    if version is None:
        raise SystemExit("There is no current version. Run manage.py migrate first.")
    if publish and not version.shipped:
        raise SystemExit("Only the shipped version's figures are published.")
    mnist = load_mnist()
    reader = load_version(version).reader
    points: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        images, labels = mnist.validation.images[: max(COUNTS)], mnist.validation.labels[: max(COUNTS)]
        inks = (255 * written(images, seed=7)).astype("uint8")
        served = serve_while_training(Path(scratch), inks, labels.tolist(), mnist.test.images[0])
        sys.stderr.write(f"{json.dumps(served)}\n")
        champion = open_network(version, Path(scratch))
        for wrong in WRONG:
            for point in learn(champion, reader, mnist, Path(scratch), wrong=wrong):
                points.append(point.as_json())
                sys.stderr.write(f"{json.dumps(points[-1])}\n")
    learning = {"version": version.name, "judged": HELD_BACK, "points": points, "served": served}
    sys.stdout.write(table(learning))
    if publish:
        with publishing.shipped_card() as card:
            card["learning"] = learning
        publishing.replace_blocks("learning", table(learning))
        draw(learning, publishing.DOCS / "images" / "learning.png")


def table(learning: dict[str, Any]) -> str:
    """Format the results, as stored in the model card, as Markdown."""
    lines = [
        f"Version {learning['version']}, never trained on this handwriting; errors on {learning['judged']:,} digits.",
        "",
        "| corrections | wrong labels | errors on it | fewer | errors on MNIST, network alone | gate | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in learning["points"]:
        less = 1 - point["after"] / point["before"]
        word = f"refuses: {', '.join(point['refused'])}" if point["refused"] else "passes"
        lines.append(
            f"| {point['corrections']} | {point['wrong']:.0%} | {point['before']:.1%} → {point['after']:.1%} "
            f"| {less:.0%} | {point['mnist_before']:.2%} → {point['mnist_after']:.2%} | {word} "
            f"| {point['minutes']:.1f} |"
        )
    served = learning["served"]
    quiet, during = served["quiet"], served["during"]
    lines += [
        "",
        "![Share read wrong against corrections approved](images/learning.png)",
        "",
        f"A whole run with {served['corrections']} imported corrections, on a site that read a picture every "
        f"{served['every']:.1f} s, took {served['minutes']:.1f} minutes and ended {served['state']}. A reading took "
        f"{quiet['median']:.0f} ms (p95 {quiet['p95']:.0f} ms) before the run and {during['median']:.0f} ms "
        f"(p95 {during['p95']:.0f} ms) during it, {during['p95'] / quiet['p95']:.1f} times the p95. "
        f"Of {during['calls']} calls, {served['failed'] or 'none'} failed.",
    ]
    return "\n".join(lines) + "\n"


def draw(learning: dict[str, Any], path: Path) -> None:
    """Draw the error rate by number of corrections and share of wrong labels."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = learning["points"]
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    for colour, wrong in enumerate(sorted({point["wrong"] for point in points})):
        curve = [point for point in points if point["wrong"] == wrong]
        x = [0, *(point["corrections"] for point in curve)]
        label = f"{wrong:.0%} wrong labels" if wrong else "right labels"
        for hand, before, after, style in (
            ("this handwriting", "before", "after", "-"),
            ("MNIST, network alone", "mnist_before", "mnist_after", ":"),
        ):
            y = [100 * curve[0][before], *(100 * point[after] for point in curve)]
            axes.plot(x, y, style, marker="o", markersize=4, color=f"C{colour}", label=f"{hand}, {label}")
        refused = [point for point in curve if point["refused"]]
        at = [point["corrections"] for point in refused]
        axes.plot(at, [100 * point["after"] for point in refused], "x", markersize=10, color="0.2")
    axes.plot([], [], "x", color="0.2", label="refused by the gate")
    axes.set(xlabel="corrections approved", ylabel="% read wrong", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_curve")
    parser.add_argument(
        "--publish", action="store_true", help="write the figures into docs/learning.md and the model card"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    import django

    django.setup()
    measure(arguments.publish)
