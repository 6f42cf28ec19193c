"""Keeps background tasks running: one that fails is logged, counted and started again after a pause."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from xueliang_monitor.clock import Clock

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
SETTLED_SECONDS = 300.0
"""A task that ran this long before it failed is started again after the first pause."""

_ENDING = (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)


def _place(error: BaseException) -> tuple[str, int]:
    """Return what and where: a failure of the same kind at the same place is the same failure."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return type(error).__name__, trace.tb_lineno if trace is not None else 0


async def supervised(
    name: str, work: Callable[[], Awaitable[None]], *, clock: Clock, failed: Callable[[str], None]
) -> None:
    """Run `work` until it returns; where it fails, call `failed` with the task's name and run it again.

    The pause before that grows from 1 s to a minute. The traceback stands in the log once for each kind of failure in a
    row. Any exception counts, also what is none of `Exception` (a panic in Rust code is not), but not a cancellation.
    """
    pause, said = FIRST_PAUSE_SECONDS, ("", 0)
    while True:
        started = clock.monotonic()
        try:
            await work()
        except _ENDING:
            raise
        except BaseException as error:
            failed(name)
            if clock.monotonic() - started >= SETTLED_SECONDS:
                pause, said = FIRST_PAUSE_SECONDS, ("", 0)
            place = _place(error)
            text = f"{type(error).__name__}: {error}"
            log.error(  # noqa: TRY400 - the traceback stands there once
                "the task %s failed (%s); it is started again in %.0f s",
                name,
                text,
                pause,
                exc_info=None if place == said else error,
            )
            said = place
        else:
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
