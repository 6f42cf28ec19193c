"""Reads a table of separated values in whatever encoding and with whatever separator a spreadsheet program wrote it.

The separator is the one with which the header is found: a sniffer that counts characters takes the comma of a name for
it. The encoding is told by a byte order mark, by zero bytes, or by what the bytes are valid in. No library that guesses
encodings is used, as those that matter here (UTF-8, UTF-16, GB 18030) can be told apart by rule.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator

from xueliang_monitor.configuration.spreadsheet_columns import Header
from xueliang_monitor.configuration.spreadsheet_lines import MAX_CELLS, MAX_LINES, Line, Sheet, TableError

SEPARATORS = (",", ";", "\t", "|", "，", "；")
HEADER_LINES = 30
"""Among how many lines that are not empty the header is looked for."""

_PROBED = 64 * 1024
_MOST_LINES_OF_A_CELL = 50
_MOST_BROKEN = 0.3
"""Largest number of broken characters for each valid one of three bytes, with which a text is taken for UTF-8."""

_MOST_BROKEN_OF_ALL = 0.05
"""Largest share of broken characters of a text."""

_FEWEST_ZEROS = 4
"""A text of other encodings has no zero bytes, but may have a broken one."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_SEPARATOR_LINE = re.compile(r'\ufeff?\s*"?sep=(.)"?\s*,*\s*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_UNREADABLE = "cannot be read: the text is neither UTF-8 nor GB 18030, nor UTF-16"


def _without_mark(content: bytes) -> str:
    """Return the encoding of UTF-16 or UTF-32 without a byte order mark, as zero bytes show; empty if it is neither."""
    start = content[:4096]
    zeros = [start[place::4].count(0) / max(1, len(start[place::4])) for place in range(4)]
    if max(zeros) < 0.1 or start.count(0) < _FEWEST_ZEROS:
        return ""
    if zeros[2] > 0.9 and zeros[3] > 0.9:
        return "utf-32-le"
    if zeros[0] > 0.9 and zeros[1] > 0.9:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd else ""


def _lenient(content: bytes, encoding: str) -> str:
    return content.decode(encoding, errors="replace")


def _is_broken_utf_8(text: str) -> bool:
    """Return whether a text that was decoded leniently is UTF-8 with a few broken bytes.

    Text in GB 18030 that is decoded as UTF-8 has hardly a character above U+07FF.
    """
    broken = text.count("\ufffd")
    return broken <= _MOST_BROKEN * sum(letter >= "\u0800" for letter in text if letter != "\ufffd")


def decode(content: bytes) -> str:
    """Return the text of a file. A broken byte costs one character, which is then U+FFFD.

    Raises:
        TableError: the encoding cannot be told.

    """
    known = next((name for mark, name in _MARKS if content.startswith(mark)), "") or _without_mark(content)
    for encoding in (known,) if known else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            text = _lenient(content, encoding)
            if encoding == "utf-8" and _is_broken_utf_8(text):
                return text
    tried = [_lenient(content, encoding) for encoding in ((known,) if known else ("utf-8", "gb18030"))]
    text = min(tried, key=lambda each: each.count("\ufffd"))
    if text.count("\ufffd") > _MOST_BROKEN_OF_ALL * len(text):
        raise TableError(_UNREADABLE)
    return text.removeprefix("\ufeff")


class _LongCellError(Exception):
    """A quotation mark is not closed within as many lines as a cell may have."""


class _Feed:
    """Feeds lines to a reader, and takes them back when they do not make a record."""

    def __init__(self, text: str) -> None:
        self._stream = io.StringIO(text, newline="")
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MOST_LINES_OF_A_CELL:
            raise _LongCellError
        line = self._back.popleft() if self._back else self._stream.readline()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.number += 1
        return line

    def begin(self) -> int:
        """Begin a record; return the number of its first line."""
        self.taken.clear()
        return self.number + 1

    def give_back(self) -> None:
        """Give back all lines of this record but the first one."""
        rest = self.taken[1:]
        self._back.extendleft(reversed(rest))
        self.number -= len(rest)


def _cells(record: list[str]) -> tuple[str, ...]:
    while record and not record[-1].strip():
        record.pop()
    return tuple(record)


def _records(text: str, separator: str) -> Iterator[Line]:
    """Yield the records of a text. One that is not valid costs its first line."""
    feed = _Feed(text)
    row = 0
    while True:
        number, row = feed.begin(), row + 1
        if row > MAX_LINES:
            raise TableError(f"more than {MAX_LINES} lines", number)
        try:
            record = _record(feed, separator)
        except csv.Error as error:
            feed.give_back()
            yield Line(number, row, error=f"is not valid CSV: {error}")
        except _LongCellError:
            feed.give_back()
            yield Line(number, row, error=f"a quotation mark is not closed within {_MOST_LINES_OF_A_CELL} lines")
        else:
            if record is None:
                return
            cells = _cells(record)
            many = f"more than {MAX_CELLS} columns" if len(cells) > MAX_CELLS else ""
            yield Line(number, row, () if many else cells, error=many)


def _record(feed: _Feed, separator: str) -> list[str] | None:
    """Return the next record, None at the end. A quoted cell may be followed by text, as spreadsheet programs take it.

    Raises:
        csv.Error: it is not valid.
        _LongCellError: it has a cell that does not end.

    """
    # A reader of its own for each record: after an error, csv keeps what it had read.
    try:
        return next(csv.reader(feed, delimiter=separator, skipinitialspace=True, strict=True), None)
    except csv.Error:
        if len(feed.taken) != 1 or feed.taken[0].count('"') % 2:
            raise
        return next(csv.reader(feed.taken, delimiter=separator, skipinitialspace=True))


def _found(text: str, separator: str) -> int:
    """Return how many columns the best header has that is found with a separator."""
    best = seen = 0
    for line in _records(text, separator):
        if line.cells:
            seen += 1
            best = max(best, Header.of(line.cells).known)
        if seen >= HEADER_LINES or line.number > 10 * HEADER_LINES:
            break
    return best


def sheet(content: bytes) -> Sheet:
    """Return the lines of a text file.

    Raises:
        TableError: the encoding cannot be told.

    """
    text = decode(content).rstrip("\x1a")
    declared = _SEPARATOR_LINE.match(text)
    skipped = declared.end() if declared else 0
    text = text[skipped:]
    probed = text[:_PROBED]
    first = (declared[1],) if declared and declared[1] not in "\r\n\"'" else ()
    separators = tuple(dict.fromkeys((*first, *SEPARATORS)))
    separator = max(separators, key=lambda each: _found(probed, each))
    lines = _records(text, separator)
    if not skipped:
        return Sheet("", lines)
    return Sheet("", (Line(line.number + 1, line.row, line.cells, line.marks, line.error) for line in lines))
