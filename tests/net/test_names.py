"""Name resolution: faults of the camera and shortages of the monitor, and answers from the cache."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.dns_server import REFUSED, SERVFAIL, DnsServer, dns_server
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.model import Rung, Target, Timeouts
from xueliang_monitor.net import name_cache, names
from xueliang_monitor.net.errors import NameUnresolvedError
from xueliang_monitor.net.name_cache import NameCache
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.process.shortage import Resource, ShortageError
from xueliang_monitor.simulator.fleet import SimulatedFleet

HOUR = 3600.0


class Moment:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with dns_server(DnsServer({"cam-7.example": ("127.0.0.7",)})) as started:
        yield started


@pytest.fixture
async def moment() -> Moment:
    return Moment()


@pytest.fixture
async def known(server: DnsServer, moment: Moment) -> AsyncIterator[NameResolver]:
    async with NameResolver((server.place,), clock=moment) as made:
        yield made


async def test_a_name_is_looked_up_once_while_its_ttl_lasts(
    server: DnsServer, known: NameResolver, moment: Moment
) -> None:
    assert await known.addresses("cam-7.example") == ("127.0.0.7",)
    assert await known.addresses("CAM-7.example.") == ("127.0.0.7",)
    moment.seconds += 59
    assert await known.addresses("cam-7.example") == ("127.0.0.7",)
    assert server.queries["cam-7.example"] == 1


async def test_a_moved_name_is_found_once_its_ttl_is_over(
    server: DnsServer, known: NameResolver, moment: Moment
) -> None:
    server.ttl_seconds = 1
    assert await known.addresses("cam-7.example") == ("127.0.0.7",)
    server.addresses["cam-7.example"] = ("127.0.0.8",)
    moment.seconds += 2

    async def moved() -> bool:
        moment.seconds += 2
        return await known.addresses("cam-7.example") == ("127.0.0.8",)

    await until(moved)


async def until(reached: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for a condition, which may be a coroutine."""
    ends = time.monotonic() + seconds
    while True:
        result = reached()
        if await result if asyncio.iscoroutine(result) else result:
            return
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)


async def test_concurrent_requests_share_one_lookup(server: DnsServer, known: NameResolver) -> None:
    server.delay_seconds = 0.4
    found = await asyncio.gather(*(known.addresses("cam-7.example") for _ in range(50)))
    assert set(found) == {("127.0.0.7",)}
    assert server.queries["cam-7.example"] <= 2  # once, and once more after a timeout


async def test_both_families_are_found(server: DnsServer, known: NameResolver) -> None:
    server.addresses |= {"six.example": ("::1",), "both.example": ("127.0.0.9", "::1")}
    assert await known.addresses("six.example") == ("::1",)
    assert set(await known.addresses("both.example")) == {"127.0.0.9", "::1"}


async def test_a_truncated_answer_is_requested_over_tcp(server: DnsServer, known: NameResolver) -> None:
    server.truncates = True
    assert await known.addresses("cam-7.example") == ("127.0.0.7",)


async def test_a_missing_name_is_the_cameras_fault_and_soon_looked_up_again(
    server: DnsServer, known: NameResolver, moment: Moment
) -> None:
    server.addresses["empty.example"] = ()
    for name in ("no.example", "empty.example"):
        for _ in range(2):
            with pytest.raises(NameUnresolvedError, match=f"the name {name} has no address"):
                await known.addresses(name)
        assert server.queries[name] == 1
    server.addresses["no.example"] = ("127.0.0.9",)
    moment.seconds += name_cache.NEGATIVE_SECONDS
    assert await known.addresses("no.example") == ("127.0.0.9",)


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"code": SERVFAIL}, "answers that it failed"),
        ({"code": REFUSED}, "refuses to answer"),
        ({"silent": True}, "does not answer"),
    ],
)
async def test_a_name_server_without_an_answer_is_a_shortage(
    change: dict[str, object], failure: str, server: DnsServer, known: NameResolver, moment: Moment
) -> None:
    for name, value in change.items():
        setattr(server, name, value)
    with pytest.raises(ShortageError, match=f"the name server {server.place} {failure}") as raised:
        await known.addresses("cam-7.example")
    assert raised.value.resource is Resource.NAME_SERVER
    # The server is not queried again for every visit.
    queries, started = server.queries["cam-7.example"], time.monotonic()
    with pytest.raises(ShortageError):
        await known.addresses("cam-7.example")
    assert server.queries["cam-7.example"] == queries
    assert time.monotonic() - started < 1
    server.silent, server.code = False, None
    moment.seconds += name_cache.FAILURE_SECONDS
    assert await known.addresses("cam-7.example") == ("127.0.0.7",)


async def test_a_closed_name_server_port_is_a_shortage() -> None:
    async with dns_server(DnsServer()) as gone:
        pass
    async with NameResolver((gone.place,)) as resolver:
        with pytest.raises(ShortageError, match="write the camera's IP address"):
            await resolver.addresses("cam-7.example")


async def test_expired_addresses_are_used_for_a_day_without_a_name_server(
    server: DnsServer, known: NameResolver, moment: Moment
) -> None:
    server.ttl_seconds = 0  # so that only our own cache has it
    await known.addresses("cam-7.example")
    server.silent = True
    for hours in (1, 12, 10):
        moment.seconds += hours * HOUR
        assert await known.addresses("cam-7.example") == ("127.0.0.7",)
        started = time.monotonic()
        assert await known.addresses("cam-7.example") == ("127.0.0.7",)
        assert time.monotonic() - started < names.STALE_AFTER_SECONDS + 1
        known.cache.fail("cam-7.example", "still away")
        moment.seconds -= 1
    moment.seconds += 2 * HOUR
    with pytest.raises(ShortageError):
        await known.addresses("cam-7.example")


async def test_a_slow_name_server_is_waited_for(server: DnsServer, known: NameResolver) -> None:
    server.delay_seconds = 0.4
    server.addresses |= {f"cam-{number}.example": (f"127.0.1.{number}",) for number in range(100)}
    found = await asyncio.gather(*(known.addresses(f"cam-{number}.example") for number in range(100)))
    assert found == [(f"127.0.1.{number}",) for number in range(100)]


async def test_a_lookup_ends_within_its_timeout(server: DnsServer, known: NameResolver) -> None:
    server.silent = True
    started = time.monotonic()
    with pytest.raises(ShortageError):
        await known.addresses("cam-7.example", seconds=0.3)
    assert time.monotonic() - started < 5


async def test_local_names_and_addresses_need_no_name_server() -> None:
    async with dns_server(DnsServer(silent=True)) as silent, NameResolver((silent.place,)) as resolver:
        assert "127.0.0.1" in await resolver.addresses("localhost")
        assert await resolver.addresses("192.0.2.7") == ("192.0.2.7",)
        assert await resolver.addresses("2001:db8::7") == ("2001:db8::7",)
        assert not silent.queries


@pytest.mark.parametrize("host", ["127.0.1.022", "192.0.2", "3221225994", "0x7f.1"])
async def test_an_invalid_host_never_reaches_the_name_server(host: str, server: DnsServer, known: NameResolver) -> None:
    with pytest.raises(NameUnresolvedError):
        await known.addresses(host)
    assert not server.queries


async def test_a_new_or_changed_resolv_conf_is_read(server: DnsServer, tmp_path: Path) -> None:
    place = tmp_path / "resolv.conf"
    async with NameResolver(resolv_conf=place) as resolver:
        with pytest.raises(ShortageError):
            await resolver.addresses("cam-7.example")
        place.write_text(f"nameserver {server.place}\n")
        assert await resolver.addresses("cam-7.example") == ("127.0.0.7",)
        async with dns_server(DnsServer({"cam-8.example": ("127.0.0.8",)})) as other:
            fresh = tmp_path / "resolv.conf.new"
            fresh.write_text(f"nameserver {other.place}\n")
            fresh.replace(place)
            assert await resolver.addresses("cam-8.example") == ("127.0.0.8",)


async def test_closing_cancels_lookups_in_progress(server: DnsServer) -> None:
    server.silent = True
    resolver = NameResolver((server.place,))
    waiting = asyncio.create_task(resolver.addresses("cam-7.example"))
    await until(lambda: server.queries)
    await resolver.close()
    with pytest.raises(ShortageError):
        await waiting


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(("keep", "none", "fail", "wait")), st.floats(0, 200_000)),
        max_size=40,
    )
)
def test_the_cache_returns_nothing_that_is_too_old(steps: list[tuple[str, str, float]]) -> None:
    now = [0.0]
    cache = NameCache(lambda: now[0])
    kept: dict[str, tuple[float, float] | None] = {}
    for name, step, value in steps:
        if step == "keep":
            cache.keep(name, ("192.0.2.1",), value)
            kept[name] = (now[0], min(name_cache.MAX_TTL_SECONDS, max(name_cache.MIN_TTL_SECONDS, value)))
        elif step == "none":
            cache.keep(name, ())
            kept[name] = None
        elif step == "fail":
            cache.fail(name, "no answer")
        else:
            now[0] += value
        for each, known in kept.items():
            fresh, stale = cache.fresh(each), cache.stale(each)
            if known is None:
                assert fresh in ((), None)
                assert stale == ()
                continue
            age = now[0] - known[0]
            assert (fresh == ("192.0.2.1",)) == (now[0] < known[0] + known[1])
            assert bool(stale) == (now[0] < known[0] + known[1] + name_cache.STALE_SECONDS) or age < 1e-3


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_cache, "MAX_NAMES", 3)
    cache = NameCache(lambda: 0.0)
    for number in range(5):
        cache.keep(f"cam-{number}", ("192.0.2.1",), 60)
    assert [cache.fresh(f"cam-{number}") is None for number in range(5)] == [True, True, False, False, False]


@pytest.fixture
async def workers() -> Workers:
    return Workers(1)


async def reach(target: Target, resolver: NameResolver, workers: Workers) -> tuple[list[str], float, object]:
    limits = Timeouts(reach=1.0, rtsp=1.5)
    visited, _ = await visit(
        target, Rung.RTSP, Memory(), timeouts=limits, workers=workers, now=0.0, names=resolver, beside={Rung.ONVIF}
    )
    return [finding.code for finding in visited.seen], visited.rungs[0].seconds, visited


async def test_a_dead_name_server_blames_no_camera_and_an_unknown_name_does(
    simulated: Callable[[int], object], server: DnsServer, workers: Workers
) -> None:
    fleet: SimulatedFleet = await simulated(1)  # type: ignore[misc]
    camera = next(iter(fleet.cameras.values())).target
    target = replace(camera, host="cam-9.example", credentials=None)
    server.silent = True
    async with NameResolver((server.place,)) as resolver:
        codes, _, visited = await reach(target, resolver, workers)
        assert codes == ["check_failed"]
        assert visited.shortages == ("name_server",)  # type: ignore[attr-defined]
        assert visited.online is None  # type: ignore[attr-defined]
    server.silent = False
    async with NameResolver((server.place,)) as resolver:
        assert (await reach(target, resolver, workers))[0] == ["name_unresolved"]
    server.addresses["cam-9.example"] = (camera.host,)
    server.delay_seconds = 1.2
    async with NameResolver((server.place,)) as resolver:
        codes, seconds, _ = await reach(target, resolver, workers)
        # The camera is reached: the lookup, which took longer than the rung's timeout, does not count.
        assert codes == ["auth_failed"]
        assert seconds < 1.0


async def test_a_camera_is_visited_by_its_last_known_address(
    simulated: Callable[[int], object], server: DnsServer, workers: Workers
) -> None:
    fleet: SimulatedFleet = await simulated(1)  # type: ignore[misc]
    camera = next(iter(fleet.cameras.values())).target
    server.addresses["cam-9.example"], server.ttl_seconds = (camera.host,), 0
    moment = Moment()
    async with NameResolver((server.place,), clock=moment) as resolver:
        await resolver.addresses("cam-9.example")
        server.silent = True
        moment.seconds += HOUR
        target = replace(camera, host="cam-9.example", credentials=None)
        assert (await reach(target, resolver, workers))[0] == ["auth_failed"]


@pytest.mark.parametrize("value", ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353"])
def test_name_servers_may_be_set(value: str, tmp_path: Path) -> None:
    (tmp_path / "xueliang.yaml").write_text(f"name_servers: ['{value}']\n")
    assert config.load(tmp_path / "xueliang.yaml")[0].name_servers == (value,)


@pytest.mark.parametrize(
    "value", ["dns.example", "192.0.2.53:0", "192.0.2.53:70000", "192.0.2", "[::1", "", "1.2.3.4:x"]
)
def test_a_name_server_is_an_address(value: str, tmp_path: Path) -> None:
    (tmp_path / "xueliang.yaml").write_text(f"name_servers: ['{value}']\n")
    with pytest.raises(DocumentError, match="not the IP address of a name server"), contextlib.nullcontext():
        config.load(tmp_path / "xueliang.yaml")


async def xueliang(*arguments: str) -> tuple[int | None, str, float]:
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "xueliang_monitor", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "400"},
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode(), time.monotonic() - started


async def test_commands_report_a_name_server_that_does_not_answer(server: DnsServer, tmp_path: Path) -> None:
    server.silent = True
    at = tmp_path / "xueliang.yaml"
    at.write_text(f"name_servers: ['{server.place}']\n")
    (tmp_path / "cameras.d").mkdir()
    status, output, seconds = await xueliang("check", "rtsp://cam-7.example/live", "--json", "--config", str(at))
    assert (status, json.loads(output)["faults"]) == (1, ["check_failed"])
    assert seconds < 15 + 10  # including the start of the process on a busy machine
    for command in (("camera", "add", "cam-7.example", "--site", "S"), ("capture", "rtsp://cam-7.example/live")):
        status, output, _ = await xueliang(*command, "--config", str(at))
        assert status == 1
        assert f"the name server {server.place} does not answer for cam-7.example" in output
