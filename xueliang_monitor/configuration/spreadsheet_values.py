"""What people write in the cells of a table, as the values that camera files have. Pure.

Names keep the width of their characters, as a person chose it. All that programs compare (ids, addresses, ports, codes,
coordinates, dates) is read in half-width characters (Unicode NFKC).
"""

from __future__ import annotations

import datetime
import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from xueliang_monitor.configuration.spreadsheet_cells import imported_text
from xueliang_monitor.configuration.spreadsheet_columns import without_invisible
from xueliang_monitor.configuration.spreadsheet_lines import Mark
from xueliang_monitor.configuration.spreadsheet_streams import STREAM_COLUMNS

EXACT_DIGITS = 15
"""How many digits of a number spreadsheet programs keep."""

LONG_CODE = 18
"""From this number of digits on, zeros after the exact ones are taken for a sign of rounding in text files."""

NAMES = frozenset({"name", "site", "programme", "uplink", "contractor"})
CODES = frozenset({"id", "gb_code", "credentials"})
"""Columns whose values may look like numbers without being any."""

ROUNDED = (
    "is a number of which spreadsheet programs keep 15 digits only, so its end is lost; "
    "format the column as text (文本) and enter the whole code again"
)
_TYPED = {ord("。"): ".", **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")}
"""What input methods and text programs write in place of a point and a hyphen."""

_NOTHING = re.compile(r"[-—–_/\\.]{1,4}|无|暂无|没有|n/?a|null|none|nil", re.IGNORECASE)
_ALWAYS_READ = frozenset({"id", "name", "site", "address", "rtsp_path"})
_POWER = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
_WIDE_BLANKS = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_DIRECTIONS = re.compile("[°度]|[东西南北]经|[东西南北]纬|^[NSEW]|[NSEW]$", re.IGNORECASE)
_SEXAGESIMAL = re.compile(r"(\d{1,3})[°度]\s*(\d{1,2}(?:\.\d+)?)['′’分]\s*(?:(\d{1,2}(?:\.\d+)?)(?:[\"″”秒]|''|′′)?)?")
_EXCEL_DAYS = (20_000, 80_000)
_EXCEL_EPOCH = datetime.date(1899, 12, 30)


def plain(text: str) -> str:
    """Return a text with half-width characters, without blanks at the ends and without invisible characters."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFKC", without_invisible(text)).translate(_TYPED).strip()


def is_blank(text: str) -> bool:
    """Return whether a cell has nothing that a person sees."""
    return not without_invisible(text).strip()


def _name(text: str) -> str:
    if (meant := imported_text(text)) != text.strip():  # behind an apostrophe, each character is meant
        return meant
    # U+200C and U+200D join letters and pictures to others; at the ends there is nothing to join.
    kept = re.sub("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]", "", text).strip(
        "\u200c\u200d \t\r\n\xa0\u3000"
    )
    return re.sub(r"\s*[\r\n]+\s*", " ", kept.strip())


def _identity(text: str) -> str:
    return plain(text).lower()


def _without_fraction(column: str, cell: str, mark: Mark | None) -> str:
    """Return an id without `.0`, which programs add to the numbers of a column in which one is missing."""
    return re.sub(r"^(\s*[0-9]+)\.0(\s*)$", r"\1\2", cell) if column == "id" and mark is None else cell


def _address(text: str) -> str:
    return re.sub(r"[^\S\r\n]*\.[^\S\r\n]*", ".", plain(text))


def _port(text: str) -> str:
    number = re.sub(r"(?<=\d),(?=\d{3}$)", "", plain(text))
    number = re.sub(r"\.0+$", "", number)
    if not re.fullmatch("[0-9]{1,9}", number) or not 1 <= int(number) <= 65535:
        raise ValueError("write a number from 1 to 65535")
    return number


def _path(text: str) -> str:
    # Only forms of ASCII characters are narrowed: other characters of a path mean themselves.
    return "".join(
        unicodedata.normalize("NFKC", each) if "\uff01" <= each <= "\uff5e" else each for each in plain_ends(text)
    )


def plain_ends(text: str) -> str:
    """Return a text without invisible characters, and without blanks at the ends."""
    return without_invisible(text).strip()


def _code(text: str) -> str:
    return re.sub(r"\s+", "", plain(text))


def _login(text: str) -> str:
    narrow = plain(text)
    return narrow if narrow.isascii() else plain_ends(text)


def _degrees(text: str) -> str:
    narrow = plain(text)
    negative = re.search(r"^[SW]|[SW]$|南纬|西经", narrow, re.IGNORECASE) is not None
    bare = re.sub("[东西]经|[南北]纬", "", narrow).strip(" NSEWnsew:")
    if found := _SEXAGESIMAL.fullmatch(bare):
        degrees, minutes, seconds = (float(part or 0) for part in found.groups())
        if minutes >= 60 or seconds >= 60:
            raise ValueError("minutes and seconds are below 60")
        number = round(degrees + minutes / 60 + seconds / 3600, 7)
    else:
        bare = _DIRECTIONS.sub("", bare).strip()
        bare = bare.replace(",", ".") if re.fullmatch(r"-?\d+,\d+", bare) else bare
        if not re.fullmatch(r"[+-]?\d{1,3}(?:\.\d{1,20})?(?:[eE]-\d{1,2})?", bare):
            raise ValueError("write degrees as a decimal number, such as 30.5928")
        number = float(bare)
    return repr(-number if negative else number)


def _latitude(text: str) -> str:
    degrees = _degrees(text)
    if 90 < abs(float(degrees)) <= 180:
        raise ValueError("is above 90 degrees, so it is a longitude; latitude (纬度) and longitude (经度) are swapped")
    return degrees


def _coordinates(text: str) -> str:
    """Return latitude and longitude of a cell with both, whichever is first: only longitudes are above 90 degrees."""
    first, second = _two_degrees(text)
    if abs(float(first)) <= 90 and abs(float(second)) <= 90:
        raise ValueError("cannot tell latitude from longitude; give each a column of its own")
    return f"{second} {first}" if abs(float(first)) > 90 else f"{first} {second}"


def _longitude_and_latitude(text: str) -> str:
    """Return latitude and longitude of a cell with both, the longitude first unless only the second can be one."""
    first, second = _two_degrees(text)
    return f"{first} {second}" if abs(float(second)) > 90 else f"{second} {first}"


def _two_degrees(text: str) -> tuple[str, str]:
    parts = [part for part in re.split(r"[,;/、\s]+", plain(text)) if part]
    if len(parts) != 2:
        raise ValueError("write two decimal numbers, such as 114.3055,30.5928")
    return _degrees(parts[0]), _degrees(parts[1])


def _day(text: str) -> str:
    narrow = plain(text)
    if re.fullmatch(r"\d{5}(?:\.\d+)?", narrow) and _EXCEL_DAYS[0] <= float(narrow) <= _EXCEL_DAYS[1]:
        return (_EXCEL_EPOCH + datetime.timedelta(days=int(float(narrow)))).isoformat()
    found = re.fullmatch(
        r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]+\d{1,2}:\d{2}(?::\d{2})?.*)?", narrow
    ) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", narrow)
    if not found:
        raise ValueError("write a date as year-month-day, such as 2024-03-05")
    try:
        return datetime.date(*map(int, found.groups())).isoformat()
    except ValueError as error:
        raise ValueError("there is no such day; write a date as year-month-day, such as 2024-03-05") from error


_READ: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **dict.fromkeys(NAMES, _name),
        "id": _identity,
        "address": _address,
        "rtsp_port": _port,
        "rtsp_path": _path,
        **dict.fromkeys(STREAM_COLUMNS, _path),
        "credentials": _login,
        "onvif_port": _port,
        "gb_code": _code,
        "latitude": _latitude,
        "longitude": _degrees,
        "installed": _day,
        "coordinates": _coordinates,
        "longitude and latitude": _longitude_and_latitude,
    }
)


def _meant_as_text(cell: str) -> str | None:
    """Return the text in a cell that was surely not a number, None if that cannot be told.

    People write `="0012"`, an apostrophe or a tab so that a spreadsheet program takes digits for text.
    """
    if found := re.fullmatch(r'\s*="([^"]*)"\s*', cell):
        return found[1]
    bare = without_invisible(cell)
    if found := re.fullmatch(r"\s*['\u2018\u2019`]([0-9A-Za-z][^'\u2019]*)", bare):
        return found[1]
    return bare.strip() if "\t" in cell and bare.strip().isascii() else None


def is_rounded(text: str, mark: Mark | None) -> bool:
    """Return whether a spreadsheet program made another number of a code with many digits."""
    narrow = plain(text).replace(" ", "")
    if mark is Mark.NUMBER:
        return bool(_POWER.fullmatch(narrow)) or (narrow.isdigit() and len(narrow) > EXACT_DIGITS)
    if re.fullmatch(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+", narrow):
        return True
    if mark is not None:
        return False
    zeros = narrow.isdigit() and len(narrow) >= LONG_CODE and not narrow[EXACT_DIGITS:].strip("0")
    return zeros or re.fullmatch(r"[0-9][.,][0-9]+[eE][0-9]{2}", narrow) is not None


@functools.lru_cache(maxsize=8192)
def value(column: str, cell: str, mark: Mark | None = None) -> str:
    """Return the value of a cell in a column, empty if there is none.

    Raises:
        ValueError: it is no value of that column; the message continues a sentence that begins with the column.

    """
    if mark is Mark.ERROR:
        raise ValueError(f"is an error of the spreadsheet ({plain(cell)[:20]}); correct the formula or write the value")
    if mark is Mark.UNCALCULATED:
        raise ValueError(
            "is a formula without a result in the file; "
            "open and save the file in a spreadsheet program, or write the value"
        )
    if mark is Mark.DATE and column != "installed":
        raise ValueError("is a date in the spreadsheet; format the column as text (文本) and write the value again")
    if "\ufffd" in cell:
        raise ValueError("has a character that cannot be read; write it again")
    if column not in NAMES:
        text = _meant_as_text(cell)
        cell, mark = (imported_text(cell), mark) if text is None else (text, Mark.TEXT if mark is None else mark)
    if column not in _ALWAYS_READ and _NOTHING.fullmatch(plain(cell)):
        return ""
    if (column in CODES or mark is Mark.NUMBER) and is_rounded(cell, mark):
        raise ValueError(ROUNDED)
    if is_blank(cell):
        return ""
    cell = _without_fraction(column, cell, mark)
    return _READ[column](cell)
