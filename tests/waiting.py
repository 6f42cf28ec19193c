"""Waiting for what is to happen, however busy the machine is."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

from xueliang_monitor.model import Timeouts

AT_MOST_SECONDS = 60.0
"""Far more than anything takes on a machine that has time; whoever waits for longer waits for what never comes."""

PATIENT = Timeouts(reach=20.0, rtsp=60.0, stream=60.0, picture=120.0, onvif=60.0)
"""Timeouts of visits for tests that are not about them."""

PATIENCE = "timeouts: {rtsp: 30s, stream: 60s, picture: 60s, onvif: 30s}\n"
"""The same as settings of a daemon; a camera that does not answer at all is noticed as soon as ever."""

Wanted = Callable[[], bool | Awaitable[bool]]


async def until(
    wanted: Wanted, seconds: float = AT_MOST_SECONDS, what: str | Callable[[], object] = "it did not happen"
) -> float:
    """Return how long it took until it was so; `what` says what is missing where it never is.

    Raises:
        AssertionError: it was not so within that time.

    """
    started = time.monotonic()
    while True:
        told = wanted()
        if inspect.isawaitable(told):
            told = await told
        took = time.monotonic() - started
        if told:
            return took
        assert took < seconds, f"not within {seconds:.0f} s: {what() if callable(what) else what}"
        await asyncio.sleep(0.02)
