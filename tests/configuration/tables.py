"""Tables as people make them: the same two cameras in every form."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl

from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.configuration.spreadsheet import FleetTable
from xueliang_monitor.configuration.strict_yaml import DocumentError

HEADER = ("编号", "名称", "社区", "IP地址", "RTSP端口", "国标编码")
FIRST = ("sv-1", "东门, 北", "柳林社区", "192.0.2.1", "8554", "42010600001320000001")
SECOND = ("sv-2", "西门", "河湾社区", "192.0.2.2", "554", "42010600001320000002")
CODE = FIRST[-1]


def text(*lines: Sequence[object], by: str = ",") -> str:
    """Return lines as separated values, quoted where they have to be."""
    quoted = [[f'"{cell}"' if by in str(cell) else str(cell) for cell in line] for line in lines]
    return "".join(by.join(line) + "\r\n" for line in quoted)


def workbook(*lines: Sequence[object], merged: Sequence[str] = (), formats: Mapping[str, str] | None = None) -> bytes:
    """Return lines as a workbook; `formats` are number formats by cell."""
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(list(line))
    for cell, form in (formats or {}).items():
        book.active[cell].number_format = form
    for cells in merged:
        book.active.merge_cells(cells)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(folder: Path, content: bytes | str, *, strict: bool = False) -> FleetTable:
    """Return the table in a file with this content."""
    file = folder / "fleet"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return spreadsheet.read_table(file, strict=strict)


def told(folder: Path, content: bytes | str, *, strict: bool = False) -> str:
    """Return every problem and notice of a file, in one text."""
    try:
        table = read(folder, content, strict=strict)
    except DocumentError as error:
        return "\n".join(str(problem) for problem in error.problems)
    return "\n".join(str(problem) for problem in (*table.problems, *table.notices))


def values(table: FleetTable) -> list[tuple[object, ...]]:
    """Return of each row what `FIRST` and `SECOND` say."""
    return [
        (row.id, row.data.name, row.data.site, row.data.address, str(row.data.rtsp_port), row.data.gb_code)
        for row in table.rows
    ]
