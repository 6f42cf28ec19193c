"""Measures how long one uninterrupted step of the event loop takes, in processor time of its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

from xueliang_monitor.service import spare_the_collector


@dataclass(slots=True)
class Steps:
    """The longest step so far, in seconds of processor time, and the callback that took it."""

    longest_seconds: float = 0.0
    callback: str = ""

    def begin_again(self) -> None:
        """Forget what was measured so far."""
        self.longest_seconds, self.callback = 0.0, ""


@contextlib.contextmanager
def measured_steps() -> Iterator[Steps]:
    """Measure every callback that a loop of this thread runs.

    What other processes take of a busy machine is not counted. A full garbage collection of all the tests' modules
    takes 50 ms, so they are spared, as the service spares its own.
    """
    spare_the_collector()
    steps, own = Steps(), threading.get_ident()
    run = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        callback = handle._callback  # type: ignore[attr-defined] # a finished handle forgets it
        run(handle)
        took = time.thread_time() - began
        if took > steps.longest_seconds and threading.get_ident() == own:
            steps.longest_seconds, steps.callback = took, _name(callback)

    try:
        with mock.patch.object(asyncio.Handle, "_run", measured):
            yield steps
    finally:
        gc.unfreeze()


def _name(callback: object) -> str:
    """Return what the callback is called; the `repr` of a callback would read, and so change, what it is bound to.

    aiohttp keeps what `ClientResponse.headers` was when it was first read: none, if that was before the answer.
    """
    task = getattr(callback, "__self__", None)
    named = task.get_coro() if isinstance(task, asyncio.Task) else callback
    return str(getattr(named, "__qualname__", None) or type(named).__qualname__)
