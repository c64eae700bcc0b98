"""An evaluation as a table and as pictures: reliability, and the worst readings of each set."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np

from .evaluation import Result

WORST = 24
TILE = (220, 110)
"""Width and height of one reading in the picture of the worst, in pixels."""


def table(version: str, results: list[Result]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        f"Version {version}; whole readings right, with 95 % interval.",
        "",
        "| set | pages | right | 95 % interval | errors | calibration error | ms a page |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        low, high = result.interval
        errors = ", ".join(f"{count} {kind}" for kind, count in sorted(result.errors.items())) or "none"
        lines.append(
            f"| {result.name} | {result.count} | {result.accuracy:.2%} | {low:.2%} to {high:.2%} "
            f"| {errors} | {result.calibration:.2%} | {result.milliseconds:.1f} |"
        )
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str, results: list[Result]) -> None:
    """Write `table.md`, `reliability.png` and, for each set with errors, `worst-<set>.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(text)
    draw_reliability(results, folder / "reliability.png")
    for result in results:
        if result.mistakes:
            name = result.name.replace(",", "").replace(" ", "-")
            cv2.imwrite(str(folder / f"worst-{name}.png"), worst_readings(result))


def draw_reliability(results: list[Result], path: Path) -> None:
    """Draw how often readings of each confidence were right."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for result in results:
        confidences, right = np.array(result.confidences), np.array(result.right)
        read = confidences > 0
        bins = np.minimum((confidences[read] * 10).astype(int), 9)
        kept = [b for b in range(10) if (bins == b).sum() >= 10]
        points = [(confidences[read][bins == b].mean(), right[read][bins == b].mean()) for b in kept]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=1, label=result.name)
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
