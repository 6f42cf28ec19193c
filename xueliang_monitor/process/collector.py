"""The garbage collector: a full collection stops every thread for as long as it looks at each object."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def no_full_collection() -> Iterator[None]:
    """Collect only the garbage among young objects meanwhile, which takes a few milliseconds."""
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, sys.maxsize >> 32)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)


def spare_known_objects() -> None:
    """Exclude all objects that exist now from later collections.

    A full collection with 5,000 cameras takes 100 ms or more. Garbage in circles that was not collected yet is never
    freed, so this is for rare moments after which most objects stay.
    """
    gc.freeze()


def free_one_by_one(objects: list[object]) -> None:
    """Empty a list that holds the last references to objects. Run in a thread, others can run between two objects.

    To free 5,000 cameras at once stops every thread for 100 ms.
    """
    while objects:
        objects.pop()
