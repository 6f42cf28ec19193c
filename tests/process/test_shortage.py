"""Shortages of the monitor: never blamed on a camera or uplink; logged, counted, and recovered from."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import resource
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import LOGIN, ROOT, Tls
from tests.simulated_time import START, SimulatedDays, camera, visited
from xueliang_monitor import metrics
from xueliang_monitor.fleet.root_causes import RootCauses
from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.health import OWN_TIMES, Health, Policy
from xueliang_monitor.judgement.reachability import answer_of
from xueliang_monitor.model import (
    Finding,
    OnvifTarget,
    Rung,
    RungResult,
    State,
    Target,
    Timeouts,
    Transport,
    VisitResult,
)
from xueliang_monitor.net import connect_errors, udp
from xueliang_monitor.net import tls as tls_module
from xueliang_monitor.net.errors import ConnectError, ConnectRefusedError, HostUnreachableError
from xueliang_monitor.net.notify import ServiceManager
from xueliang_monitor.net.tls import tls_context
from xueliang_monitor.picture.look import Material
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing import visit as visit_module
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.process import limits
from xueliang_monitor.process.limits import Limits
from xueliang_monitor.process.shortage import Resource, ShortageError, lacking_descriptors, shortage_of
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.topology import Topology
from xueliang_monitor.wire.media import Codec

Start = Callable[..., Awaitable[SimulatedFleet]]
SHORT = Timeouts(reach=1.0, rtsp=1.5, stream=6.0, picture=10.0, onvif=3.0)
OURS = (
    (errno.EMFILE, Resource.DESCRIPTORS),
    (errno.ENFILE, Resource.DESCRIPTORS),
    (errno.ENOBUFS, Resource.BUFFERS),
    (errno.EADDRNOTAVAIL, Resource.PORTS),
    (errno.EAGAIN, Resource.PORTS),
    (errno.ENOMEM, Resource.MEMORY),
    (errno.EPERM, Resource.PERMISSION),
    (errno.EACCES, Resource.PERMISSION),
    (errno.EAFNOSUPPORT, Resource.OTHER),
    (errno.EINVAL, Resource.OTHER),
)
THEIRS = (
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ETIMEDOUT),
    *(errno.EPROTO, errno.ENOPROTOOPT),
)


def error_of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Use up all descriptors of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(item.name) for item in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, highest + 16), hard))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for handle in taken:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def workers() -> Workers:
    return Workers(1)


async def look(target: Target, workers: Workers, **wanted: Any) -> VisitResult:
    found, _ = await visit(target, Rung.RTSP, Memory(), timeouts=SHORT, workers=workers, now=START, **wanted)
    return found


def told_nothing(found: VisitResult, shortage: Resource) -> None:
    assert [finding.code for finding in found.seen] == ["check_failed"]
    assert found.online is None
    assert answer_of(found) is None
    assert found.shortages == (shortage.value,)
    assert not found.ruled_out


@pytest.mark.parametrize(("number", "lacking"), OURS)
def test_local_connection_errors_are_shortages(number: int, lacking: Resource) -> None:
    found = connect_errors.connect_error(error_of(number), "192.0.2.7:554")
    assert isinstance(found, ShortageError)
    assert found.resource is lacking
    assert str(found).startswith("192.0.2.7:554 was not contacted: ")


@pytest.mark.parametrize("number", THEIRS)
def test_network_errors_belong_to_the_camera(number: int) -> None:
    assert isinstance(connect_errors.connect_error(error_of(number), "h:1"), HostUnreachableError)


def test_a_refusal_is_the_cameras() -> None:
    assert isinstance(connect_errors.connect_error(error_of(errno.ECONNREFUSED), "h:1"), ConnectRefusedError)
    assert issubclass(ConnectRefusedError, ConnectError)
    assert not issubclass(ShortageError, ConnectError)


def test_errors_of_starting_processes_and_threads_are_distinguished() -> None:
    assert shortage_of(error_of(errno.EAGAIN), starting=True).resource is Resource.PROCESSES  # type: ignore[union-attr]
    assert shortage_of(RuntimeError("can't start new thread")).resource is Resource.PROCESSES  # type: ignore[union-attr]
    assert shortage_of(MemoryError()).resource is Resource.MEMORY  # type: ignore[union-attr]
    assert shortage_of(RuntimeError("the ladder was climbed out of order")) is None
    assert (
        shortage_of(ssl.SSLError(1, "bad certificate")) is None
    )  # its error numbers are not those of the operating system


@pytest.mark.parametrize(("number", "lacking"), OURS)
async def test_a_visit_blames_no_camera_for_them(
    number: int, lacking: Resource, monkeypatch: pytest.MonkeyPatch, workers: Workers
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error_of(number)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
    told_nothing(await look(Target("cam-1", "192.0.2.7"), workers), lacking)


async def test_a_visit_without_a_descriptor_left(simulated: Start, workers: Workers, tmp_path: Path) -> None:
    fleet = await simulated(1, onvif_port=8080)
    target = next(iter(fleet.cameras.values())).target
    with no_descriptors():
        found = await look(target, workers, locks=CameraLocks(tmp_path))
    told_nothing(found, Resource.DESCRIPTORS)
    assert "LimitNOFILE" in found.seen[0].detail
    assert (await look(target, workers, locks=CameraLocks(tmp_path))).seen[0].code == "auth_failed"


async def test_onvif_without_a_descriptor_left(simulated: Start, workers: Workers) -> None:
    """The stream was reached, but a connection to the device cannot be opened."""
    fleet = await simulated(1, onvif_port=8080)
    one = next(iter(fleet.cameras.values()))
    target = replace(one.target, credentials=LOGIN, onvif=OnvifTarget(8080, credentials=LOGIN))
    await look(target, workers, beside={Rung.ONVIF})  # imports modules that are loaded once
    asked = (Rung.ONVIF, None)
    with contextlib.ExitStack() as later:
        found = await look(
            target,
            workers,
            beside={Rung.ONVIF},
            progress=lambda rung, result: later.enter_context(no_descriptors()) if (rung, result) == asked else None,
        )
    assert [(finding.code, finding.rung) for finding in found.seen] == [("check_failed", Rung.ONVIF)]
    assert found.online is True
    assert found.shortages == ("descriptors",)


async def test_udp_ports_that_cannot_be_bound_are_a_shortage(
    simulated: Start, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error_of(errno.EADDRINUSE)

    monkeypatch.setattr(udp, "_bind", fail)
    fleet = await simulated(1)
    target = replace(next(iter(fleet.cameras.values())).target, credentials=LOGIN, transport=Transport.UDP)
    found, _ = await visit(target, Rung.STREAM, Memory(), timeouts=SHORT, workers=workers, now=START)
    assert [(finding.code, finding.rung) for finding in found.seen] == [("check_failed", Rung.STREAM)]
    assert found.shortages == ("ports",)
    assert found.online is True


async def test_certificates_are_not_judged_without_a_descriptor(tls: Tls) -> None:
    """Certificates that OpenSSL failed to open once would stay untrusted as long as the daemon runs."""
    tls_module._contexts.clear()
    with no_descriptors(), pytest.raises(ShortageError):
        tls_context("verify")
    with no_descriptors(), pytest.raises(ShortageError):
        tls_context(str(tls.authority))
    assert tls_context(str(tls.authority)).cert_store_stats()["x509_ca"] == 1
    with pytest.raises(ShortageError, match="a file on this server"):
        tls_context(str(tls.authority.parent / "none.pem"))


async def test_a_picture_worker_that_cannot_start_is_a_shortage() -> None:
    fresh = Workers(1)
    with no_descriptors(), pytest.raises(ShortageError) as raised:
        await fresh.look(Material(Codec.MJPEG.value, b""), None, seconds=5.0)
    assert raised.value.resource is Resource.DESCRIPTORS


def test_the_service_manager_gets_nothing_without_a_descriptor(tmp_path: Path) -> None:
    with no_descriptors():
        assert lacking_descriptors() is not None
        ServiceManager(str(tmp_path / "notify")).notify("WATCHDOG=1")


async def test_a_turn_is_had_without_a_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with CameraLocks(tmp_path).hold("192.0.2.7"):
        pass
    with no_descriptors():
        async with CameraLocks(tmp_path).hold("192.0.2.7"):
            pass

    def no_locks(*_: Any) -> None:
        raise error_of(errno.ENOLCK)

    monkeypatch.setattr(fcntl, "flock", no_locks)
    async with CameraLocks(tmp_path).hold("192.0.2.7"):
        pass


async def test_a_monitor_error_outside_the_rungs_fails_one_visit(
    monkeypatch: pytest.MonkeyPatch, workers: Workers
) -> None:
    def crash(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(visit_module, "conclude", crash)
    found = await look(Target("cam-1", "127.0.0.1", 1), workers)
    assert [finding.code for finding in found.seen] == ["check_failed"]
    assert found.online is None


def own_error(name: str, at: float, rung: Rung = Rung.REACH) -> VisitResult:
    failed = RungResult(rung, False, 0.0, "check_failed", "why")
    return VisitResult(name, at, (failed,), (Finding("check_failed", "why", rung),), shortages=("descriptors",))


def test_a_shortage_neither_loses_nor_finds_a_camera_of_an_uplink() -> None:
    names = [f"cam-{number}" for number in range(10)]
    causes = RootCauses()
    causes.take_topology(Topology.of((), [camera(name, "sw1") for name in names]), START)
    for name in names:
        causes.observe(name, visited(name, START, None, Rung.RTSP))
    for name in names:
        assert not causes.observe(name, own_error(name, START + 10)).transitions
    assert not causes.downs
    for name in names:
        causes.observe(name, visited(name, START + 20, "connect_timeout", Rung.RTSP))
    assert list(causes.downs) == ["sw1"]
    for name in names:
        assert not causes.observe(name, own_error(name, START + 30)).transitions
    assert list(causes.downs) == ["sw1"]
    # Nor does an unresolved name, as no connection was tried.
    causes.observe(names[0], visited(names[0], START + 40, "name_unresolved", Rung.RTSP))
    assert causes.hides(names[0])
    causes.observe(names[0], visited(names[0], START + 50, "connection_refused", Rung.RTSP))
    assert not causes.hides(names[0])


@pytest.mark.parametrize("rung", [Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.ONVIF])
def test_a_shortage_is_over_once_that_rung_is_climbed_again(rung: Rung) -> None:
    policy = Policy()
    health, _ = advance(Health(), visited("cam-1", START, None, Rung.RTSP), policy)
    assert health.state is State.UP
    # A short shortage changes nothing; a lasting one makes the state unknown.
    lasting = OWN_TIMES if rung in (Rung.REACH, Rung.RTSP) else policy.confirm[Rung.MONITOR]
    for number in range(lasting):
        assert health.state is State.UP
        health, _ = advance(health, own_error("cam-1", START + 2 * number, rung), policy)
        assert health.pending <= {rung}
    assert health.state is State.UNKNOWN
    good = VisitResult("cam-1", START, (RungResult(Rung.REACH, True, 0.0), RungResult(rung, True, 0.0)), online=True)
    for _ in range(policy.clear):
        health, _ = advance(health, good, policy)
    assert health.state is State.UP
    assert not health.faults


def test_a_fleet_that_lacks_descriptors_for_an_hour_has_no_camera_down() -> None:
    cameras = tuple(camera(f"cam-{number:02d}", "sw1") for number in range(20))
    days = SimulatedDays(cameras, lambda _name, _at: None)
    days.run(100)
    for step in range(0, 3600, 15):
        for item in cameras:
            entry = days.fleet.entry(item.id)
            days.fleet.apply(own_error(item.id, START + 100 + step), entry.memory, 0.0)
    assert {fault.code for entry, _ in days.fleet.pairs() for fault in entry.health.confirmed} == {"check_failed"}
    assert {entry.health.state for entry, _ in days.fleet.pairs()} == {State.UNKNOWN}
    assert days.uplink_changes() == []
    text, _ = metrics.render(days.fleet.snapshot(), "text/plain")
    counted = {
        sample.labels["resource"]: sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == "xueliang_monitor_shortages_total"
    }
    assert counted["descriptors"] == 240 * 20
    assert set(counted) == {resource.value for resource in Resource}


def test_limits_are_compared_with_the_visits() -> None:
    plenty = Limits(1 << 16, None)
    assert plenty.warnings(64, 2, 147) == ()
    assert plenty.visits(64, 2) == 64
    few = Limits(64, None)
    assert few.visits(64, 2) == 3
    assert "Set LimitNOFILE=372 or more" in few.warnings(64, 2, 147)[0]
    assert Limits(10, None).visits(64, 2) == 1
    assert few.warnings(64, 2, 2) != ()  # too few for browsers
    assert "LimitNPROC" in Limits(None, 32).warnings(64, 2, 147)[0]
    assert Limits(None, None).visits(64, 2) == 64


def test_the_soft_limit_is_raised_as_far_as_it_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert limits.raised(400).descriptors == min(400, hard)
        assert limits.raised(100).descriptors == min(400, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_unit_allows_the_descriptors_that_the_greatest_settings_need() -> None:
    unit = (ROOT / "deploy/systemd/xueliang-monitor.service").read_text()
    allowed = next(line for line in unit.splitlines() if line.startswith("LimitNOFILE="))
    assert int(allowed.partition("=")[2]) >= limits.needed_descriptors(10_000, 64)
