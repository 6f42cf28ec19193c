"""Turns at one host: order, number, sharing, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.probing.host_queue import HostQueue, Turn, Urgency
from xueliang_monitor.probing.host_state import RAISE_SECONDS, Channel
from xueliang_monitor.probing.lock_files import LockFiles

NO_ANSWER = RungResult(Rung.REACH, False, 2.0, "connect_timeout", "10.0.0.1:554 gave no answer")
REACHED = RungResult(Rung.REACH, True, 0.01)
ANSWERED = RungResult(Rung.RTSP, True, 0.01)
LIMITED = VisitResult(
    "c",
    0.0,
    (REACHED, ANSWERED, RungResult(Rung.STREAM, False, 0.1, "session_limit", "453")),
    (Finding("session_limit", "453", Rung.STREAM),),
    online=True,
)


class Host:
    """A queue with a clock of its own; `turned` are the channels at which a trouble began or ended."""

    def __init__(self, sessions: int, channels: int = 9) -> None:
        self.now = 1000.0
        self.turned: list[str] = []
        files = LockFiles(None, "h")
        self.queue = HostQueue("h", files, lambda: self.now, lambda channel: self.turned.append(channel.camera))
        self.queue.allow(sessions, channels)
        self.had: list[str] = []
        self.given: dict[str, Turn] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, *names: str, urgency: Urgency = Urgency.ROUTINE) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._have(name, urgency))
            await self.settle()

    async def _have(self, name: str, urgency: Urgency) -> None:
        async with self.queue.turn(Channel(name, 554), urgency) as turn:
            self.had.append(name)
            self.given[name] = turn
            if turn.shared is None:
                await self._ends[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
            await self.settle()

    async def cancel(self, name: str) -> None:
        self._tasks[name].cancel()
        await self.settle()

    async def see(self, name: str, *results: RungResult, after: float = 0.1) -> None:
        for result in results:
            self.now += after
            self.queue.climbed(self.given[name], result)
        await self.settle()

    @staticmethod
    async def settle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        ended = await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        assert [end for end in ended if end is not None and not isinstance(end, asyncio.CancelledError)] == []


@asynccontextmanager
async def host(sessions: int, channels: int = 9) -> AsyncIterator[Host]:
    made = Host(sessions, channels)
    try:
        yield made
    finally:
        await made.stop()
        assert made.queue.idle


async def test_turns_come_in_order_and_no_more_at_once_than_sessions() -> None:
    async with host(2) as at:
        await at.ask(*"abcd")
        assert at.had == ["a", "b"]
        await at.end("b")
        assert at.had == ["a", "b", "c"]
        await at.end("a", "c")
        assert at.had == ["a", "b", "c", "d"]
        assert at.given["c"].most_open == 2


async def test_asked_ones_and_rechecks_come_before_routine() -> None:
    async with host(1) as at:
        await at.ask("a", "b", "c")
        await at.ask("recheck", "recheck-2", urgency=Urgency.RECHECK)
        await at.ask("asked", urgency=Urgency.ASKED)
        at.queue.hasten("c")
        await at.settle()
        await at.end("a", "c", "asked", "recheck", "recheck-2", "b")
        assert at.had == ["a", "c", "asked", "recheck", "recheck-2", "b"]


async def test_whoever_is_cancelled_leaks_no_turn() -> None:
    async with host(1) as at:
        await at.ask("a", "b", "c", "d")
        await at.cancel("b")
        await at.cancel("a")
        assert at.had == ["a", "c"]
        at._ends["c"].set()
        await asyncio.sleep(0)  # c gives back, and d is given a turn that it has not taken yet
        await at.cancel("d")
        await at.ask("e")
        assert at.had[-1] == "e"


async def test_all_that_are_cancelled_at_once_leak_no_turn() -> None:
    async with host(2) as at:
        await at.ask(*"abcdef")
        for name in "acdbf":
            at._tasks[name].cancel()  # a gives back while c is cancelled and does not know it yet
        await at.settle()
        assert at.had == ["a", "b", "e"]


async def test_cancelled_in_the_moment_of_being_given_a_turn() -> None:
    at = Host(1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(at.queue.turn(Channel("a", 554), Urgency.ROUTINE))
        waiting = asyncio.create_task(at.queue.turn(Channel("b", 554), Urgency.ROUTINE).__aenter__())
        await at.settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert at.queue.idle


async def test_a_session_that_is_refused_beside_others_is_tried_again_with_fewer() -> None:
    async with host(4) as at:
        await at.ask(*"abcdefg")
        judged = at.queue.judged(at.given["c"], LIMITED)
        assert (judged.seen, at.given["c"].again, judged.online) == ((), True, True)
        assert "visited again" in judged.rungs[-1].detail
        assert at.queue.sessions == 3
        await at.end("c")
        assert at.had == list("abcd"), "three are still open"
        await at.end("a")
        assert at.had == list("abcde")
        at.now += RAISE_SECONDS
        await at.end("b")
        assert at.had == list("abcdefg")


async def test_a_session_that_is_refused_to_the_only_one_is_a_fault() -> None:
    async with host(1) as at:
        await at.ask("a")
        assert at.queue.judged(at.given["a"], LIMITED) is LIMITED
        assert not at.given["a"].again


async def test_a_login_that_was_refused_beside_other_sessions_is_their_limit() -> None:
    refused = VisitResult("c", 0.0, (REACHED, RungResult(Rung.RTSP, False, 0.1, "auth_failed", "401")))
    found = VisitResult("c", 0.0, (REACHED, ANSWERED), (Finding("session_limit", "401 before", Rung.RTSP),))
    async with host(4) as at:
        await at.ask(*"abc")
        assert at.queue.judged(at.given["c"], refused) is refused
        await at.end(*"abc")
        await at.ask("c")
        judged = at.queue.judged(at.given["c"], found)
        assert (judged.seen, at.given["c"].again, at.queue.sessions) == ((), False, 2)
        assert at.queue.judged(at.given["c"], found) is found, "it was the only one"


async def test_the_sessions_of_a_new_setting_count_at_once() -> None:
    async with host(1) as at:
        await at.ask("a", "b", "c")
        at.queue.allow(2, 9)
        await at.settle()
        assert at.had == ["a", "b"]


async def test_one_scout_at_a_time_and_the_others_share_what_it_finds() -> None:
    async with host(4) as at:
        await at.ask("a")
        await at.see("a", NO_ANSWER)
        assert at.turned == ["a"]
        await at.end("a")
        await at.ask("b", "c")
        assert [at.given[name].shared is None for name in ("b", "c")] == [False, False]
        at.now += 2
        await at.ask("d", "e", "b", "c")
        assert at.had == ["a", "b", "c", "d"], "d is the scout"
        await at.see("d", NO_ANSWER, after=2)
        assert sorted(at.had[4:]) == ["b", "c", "e"]
        assert all(at.given[name].shared for name in "bce")


async def test_the_first_success_ends_the_sharing_and_the_waiting() -> None:
    async with host(3) as at:
        await at.ask("a")
        await at.see("a", NO_ANSWER)
        await at.end("a")
        at.now += 2
        await at.ask(*"bcdef")
        assert at.had == ["a", "b"]
        await at.see("b", REACHED)
        assert at.had == ["a", "b", "c", "d"]
        assert at.turned == ["a", "b"]
        assert at.given["c"].shared is None


async def test_the_scout_is_who_did_not_connect_for_longest() -> None:
    async with host(4) as at:
        for name in "abc":
            at.now += 1
            await at.ask(name)
            await at.see(name, REACHED, ANSWERED)
            await at.end(name)
        await at.ask("scout")
        await at.see("scout", NO_ANSWER)
        await at.end("scout")
        at.now += 2
        await at.ask("first")
        await at.ask("c", "a", "b")
        await at.end("first")  # without a result, as by an error of the monitor
        assert at.had[-1] == "a"


async def test_who_asks_gets_an_answer_of_its_own() -> None:
    async with host(4) as at:
        await at.ask("a")
        await at.see("a", NO_ANSWER)
        await at.end("a")
        await at.ask("b", urgency=Urgency.ASKED)
        assert at.given["b"].shared is None


async def test_a_visit_that_plays_keeps_no_scout_waiting() -> None:
    async with host(4) as at:
        await at.ask("playing", "a")
        await at.see("playing", REACHED, ANSWERED)
        at.now += 1
        await at.end("a")
        await at.ask("a")
        await at.see("a", NO_ANSWER, after=2)
        await at.end("a")
        at.now += 2
        await at.ask("b")
        assert at.had[-1] == "b"


async def test_the_wait_is_known_while_it_lasts() -> None:
    async with host(1) as at:
        await at.ask("a", "b")
        at.now += 40
        assert at.queue.wait_seconds == 40
        await at.end("a")
        assert at.given["b"].waited_seconds == 40
        assert at.queue.wait_seconds == 40
