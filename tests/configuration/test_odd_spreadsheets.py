"""Spreadsheets that unpack to far more than they are, and tables of odd shapes, cost little time and memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from tests.conftest import ROOT
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.configuration.strict_yaml import DocumentError

HEADER = "id,site,address\n"
MIB = 1024 * 1024


def _workbook(sheet: bytes = b"", **parts: bytes) -> bytes:
    """Return a workbook with another sheet or other parts; `styles=` replaces xl/styles.xml."""
    plain = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["id", "site", "address"])
    book.save(plain)
    changed = {f"xl/{name}.xml": text for name, text in parts.items()}
    if sheet:
        changed["xl/worksheets/sheet1.xml"] = sheet
    made = io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in {*source.namelist(), *changed}:
            target.writestr(name, changed.get(name) or source.read(name))
    return made.getvalue()


MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _sheet(rows: bytes, before: bytes = b"") -> bytes:
    return b"<?xml version='1.0'?>" + before + b"<worksheet %s><sheetData>%s</sheetData></worksheet>" % (MAIN, rows)


def _text(value: str) -> bytes:
    return b'<c t="inlineStr"><is><t>%s</t></is></c>' % value.encode()


NAMES = b"<row>" + b"".join(_text(name) for name in ("id", "site", "address")) + b"</row>"
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 1000 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'
ODD = {
    "a bomb": lambda: _workbook(_sheet(NAMES + b" " * (100 * MIB))),
    "a row of millions of cells": lambda: _workbook(_sheet(NAMES + b"<row>" + b"<c/>" * 8_000_000 + b"</row>")),
    "millions of rows": lambda: _workbook(_sheet(NAMES + b"<row/>" * 5_000_000)),
    "a row far below": lambda: _workbook(_sheet(NAMES + b'<row r="1000000000">' + _text("a") + b"</row>")),
    "millions of texts": lambda: _workbook(sharedStrings=b"<sst %s>%s</sst>" % (MAIN, b"<si/>" * 5_000_000)),
    "millions of styles": lambda: _workbook(
        styles=b"<styleSheet %s><cellXfs>%s</cellXfs></styleSheet>" % (MAIN, b"<xf/>" * 5_000_000)
    ),
    "entities": lambda: _workbook(_sheet(NAMES + b"<row>" + b'<c t="inlineStr"><is><t>&b;</t></is></c></row>', LAUGHS)),
    "thousands of parts": lambda: _workbook(**{f"part{number}": b"<x/>" for number in range(2000)}),
    "no workbook": lambda: b"PK\x03\x04" + bytes(1000),
    "a million columns": lambda: b"id,site,address" + b",x" * 1_000_000,
    "a row of millions of columns": lambda: HEADER.encode() + b"a" + b"," * (7 * MIB),
    "a row of one long value": lambda: HEADER.encode() + b'"' + b"a" * (7 * MIB),
    "a text that is too long": lambda: HEADER.encode() * 600_000,
    "bad rows without end": lambda: HEADER.encode() + b"A,,\n" * 1_000_000,
    "escape sequences": lambda: HEADER.encode() + b"a,\x1b[31m,127.0.0.1\n",
    "an unknown column": lambda: b"id,site,address,\x1b]0;x\x07" + b"x" * 100_000,
    "quotation marks that are never closed": lambda: HEADER.encode() + b'a,"b,127.0.0.1\n' * 400_000,
    "merged cells one over the other": lambda: _workbook(
        _sheet(NAMES + b'<row r="2">' + _text("a") + b"</row>").replace(
            b"</sheetData>", b"</sheetData><mergeCells>%s</mergeCells>" % (b'<mergeCell ref="A1:BL90000"/>' * 100_000)
        )
    ),
    "merged cells down to the last row": lambda: _workbook(
        _sheet(NAMES + b'<row r="1048576">' + _text("a") + b"</row>").replace(
            b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="B1:B1048576"/></mergeCells>'
        )
    ),
    "UTF-32": lambda: (HEADER + "a,," * 500_000).encode("utf-32"),
    "NUL": lambda: HEADER.encode() + b"a,b\0,127.0.0.1\n",
}
MEASURE = """
import json, resource, sys
from pathlib import Path
import openpyxl
from xueliang_monitor.configuration import spreadsheet, strict_yaml
for file in sorted(Path(sys.argv[1]).iterdir()):
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        table = spreadsheet.read_table(file)
        rows, problems = table.rows, table.problems + table.notices
    except strict_yaml.DocumentError as error:
        rows, problems = (), error.problems
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "kind": file.name, "mebibytes": (after.ru_maxrss - before.ru_maxrss) // 1024,
        "seconds": after.ru_utime - before.ru_utime, "rows": len(rows), "problems": len(problems),
        "told": max((str(problem) for problem in problems), key=len),
    }), flush=True)
"""


def test_odd_spreadsheets_take_little(tmp_path: Path) -> None:
    for kind, made in ODD.items():
        (tmp_path / kind).write_bytes(made())
    limited = 'ulimit -v 4000000; ulimit -t 120; exec "$0" -c "$1" "$2"'
    command = ["sh", "-c", limited, sys.executable, MEASURE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(ODD), f"{results[-1:]}\n{done.stderr[-500:]}"
    for result in results:
        assert result["mebibytes"] < 200, result
        assert result["seconds"] < 10, result
        assert (result["rows"], 0 < result["problems"] < 1003) == (0, True), result
        assert len(result["told"]) < 1000
        assert "\x1b" not in result["told"]


def test_a_workbook_with_gaps_and_formats_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for column, name in enumerate(("id", "site", "address"), 1):
        book.active.cell(1, column, name)
    book.active.cell(50, 1, "a")
    book.active.cell(50, 2, "depot")
    book.active.cell(50, 3, "127.0.0.1")
    for column in range(4, 300):
        book.active.cell(50, column).number_format = "0.00"
    book.save(tmp_path / "fleet.xlsx")
    rows, problems = spreadsheet.read(tmp_path / "fleet.xlsx")
    assert ([row.id for row in rows], problems) == (["a"], ())


def test_the_largest_fleet_is_read(tmp_path: Path) -> None:
    lines = (f"c{number},depot,10.{number // 250}.{number % 250}.1\n" for number in range(spreadsheet.MAX_ROWS + 1))
    text = HEADER + "".join(lines)
    (tmp_path / "fleet.csv").write_text(text.rpartition("\n")[0].rpartition("\n")[0])
    rows, problems = spreadsheet.read(tmp_path / "fleet.csv")
    assert (len(rows), problems) == (spreadsheet.MAX_ROWS, ())
    (tmp_path / "fleet.csv").write_text(text)
    assert "more than 20000 cameras" in str(spreadsheet.read(tmp_path / "fleet.csv")[1])


def test_a_table_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="Is a directory"):
        spreadsheet.read(tmp_path)
