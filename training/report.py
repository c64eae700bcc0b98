"""An evaluation as a table and as pictures: reliability, and the worst readings of each set."""

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np

from .evaluation import Result, refusal_at

MNIST_TEST, DRAWINGS, NO_NUMBERS = "MNIST test", "drawings", "no numbers"
DIGIT_SETS = (MNIST_TEST, DRAWINGS, "semeion")
"""Sets whose readings must not be refused; a folder counts where it bears such a name."""

START, END = "<!-- evaluate -->", "<!-- /evaluate -->"

WORST = 24
TILE = (220, 110)
"""Width and height of one reading in the picture of the worst, in pixels."""


def table(evaluation: dict[str, Any]) -> str:
    """Return an evaluation, as the model card keeps it, as Markdown."""
    lines = [
        f"Version {evaluation['version']}; whole readings right. Errors by kind: a digit misread, digits miscounted "
        "(segmentation), a number refused, or something else read as one.",
        "",
        "| set | pages | right | 95 % interval | errors | most confused | refused | calibration error | ms a page |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in evaluation["sets"]:
        low, high = result["interval"]
        errors = ", ".join(f"{count} {kind}" for kind, count in result["errors"].items()) or "none"
        confused = ", ".join(f"{truth} as {read} ({count})" for truth, read, count in result["confusions"]) or "–"
        lines.append(
            f"| {result['set']} | {result['pages']} | **{result['right']:.2%}** | {low:.2%} to {high:.2%} | {errors} "
            f"| {confused} | {result['refused']} | {result['calibration']:.2%} | {result['milliseconds']:.1f} |"
        )
    refusal = evaluation["refusal"]
    lines += [
        "",
        f"A confidence of {refusal['confidence']:.2f} keeps {refusal['kept']:.1%} of the readings of digits "
        f"({', '.join(refusal['of'])}) and refuses {refusal['refused']:.1%} of what is no number.",
    ]
    return "\n".join(lines) + "\n"


def summarised(version: str, results: list[Result], kept: float = 0.985) -> dict[str, Any]:
    """Gather results into what the model card keeps."""
    digits = [result for result in results if result.name in DIGIT_SETS]
    others = next(result for result in results if result.name == NO_NUMBERS)
    confidence, refused = refusal_at(kept, digits, others)
    return {
        "version": version,
        "sets": [result.as_json() for result in results],
        "refusal": {
            "kept": kept,
            "of": [result.name for result in digits],
            "confidence": round(confidence, 4),
            "refused": round(refused, 4),
        },
    }


def write(folder: Path, evaluation: dict[str, Any], results: list[Result]) -> None:
    """Write `table.md`, `reliability.png` and, for each set with errors, `worst-<set>.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(table(evaluation))
    draw_reliability(evaluation, folder / "reliability.png")
    for result in results:
        if result.mistakes:
            name = result.name.replace(",", "").replace(" ", "-")
            cv2.imwrite(str(folder / f"worst-{name}.png"), worst_readings(result))


def publish(readme: Path, text: str) -> None:
    """Put a table between the marks that a README keeps for it."""
    before, rest = readme.read_text().split(START)
    readme.write_text(f"{before}{START}\n{text}{END}{rest.split(END)[1]}")


def draw_reliability(evaluation: dict[str, Any], path: Path) -> None:
    """Draw how often readings of each confidence were right."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for result in evaluation["sets"]:
        if result["reliability"] and result["set"] != NO_NUMBERS:
            axes.plot(
                *zip(*result["reliability"], strict=True), marker="o", markersize=3, linewidth=1, label=result["set"]
            )
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def worst_readings(result: Result) -> np.ndarray:
    """Lay the most confident mistakes side by side with truth and reading. Returns uint8 (h, w)."""
    worst = sorted(result.mistakes, key=lambda mistake: -mistake[1].confidence)[:WORST]
    width, height = TILE
    tiles = []
    for sample, reading in worst:
        tile = np.full((height, width), 255, np.uint8)
        scale = min((width - 8) / sample.page.shape[1], (height - 30) / sample.page.shape[0])
        size = (max(1, round(sample.page.shape[1] * scale)), max(1, round(sample.page.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        tile[4 : 4 + size[1], 4 : 4 + size[0]] = cv2.resize(sample.page, size, interpolation=how)
        words = f"{sample.text or 'none'}: read {reading.text or 'none'}".replace("\n", "/")
        cv2.putText(tile, words, (4, height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
        tiles.append(tile)
    columns = min(4, len(tiles))
    while len(tiles) % columns:
        tiles.append(np.full((height, width), 255, np.uint8))
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
