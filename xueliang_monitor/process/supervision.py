"""Supervision of background tasks: a failed task is logged, counted and restarted after a pause."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from xueliang_monitor.clock import Clock

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
SETTLED_SECONDS = 300.0
"""A task that ran this long before it failed is restarted after the first pause."""

_ENDING = (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)


def _place(error: BaseException) -> tuple[str, int]:
    """Return the exception's type and line; two failures with the same are considered the same."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return type(error).__name__, trace.tb_lineno if trace is not None else 0


async def supervised(
    name: str, work: Callable[[], Awaitable[None]], *, clock: Clock, failed: Callable[[str], None]
) -> None:
    """Run `work` until it returns; if it fails, call `failed` with the task's name and run it again.

    The pause before the next run grows from 1 s to a minute. The traceback of repeated identical failures is logged
    once. Every exception counts as a failure, even one outside `Exception` (such as a panic in Rust code), but not a
    cancellation.
    """
    pause, logged = FIRST_PAUSE_SECONDS, ("", 0)
    while True:
        started = clock.monotonic()
        try:
            await work()
        except _ENDING:
            raise
        except BaseException as error:
            failed(name)
            if clock.monotonic() - started >= SETTLED_SECONDS:
                pause, logged = FIRST_PAUSE_SECONDS, ("", 0)
            place = _place(error)
            text = f"{type(error).__name__}: {error}"
            log.error(  # noqa: TRY400 - the traceback is logged once
                "the task %s failed (%s); it restarts in %.0f s",
                name,
                text,
                pause,
                exc_info=None if place == logged else error,
            )
            logged = place
        else:
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
