"""Costly answers are made once for all who ask, one at a time, and off the event loop."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable

import pytest

from tests.waiting import until
from xueliang_monitor.web.shared_work import MOST_WAITING, Begin, BusyError, SharedWork


class Making:
    """Work that lasts until it is let go, and counts how often it ran."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.made: list[str] = []
        self.at_once = self.most_at_once = 0

    def begin(self, name: str) -> Begin[str]:
        async def begin() -> Callable[[], str]:
            return functools.partial(self._work, name)

        return begin

    def _work(self, name: str) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.go.wait(60)
        self.at_once -= 1
        self.made.append(name)
        return f"{name} {len(self.made)}"


async def test_all_who_ask_share_one_answer_and_it_is_kept_for_a_moment() -> None:
    now, making = [0.0], Making()
    shared = SharedWork[str](1.0, kept=2, clock=lambda: now[0])
    asking = [asyncio.create_task(shared.get("a", making.begin("a"))) for _ in range(100)]
    making.go.set()
    assert set(await asyncio.gather(*asking)) == {"a 1"}
    now[0] = 0.9
    assert await shared.get("a", making.begin("a")) == "a 1"
    now[0] = 1.1
    assert await shared.get("a", making.begin("a")) == "a 2"
    for key in ("b", "c"):
        await shared.get(key, making.begin("x"))
    assert await shared.get("a", making.begin("a")) == "a 5", "only two answers are kept"


async def test_one_at_a_time_and_one_for_each_client() -> None:
    making = Making()
    shared = SharedWork[str](1.0, kept=9)
    first = asyncio.create_task(shared.get("a", making.begin("a"), "client"))
    await until(lambda: making.at_once == 1)
    with pytest.raises(BusyError):
        await shared.get("b", making.begin("b"), "client")
    others = [
        asyncio.create_task(shared.get(number, making.begin("other"), f"client {number}"))
        for number in range(MOST_WAITING + 3)
    ]
    await until(lambda: sum(task.done() for task in others) == 4)
    making.go.set()
    assert await first == "a 1"
    told = await asyncio.gather(*others, return_exceptions=True)
    assert sum(isinstance(each, BusyError) for each in told) == 4
    assert making.most_at_once == 1
    assert (await shared.get("b", making.begin("b"), "client")).startswith("b")


async def test_an_asker_who_leaves_and_a_failure_leave_nothing_behind() -> None:
    making = Making()
    shared = SharedWork[str](1.0, kept=9)
    leaving = asyncio.create_task(shared.get("a", making.begin("a"), "client"))
    staying = asyncio.create_task(shared.get("a", making.begin("a"), "another"))
    await until(lambda: making.at_once == 1)
    leaving.cancel()
    making.go.set()
    assert await staying == "a 1"

    async def fails() -> Callable[[], str]:
        raise OSError("no disk")

    for _ in range(2):
        with pytest.raises(OSError, match="no disk"):
            await shared.get("c", fails, "client")
    await shared.close()
