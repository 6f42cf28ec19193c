"""Reads the sheets of a workbook (XLSX) as lines of text: what a person sees in its cells, merged ones filled."""

from __future__ import annotations

import datetime
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xueliang_monitor.configuration import workbook_bounds
from xueliang_monitor.configuration.spreadsheet_columns import letters
from xueliang_monitor.configuration.spreadsheet_lines import MAX_CELLS, MAX_LINES, Line, Mark, Sheet, TableError
from xueliang_monitor.configuration.workbook_bounds import SheetNotes

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_ESCAPED = re.compile(r"_x00(0[0-9A-Fa-f]|1[0-9A-Fa-f])_")
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})")
_PADDED = re.compile(r'(?:"([^"]*)")?(0{2,15})(?:"([^"]*)")?')
_NO_NOTES = SheetNotes((), frozenset())


@dataclass(frozen=True, slots=True)
class _Merged:
    """A merged range: its first and last row from 1, and its first column from 0. No title is meant more than once."""

    first_row: int
    last_row: int
    place: int


def _place(name: str) -> int:
    place = 0
    for letter in name:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _ranges(notes: SheetNotes) -> list[_Merged]:
    """Return the merged ranges of a sheet in the order of their first rows, as far as columns are read."""
    matches = [match for text in notes.merged if (match := _RANGE.fullmatch(text))]
    found = [
        _Merged(int(match[2]), int(match[4]), _place(match[1])) for match in matches if _place(match[1]) < MAX_CELLS
    ]
    return sorted(found, key=lambda each: each.first_row)


class _Filler:
    """Fills the cells of merged ranges, row by row from above, with what stands in the first one of each."""

    def __init__(self, ranges: Sequence[_Merged]) -> None:
        self._waiting = list(reversed(ranges))
        self._active: list[tuple[_Merged, str, Mark | None]] = []

    def fill(self, line: Line) -> Line:
        """Return a line with its merged cells filled. A line without cells of its own stays empty."""
        self._active = [item for item in self._active if item[0].last_row >= line.row]
        while self._waiting and self._waiting[-1].first_row <= line.row:
            merged = self._waiting.pop()
            self._active.append((merged, line.cell(merged.place), line.marks.get(merged.place)))
        if len(self._active) > MAX_CELLS:
            raise TableError("has merged cells that overlap", line.number)
        if line.empty or not self._active:
            return line
        cells, marks = {}, dict(line.marks)
        for merged, text, mark in self._active:
            if text and not line.cell(merged.place):
                cells[merged.place] = text
                if mark is not None:
                    marks[merged.place] = mark
        return Line(line.number, line.row, line.with_cells(cells).cells, marks) if cells else line


def _text(cell: Any) -> tuple[str, Mark | None]:
    """Return the text of a cell as a person sees it, and how it was written."""
    value = cell.value
    if cell.data_type == "e":
        return str(value), Mark.ERROR
    if isinstance(value, str):
        return _ESCAPED.sub("\n", value), Mark.TEXT
    if isinstance(value, bool):
        return str(value).upper(), None
    if isinstance(value, int | float):
        return _number(value, cell.number_format), Mark.NUMBER
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds"), Mark.DATE
    return str(value), Mark.DATE if isinstance(value, datetime.date | datetime.time | datetime.timedelta) else None


def _number(value: float, form: str | None) -> str:
    if value % 1:
        return repr(value)
    text = str(int(value))
    # With the format 0000, the number 12 is seen as 0012.
    padded = _PADDED.fullmatch(form or "")
    return f"{padded[1] or ''}{text.zfill(len(padded[2]))}{padded[3] or ''}" if padded and value >= 0 else text


def _line(row: int, values: Sequence[Any], notes: SheetNotes) -> Line:
    cells: list[str] = []
    marks: dict[int, Mark] = {}
    for place, cell in enumerate(values):
        if cell.value is None:
            uncalculated = bool(notes.uncalculated) and f"{letters(place)}{row}" in notes.uncalculated
            text, mark = ("=", Mark.UNCALCULATED) if uncalculated else ("", None)
        else:
            text, mark = _text(cell)
        cells.append(text)
        if mark is not None and text:
            marks[place] = mark
    while cells and not cells[-1].strip():
        cells.pop()
    return Line(row, row, tuple(cells), marks)


def _lines(sheet: ReadOnlyWorksheet, notes: SheetNotes) -> Iterator[Line]:
    filler = _Filler(_ranges(notes))
    sheet.reset_dimensions()  # some programs write that a sheet ends at A1
    # A row may name any number; those between are given as empty ones.
    for number, cells in enumerate(sheet.iter_rows(max_row=notes.last_row, max_col=MAX_CELLS), start=1):
        if number > MAX_LINES:
            raise TableError(f"more than {MAX_LINES} lines; delete the empty rows between the cameras", number)
        yield filler.fill(_line(number, cells, notes))


def _readable(sheet: ReadOnlyWorksheet, notes: SheetNotes) -> Iterator[Line]:
    """Yield the lines of a sheet; an error of openpyxl ends them with a `TableError`."""
    lines = _lines(sheet, notes)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl warns of what it does not read, such as drop-down lists
                line = next(lines, None)
        except TableError:
            raise
        except Exception as error:
            raise TableError(f"is not a readable XLSX workbook ({type(error).__name__})") from error
        if line is None:
            return
        yield line


def _opened(content: bytes) -> tuple[Workbook, Mapping[str, SheetNotes]]:
    import openpyxl

    try:
        notes = workbook_bounds.check(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True), notes
    except workbook_bounds.WorkbookBoundsError as error:
        raise TableError(str(error)) from error
    except Exception as error:
        raise TableError(
            f"is not a readable XLSX workbook ({type(error).__name__}); save it anew as .xlsx (Excel 工作簿) or as CSV"
        ) from error


def sheets(content: bytes) -> Iterator[Sheet]:
    """Yield the sheets of a workbook, hidden ones last.

    Raises:
        TableError: it is no workbook, or too large.

    """
    workbook, notes = _opened(content)
    found: list[ReadOnlyWorksheet] = [sheet for sheet in workbook.worksheets if hasattr(sheet, "reset_dimensions")]
    found.sort(key=lambda sheet: sheet.sheet_state != "visible")
    for sheet in found:
        path = str(sheet._worksheet_path).lstrip("/")
        yield Sheet(sheet.title, _readable(sheet, notes.get(path, _NO_NOTES)))
