"""Strict reading of YAML files: every error names file, line, path and the nearest valid key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

MAX_FILE_BYTES = 1024 * 1024
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_HINTS = {"password": "write it to a file named by password_file, or to an environment variable named by password_env"}

Path_ = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One error in a file; `line` counts from 1 and is 0 if the error has no line."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        return f"{place}: {self.message}"


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

    def problem(self, path: Path_, message: str) -> Problem:
        """Return a problem at a path, with the line of the nearest parent that has one."""
        at = path
        while at and at not in self.lines:
            at = at[:-1]
        prefix = ".".join(str(part) for part in path)
        return Problem(self.file, self.lines.get(at, 1), f"{prefix}: {message}" if prefix else message)


def _walk(node: yaml.Node, path: Path_, lines: dict[Path_, int], *, file: Path, problems: list[Problem]) -> None:
    """Record the line of every path below a node, and a problem for every duplicate key."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = str(key.value)
            if name in seen:
                problems.append(Problem(file, line, f"{'.'.join(map(str, (*path, name)))}: key given twice"))
            seen.add(name)
            lines[(*path, name)] = line
            _walk(value, (*path, name), lines, file=file, problems=problems)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), lines, file=file, problems=problems)


def read(file: Path) -> Document:
    """Read a YAML file of at most 1 MiB that contains one mapping and no aliases.

    Raises:
        DocumentError: the file cannot be read.

    """

    def refuse(message: str, line: int = 0) -> DocumentError:
        return DocumentError((Problem(file, line, message),))

    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise refuse("is not UTF-8 text") from error
    if len(raw) > MAX_FILE_BYTES:
        raise refuse(f"is larger than {MAX_FILE_BYTES} bytes")
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise refuse("aliases are not allowed; write the value out", line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise refuse(f"is not valid YAML: {error.problem}", line) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise refuse(f"is not valid YAML: {type(error).__name__}") from error
    if node is None:
        return Document(file, {}, {})
    if not isinstance(data, dict):
        raise refuse("must contain keys and values", 1)
    lines: dict[Path_, int] = {}
    problems: list[Problem] = []
    _walk(node, (), lines, file=file, problems=problems)
    if problems:
        raise DocumentError(tuple(problems))
    return Document(file, data, lines)


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


def validate(document: Document, model: type[Model], **context: object) -> Model:
    """Validate a document against a model.

    Raises:
        DocumentError: the document is invalid; the error lists every problem by line.

    """
    try:
        return model.model_validate(document.data, context=context)
    except ValidationError as error:
        problems = [
            document.problem(tuple(item["loc"]), _message(model, tuple(item["loc"]), item["type"], item["msg"]))
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise DocumentError(tuple(sorted(problems, key=lambda problem: problem.line))) from None
