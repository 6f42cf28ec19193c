"""Right logins are answered at once beside any number of wrong ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import bcrypt
import pytest

from xueliang_monitor.web.login_queue import WAITING_NAME
from xueliang_monitor.web.logins import MOST_KNOWN, MOST_WRONG, REFUSED, SHUNNED_SECONDS, UNKNOWN, Logins, Verdict

PASSWORD = "wall of the control room"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
RIGHT = Verdict(True)


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def logins(clock: Clock) -> AsyncIterator[Logins]:
    made = Logins({"wall": HASH, "prometheus": HASH}, clock)
    yield made
    made.close()


async def guess(logins: Logins, count: int, client: str = "192.0.2.1", name: str = "wall") -> list[Verdict]:
    return [await logins.check(name, f"{client} {number}", client) for number in range(count)]


async def test_failures_never_displace_known_logins(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await logins.check("prometheus", PASSWORD, "127.0.0.1") == RIGHT
    for number in range(MOST_KNOWN + 20):
        await guess(logins, 1, f"192.0.2.{number}", f"user {number}")
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("a known login was checked again"))
    assert await logins.check("prometheus", PASSWORD, "127.0.0.1") == RIGHT


async def test_an_address_that_guesses_waits_longer_and_longer(logins: Logins, clock: Clock) -> None:
    told = await guess(logins, 8)
    assert told[:5] == [Verdict(False)] * 5
    assert all(verdict.retry_seconds > 0 for verdict in told[5:])
    assert (await logins.check("wall", PASSWORD, "192.0.2.1")).retry_seconds > 0, "right ones are not checked either"
    for pause in (1.0, 2.0, 4.0):
        clock.now += pause
        assert await logins.check("wall", f"again {pause}", "192.0.2.1") == Verdict(False)
        assert (await logins.check("wall", "at once", "192.0.2.1")).retry_seconds == 2 * pause
    clock.now += 8.0
    assert await logins.check("wall", PASSWORD, "192.0.2.1") == RIGHT
    assert await logins.check("wall", "one typo", "192.0.2.1") == Verdict(False)


async def test_an_address_that_guesses_on_during_its_pauses_is_shunned(logins: Logins, clock: Clock) -> None:
    await guess(logins, 5 + REFUSED)
    assert not logins.shuns("192.0.2.1")
    await logins.check("wall", "one more", "192.0.2.1")
    assert logins.shuns("192.0.2.1")
    assert not logins.shuns("192.0.2.2")
    clock.now += SHUNNED_SECONDS
    assert not logins.shuns("192.0.2.1")
    assert await logins.check("wall", PASSWORD, "192.0.2.1") == RIGHT
    await guess(logins, 10 + 2 * REFUSED, name="prometheus")
    assert not logins.shuns("192.0.2.1"), "somebody logged in from there"


async def test_a_flood_does_not_lock_the_user_out_elsewhere(logins: Logins, clock: Clock) -> None:
    assert await logins.check("wall", PASSWORD, "192.0.2.200") == RIGHT
    for number in range(30):
        await guess(logins, 3, f"192.0.2.{number}")
        clock.now += 0.5
    assert (await logins.check("wall", "one more", "192.0.2.29")).retry_seconds > 1, "the name is guessed at too often"
    logins.users = {**logins.users, "wall": bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()}
    assert await logins.check("wall", "new", "192.0.2.200") == RIGHT, "it logged in from there before"
    assert await logins.check("wall", "new", "192.0.2.201") == RIGHT, "nothing failed there"


async def test_a_program_with_an_old_password_costs_one_check(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await logins.check("prometheus", "old", "127.0.0.1") == Verdict(False)
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("a wrong login was checked again"))
    assert [await logins.check("prometheus", "old", "127.0.0.1") for _ in range(100)] == [Verdict(False)] * 100


async def test_unknown_names_do_not_displace_the_old_password_of_a_program(
    logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await logins.check("prometheus", "old", "127.0.0.1") == Verdict(False)
    for number in range(MOST_WRONG):
        await guess(logins, 1, f"192.0.{number // 250}.{number % 250}", f"user {number}")
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("a wrong login was checked again"))
    assert await logins.check("prometheus", "old", "127.0.0.1") == Verdict(False)


async def test_a_login_that_cannot_be_checked_may_be_tried_again(
    logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: bytes) -> bool:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(bcrypt, "checkpw", fail)
        refused = await logins.check("wall", PASSWORD, "192.0.2.1")
    assert not refused.valid
    assert refused.retry_seconds > 0
    assert await logins.check("wall", PASSWORD, "192.0.2.1") == RIGHT


async def test_the_same_login_at_the_same_time_is_checked_once(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *given: checked.append(1) or check(*given))
    told = await asyncio.gather(*(logins.check("wall", PASSWORD, "192.0.2.1") for _ in range(20)))
    assert (told, len(checked)) == ([RIGHT] * 20, 1)


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords in the order of their checks, each of which takes a while."""
    checked: list[bytes] = []
    check = bcrypt.checkpw

    def slow(secret: bytes, hashed: bytes) -> bool:
        checked.append(secret)
        time.sleep(0.02)
        return check(secret, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    return checked


async def flood(logins: Logins, logs: list[tuple[str, str]]) -> list[asyncio.Task[Verdict]]:
    """Begin one wrong login for each name and address."""
    begun = [asyncio.create_task(logins.check(name, f"guess {at}", client)) for at, (name, client) in enumerate(logs)]
    await asyncio.sleep(0)
    return begun


async def test_who_has_not_failed_comes_first(logins: Logins, order: list[bytes]) -> None:
    for number in range(WAITING_NAME):
        await guess(logins, 1, f"192.0.2.{number}", f"user {number}")
    order.clear()
    begun = await flood(logins, [("wall", f"192.0.2.{number}") for number in range(WAITING_NAME + 2)])
    assert await logins.check("wall", PASSWORD, "198.51.100.1") == RIGHT
    assert order.index(PASSWORD.encode()) <= 3
    told = await asyncio.gather(*begun)
    assert sum(verdict.retry_seconds > 0 for verdict in told) >= 2, "some had to give way"


@pytest.mark.parametrize("client", ["198.51.100.1", "127.0.0.1"])
async def test_a_flood_of_unknown_names_from_new_addresses_keeps_nobody_out(
    logins: Logins, order: list[bytes], client: str
) -> None:
    begun = await flood(logins, [(f"user {number}", f"192.0.2.{number}") for number in range(200)])
    assert await logins.check("wall", PASSWORD, client) == RIGHT
    assert order.index(PASSWORD.encode()) <= UNKNOWN + 1
    assert await asyncio.gather(*begun) == [Verdict(False)] * 200
    assert len(order) <= UNKNOWN + 2, "unknown names cost hardly any checks"


async def test_a_flood_at_one_name_keeps_no_other_name_and_no_own_program_waiting(
    logins: Logins, order: list[bytes]
) -> None:
    begun = await flood(logins, [("prometheus", f"192.0.2.{number}") for number in range(200)])
    assert await logins.check("wall", PASSWORD, "192.0.2.250") == RIGHT
    assert order.index(PASSWORD.encode()) <= 2
    assert await logins.check("prometheus", PASSWORD, "127.0.0.1") == RIGHT
    assert len(order) <= 5
    await asyncio.gather(*begun)


async def test_a_name_under_attack_is_open_to_other_networks(logins: Logins, order: list[bytes], clock: Clock) -> None:
    for number in range(30):
        await guess(logins, 1, f"192.0.2.{number}")
        clock.now += 0.5
    assert await guess(logins, 1, "192.0.2.99") == [Verdict(False)]
    begun = await flood(logins, [("wall", f"192.0.2.{number}") for number in range(100, 200)])
    right = asyncio.create_task(logins.check("wall", PASSWORD, "198.51.100.1"))
    begun += await flood(logins, [("wall", f"192.0.2.{number}") for number in range(200, 250)])
    order.clear()
    clock.now += 0.5
    assert await right == RIGHT
    assert order == [PASSWORD.encode()], "it came before the network from which so many failed"
    clock.now += 10.0
    assert all(verdict.retry_seconds > 0 for verdict in await asyncio.gather(*begun))


async def test_unknown_names_take_as_long_as_known_ones(order: list[bytes]) -> None:
    logins, took = Logins({"wall": HASH}), list[float]()
    for number in range(2 * UNKNOWN):
        began = time.monotonic()
        assert await logins.check(f"user {number}", PASSWORD, f"192.0.2.{number}") == Verdict(False)
        took.append(time.monotonic() - began)
    logins.close()
    assert len(order) < len(took)
    assert min(took) >= 0.019


async def test_a_removed_user_is_unknown_at_once(logins: Logins) -> None:
    assert await logins.check("wall", PASSWORD, "192.0.2.1") == RIGHT
    logins.users = {"prometheus": HASH}
    assert not (await logins.check("wall", PASSWORD, "192.0.2.1")).valid


@pytest.mark.parametrize("odd", ["", "\x00", "\udcff", "é" * 100, "x" * 100_000])
async def test_odd_logins_are_wrong_logins(logins: Logins, odd: str) -> None:
    assert await logins.check("wall", odd, "192.0.2.1") == Verdict(False)
    assert await logins.check(odd, PASSWORD, "192.0.2.1") == Verdict(False)


@pytest.mark.timed
async def test_a_right_login_beside_400_wrong_ones_a_second() -> None:
    slow = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    logins = Logins({"wall": slow})
    ended, count = time.monotonic() + 2.0, 0
    waiting = set[asyncio.Task[Verdict]]()
    slowest = 0.0
    while time.monotonic() < ended:
        for _ in range(40):
            count += 1
            waiting.add(asyncio.create_task(logins.check("wall", f"guess {count}", f"192.0.2.{count % 50}")))
        began = time.monotonic()
        async with asyncio.timeout(10):
            assert await logins.check("wall", PASSWORD, f"198.51.100.{count % 250}") == RIGHT
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.1)
    logins.close()
    for each in waiting:
        each.cancel()
    assert slowest < 1.0
