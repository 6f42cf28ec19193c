"""Strict reading of YAML files: every error names file, line, path and the nearest valid key."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from xueliang_monitor.configuration import yaml_text
from xueliang_monitor.configuration.regular_file import UnsuitableFileError, read_bytes
from xueliang_monitor.configuration.yaml_text import Path_, YamlTextError, escape_controls, shown

MAX_PROBLEMS = 20
"""How many errors of one file are listed."""

MAX_LISTED = 100
"""How many errors are listed at once."""

MAX_MESSAGE = 500
"""Largest number of characters of a message."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_HINTS = {"password": "write it to a file named by password_file, or to an environment variable named by password_env"}

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One error in a file; `line` counts from 1 and is 0 if the error has no line."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        name = escape_controls(str(self.file))
        return f"{name}:{self.line}: {self.message}" if self.line else f"{name}: {self.message}"


def listed(problems: Sequence[Problem], what: str = "errors") -> list[str]:
    """Return the lines that tell of problems: the first `MAX_LISTED`, and how many more there are."""
    lines = [str(problem) for problem in problems[:MAX_LISTED]]
    return lines if len(problems) <= MAX_LISTED else [*lines, f"… and {len(problems) - MAX_LISTED:,} more {what}"]


class DocumentError(Exception):
    """A file cannot be used; `problems` lists every error in it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class Strict(BaseModel):
    """A frozen model that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)


def parse_duration(value: object) -> object:
    """Return a duration such as `15s`, `5m`, `500ms`, `2h` or `1d` in seconds.

    Raises:
        ValueError: the value is not a duration.

    """
    if isinstance(value, float):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration; write a number with a unit, such as 500ms, 15s, 5m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2]]


Duration = Annotated[float, BeforeValidator(parse_duration)]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file, and the line number of every path in it."""

    file: Path
    data: Any
    lines: Mapping[Path_, int]

    def line_of(self, path: Path_) -> int:
        """Return the line of a path, or of its nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path_, message: str, line: int | None = None) -> Problem:
        """Return a problem at a path, with its line unless another one is given. A long message is shortened."""
        prefix = ".".join(shown(part) for part in path)
        text = f"{prefix}: {message}" if prefix else message
        text = text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…"
        return Problem(self.file, self.line_of(path) if line is None else line, text)


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large a file may be: its bytes, and the number of its keys and values."""

    most_bytes: int
    most_values: int


SETTINGS_LIMITS = FileLimits(1024 * 1024, 50_000)
"""Enough for a login of its own for each of 8,000 cameras."""

CAMERA_LIMITS = FileLimits(64 * 1024, 1000)


def read(
    file: Path,
    limits: FileLimits = SETTINGS_LIMITS,
    *,
    place: Path | None = None,
    words: frozenset[str] = frozenset(),
) -> Document:
    """Read a YAML file that contains one mapping of plain values, and no aliases.

    `place` is where the file lies if `file` is a symbolic link; it must not be one. The values of the keys in `words`
    are texts, also if they look like numbers.

    Raises:
        DocumentError: the file cannot be read, or is not a regular file within the limits.

    """
    try:
        content = read_bytes(place or file, limits.most_bytes, follow=place is None)
    except OSError as error:
        raise DocumentError((Problem(file, 0, f"cannot be read: {error.strerror}"),)) from error
    except UnsuitableFileError as error:
        raise DocumentError((Problem(file, 0, str(error)),)) from error
    return parse(file, content, limits, words)


def parse(file: Path, content: bytes, limits: FileLimits, words: frozenset[str] = frozenset()) -> Document:
    """Parse the content of a YAML file.

    Raises:
        DocumentError: the content is not one mapping of plain values; the error lists the problems by line.

    """
    try:
        parsed = yaml_text.parse(content.decode("utf-8-sig"), most_values=limits.most_values, words=words)
    except UnicodeDecodeError as error:
        raise DocumentError((Problem(file, 0, "is not UTF-8 text"),)) from error
    except YamlTextError as error:
        raise DocumentError((Problem(file, error.line, str(error)),)) from error
    document = Document(file, parsed.data, parsed.lines)
    if not isinstance(parsed.data, dict):
        raise DocumentError((Problem(file, 1, "must contain keys and values"),))
    if parsed.duplicates:
        raise DocumentError(tuple(document.problem(path, "key given twice", at) for path, at in parsed.duplicates))
    return document


def _fields_at(model: type[BaseModel], path: Path_) -> list[str]:
    """Return the valid keys of the model at `path`."""
    current: type[BaseModel] | None = model
    for part in path:
        if current is None:
            return []
        field = current.model_fields.get(str(part))
        if field is None:
            continue
        candidates = [field.annotation, *get_args(field.annotation)]
        current = next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)
    return list(current.model_fields) if current else []


def _message(model: type[BaseModel], path: Path_, kind: str, text: str) -> str:
    if kind == "extra_forbidden":
        name = str(path[-1])
        if name in _HINTS:
            return f"a secret does not belong in this file; {_HINTS[name]}"
        valid = _fields_at(model, path[:-1])
        near = difflib.get_close_matches(name, valid, 1, 0.5)
        return f'unknown key; did you mean "{near[0]}"?' if near else f"unknown key; valid keys: {', '.join(valid)}"
    if kind == "missing":
        return "missing"
    text = text.removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def validate(document: Document, model: type[Model], at: Path_ = (), **context: object) -> Model:
    """Validate a document, or what it has at a path, against a model.

    Raises:
        DocumentError: the document is invalid; the error lists every problem by line.

    """
    try:
        return model.model_validate(functools.reduce(lambda data, part: data[part], at, document.data), context=context)
    except ValidationError as error:
        # Only those that are listed get a message: a text of 1 MiB can contain tens of thousands of wrong keys.
        found = sorted(
            error.errors(include_url=False, include_input=False),
            key=lambda item: document.line_of((*at, *item["loc"])),
        )
        problems = [
            document.problem((*at, *item["loc"]), _message(model, item["loc"], item["type"], item["msg"]))
            for item in found[:MAX_PROBLEMS]
        ]
        if len(found) > MAX_PROBLEMS:
            problems.append(Problem(document.file, 0, f"{len(found) - MAX_PROBLEMS:,} more errors in this file"))
        raise DocumentError(tuple(problems)) from None
