"""No name is a formula in an exported table or report, and an import gives the same name back."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import openpyxl
import pytest

from xueliang_monitor.availability_report import forms
from xueliang_monitor.availability_report.tables import Column, Table
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.model import Text

SIGNS = "=+-@＝＋－＠"
FORMULAS = (
    *(f"{sign}cmd|' /C calc'!A0" for sign in SIGNS),
    *(f"{space}=1+1" for space in (" ", "\t", "\r", "\n", "\u3000", "\ufeff", "\u200b", " \t ")),
    "\tx",
    "\rx",
    "-1F 车库",
    '=HYPERLINK("http://example.org";"东门")',
    "x;=1+1",
    ";\t@SUM(1)",
)
PLAIN = ("'s Gravenhage", "东门", "#N/A", "1", "x=1", "a\r\nb", '"quoted", ; text')
NAMES = (*FORMULAS, "'=1", "a;'=b;''+c", "'a;=b ", "''-x", "' x", "x ", *PLAIN)


IMPORTED = tuple(name for name in NAMES if not re.search(r"[\x00-\x1f\x7f\u200b\ufeff]", name))
"""Those that an import may take; it may refuse control characters."""


def _rows(names: tuple[str, ...]) -> list[Row]:
    return [
        Row(f"cam-{number}", CameraFile(name=name, site=name, address="192.0.2.1", rtsp_path=f"/{number}"))
        for number, name in enumerate(names)
    ]


def _written(names: tuple[str, ...] = NAMES, *, xlsx: bool) -> bytes:
    stream = io.BytesIO()
    spreadsheet.write(stream, _rows(names), xlsx=xlsx)
    return stream.getvalue()


def _begins_like_a_formula(cell: str) -> bool:
    return cell.lstrip("\ufeff\u200b\u3000 \t\r\n")[:1] in SIGNS or cell[:1] in {"\t", "\r"}


def test_no_cell_of_a_csv_export_begins_like_a_formula() -> None:
    lines = list(csv.reader(io.StringIO(_written(xlsx=False).decode(), newline=""), strict=True))
    assert [cell for line in lines for cell in line if cell and _begins_like_a_formula(cell)] == []
    assert lines[1][1] == "'=cmd|' /C calc'!A0"


def test_no_part_of_a_csv_export_begins_like_a_formula_where_a_semicolon_separates() -> None:
    parts = re.split("[;,]", _written(xlsx=False).decode())
    assert [part for part in parts if part.strip() and _begins_like_a_formula(part)] == []


def test_every_name_of_an_xlsx_export_is_a_string() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(_written(xlsx=True))).worksheets[0]
    assert {cell.data_type for line in sheet.iter_rows(2, max_col=3) for cell in line} == {"s"}
    assert sheet["B2"].value == FORMULAS[0]


@pytest.mark.parametrize("xlsx", [False, True])
def test_what_was_exported_and_imported_is_the_same(tmp_path: Path, xlsx: bool) -> None:
    file = tmp_path / "fleet"
    file.write_bytes(_written(IMPORTED, xlsx=xlsx))
    rows, problems = spreadsheet.read(file)
    assert problems == ()
    assert [row.data.name for row in rows] == list(IMPORTED)
    assert [row.data for row in rows] == [row.data for row in _rows(IMPORTED)]
    assert len(IMPORTED) > len(SIGNS) + 10


def test_a_name_that_xlsx_cannot_hold_does_not_end_the_export() -> None:
    stream = io.BytesIO()
    data = CameraFile(name="a\x07b", site="S", address="192.0.2.1")
    spreadsheet.write(stream, [Row("cam", data)], xlsx=True)
    assert openpyxl.load_workbook(io.BytesIO(stream.getvalue())).worksheets[0]["B2"].value == "a\ufffdb"


def test_a_report_has_names_as_text_and_negative_numbers_as_numbers() -> None:
    columns = (Column(Text("Name", "名称")), Column(Text("Value", "值"), "number"))
    table = Table("t", Text("Title", "标题"), columns, tuple((name, -1.5) for name in (*NAMES, "a\x07b")))
    lines = list(csv.reader(io.StringIO(forms.comma_separated((table,), "en").decode("utf-8-sig"), newline="")))
    assert [line for line in lines if _begins_like_a_formula(line[1])] == []
    assert {line[2] for line in lines[1:]} == {"-1.5"}
    sheet = openpyxl.load_workbook(io.BytesIO(forms.workbook((table,), "en"))).worksheets[0]
    assert {(name.data_type, value.data_type) for name, value in sheet.iter_rows(2)} == {("s", "n")}
