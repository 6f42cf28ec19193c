"""Refused logins by address and login: however many channels, visits at a time, restarts and steps of the clock."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulated_time import START
from tests.waiting import PATIENT
from xueliang_monitor.fleet.changes import Changes
from xueliang_monitor.model import Credentials, OnvifTarget, Rung, Target
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.login import (
    LOCK_SECONDS,
    MAX_REFUSALS,
    REFUSALS_SECONDS,
    Denial,
    Login,
    LoginHistory,
    LoginOutcome,
    Protocol,
)
from xueliang_monitor.probing.login_book import FORGET_SECONDS, LoginBook, VisitLogins
from xueliang_monitor.probing.login_marks import LoginMarks
from xueliang_monitor.probing.login_record import FRESH_SECONDS, LoginKey, LoginRecord
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.storage.history import History

Start = Callable[..., Awaitable[SimulatedFleet]]
WRONG, RIGHT = Credentials("viewer", "wrong"), Credentials("viewer", "right")
MARKS = LoginMarks()
DAY = 86_400.0


def channel(number: int, login: Credentials = WRONG, host: str = "10.0.0.9") -> Target:
    return Target(f"ch-{number}", host, path=f"/ch/{number}", credentials=login, onvif=OnvifTarget(credentials=login))


def begun(book: LoginBook, target: Target, known: Login | None = None) -> VisitLogins:
    return book.of_visit(target, (known or Login()).for_target(target, MARKS))


def key(login: Credentials = WRONG, host: str = "10.0.0.9") -> LoginKey:
    return LoginKey(host, MARKS.of(login) or "")


def most_in_half_an_hour(moments: list[float]) -> int:
    return max(sum(start <= at < start + REFUSALS_SECONDS for at in moments) for start in moments)


class Recorder:
    """A recorder whose channels are visited every 15 s, four at the same time, and what it answers to logins."""

    def __init__(self, channels: int, answer: Callable[[float], LoginOutcome], book: LoginBook | None = None) -> None:
        self.book = book or LoginBook()
        self.channels = [channel(number) for number in range(channels)]
        self.logins = {target.id: Login() for target in self.channels}
        self.answer = answer
        self.refusals: list[float] = []
        self.accepted: set[str] = set()

    async def _ask(self, visiting: VisitLogins, now: float, outcome: LoginOutcome | None) -> bool:
        """Ask for leave over one protocol. Others of the same moment that hold it have not answered yet."""
        ask = visiting.rtsp(now) if outcome is None else visiting.onvif(now, outcome)
        try:
            ask.send(None)
        except StopIteration as answer:
            return bool(answer.value.allowed)
        ask.close()  # it waits for the others; a real visit gives up after a while
        return False

    async def round(self, now: float) -> None:
        for first in range(0, len(self.channels), 4):
            together = self.channels[first : first + 4]
            visits = {target.id: begun(self.book, target, self.logins[target.id]) for target in together}
            for protocol in (Protocol.RTSP, Protocol.ONVIF):
                held = LoginOutcome.HELD_BACK if protocol is Protocol.ONVIF else None
                allowed = [name for name, each in visits.items() if await self._ask(each, now, held)]
                for name in allowed:
                    outcome = self.answer(now)
                    visits[name].over(protocol, outcome, now)
                    self.refusals += [now] * outcome.is_refusal
                    self.accepted |= {name} if outcome is LoginOutcome.ACCEPTED else set()
            for name, each in visits.items():
                each.close(now)
                self.logins[name] = each.login

    async def run(self, began: float, seconds: float, every: float = 15.0) -> None:
        order, now = random.Random(3), began
        while now < began + seconds:
            order.shuffle(self.channels)
            await self.round(now)
            now += every


@pytest.mark.parametrize("good_for", [0.0, 3600.0], ids=["wrong from the start", "wrong after an hour"])
async def test_a_wrong_password_for_a_recorder_of_64_channels_over_a_day(good_for: float) -> None:
    def answer(now: float) -> LoginOutcome:
        return LoginOutcome.ACCEPTED if now < START + good_for else LoginOutcome.REFUSED

    recorder = Recorder(64, answer)
    await recorder.run(START, DAY, every=120.0)
    assert len(recorder.refusals) >= 3
    assert most_in_half_an_hour(recorder.refusals) <= MAX_REFUSALS
    assert bool(recorder.accepted) is bool(good_for)


def test_a_login_that_is_accepted_as_ever_leaves_its_record_until_its_use_is_written_again() -> None:
    good = LoginRecord(LoginHistory("m"), LoginHistory("m")).after(
        Protocol.RTSP, LoginOutcome.ACCEPTED, 0.0, camera="a"
    )
    assert good.after(Protocol.RTSP, LoginOutcome.ACCEPTED, FRESH_SECONDS - 1, camera="a") is good
    later = good.after(Protocol.RTSP, LoginOutcome.ACCEPTED, FRESH_SECONDS, camera="a")
    assert (later.used_at, later.rtsp) == (FRESH_SECONDS, good.rtsp)
    alone = good.after(Protocol.RTSP, LoginOutcome.REFUSED, 1.0, camera="b")
    again = alone.after(Protocol.RTSP, LoginOutcome.ACCEPTED, 2.0, camera="b")
    assert "b" in alone.alone
    assert "b" not in again.alone


async def test_a_recorder_that_accepts_and_refuses_at_random_gets_one_more_refusal_at_most() -> None:
    chance = random.Random(11)
    recorder = Recorder(32, lambda _now: chance.choice([LoginOutcome.ACCEPTED, LoginOutcome.REFUSED]))
    await recorder.run(START, 4 * 3600.0, every=60.0)
    assert len(recorder.refusals) >= 3
    assert most_in_half_an_hour(recorder.refusals) <= MAX_REFUSALS + 1


class MixedRecorder(Recorder):
    """A recorder of which some channels refuse a login that the others accept, and what each visit was told."""

    def __init__(self, channels: int, refusing: dict[str, float]) -> None:
        super().__init__(channels, lambda _now: LoginOutcome.ACCEPTED)
        self.refusing = refusing
        self.held: dict[str, list[float]] = {target.id: [] for target in self.channels}
        self.limited: set[str] = set()
        self.blamed: dict[str, float] = {}

    async def look(self, target: Target, now: float) -> None:
        visiting = begun(self.book, target, self.logins[target.id])
        before = visiting.login
        outcome = LoginOutcome.HELD_BACK
        if (permission := await visiting.rtsp(now)).allowed:
            refuses = self.refusing.get(target.id, now + 1) <= now
            outcome = LoginOutcome.REFUSED if refuses else LoginOutcome.ACCEPTED
            self.refusals += [now] * refuses
            visiting.over(Protocol.RTSP, outcome, now)
        else:
            self.held[target.id].append(now)
        if before.was_session_limit(outcome):
            self.limited.add(target.id)
        if outcome is LoginOutcome.REFUSED and before.why_withheld(outcome, now, permission) is None:
            self.blamed.setdefault(target.id, now)
        visiting.close(now)
        self.logins[target.id] = visiting.login

    async def watch(self, seconds: float) -> None:
        step, began = 15.0 / len(self.channels), START
        for number in range(int(seconds / step)):
            await self.look(self.channels[number % len(self.channels)], began + number * step)


async def test_a_channel_that_refuses_alone_is_held_alone() -> None:
    recorder = MixedRecorder(70, {"ch-5": START + 60})
    await recorder.watch(3600.0)
    assert set(recorder.blamed) == {"ch-5"}
    assert recorder.blamed["ch-5"] < START + 60 + 50
    assert most_in_half_an_hour(recorder.refusals) < MAX_REFUSALS
    assert not recorder.limited
    assert max(len(held) for name, held in recorder.held.items() if name != "ch-5") <= 1


async def test_three_channels_that_refuse_one_after_the_other_do_not_hold_the_others() -> None:
    recorder = MixedRecorder(20, {"ch-1": START + 60, "ch-2": START + 300, "ch-3": START + 4000})
    await recorder.watch(2 * 3600.0)
    assert set(recorder.blamed) == {"ch-1", "ch-2", "ch-3"}
    assert most_in_half_an_hour(recorder.refusals) <= MAX_REFUSALS + 1
    assert max(len(held) for name, held in recorder.held.items() if name not in recorder.refusing) <= 3


async def test_a_password_that_is_changed_while_one_channel_refuses_alone_is_refused_once_more() -> None:
    recorder = MixedRecorder(30, {f"ch-{number}": START + (60 if number == 5 else 600) for number in range(30)})
    await recorder.watch(2 * 3600.0)
    assert most_in_half_an_hour(recorder.refusals) <= MAX_REFUSALS + 1


async def test_only_the_channel_that_was_refused_can_have_met_a_session_limit() -> None:
    book = LoginBook()
    for number, outcome in ((1, LoginOutcome.ACCEPTED), (2, LoginOutcome.ACCEPTED), (1, LoginOutcome.REFUSED)):
        visiting = begun(book, channel(number))
        assert (await visiting.rtsp(START)).allowed
        visiting.over(Protocol.RTSP, outcome, START)
    other = begun(book, channel(2))
    assert not other.login.was_session_limit(LoginOutcome.ACCEPTED)
    assert (await begun(book, channel(1)).rtsp(START + 11)).denial is Denial.BACK_OFF, "others go first"
    assert (await other.rtsp(START + 11)).allowed
    other.over(Protocol.RTSP, LoginOutcome.ACCEPTED, START + 11)
    again = begun(book, channel(1))
    assert (await again.rtsp(START + 12)).allowed
    assert again.login.was_session_limit(LoginOutcome.ACCEPTED)


async def test_all_channels_log_in_once_one_was_accepted() -> None:
    recorder = Recorder(64, lambda _now: LoginOutcome.ACCEPTED)
    await recorder.run(START, 150.0)
    assert len(recorder.accepted) == 64


async def test_what_one_channel_learns_holds_for_all_with_the_same_login() -> None:
    book = LoginBook()
    first = begun(book, channel(1))
    assert (await first.rtsp(START)).allowed
    first.over(Protocol.RTSP, LoginOutcome.REFUSED, START)
    assert (await begun(book, channel(2)).rtsp(START + 15)).denial is Denial.BACK_OFF
    assert (await begun(book, channel(2, RIGHT)).rtsp(START + 15)).allowed
    assert (await begun(book, channel(2, host="10.0.0.10")).rtsp(START + 15)).allowed


async def test_a_lock_answer_holds_all_channels_for_31_minutes() -> None:
    book = LoginBook()
    begun(book, channel(1)).over(Protocol.RTSP, LoginOutcome.LOCKED_UNTRIED, START)
    for number in range(2, 10):
        assert not (await begun(book, channel(number)).rtsp(START + LOCK_SECONDS - 1)).allowed
    assert (await begun(book, channel(2)).rtsp(START + LOCK_SECONDS)).allowed


async def test_an_attempt_under_way_is_waited_for_and_counts_meanwhile() -> None:
    book = LoginBook()
    first, second = begun(book, channel(1)), begun(book, channel(2))
    assert (await first.rtsp(START)).allowed
    waiting = asyncio.create_task(second.rtsp(START))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.over(Protocol.RTSP, LoginOutcome.ACCEPTED, START)
    assert (await waiting).allowed


async def test_an_attempt_without_an_end_is_given_back_with_its_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.probing.login_book.WAIT_SECONDS", 0.05)
    book = LoginBook()
    first = begun(book, channel(1))
    assert (await first.rtsp(START)).allowed
    assert (await begun(book, channel(2)).rtsp(START)).denial is Denial.UNDER_WAY
    first.close(START)
    assert (await begun(book, channel(2)).rtsp(START)).allowed
    assert book.known(key()) is None, "nothing was learned"


async def test_refusals_survive_a_restart_and_a_step_of_the_clock(tmp_path: Path) -> None:
    book = LoginBook()
    for number in range(2):
        visiting = begun(book, channel(number))
        at = START + 301 * number
        assert (await visiting.rtsp(at)).allowed
        visiting.over(Protocol.RTSP, LoginOutcome.REFUSED, at)
    book.shift(3600.0)
    history = History(tmp_path)
    history.write(Changes(logins=book.take_changed(START + 3901)))
    assert WRONG.password.encode() not in history.path.read_bytes()
    assert book.take_changed(START + 3901) == ()
    stored = history.load().logins
    history.forget("2000-01-01", 0.0, logins_before=START + FORGET_SECONDS * 2)
    assert history.load().logins == ()
    history.close()
    again = LoginBook()
    again.restore(stored, START + 3902)
    assert again.record(key()).refusals == (START + 3600, START + 3901)
    permission = await begun(again, channel(5)).rtsp(START + 3902)
    assert (permission.denial, permission.wait_seconds) == (Denial.BACK_OFF, 599.0)


async def test_an_unused_login_is_forgotten_after_a_day_and_a_used_one_is_not() -> None:
    book = LoginBook()
    for hour in range(30):
        visiting = begun(book, channel(1, RIGHT))
        assert (await visiting.rtsp(START + 3600 * hour)).allowed
        visiting.over(Protocol.RTSP, LoginOutcome.ACCEPTED, START + 3600 * hour)
    book.take_changed(START + 30 * 3600)
    assert book.record(key(RIGHT)).rtsp.known_good
    book.take_changed(START + 54 * 3600)
    assert book.known(key(RIGHT)) is None


async def test_a_login_in_the_path_is_counted_and_held_back_too() -> None:
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # a visit that holds its login back asks nothing
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port, book, memory, began = server.sockets[0].getsockname()[1], LoginBook(), Memory(), time.time()
        path = "/user={username}&password={password}&channel=1"
        target = Target("cam", "127.0.0.1", port, path, credentials=WRONG)
        codes = []
        for turn in range(4):
            visited, memory = await visit(
                target, Rung.RTSP, memory, timeouts=PATIENT, workers=Workers(1), now=began + 15.0 * turn, logins=book
            )
            codes.append([finding.code for finding in visited.seen])
    assert codes == [["auth_failed"], [], [], []]
    assert [WRONG.password in request for request in asked] == [True]


async def test_a_recorder_over_sockets_sees_few_logins_however_many_channels(simulated: Start) -> None:
    camera = (await simulated(1, onvif_port=8000)).cameras["cam-000"]
    book, workers, began = LoginBook(), Workers(1), time.time()
    memories = {f"ch-{number}": Memory() for number in range(16)}
    host, slots = camera.target.host, asyncio.Semaphore(4)
    wrong = Credentials("viewer", "not the password")
    target = replace(camera.target, credentials=wrong, onvif=OnvifTarget(8000, credentials=wrong))

    async def look(name: str, now: float) -> None:
        async with slots:
            visited, memories[name] = await visit(
                replace(target, id=name), Rung.STREAM, memories[name], timeouts=PATIENT, workers=workers, now=now,
                beside={Rung.ONVIF}, logins=book,
            )  # fmt: skip
        assert visited.online is not True

    for turn in range(8):
        await asyncio.gather(*(look(name, began + 300.0 * turn) for name in memories))
    assert camera.onvif is not None
    assert 2 <= camera.refused_logins + camera.onvif.refused_logins <= MAX_REFUSALS + 1, host
