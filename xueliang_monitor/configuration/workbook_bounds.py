"""Checks that a workbook (XLSX) is small once it is unpacked, before openpyxl builds objects of its elements."""

from __future__ import annotations

import io
import xml.sax.handler
import zipfile

import defusedxml.sax

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_PARTS = 1000
MAX_ELEMENTS = 1_000_000
"""Largest number of elements of the sheets and of the table of texts: 20,000 cameras with ten columns, and reserve."""

MAX_OTHER_ELEMENTS = 50_000
"""Largest number of elements of all other parts, such as styles, which take more memory each."""

MAX_ROW_CELLS = 16_384
"""Largest number of cells in a row of a spreadsheet program."""

_TABLES = ("xl/worksheets/sheet", "xl/sharedStrings")
_XML = (".xml", ".rels", ".vml")


class WorkbookBoundsError(Exception):
    """A workbook is too large; the text continues a sentence that begins with its name."""


class _Count(xml.sax.handler.ContentHandler):
    """Counts elements, and the cells of each row."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most
        self._cells = 0

    def startElement(self, name: str, attrs: object) -> None:  # noqa: ARG002, N802 - a method of SAX
        self._left -= 1
        if self._left < 0:
            raise WorkbookBoundsError("has too many cells, texts or styles")
        if name.endswith("row"):
            self._cells = 0
        elif name == "c" or name.endswith(":c"):
            self._cells += 1
            if self._cells > MAX_ROW_CELLS:
                raise WorkbookBoundsError(f"has a row of more than {MAX_ROW_CELLS} cells")


def check(content: bytes) -> None:
    """Check the size, the number of elements and the entities of a workbook.

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
        for part in parts:
            if part.filename.endswith(_XML):
                with archive.open(part) as stream:
                    counter = tables if part.filename.startswith(_TABLES) else others
                    defusedxml.sax.parse(stream, counter, forbid_dtd=True)
