"""Dataclass fields with a stored name. A field may be renamed; its name in memory files never changes. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_KEY = "stored"


def stored_as(name: str) -> Mapping[str, str]:
    """Return the metadata that gives a dataclass field its stored name."""
    return {_KEY: name}


def stored_names(values: DataclassInstance | type[DataclassInstance]) -> Iterator[tuple[str, str]]:
    """Yield (field name, stored name) of each field that has a stored name, in the order of the fields."""
    return iter(_named(values if isinstance(values, type) else type(values)))


@functools.cache
def _named(kind: type[DataclassInstance]) -> tuple[tuple[str, str], ...]:
    return tuple((each.name, each.metadata[_KEY]) for each in fields(kind) if _KEY in each.metadata)


def by_stored_name(values: DataclassInstance) -> dict[str, float]:
    """Return the numbers of a dataclass by their stored names, in the order of the fields."""
    return {stored: float(getattr(values, name)) for name, stored in stored_names(values)}
