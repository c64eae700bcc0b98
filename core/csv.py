"""CSV files, streamed line by line, safe for spreadsheets and programs."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without a byte order mark some spreadsheets do not recognize UTF-8."""

MAX_EXACT_DIGITS = 15
"""Significant digits that spreadsheets keep; further ones become zeros."""


class Echo:
    """A file object that returns each written line."""

    def write(self, line: str) -> str:
        return line


class Verbatim(str):
    """A cell that is written unchanged, even if it is a formula."""


def lines(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield the lines of a CSV file, headings first, every cell quoted and safe; None is an empty cell."""
    writer = csv.writer(Echo(), quoting=csv.QUOTE_ALL)
    yield BOM + writer.writerow(columns)
    for row in rows:
        yield writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])


def harmless(cell: str) -> str:
    """Escape a cell that a spreadsheet could take for a formula, also with full-width signs."""
    if isinstance(cell, Verbatim):
        return cell
    start = unicodedata.normalize("NFKC", cell.lstrip()[:1])
    return f"'{cell}" if start in ("=", "+", "-", "@") or cell.startswith(("\t", "\r", "\n")) else cell


def digits(text: str) -> str:
    """Write digits so that a spreadsheet keeps them: leading zeros, and all digits of long numbers."""
    inexact = text.isdecimal() and (text.startswith("0") or len(text) > MAX_EXACT_DIGITS) and len(text) > 1
    return Verbatim(f'="{text}"') if inexact else text
