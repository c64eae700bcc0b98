"""An evaluation as tables and as pictures: reliability, the worst readings of each set, and what corrections teach."""

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np

from .evaluation import Result, refusal_at

MNIST_TEST, DRAWINGS, NO_NUMBERS = "MNIST test", "drawings", "no numbers"
DIGIT_SETS = (MNIST_TEST, DRAWINGS, "semeion")
"""Sets whose readings must not be refused; a folder counts where it bears such a name."""

EVALUATE, LEARNING = "evaluate", "learning"
"""Names of the marks between which a README keeps what is measured."""

WORST = 24
TILE = (220, 110)
"""Width and height of one reading in the picture of the worst, in pixels."""


def table(evaluation: dict[str, Any]) -> str:
    """Return an evaluation, as the model card keeps it, as Markdown."""
    lines = [
        f"Version {evaluation['version']}; whole readings right. Errors by kind: a digit misread, digits miscounted "
        "(segmentation), a number refused, or something else read as one. Calibration error: how far confidence "
        "is from the share right; in brackets, how far it would be by chance if every confidence were true.",
        "",
        "| set | pages | right | 95 % interval | errors | most confused | refused | calibration error | ms a page |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in evaluation["sets"]:
        low, high = result["interval"]
        errors = ", ".join(f"{count} {kind}" for kind, count in result["errors"].items()) or "none"
        confused = ", ".join(f"{truth} as {read} ({count})" for truth, read, count in result["confusions"]) or "–"
        calibration = f"{result['calibration']:.2%} ({result['chance']:.2%})" if result["set"] != NO_NUMBERS else "–"
        lines.append(
            f"| {result['set']} | {result['pages']} | **{result['right']:.2%}** | {low:.2%} to {high:.2%} | {errors} "
            f"| {confused} | {result['refused']} | {calibration} | {result['milliseconds']:.1f} |"
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


def publish(readme: Path, mark: str, text: str) -> None:
    """Put a table between the marks that a README keeps for it."""
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = readme.read_text().split(start)
    readme.write_text(f"{before}{start}\n{text}{end}{rest.split(end)[1]}")


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


CURVES = "docs/images/learning.png"


def learning_table(learning: dict[str, Any]) -> str:
    """Return what corrections taught a version, as its model card keeps it, as Markdown."""
    lines = [
        f"Version {learning['version']}, which the odd hand is new to; {learning['judged']:,} of its digits judge.",
        "",
        "| corrections | wrong labels | odd hand read wrong | less | MNIST, network alone, wrong | gate | minutes |",
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
        f"![Share read wrong against corrections approved]({CURVES})",
        "",
        f"A whole run with {served['corrections']} imported corrections, beside a site that reads a picture every "
        f"{served['every']:.1f} s, took {served['minutes']:.1f} minutes and ended {served['state']}. A reading took "
        f"{quiet['median']:.0f} ms, p95 {quiet['p95']:.0f} ms, before it, and {during['median']:.0f} ms, "
        f"p95 {during['p95']:.0f} ms, meanwhile: {during['p95'] / quiet['p95']:.1f} times the p95, "
        f"over {during['calls']} calls, {served['failed'] or 'none'} of which failed.",
    ]
    return "\n".join(lines) + "\n"


def draw_learning(learning: dict[str, Any], path: Path) -> None:
    """Draw error against corrections, of the odd hand and of MNIST, for each share of wrong labels."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = learning["points"]
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    for colour, wrong in enumerate(sorted({point["wrong"] for point in points})):
        curve = [point for point in points if point["wrong"] == wrong]
        x = [0, *(point["corrections"] for point in curve)]
        told = f"{wrong:.0%} wrong labels" if wrong else "right labels"
        for hand, before, after, style in (
            ("odd hand", "before", "after", "-"),
            ("MNIST, network alone", "mnist_before", "mnist_after", ":"),
        ):
            y = [100 * curve[0][before], *(100 * point[after] for point in curve)]
            axes.plot(x, y, style, marker="o", markersize=4, color=f"C{colour}", label=f"{hand}, {told}")
        refused = [point for point in curve if point["refused"]]
        at = [point["corrections"] for point in refused]
        axes.plot(at, [100 * point["after"] for point in refused], "x", markersize=10, color="0.2")
    axes.plot([], [], "x", color="0.2", label="refused by the gate")
    axes.set(xlabel="corrections approved", ylabel="% read wrong", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
