"""Tells the rows of a table from its notes and headings, and fills in what a person left to the row above. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from xueliang_monitor.configuration.camera_file import ID
from xueliang_monitor.configuration.spreadsheet_columns import Header, is_mark
from xueliang_monitor.configuration.spreadsheet_lines import Line
from xueliang_monitor.configuration.spreadsheet_streams import STREAM_COLUMNS
from xueliang_monitor.configuration.spreadsheet_values import is_blank, plain

_DITTO = frozenset({"同上", "〃", "″", '"', "“", "”", "''", "ditto", "do.", "同前", "同左"})
_REPEATED = ("site", "programme", "uplink", "contractor", "installed", "credentials")
_MERGED_WITH_SITE = ("programme", "uplink", "contractor")
_PLACES = ("address", *STREAM_COLUMNS)
_NOTE = re.compile(
    r"(?:附?注|备注|说明|填表|填写|填报|合计|总计|小计|共计|制表|审核|审批|编制|联系|单位[:：]|日期[:：]|(?:notes?|totals?|sum|remarks?)\s*(?:[:：]|$))",
    re.IGNORECASE,
)
_LONG = 30
_SHORT = 12
_FEWEST_BLANK = 1 / 3
"""Smallest share of rows without a site in a table that names each site once."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person should know of a line that was read or left out."""

    line: int
    text: str


def _texts(line: Line) -> list[str]:
    """Return the different texts of a line in their order; merged cells all have the same."""
    return list(dict.fromkeys(plain(cell) for cell in line.cells if not is_blank(cell)))


def _is_note(header: Header, line: Line) -> bool:
    """Return whether a line is a note, a sum or a heading, and not a camera."""
    texts = _texts(line)
    address = next((text for column in _PLACES if (text := plain(line.cell(header.place(column))))), "")
    identity = plain(line.cell(header.place("id")))
    if len(texts) > 1 and address and (re.search(r"\d", address) or ID.fullmatch(identity.lower())):
        return False
    if len(texts) == 1 and not ID.fullmatch(texts[0].lower()):
        return not texts[0].isascii() or len(texts[0]) > _LONG
    return _NOTE.match(texts[0]) is not None


def body(header: Header, lines: Iterable[Line]) -> Iterator[Line | Notice]:
    """Yield the lines below a header that are to be rows, and notices of those that are left out.

    Empty lines, the header repeated on each page or in the other language, and a line that says which columns have to
    be filled in are left out without a notice.
    """
    for line in lines:
        if line.error:
            yield line
            continue
        texts = _texts(line)
        if not any(map(str.isalnum, "".join(texts))) or header.repeated_by(line.cells) or all(map(is_mark, texts)):
            continue
        if _is_note(header, line):
            # Only its beginning is shown: people write passwords into notes.
            word = re.split(r"[\s:;,.，。、；：]", texts[0])[0][:_SHORT]
            yield Notice(line.number, f"is no camera but a note, and is left out: {word}…")
        else:
            yield line


def _with_dittos(header: Header, lines: Sequence[Line]) -> list[Line]:
    """Return lines in which each 同上 has the text that it stands for."""
    places = [place for column in _REPEATED if (place := header.place(column)) is not None]
    above: dict[int, str] = {}
    found = []
    for line in lines:
        changed = {place: above[place] for place in places if place in above and plain(line.cell(place)) in _DITTO}
        filled = line.with_cells(changed) if changed else line
        above |= {place: filled.cell(place) for place in places}
        found.append(filled)
    return found


def _only_first_of_each_site(lines: Sequence[Line], place: int) -> bool:
    """Return whether a table names each site only in its first row, as merged cells do when they are saved as CSV.

    Where two rows in succession name the same site, or few rows have none, a blank one was forgotten.
    """
    sites = [plain(line.cell(place)) for line in lines if not line.error]
    repeated = any(site and site == after for site, after in itertools.pairwise(sites))
    return bool(sites[0]) and sites.count("") >= len(sites) * _FEWEST_BLANK and not repeated


def filled(header: Header, lines: Sequence[Line]) -> tuple[list[Line], tuple[Notice, ...]]:
    """Return lines in which the rows of a site have what stands in its first row only, and notices of that."""
    found = _with_dittos(header, lines)
    place = header.place("site")
    if place is None or not any(not line.error for line in found) or not _only_first_of_each_site(found, place):
        return found, ()
    rows = [line for line in found if not line.error]
    below = [line for line in rows if is_blank(line.cell(place))]
    places = [place]
    for column in _MERGED_WITH_SITE:
        other = header.place(column)
        if other is not None and all(is_blank(line.cell(other)) for line in below):
            places.append(other)
    above: dict[int, str] = {}
    done, numbers = [], []
    for line in found:
        if line.error:
            done.append(line)
        elif is_blank(line.cell(place)):
            done.append(line.with_cells(above))
            numbers.append(line.number)
        else:
            above = {each: line.cell(each) for each in places}
            done.append(line)
    columns = ", ".join(header.titles[each] for each in places)
    text = f"{columns}: blank in {len(numbers):,} rows, and taken from the row above as in merged cells"
    return done, (Notice(numbers[0], text),)
