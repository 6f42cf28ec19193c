"""Recognises files that are called tables and are none that can be read, and says how to save them anew. Pure."""

from __future__ import annotations

import io
import re
import zipfile

SAVE = "save it as .xlsx (Excel 工作簿) or as CSV"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKUP = re.compile(rb"\s*(?:<!doctype\s+html|<html|<head|<body|<table|<meta|<style|mime-version:)", re.IGNORECASE)
_OTHERS = (
    (b"%PDF", "is a PDF document"),
    (b"{\\rtf", "is an RTF document"),
    (b"\x1f\x8b", "is a compressed file (gzip); unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a compressed file (7z); unpack it first"),
    (b"Rar!\x1a\x07", "is a compressed file (RAR); unpack it first"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
)


def is_workbook(content: bytes) -> bool:
    """Return whether a file begins like a ZIP archive, as workbooks (XLSX) are."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def why_not(content: bytes) -> str:
    """Say why a file is no table that can be read, empty if it may be one; the text goes on after the file's name."""
    start = content[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"")
    if content.startswith(_OLE):
        return _compound(content)
    if is_workbook(content):
        return _archive(content)
    if _MARKUP.match(start):
        return f"is a web page (HTML), whatever its name is; open it in a spreadsheet program and {SAVE}"
    if start.lstrip().startswith(b"<?xml") or b"urn:schemas-microsoft-com:office:spreadsheet" in start:
        return f"is an XML document, not a workbook; open it in a spreadsheet program and {SAVE}"
    return next((f"{what}, not a table; {SAVE}" for begin, what in _OTHERS if content.startswith(begin)), "")


def _compound(content: bytes) -> str:
    def has(name: str) -> bool:
        return name.encode("utf-16-le") in content

    if has("EncryptedPackage") or has("EncryptionInfo"):
        return "is protected by a password; take the protection off and save it again as .xlsx or CSV"
    if has("Workbook") or has("Book"):
        return f"is a workbook of the old format (.xls or .et); {SAVE}"
    return f"is an old Office document and no workbook (XLSX); {SAVE}"


def _archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist()[:10_000])
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return f"is not a readable XLSX workbook: the file is damaged or incomplete; {SAVE}"
    if "xl/workbook.bin" in names:
        return f"is a binary workbook (.xlsb); {SAVE}"
    if any(name.startswith("xl/") for name in names) or "[Content_Types].xml" in names:
        if any(name.startswith("word/") for name in names):
            return f"is a text document (.docx), not a table; {SAVE}"
        return "is a presentation, not a table" if any(name.startswith("ppt/") for name in names) else ""
    if "content.xml" in names and "mimetype" in names:
        return f"is an OpenDocument file (.ods); {SAVE}"
    if any(name.endswith(".iwa") for name in names):
        return f"is a document of Numbers; export it as Excel or CSV, or {SAVE}"
    return "is a ZIP archive and no workbook (XLSX); unpack it and name the table in it"
