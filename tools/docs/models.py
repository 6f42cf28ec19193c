"""Reads a pydantic model by introspection: keys, types, defaults, bounds and descriptions."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import textwrap
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from xueliang_monitor.configuration.strict_yaml import parse_duration

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"), (0.001, "ms"))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a YAML file; `path` is dotted."""

    path: str
    kind: str
    default: str
    bounds: str
    text: str


def duration(seconds: float) -> str:
    """Write seconds as the settings do, in the largest unit that gives a whole number."""
    for size, unit in _UNITS:
        if seconds >= size and (seconds / size).is_integer():
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


def docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the docstrings under a model's attributes, by attribute."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, TypeError, SyntaxError):
        return {}  # a model that was made by a call has no source
    found: dict[str, str] = {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for before, after in itertools.pairwise(body):
        if not (isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            found[before.target.id] = inspect.cleandoc(after.value.value)
    return found


def _parts(annotation: Any) -> tuple[Any, list[Any]]:
    """Return the type inside `Annotated` and optional types, and the metadata on the way."""
    metadata: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif get_origin(annotation) in (Union, types.UnionType):
            inner = [item for item in get_args(annotation) if item is not type(None)]
            if len(inner) != 1:
                return annotation, metadata
            annotation = inner[0]
        else:
            return annotation, metadata


def is_duration(metadata: list[Any]) -> bool:
    """Say whether a value is written as a number with a unit of time."""
    return any(isinstance(item, BeforeValidator) and item.func is parse_duration for item in metadata)


def _bounds_in(metadata: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        for source in (item, *getattr(item, "metadata", ())):
            for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
                value = getattr(source, name, None)
                if value is not None:
                    found[name] = value
    return found


def bounds(metadata: list[Any]) -> str:
    """Write the bounds of a value."""
    known = _bounds_in(metadata)
    timed = is_duration(metadata)

    def write(value: Any) -> str:
        return duration(value) if timed and value else f"{value:g}" if isinstance(value, float) else str(value)

    parts = [
        f"{words} {write(known[name])}"
        for name, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))
        if name in known
    ]
    if "max_length" in known:
        least = known.get("min_length", 0)
        parts.append(f"{least} to {known['max_length']} characters" if least else f"{known['max_length']} characters")
    return ", ".join(parts)


def _plain_kind(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f"`{value}`" for value in kind)
    names = {str: "text", int: "integer", float: "number", bool: "`true` or `false`", Path: "path"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def kind_of(annotation: Any, extra: list[Any]) -> str:
    """Write the type of a value."""
    kind, metadata = _parts(annotation)
    if is_duration([*metadata, *extra]):
        return "duration"
    origin = get_origin(kind)
    if origin in (tuple, frozenset, list):
        inner = [item for item in get_args(kind) if item is not Ellipsis]
        many = "list of " + kind_of(inner[0], [])
        return many if origin is not tuple or Ellipsis in get_args(kind) else f"list of {len(inner)} numbers"
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        key, value = get_args(kind)
        inner_kind, _ = _parts(value)
        name = kind_of(key, [])
        if isinstance(inner_kind, type) and issubclass(inner_kind, BaseModel):
            return "mapping of names to the keys below"
        return f"mapping of {'names' if name == 'text' else name} to {kind_of(value, [])}"
    return _plain_kind(kind)


def _default_of(field: FieldInfo, timed: bool) -> str:
    value = field.get_default(call_default_factory=True)
    if field.is_required() or value is PydanticUndefined:
        return "required"
    if value is None or value == "":
        return ""
    if timed and isinstance(value, int | float):
        return f"`{duration(float(value))}`"
    if isinstance(value, str | Path):
        return f"`{value}`"
    if isinstance(value, Mapping):
        return "`{}`" if not value else f"`{json.dumps(dict(value))}`"
    if isinstance(value, tuple | frozenset):
        return "`[]`" if not value else f"`{list(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def nested(field: FieldInfo) -> tuple[type[BaseModel] | None, bool]:
    """Return the model that a field holds, and whether it holds several by name."""
    kind, _ = _parts(field.annotation)
    by_name = isinstance(get_origin(kind), type) and issubclass(get_origin(kind) or object, Mapping)
    inner, _ = _parts(get_args(kind)[1]) if by_name else (kind, [])
    return (inner, by_name) if isinstance(inner, type) and issubclass(inner, BaseModel) else (None, False)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    """Yield every key of a model, those of nested models after their section."""
    described = docstrings(model)
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        _, inner = _parts(field.annotation)
        metadata = [*inner, *field.metadata]
        text = " ".join((field.description or described.get(name, "")).split())
        section, by_name = nested(field)
        if section is not None:
            kind = "mapping of names to the keys below" if by_name else "section"
            yield Key(path, kind, "", "", text)
            yield from keys(section, f"{path}.NAME." if by_name else f"{path}.")
        else:
            timed = is_duration(metadata)
            default = _default_of(field, timed)
            yield Key(path, kind_of(field.annotation, field.metadata), default, bounds(metadata), text)
