"""How long the tests of endurance run: briefly in `make test`, in full in `make soak`."""

from __future__ import annotations

import os
from typing import TypeVar

_Length = TypeVar("_Length")
IN_FULL = os.environ.get("XUELIANG_SOAK") == "1"


def length(brief: _Length, full: _Length) -> _Length:
    """Return how often or how long a test of endurance does its work in this run."""
    return full if IN_FULL else brief
