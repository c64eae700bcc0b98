"""CSV tables open correctly in spreadsheets."""

import csv
import io

import pytest

from core.csv import BOM, digits, harmless, lines


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"]
)
def test_csv_cell_that_is_a_formula_is_escaped(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert f"'{cell}" in "".join(lines(["name"], [[cell]]))


def test_every_cell_is_quoted_after_a_byte_order_mark() -> None:
    told = "".join(lines(["id", "name"], [[1, 'a "b"; c'], [2, None]]))
    assert told == BOM + '"id","name"\r\n"1","a ""b""; c"\r\n"2",""\r\n'
    assert list(csv.reader(io.StringIO(told[1:]))) == [["id", "name"], ["1", 'a "b"; c'], ["2", ""]]


@pytest.mark.parametrize(
    ("text", "cell"),
    [("42", "42"), ("0", "0"), ("007", '="007"'), ("4" * 15, "4" * 15), ("4" * 16, f'="{"4" * 16}"'), ("0\n7", "0\n7")],
)
def test_csv_keeps_digits_unchanged(text: str, cell: str) -> None:
    assert digits(text) == cell
    (_, (shown,)) = csv.reader(io.StringIO("".join(lines(["text"], [[digits(text)]]))))
    assert shown == cell
