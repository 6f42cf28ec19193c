"""Checks that a workbook (XLSX) is small once it is unpacked, before openpyxl builds objects of its elements."""

from __future__ import annotations

import io
import re
import xml.sax.handler
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import defusedxml.sax

if TYPE_CHECKING:
    from xml.sax.xmlreader import AttributesImpl

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_PARTS = 1000
MAX_ELEMENTS = 1_500_000
"""Largest number of elements of the sheets and of the table of texts: 20,000 cameras of fifteen columns, and more."""

MAX_OTHER_ELEMENTS = 50_000
"""Largest number of elements of all other parts, such as styles, which take more memory each."""

MAX_ROW_CELLS = 16_384
"""Largest number of cells in a row of a spreadsheet program."""

_SHEETS = "xl/worksheets/"
_TABLES = ("xl/worksheets/", "xl/sharedStrings")
_ROW = re.compile("[0-9]{1,9}")
_XML = (".xml", ".rels", ".vml")


class WorkbookBoundsError(Exception):
    """A workbook is too large; the text continues a sentence that begins with its name."""


class _Count(xml.sax.handler.ContentHandler):
    """Counts elements, and the cells of each row."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most
        self._cells = 0

    def startElement(self, name: str, attrs: AttributesImpl[str]) -> None:  # noqa: ARG002, N802 - a method of SAX
        self._left -= 1
        if self._left < 0:
            raise WorkbookBoundsError("has too many cells, texts or styles")
        if name.endswith("row"):
            self._cells = 0
        elif name == "c" or name.endswith(":c"):
            self._cells += 1
            if self._cells > MAX_ROW_CELLS:
                raise WorkbookBoundsError(f"has a row of more than {MAX_ROW_CELLS} cells")


@dataclass(frozen=True, slots=True)
class SheetNotes:
    """What openpyxl does not tell of a sheet that it reads row by row.

    Attributes:
        merged: the merged ranges, such as `A2:B4`.
        uncalculated: the names of the cells with a formula and without its result.
        last_row: the number of the last row with a value or a formula; people format empty cells far below.

    """

    merged: tuple[str, ...]
    uncalculated: frozenset[str]
    last_row: int | None = None


class _SheetReader(xml.sax.handler.ContentHandler):
    """Notes merged ranges, formulas without a result, and the last row that has anything; counts on."""

    def __init__(self, counter: _Count) -> None:
        super().__init__()
        self._counter = counter
        self._cell = ""
        self._formula = self._in_value = self._valued = False
        self._row = 0
        self.last_row = 1
        self.merged: list[str] = []
        self.uncalculated: set[str] = set()

    def startElement(self, name: str, attrs: AttributesImpl[str]) -> None:  # noqa: N802 - a method of SAX
        self._counter.startElement(name, attrs)
        match name.rpartition(":")[2]:
            case "row":
                number = attrs.get("r", "")
                self._row = int(number) if _ROW.fullmatch(number) else self._row + 1
            case "c":
                self._cell, self._formula = attrs.get("r", ""), False
                self._valued = attrs.get("t") == "str"
            case "f":
                self._formula = True
                self.last_row = max(self.last_row, self._row)
            case "v" | "is":
                self._in_value = name.endswith("v")
                self.last_row = max(self.last_row, self._row)
            case "mergeCell":
                self.merged.append(attrs.get("ref", ""))

    def characters(self, content: str) -> None:
        if self._in_value and content:
            self._valued = True

    def endElement(self, name: str) -> None:  # noqa: N802 - a method of SAX
        match name.rpartition(":")[2]:
            case "v":
                self._in_value = False
            case "c" if self._formula and not self._valued:
                self.uncalculated.add(self._cell)


def check(content: bytes) -> Mapping[str, SheetNotes]:
    """Check the size, the number of elements and the entities of a workbook; return notes by the path of each sheet.

    Raises:
        WorkbookBoundsError: it is too large.
        Exception: it is no workbook, or contains a document type; whatever zipfile and defusedxml raise.

    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        # No more than the declared size is ever unpacked.
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise WorkbookBoundsError(f"unpacks to more than {MAX_PARTS} parts or {MAX_UNPACKED_BYTES} bytes")
        tables, others = _Count(MAX_ELEMENTS), _Count(MAX_OTHER_ELEMENTS)
        notes: dict[str, SheetNotes] = {}
        for part in parts:
            if not part.filename.endswith(_XML):
                continue
            counter = tables if part.filename.startswith(_TABLES) else others
            sheet = _SheetReader(counter) if part.filename.startswith(_SHEETS) else None
            with archive.open(part) as stream:
                defusedxml.sax.parse(stream, sheet or counter, forbid_dtd=True)
            if sheet is not None:
                notes[part.filename] = SheetNotes(tuple(sheet.merged), frozenset(sheet.uncalculated), sheet.last_row)
    return notes
