"""Background tasks that fail are restarted, counted, and logged with one traceback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable

import pytest

from xueliang_monitor.clock import ManualClock
from xueliang_monitor.process import supervision
from xueliang_monitor.process.supervision import supervised


class PanicError(BaseException):
    """Like a panic in Rust code, which is not an `Exception`."""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip all pauses, and record how long each should have been."""
    waited: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", at_once)
    return waited


def failing(times: int, error: Callable[[], BaseException], each: Callable[[], None] = lambda: None):
    attempts = itertools.count()

    async def work() -> None:
        each()
        if next(attempts) < times:
            raise error()

    return work


@pytest.mark.parametrize("kind", [OSError, RuntimeError, PanicError, lambda text: ExceptionGroup(text, [OSError()])])
async def test_a_task_that_fails_is_counted_and_started_again(
    pauses: list[float], caplog: pytest.LogCaptureFixture, kind: Callable[[str], BaseException]
) -> None:
    count: Counter[str] = Counter()
    await supervised("x", failing(9, lambda: kind("broken")), clock=ManualClock(), failed=lambda n: count.update([n]))
    assert count == {"x": 9}
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [record.exc_info is not None for record in caplog.records] == [True] + 8 * [False]
    assert "the task x failed (" in caplog.text
    assert "broken" in caplog.text


async def test_another_failure_is_logged_with_its_own_traceback(
    pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    errors = iter([OSError("a"), OSError("a"), ValueError("b"), ValueError("b")])
    await supervised("x", failing(4, lambda: next(errors)), clock=ManualClock(), failed=lambda _: None)
    assert [record.exc_info is not None for record in caplog.records] == [True, False, True, False]


async def test_a_task_that_ran_for_long_is_started_again_soon(pauses: list[float]) -> None:
    clock = ManualClock()
    work = failing(4, OSError, lambda: clock.advance(supervision.SETTLED_SECONDS))
    await supervised("x", work, clock=clock, failed=lambda _: None)
    assert pauses == [1, 1, 1, 1]


async def test_a_cancelled_task_ends() -> None:
    task = asyncio.create_task(
        supervised("x", asyncio.Event().wait, clock=ManualClock(), failed=lambda _: None)  # type: ignore[arg-type]
    )
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
