"""One row of a table as the content of a camera's file, with every problem of it in the words of the table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile
from xueliang_monitor.configuration.spreadsheet_columns import BOTH, COLUMNS, Header, letters, title_key
from xueliang_monitor.configuration.spreadsheet_lines import Line
from xueliang_monitor.configuration.spreadsheet_streams import (
    STREAM,
    STREAM_COLUMNS,
    StreamValue,
    is_address,
    is_url,
    may_be_other,
    path_without_login,
    read_stream,
)
from xueliang_monitor.configuration.spreadsheet_values import is_blank, value
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, Problem, validate
from xueliang_monitor.configuration.yaml_text import Path_, has_control_character
from xueliang_monitor.net.host_validation import canonical_host

MAX_ID = 63
POSITION = ("latitude", "longitude")
_OF_STREAMS = frozenset({"address", "rtsp_port", "rtsp_path", "rtsp"})
_STAND_INS: Mapping[str, str] = {"site": "-", "address": "192.0.2.1"}
"""Values in place of needed ones that are wrong, so that they are not told to be missing too."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """Where a row stands, to name its cells as the table does.

    Where separators part the cells, one too many moves the others.
    """

    header: Header
    line: Line
    sheet: str = ""
    separated: bool = True
    file: Path | None = None

    def problem(self, column: str, message: str) -> str:
        """Return a message about a column of the row, with the table's name of the column and the name of the cell."""
        more = BOTH if column in POSITION else STREAM_COLUMNS if column in _OF_STREAMS else ()
        places = (self.header.place(each) for each in (column, *more))
        place = next((place for place in places if place is not None), None)
        if place is None:
            return f"{column}: {message}"
        return self.problem_at(place, message)

    def problem_at(self, place: int, message: str) -> str:
        """Return a message about one cell of the row."""
        sheet = f"{self.sheet}!" if self.sheet else ""
        return f"{self.header.titles[place]}: {message} (cell {sheet}{letters(place)}{self.line.row})"


@dataclass(frozen=True, slots=True)
class Row:
    """One valid row.

    Attributes:
        id: the camera's id.
        data: the content of its file.
        line: the line number, 0 if it comes from no file.
        given: the keys of the file that the row has a value for; None for all.
        source: where it stands, None if it comes from no file.
        login_left_out: whether an address of it has a login, which was not read.

    """

    id: str
    data: CameraFile
    line: int = 0
    given: frozenset[str] | None = None
    source: RowSource | None = None
    login_left_out: bool = False

    def problem(self, key: str, message: str) -> str:
        """Return a message about a key, in the words of the table."""
        return self.source.problem(key, message) if self.source else f"{key}: {message}"

    def noted(self, key: str, message: str) -> str:
        """Return a message about a key with the place of the row, as it is told of problems of the file."""
        file = self.source.file if self.source else None
        told = self.problem(key, message)
        return str(Problem(file, self.line, told)) if file is not None else told


@dataclass(frozen=True, slots=True)
class _RowDocument(Document):
    """The values of a row as a document, whose problems name the row's cells."""

    source: RowSource | None = None

    def problem(self, path: Path_, message: str, line: int | None = None) -> Problem:
        """Return a problem of the cell that a path comes from."""
        column = str(path[-1]) if path else ""
        text = self.source.problem(column, message) if self.source and column in COLUMNS else message
        return Problem(self.file, self.line_of(path) if line is None else line, text)


class _Cells:
    """The values of a row by column, without those that are blank, and what is wrong with the others."""

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self.found: dict[str, str] = {}
        self.streams: dict[str, tuple[int, StreamValue]] = {}
        self.bad: set[str] = set()
        self.problems: list[str] = []
        credentials = source.header.place("credentials")
        self._named_login = credentials is not None and not is_blank(source.line.cell(credentials))

    def read(self) -> None:
        """Read every cell."""
        for place, column in enumerate(self._source.header.columns):
            if column and self._source.line.cell(place):
                try:
                    self._read_cell(place, column)
                except ValueError as error:
                    self.bad.add(column)
                    self.problems.append(self._source.problem_at(place, str(error)))
        self._take_stream()

    def _read_cell(self, place: int, column: str) -> None:
        line = self._source.line
        text = value(column, line.cell(place), line.marks.get(place))
        if has_control_character(text):
            raise ValueError("has control characters or more than one line")
        if column in BOTH and text:
            self.found |= zip(POSITION, text.split(), strict=True)
        elif column in STREAM_COLUMNS or (column in {"address", "rtsp_path"} and is_url(text)):
            key = title_key(self._source.header.titles[place])
            if text and (is_address(text) or column not in STREAM_COLUMNS or not may_be_other(key)):
                stream = read_stream(text, named_login=self._named_login)
                self.streams[column if column in STREAM_COLUMNS else STREAM] = place, stream
        elif text:
            path = column == "rtsp_path"
            self.found[column] = path_without_login(text, named_login=self._named_login) if path else text

    def _take_stream(self) -> None:
        """Take the values of the stream's address. An own column of the same must not say otherwise.

        A column 端口 may be that of another protocol; only one that names RTSP contradicts the address.
        """
        place, stream = next((self.streams[each] for each in STREAM_COLUMNS if each in self.streams), (0, None))
        if stream is None:
            return
        for key, text in stream.values.items():
            own = self._source.header.place(key)
            before = self.found.get(key)
            of_rtsp = own is not None and "rtsp" in title_key(self._source.header.titles[own])
            if key == "rtsp_port" and before is not None and of_rtsp and not stream.port_named:
                continue
            same = before is None or (canonical_host(before) == text if key == "address" else before == text)
            if own is not None and not same and (key != "rtsp_port" or of_rtsp):
                self.bad.add(key)
                title = self._source.header.titles[own]
                told = f"says otherwise than column {title!r}; correct one of the two"
                self.problems.append(self._source.problem_at(place, told))
            elif key != "address" or before is None:
                self.found[key] = text


def read_row(file: Path, source: RowSource) -> Row:
    """Return the camera of a row.

    Raises:
        DocumentError: the row is not valid; the error lists every problem of it.

    """
    header, line = source.header, source.line
    if line.error:
        raise DocumentError((Problem(file, line.number, line.error),))
    if source.separated and any(not is_blank(cell) for cell in line.cells[len(header.columns) :]):
        raise DocumentError((Problem(file, line.number, "more values than columns"),))
    cells = _Cells(source)
    cells.read()
    values, told = cells.found, cells.problems
    identity = values.pop("id", "")
    if not ID.fullmatch(identity) and "id" not in cells.bad:
        # The file's name is the id, so no other characters can be taken.
        message = f"contains other characters than {ID_RULE}" if len(identity) <= MAX_ID else f"longer than {MAX_ID}"
        told.append(source.problem("id", message if identity else "missing"))
    content: dict[str, object] = {key: text for key, text in values.items() if key not in POSITION}
    if position := {key: values[key] for key in POSITION if key in values}:
        content["position"] = position
    bad = cells.bad | ({"address"} if cells.bad & {*STREAM_COLUMNS} else set())
    checked = {key: text for key, text in _STAND_INS.items() if key in bad} | content
    if position and cells.bad & {*POSITION}:
        del checked["position"]
    try:
        data = validate(_RowDocument(file, checked, {(): line.number}, source), CameraFile)
    except DocumentError as error:
        told.extend(problem.message for problem in error.problems)
    if told:
        raise DocumentError(tuple(Problem(file, line.number, message) for message in dict.fromkeys(told)))
    login = any(stream.login for _, stream in cells.streams.values())
    return Row(identity, data, line.number, frozenset(content), source, login)
