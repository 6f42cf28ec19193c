"""A fleet as a spreadsheet (CSV or XLSX) with English or Chinese headers: one camera per row."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.configuration import (
    spreadsheet_formats,
    spreadsheet_header,
    spreadsheet_rows,
    spreadsheet_text,
    spreadsheet_workbook,
)
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.camera_folder import MAX_FILES
from xueliang_monitor.configuration.spreadsheet_cells import Cell, comma_separated, xlsx_cell
from xueliang_monitor.configuration.spreadsheet_columns import CHINESE, COLUMNS, letters
from xueliang_monitor.configuration.spreadsheet_header import FoundTable
from xueliang_monitor.configuration.spreadsheet_lines import MAX_CELLS, Line, Sheet, TableError
from xueliang_monitor.configuration.spreadsheet_row import POSITION, RowSource, read_row
from xueliang_monitor.configuration.spreadsheet_row import Row as Row
from xueliang_monitor.configuration.spreadsheet_rows import Notice
from xueliang_monitor.configuration.spreadsheet_values import CODES, value
from xueliang_monitor.configuration.strict_yaml import DocumentError, Problem
from xueliang_monitor.model import path_without_passwords

MAX_ROWS = MAX_FILES
MAX_BYTES = 8 * 1024 * 1024
MAX_PROBLEMS = 1000
MAX_NOTICES = 100
PROGRESS_ROWS = 100


@dataclass(frozen=True, slots=True)
class FleetTable:
    """What a spreadsheet has: the valid rows, a problem for each invalid cell, and what else a person should know."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...] = ()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise TableError(f"cannot be read: {error.strerror}") from error
    return content


def _checked(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise TableError(f"is larger than {MAX_BYTES} bytes")
    if reason := spreadsheet_formats.why_not(content):
        raise TableError(reason)
    return content


def _sheets(content: bytes) -> Iterable[Sheet]:
    if spreadsheet_formats.is_workbook(content):
        return spreadsheet_workbook.sheets(content)
    return (spreadsheet_text.sheet(content),)


def _rows(
    file: Path, table: FoundTable, lines: Iterable[Line], progress: Callable[[int], None] | None
) -> Iterator[Row | Problem]:
    """Yield the rows and the problems of lines."""
    known: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if progress is not None and number % PROGRESS_ROWS == 0:
            progress(number)
        try:
            row = read_row(file, RowSource(table.header, line, table.sheet, table.separated, file))
        except DocumentError as error:
            yield from error.problems
            continue
        if (first := known.setdefault(row.id, line.number)) != line.number:
            told = row.problem("id", f"{row.id} appears twice in the file, first in line {first}")
            yield Problem(file, line.number, told)
        else:
            yield row


def _body(table: FoundTable, file: Path) -> tuple[list[Line], list[Notice], list[Problem]]:
    """Return the lines below the header that are rows, notices, and the problem that ended the reading, if one did."""
    lines: list[Line] = []
    notices: list[Notice] = []
    ended: list[Problem] = []
    try:
        for item in spreadsheet_rows.body(table.header, table.body):
            if isinstance(item, Notice):
                notices.append(item)
            else:
                lines.append(item)
    except TableError as error:
        ended.append(Problem(file, error.line, str(error)))
    lines, filled = spreadsheet_rows.filled(table.header, lines)
    return lines, [*notices, *filled], ended


def _untitled(table: FoundTable, lines: Iterable[Line]) -> Iterator[str]:
    """Yield a notice for each column that has values and no title."""
    titled = {place for place, title in enumerate(table.header.titles) if title}
    size = len(table.header.titles) if table.separated else MAX_CELLS  # a row with too many values is refused
    used = {place for line in lines for place, cell in enumerate(line.cells[:size]) if place not in titled and cell}
    for place in sorted(used):
        yield f"column {letters(place)} has no title and is left out"


def _told(table: FoundTable, lines: Iterable[Line], rows: Iterable[Row]) -> Iterator[str]:
    yield from table.notices
    yield from _untitled(table, lines)
    yield from _logins_left_out(table, rows)


def _logins_left_out(table: FoundTable, rows: Iterable[Row]) -> Iterator[str]:
    """Yield a notice if addresses of streams have logins."""
    if count := sum(row.login_left_out for row in rows):
        column = table.header.own_name("credentials")
        yield (
            f"the user names and passwords in the stream addresses of {count:,} rows are not read; "
            f"name a login of the settings in the column {column!r}"
        )


def read_table(
    file: Path, *, strict: bool = False, progress: Callable[[int], None] | None = None, content: bytes | None = None
) -> FleetTable:
    """Read a CSV or XLSX file. Call `progress` with the number of rows read so far.

    With `content`, that is read instead, and `file` is only its name.

    Raises:
        DocumentError: the file cannot be read or has no valid header; with `strict`, it has an unknown column.

    """
    try:
        table = spreadsheet_header.find(
            _sheets(_checked(_content(file) if content is None else content)), strict=strict
        )
    except TableError as error:
        raise DocumentError((Problem(file, error.line, str(error)),)) from error
    lines, found, ended = _body(table, file)
    rows: list[Row] = []
    problems: list[Problem] = []
    for item in _rows(file, table, lines, progress):
        if isinstance(item, Row):
            rows.append(item)
        else:
            problems.append(item)
        if len(rows) > MAX_ROWS or len(problems) > MAX_PROBLEMS:
            message = f"more than {MAX_ROWS} cameras or {MAX_PROBLEMS} errors; the rest was not read"
            line = item.line
            ended = [Problem(file, line, message)]
            break
    notices = [Problem(file, table.line.number, text) for text in _told(table, lines, rows)]
    notices += [Problem(file, notice.line, notice.text) for notice in found[:MAX_NOTICES]]
    if not lines and not ended:
        notices.append(Problem(file, table.line.number, "has no cameras below its header"))
    if len(found) > MAX_NOTICES:
        notices.append(Problem(file, 0, f"{len(found) - MAX_NOTICES:,} more notes are left out"))
    return FleetTable(tuple(rows), (*problems, *ended), tuple(notices))


def read(file: Path) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Read a CSV or XLSX file; return the valid rows, and a problem with line and column for each invalid one.

    Raises:
        DocumentError: the file cannot be read or has no valid header.

    """
    table = read_table(file)
    return table.rows, table.problems


def _cells(identity: str, data: CameraFile) -> list[Cell]:
    values = data.model_dump(mode="json", include={*COLUMNS, "position"})
    values["rtsp_path"] = path_without_passwords(values["rtsp_path"])
    values |= values.pop("position") or dict.fromkeys(POSITION)
    return [identity if column == "id" else values[column] for column in COLUMNS]


def _as_code(column: str, cell: Cell) -> Cell:
    """Return a code for CSV. One that an import would take for a changed number is marked as text by an apostrophe."""
    if not isinstance(cell, str) or not cell:
        return cell
    try:
        same = value(column, cell) == cell
    except ValueError:
        same = False
    return cell if same else f"'{cell}"


def write(stream: io.BufferedIOBase, rows: Iterable[Row], *, xlsx: bool, chinese: bool = False) -> None:
    """Write cameras as a spreadsheet that `read` accepts.

    Raises:
        OSError: the stream cannot be written.

    """
    header: list[Cell] = [CHINESE[column][0] if chinese else column for column in COLUMNS]
    lines = [_cells(row.id, row.data) for row in rows]
    if xlsx:
        import openpyxl

        workbook = openpyxl.Workbook(write_only=True)
        sheet = workbook.create_sheet("cameras")
        for line in [header, *lines]:
            sheet.append([xlsx_cell(sheet, cell) for cell in line])
        workbook.save(stream)
        return
    lines = [
        [_as_code(column, cell) if column in CODES else cell for column, cell in zip(COLUMNS, line, strict=True)]
        for line in lines
    ]
    # With a byte order mark, spreadsheet programs recognise UTF-8.
    stream.write((("\ufeff" if chinese else "") + comma_separated([header, *lines])).encode())
