"""The lines of a table as they lie in a file: cells as text, and what is known of how they were written. Values."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

MAX_LINES = 100_000
"""Largest number of lines, empty ones included."""

MAX_CELLS = 64
"""Largest number of cells of a line, empty ones at its end not included."""


class Mark(enum.Enum):
    """How a cell was written, where its text does not tell."""

    NUMBER = "number"
    """A number of a workbook, of which spreadsheet programs keep 15 digits."""

    TEXT = "text"
    """Text that cannot have been a number."""

    DATE = "date"
    """A date of a workbook."""

    ERROR = "error"
    """An error of a formula, such as #N/A."""

    UNCALCULATED = "uncalculated"
    """A formula whose result is not in the file."""


class TableError(Exception):
    """A table cannot be read further; `line` is 0 if the error has no line. The text goes on after the file's name."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: where it begins in the file; in a workbook the row's number.
        row: the number of its row in a spreadsheet program.
        cells: the cells, without empty ones at the end.
        marks: how cells were written, by place.
        error: why it cannot be read, empty if it can.

    """

    number: int
    row: int
    cells: tuple[str, ...] = field(default=(), repr=False)  # people write passwords in tables
    marks: Mapping[int, Mark] = field(default_factory=dict)
    error: str = ""

    @property
    def empty(self) -> bool:
        """Whether it has neither text nor an error."""
        return not self.cells and not self.error

    def cell(self, place: int | None) -> str:
        """Return the cell at a place, empty if there is none."""
        return self.cells[place] if place is not None and place < len(self.cells) else ""

    def with_cells(self, changed: Mapping[int, str]) -> Line:
        """Return a line with other cells at some places."""
        size = max(len(self.cells), *(place + 1 for place in changed))
        cells = [changed.get(place, self.cell(place)) for place in range(size)]
        return replace(self, cells=tuple(cells))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a file; text files have one without a title."""

    title: str
    lines: Iterator[Line]
