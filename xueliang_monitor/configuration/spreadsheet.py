"""A fleet as a spreadsheet (CSV or XLSX) with English or Chinese headers: one camera per row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile
from xueliang_monitor.configuration.camera_folder import MAX_FILES
from xueliang_monitor.configuration.spreadsheet_cells import Cell, comma_separated, imported_text, xlsx_cell
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, Problem, validate
from xueliang_monitor.configuration.yaml_text import has_control_character, shown

COLUMNS = (
    "id", "name", "site", "programme", "uplink", "address", "rtsp_port", "rtsp_path", "credentials", "onvif_port",
)  # fmt: skip
NEEDED = ("id", "site", "address")
MAX_ROWS = MAX_FILES
MAX_LINES = 100_000
"""Largest number of lines, empty ones included."""

MAX_CELLS = 64
"""Largest number of cells of a line."""

MAX_BYTES = 8 * 1024 * 1024
MAX_PROBLEMS = 1000

CHINESE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": ("编号", "摄像机编号", "设备编号"),
        "name": ("名称", "摄像机名称", "点位名称"),
        "site": ("地点", "站点", "社区", "安装地点"),
        "programme": ("项目批次", "项目", "批次"),
        "uplink": ("上联", "上联设备", "交换机"),
        "address": ("地址", "IP地址", "IP"),
        "rtsp_port": ("RTSP端口",),
        "rtsp_path": ("RTSP路径", "码流路径"),
        "credentials": ("凭据", "登录凭据"),
        "onvif_port": ("ONVIF端口",),
    }
)
"""The accepted Chinese headers of each column; the first one is written."""

_COLUMN_OF = {name.casefold(): column for column, names in CHINESE.items() for name in (column, *names)}


@dataclass(frozen=True, slots=True)
class Row:
    """One valid row: the camera's id, the content of its file, and the line number."""

    id: str
    data: CameraFile
    line: int = 0


def _problem(file: Path, line: int, message: str) -> DocumentError:
    return DocumentError((Problem(file, line, message),))


def _header(file: Path, cells: Sequence[str]) -> list[str]:
    """Return the columns of a header in either language.

    Raises:
        DocumentError: a column is unknown, duplicate or missing.

    """
    named = [_COLUMN_OF.get("".join(cell.split()).casefold(), "") for cell in cells]
    found = [f"unknown column {shown(cell.strip())!r}" for cell, column in zip(cells, named, strict=True) if not column]
    found += [f"column {column!r} appears twice" for column in COLUMNS if named.count(column) > 1]
    found += [f"column {column!r} is missing" for column in NEEDED if column not in named]
    if found:
        raise _problem(file, 1, f"{'; '.join(found)}; columns: {', '.join(COLUMNS)}")
    return named


def _decode(file: Path, content: bytes) -> str:
    """Decode UTF-8, or GB 18030, which spreadsheet programs in China write."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _problem(file, 0, "cannot be read: the text is neither UTF-8 nor GB 18030")


def _csv_lines(file: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_decode(file, content), newline=""), strict=True)
    try:
        for cells in reader:
            if len(cells) > MAX_CELLS:
                raise _problem(file, reader.line_num, f"more than {MAX_CELLS} columns")
            yield reader.line_num, cells
    except csv.Error as error:
        raise _problem(file, reader.line_num, f"is not valid CSV: {error}") from error


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _xlsx_lines(file: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl

    from xueliang_monitor.configuration import workbook_bounds

    try:
        workbook_bounds.check(content)
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = workbook.worksheets[0]
        # A row may name any number; those between are given as empty ones.
        for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_CELLS), start=1):
            if number > MAX_LINES:
                raise _problem(file, number, f"more than {MAX_LINES} lines")
            yield number, [_cell(value) for value in cells]
    except DocumentError:
        raise
    except workbook_bounds.WorkbookBoundsError as error:
        raise _problem(file, 0, str(error)) from error
    except Exception as error:
        raise _problem(file, 0, f"is not a readable XLSX workbook ({type(error).__name__})") from error


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _problem(file, 0, f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise _problem(file, 0, f"is larger than {MAX_BYTES} bytes")
    yield from (_xlsx_lines if content.startswith(b"PK\x03\x04") else _csv_lines)(file, content)


def _parse_row(file: Path, line: int, header: list[str], cells: list[str]) -> Row:
    while cells and len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) > len(header):
        raise _problem(file, line, "more values than columns")
    values = {name: imported_text(cell) for name, cell in zip(header, cells, strict=False) if cell.strip()}
    if any(has_control_character(value) for value in values.values()):
        raise _problem(file, line, "a value has control characters or more than one line")
    identity = values.pop("id", "")
    if not ID.fullmatch(identity):
        raise _problem(file, line, f"id: missing, or contains other characters than {ID_RULE}")
    return Row(identity, validate(Document(file, values, {(): line}), CameraFile), line)


def read(file: Path) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Read a CSV or XLSX file; return the valid rows, and a problem with line and column for each invalid one.

    Raises:
        DocumentError: the file cannot be read or has no valid header.

    """
    lines = _lines(file)
    header: list[str] | None = None
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    try:
        for line, cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                while cells and not cells[-1].strip():
                    cells = cells[:-1]
                header = _header(file, cells)
                continue
            try:
                row = _parse_row(file, line, header, cells)
                if row.id in rows:
                    raise _problem(file, line, f"id: {row.id} appears twice in the file")
                rows[row.id] = row
            except DocumentError as error:
                problems += error.problems
            if len(rows) > MAX_ROWS or len(problems) > MAX_PROBLEMS:
                raise _problem(
                    file, line, f"more than {MAX_ROWS} cameras or {MAX_PROBLEMS} errors; the rest was not read"
                )
    except DocumentError as error:
        if header is None:
            raise
        problems += error.problems
    if header is None:
        raise _problem(file, 1, f"is empty; columns: {', '.join(COLUMNS)}")
    return tuple(rows.values()), tuple(problems)


def _values(identity: str, data: CameraFile) -> list[Cell]:
    values = data.model_dump(mode="json", include=set(COLUMNS))
    return [identity if column == "id" else values[column] for column in COLUMNS]


def write(stream: io.BufferedIOBase, rows: Iterable[Row], *, xlsx: bool, chinese: bool = False) -> None:
    """Write cameras as a spreadsheet that `read` accepts.

    Raises:
        OSError: the stream cannot be written.

    """
    header: list[Cell] = [CHINESE[column][0] if chinese else column for column in COLUMNS]
    lines = [_values(row.id, row.data) for row in rows]
    if xlsx:
        import openpyxl

        workbook = openpyxl.Workbook(write_only=True)
        sheet = workbook.create_sheet("cameras")
        for line in [header, *lines]:
            sheet.append([xlsx_cell(sheet, value) for value in line])
        workbook.save(stream)
        return
    # With a byte order mark, spreadsheet programs recognise UTF-8.
    stream.write((("\ufeff" if chinese else "") + comma_separated([header, *lines])).encode())
