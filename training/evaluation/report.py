"""Report an evaluation: a table, reliability curves, and the worst readings of each set."""

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np

from .measures import Result, refusal_at

MNIST_TEST, DRAWINGS, NO_NUMBERS, LETTERS = "MNIST test", "drawings", "no numbers", "letters"
DIGIT_SETS = (MNIST_TEST, DRAWINGS, "semeion")
"""Sets of digits, in which every refusal is an error. A folder with one of these names counts too."""

WORST = 24
TILE = (220, 110)
"""Size of one reading in the picture of the worst, width and height in pixels."""


def table(evaluation: dict[str, Any]) -> str:
    """Format an evaluation, as stored in the model card, as Markdown."""
    lines = [
        f"Version {evaluation['version']}; whole readings right. Errors by kind: a wrong digit, a wrong count of "
        "digits (segmentation), a number refused, or something else read as one. Calibration error: mean difference "
        "between confidence and accuracy; in brackets, that of a perfectly calibrated reader, by chance.",
        "",
        "| set | pages | right | 95 % interval | errors | most confused | refused | calibration error | ms a page |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in evaluation["sets"]:
        low, high = result["interval"]
        errors = ", ".join(f"{count} {kind}" for kind, count in result["errors"].items()) or "none"
        confused = ", ".join(f"{truth} as {read} ({count})" for truth, read, count in result["confusions"]) or "–"
        calibration = (
            f"{result['calibration']:.2%} ({result['chance']:.2%})"
            if result["set"] not in (NO_NUMBERS, LETTERS)
            else "–"
        )
        lines.append(
            f"| {result['set']} | {result['pages']} | **{result['right']:.2%}** | {low:.2%} to {high:.2%} | {errors} "
            f"| {confused} | {result['refused']} | {calibration} | {result['milliseconds']:.1f} |"
        )
    refusal = evaluation["refusal"]
    lines += [
        "",
        f"A confidence of {refusal['confidence']:.2f} keeps {refusal['kept']:.1%} of the readings of digits "
        f"({', '.join(refusal['of'])}) and refuses {refusal['refused']:.1%} of pages without a number.",
    ]
    return "\n".join(lines) + "\n"


def summarised(version: str, results: list[Result], target: float = 0.985) -> dict[str, Any]:
    """Return results as stored in the model card."""
    digits = [result for result in results if result.name in DIGIT_SETS]
    others = next(result for result in results if result.name == NO_NUMBERS)
    confidence, refused = refusal_at(target, digits, others)
    return {
        "version": version,
        "sets": [result.as_json() for result in results],
        "refusal": {
            "kept": target,
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


def draw_reliability(evaluation: dict[str, Any], path: Path) -> None:
    """Draw the reliability curves."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for result in evaluation["sets"]:
        if result["reliability"] and result["set"] not in (NO_NUMBERS, LETTERS):
            axes.plot(
                *zip(*result["reliability"], strict=True), marker="o", markersize=3, linewidth=1, label=result["set"]
            )
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def worst_readings(result: Result) -> np.ndarray:
    """Draw the most confident errors side by side with truth and reading. Returns uint8 (h, w)."""
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
