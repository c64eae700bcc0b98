"""Geometry of figures."""

import math
from typing import Any

import pytest

from recognizer.figures import Chart, confusion_rows, digit_figures, learning_charts, likely_numbers, mistakes_in


def digit(label: int, box: tuple[int, int, int, int] = (40, 100, 20, 40), line: int = 0, **shares: float) -> Any:
    """A stored digit that is surely its label, but for the shares given as p0 … p9."""
    probabilities = [shares.get(f"p{other}", 0.0) for other in range(10)]
    probabilities[label] = shares.get(f"p{label}", 1 - sum(probabilities))
    return {
        "label": label,
        "confidence": probabilities[label],
        "box": list(box),
        "probabilities": probabilities,
        "line": line,
    }


def test_label_is_above_its_box_if_there_is_room() -> None:
    (figure,) = digit_figures([digit(7, (40, 100, 20, 40))], 280, 200)
    assert (figure.x, figure.y, figure.width, figure.height) == (40, 100, 20, 40)
    assert figure.label_size == 10
    assert figure.label_y < figure.y


@pytest.mark.parametrize(
    ("box", "low", "high"),
    [((40, 0, 20, 40), 40, 200), ((40, 0, 20, 200), 0, 200)],
    ids=["below it at the top of the page", "inside it where it fills the page"],
)
def test_label_in_a_figure_stays_inside_the_page(box: tuple[int, int, int, int], low: int, high: int) -> None:
    (figure,) = digit_figures([digit(7, box)], 280, 200)
    assert low < figure.label_y <= high


def test_labels_of_close_lines_do_not_overlap() -> None:
    above, below = digit_figures([digit(0, (0, 4, 60, 90)), digit(2, (0, 120, 60, 90), line=1)], 800, 350)
    assert above.y < above.label_y < above.y + above.height
    assert below.label_y > below.y + below.height


def test_each_digit_finds_its_frame_in_the_strip() -> None:
    figures = digit_figures([digit(1), digit(2), digit(3)], 280, 200)
    assert [figure.frame_x for figure in figures] == [0, 28, 56]


def test_probability_of_no_digit_has_its_own_bar() -> None:
    (sure,) = digit_figures([digit(7)], 280, 200)
    (doubtful,) = digit_figures([digit(7, p7=0.6, p1=0.1)], 280, 200)
    assert [bar.label for bar in sure.bars] == [str(label) for label in range(10)]
    assert doubtful.bars[-1].label == "none"
    assert doubtful.bars[-1].probability == pytest.approx(0.3)
    assert [bar.label for bar in doubtful.bars if bar.best] == ["7"]
    assert doubtful.bars[7].width == "60.00%"


def test_likely_numbers_replace_the_least_sure_digit() -> None:
    digits = [digit(4, p9=0.1), digit(1, p7=0.3, p2=0.2), digit(5, line=1)]
    assert likely_numbers(digits)[:2] == ["47\n5", "42\n5"]
    assert len(likely_numbers(digits)) == 3
    assert likely_numbers([]) == []


def test_curves_stay_within_their_axes_and_fall_where_numbers_do() -> None:
    loss = [1.0, 0.1, 0.01]
    charts = learning_charts({"loss": loss, "validation_loss": loss, "accuracy": [0.9, 0.99, 1.0]})
    assert [chart.title for chart in charts] == ["Loss", "Share read wrong"]
    assert [curve.name for curve in charts[0].curves] == ["training", "validation"]
    for chart in charts:
        for curve in chart.curves:
            points = [tuple(map(float, point.split(","))) for point in curve.points.split()]
            assert [x for x, _ in points] == [Chart.left, (Chart.left + Chart.right) / 2, Chart.right]
            assert [y for _, y in points] == sorted(y for _, y in points)
            assert all(Chart.top <= y <= Chart.bottom for _, y in points)
        assert chart.ticks
        assert all(Chart.top <= tick.y <= Chart.bottom for tick in chart.ticks)


def test_chart_of_a_retraining_is_over_steps() -> None:
    (chart,) = learning_charts({"loss": [0.4, 0.3, 0.2]}, steps=36)
    assert (chart.unit, chart.first, chart.last) == ("step", 12, 36)


def test_equal_steps_of_a_logarithm_are_equally_far_apart() -> None:
    (chart,) = learning_charts({"loss": [1.0, 0.1, 0.01]})
    heights = [float(point.split(",")[1]) for point in chart.curves[0].points.split()]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)
    assert [tick.label for tick in chart.ticks] == ["0.01", "0.1", "1"]


@pytest.mark.parametrize(
    ("history", "titles"),
    [
        ({}, []),
        ({"loss": []}, []),
        ({"loss": [math.nan, None, "x"]}, []),
        ({"loss": [0.5]}, ["Loss"]),
        ({"validation_accuracy": [0.99, 0.99]}, ["Share read wrong"]),
    ],
)
def test_a_chart_without_numbers_is_left_out(history: Any, titles: list[str]) -> None:
    assert [chart.title for chart in learning_charts(history)] == titles


def test_most_common_mistake_is_darkest_in_the_matrix() -> None:
    rows = confusion_rows([[90, 1, 0], [8, 80, 2], [0, 0, 70]])
    assert [[cell.shade for cell in row] for row in rows] == [[0, 2, 0], [5, 0, 3], [0, 0, 0]]
    assert [rows[place][place].right for place in range(3)] == [True] * 3
    assert rows[1][0].count == 8
    assert confusion_rows([[5, 0], [0, 5]])[0][1].shade == 0
    assert confusion_rows([]) == []


def test_mistakes_have_their_frames_in_the_strip() -> None:
    card = {"mistakes": [{"truth": 4, "read": 9, "confidence": 0.99}, {"truth": 1, "read": 7, "confidence": 0.9}]}
    assert [(mistake.truth, mistake.read, mistake.frame_x) for mistake in mistakes_in(card)] == [(4, 9, 0), (1, 7, 28)]
    assert mistakes_in({}) == []
