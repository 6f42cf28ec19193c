"""Finds the table in a file: the sheet, and among its first lines the header, below titles and in one or two lines."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.spreadsheet_columns import (
    CHINESE,
    COLUMNS,
    NEEDED,
    Header,
    canonical,
    is_secret,
)
from xueliang_monitor.configuration.spreadsheet_lines import Line, Sheet, TableError
from xueliang_monitor.configuration.yaml_text import shown

HEADER_LINES = 30
"""Among how many lines that are not empty the header is looked for."""

MAX_SHEETS = 50


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table: its header, the header's line, the lines below, and what a person should know of how it was found."""

    sheet: str
    header: Header
    line: Line
    body: Iterator[Line]
    notices: tuple[str, ...] = ()
    separated: bool = True


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The best header of a sheet, the number of lines that it and the lines above take, and the lines looked at."""

    header: Header
    taken: int
    seen: list[Line]

    @property
    def complete(self) -> bool:
        return not self.header.missing

    @property
    def rank(self) -> tuple[bool, int]:
        return self.complete, self.header.known


def _attempt(sheet: Sheet) -> _Attempt:
    seen = list(itertools.islice((line for line in sheet.lines if not line.empty), HEADER_LINES))
    best = _Attempt(Header((), ()), 0, seen)
    for place, line in enumerate(seen):
        header, taken = Header.of(line.cells), place + 1
        if taken < len(seen) and header.known:
            both = header.with_second_line(seen[taken].cells)
            header, taken = both, taken + (both is not header)
        if header.known and _Attempt(header, taken, seen).rank > best.rank:
            best = _Attempt(header, taken, seen)
    return best


def _names(header: Header) -> Iterator[str]:
    """Yield the names of the columns that a table does not have, in its language."""
    for column in COLUMNS:
        if column not in header.columns:
            yield from CHINESE[column] if header.chinese else (column,)


def _nearest(title: str, header: Header) -> str:
    """Return a question with the column that is probably meant, by the name that is written for it."""
    near = difflib.get_close_matches(title, list(_names(header)), 1, 0.6)
    return f'; did you mean "{canonical(near[0])}"?' if near else ""


def _unknown(header: Header, *, verb: str = "") -> Iterator[str]:
    for title in header.unknown:
        if is_secret(title):
            yield (
                f"column {shown(title)!r} is not read: user names and passwords do not belong in a table; "
                f"name a login of the settings in the column {header.own_name('credentials')!r}"
            )
        else:
            yield f"unknown column {shown(title)!r}{verb}{_nearest(title, header)}"


def _problems(attempt: _Attempt) -> list[str]:
    header = attempt.header
    found = [f"column {header.own_name(column)!r} appears twice" for column in header.twice]
    return found + [f"column {header.own_name(column)!r} is missing" for column in header.missing]


def _refused(attempt: _Attempt) -> TableError:
    header, line = attempt.header, attempt.seen[max(0, attempt.taken - 1)].number if attempt.seen else 1
    if not attempt.seen:
        return TableError(f"is empty; columns: {', '.join(NEEDED)} and others", 1)
    if not header.known:  # not a title is shown: without a header, they may be anything, also passwords
        first = next((seen.error for seen in attempt.seen if seen.error), "")
        why = f"; {first}" if first else ""
        return TableError(
            f"has no header among its first {HEADER_LINES} lines: column 'id' is missing; "
            f"columns: {', '.join(NEEDED)} and others, or 编号、地点、地址 and others; "
            f"separated by comma, semicolon, tab or |{why}",
            line,
        )
    # Where one word alone is known, the line may be a row of a table without a header, with a password in it.
    sure = header.known > 1 or not any(map(str.isdigit, "".join(header.unknown)))
    unknown = _unknown(header) if sure else ()
    known = ", ".join(header.own_name(column) for column in dict.fromkeys(header.columns) if column)
    return TableError(f"{'; '.join([*_problems(attempt), *unknown])}; columns found: {known}", line)


def find(sheets: Iterable[Sheet], *, strict: bool) -> FoundTable:
    """Return the first table that has all columns that a table needs.

    Raises:
        TableError: there is none, or one with a column twice; with `strict`, one with an unknown column.

    """
    best: _Attempt | None = None
    found: FoundTable | None = None
    notices: list[str] = []
    for place, sheet in enumerate(itertools.islice(sheets, MAX_SHEETS)):
        attempt = _attempt(sheet)
        if found is not None:
            if attempt.complete:
                notices.append(f"sheet {shown(sheet.title)!r} is not read; save it as a file of its own")
            continue
        if best is None or attempt.rank > best.rank:
            best = attempt
        if attempt.complete:
            line = attempt.seen[attempt.taken - 1]
            body = itertools.chain(attempt.seen[attempt.taken :], sheet.lines)
            found = FoundTable(sheet.title if place else "", attempt.header, line, body, separated=not sheet.title)
            if place:
                notices.append(f"sheet {shown(sheet.title)!r} is read, the first one that has the columns")
    if best is None:
        raise TableError(f"is empty; columns: {', '.join(NEEDED)} and others", 1)
    left_out = list(_unknown(best.header, verb=" is left out"))
    if found is None or best.header.twice or (strict and left_out):
        raise _refused(best)
    notices += left_out
    return replace(found, notices=tuple(notices))
