"""Text in spreadsheets stays text: no spreadsheet program takes a name for a formula (OWASP, CSV injection).

In CSV, text that begins like a formula is written behind an apostrophe. In XLSX, its cell is of the type string. The
import takes the apostrophe off again, so that what was exported and imported is the same text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Cell = str | int | float | None

GUARD = "'"
_FORMULA = re.compile(r"[\s\x00-\x1f\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""Spreadsheet programs in East Asia also take full-width signs for the beginning of a formula."""


def _is_guarded(text: str) -> bool:
    """Return whether text needs the apostrophe: it begins like a formula, or has white space that an import strips."""
    bare = text.lstrip(GUARD)
    return bare != bare.strip() or _FORMULA.match(bare) is not None


def csv_cell(value: Cell) -> Cell:
    """Return a value as it is written to CSV. Numbers stay numbers, also negative ones."""
    if not isinstance(value, str):
        return value
    # Where the separator is a semicolon, what follows one in a name becomes a cell of its own.
    guarded = _each_after_semicolon(value, lambda text: f"{GUARD}{text}" if _begins_formula(text) else text)
    return f"{GUARD}{guarded}" if _is_guarded(value) else guarded


def _begins_formula(text: str) -> bool:
    return _FORMULA.match(text.lstrip(GUARD)) is not None


def _each_after_semicolon(text: str, change: Callable[[str], str]) -> str:
    first, *others = text.split(";")
    return ";".join([first, *map(change, others)])


def imported_text(cell: str) -> str:
    """Return the text of an imported cell, without the apostrophe of `csv_cell` and white space around it."""
    text = cell.lstrip()
    text = text[1:] if text.startswith(GUARD) and _is_guarded(text[1:]) else text.rstrip()
    return _each_after_semicolon(
        text, lambda part: part[1:] if part.startswith(GUARD) and _begins_formula(part[1:]) else part
    )


def comma_separated(lines: Iterable[Sequence[Cell]]) -> str:
    """Return lines as CSV. Cells with any line break are quoted."""
    written = []
    for line in lines:
        text = io.StringIO(newline="")
        # With this terminator, the module csv also quotes cells with a carriage return.
        csv.writer(text, lineterminator="\r\n").writerow([csv_cell(value) for value in line])
        written.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(written)


def xlsx_value(value: Cell) -> Cell:
    """Return a value as XLSX can hold it: XML 1.0 forbids most control characters."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return ILLEGAL_CHARACTERS_RE.sub("\ufffd", value) if isinstance(value, str) else value


def xlsx_cell(sheet: WriteOnlyWorksheet, value: Cell) -> WriteOnlyCell:
    """Return a cell for a write-only sheet. Text that an import would change is written as in CSV."""
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return WriteOnlyCell(sheet, value)
    cell = WriteOnlyCell(sheet, xlsx_value(value if imported_text(value) == value else csv_cell(value)))
    cell.data_type = "s"
    cell.number_format = "@"  # so that a code that is entered anew stays text
    return cell
