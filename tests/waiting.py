"""Waiting for conditions, even on a busy machine."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

from xueliang_monitor.model import Timeouts

AT_MOST_SECONDS = 60.0
"""Far longer than anything takes on an idle machine; a longer wait would never end."""

PATIENT = Timeouts(reach=20.0, rtsp=60.0, stream=60.0, picture=120.0, onvif=60.0)
"""Timeouts of visits for tests that do not test them."""

PATIENCE = "timeouts: {rtsp: 30s, stream: 60s, picture: 60s, onvif: 30s}\n"
"""The same as settings of a daemon; a silent camera is noticed as soon as possible."""

Wanted = Callable[[], bool | Awaitable[bool]]


async def until(
    wanted: Wanted, seconds: float = AT_MOST_SECONDS, what: str | Callable[[], object] = "it did not happen"
) -> float:
    """Return how long the condition took; `what` names what is missing if it never holds.

    Raises:
        AssertionError: it was not so within that time.

    """
    started, pause = time.monotonic(), 0.02
    while True:
        told = wanted()
        if asked := inspect.isawaitable(told):
            told = await told
        took = time.monotonic() - started
        if told:
            return took
        assert took < seconds, f"not within {seconds:.0f} s: {what() if callable(what) else what}"
        await asyncio.sleep(pause)
        if asked:  # asking a daemon again and again would take the processor from it
            pause = min(1.2 * pause, 0.25)
