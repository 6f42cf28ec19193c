"""The rtsp and stream rungs over real sockets: transports, logins, readings, interruptions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import LOGIN, Tls
from tests.waiting import PATIENT, until
from xueliang_monitor.model import (
    AuthPolicy,
    Credentials,
    OnvifTarget,
    Rung,
    StreamParameters,
    Target,
    Transport,
    VisitResult,
)
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.stream_baseline import MIN_LEARNED, StreamBaseline, judge
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.readings import Readings
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.simulator.session import LOGIN_KINDS
from xueliang_monitor.wire.media import Codec

Start = Callable[..., Awaitable[SimulatedFleet]]
WORKERS = Workers(1)


async def climb(
    camera: SimulatedCamera, memory: Memory | None = None, *, top: Rung = Rung.STREAM, now: float = 0.0, **changes: Any
) -> tuple[VisitResult, Memory]:
    target = replace(camera.target, **{"credentials": LOGIN, "listen_seconds": 0.0, **changes})
    return await visit(target, top, memory or Memory(), timeouts=PATIENT, workers=WORKERS, now=now or time.time())


def codes(visited: VisitResult) -> list[str]:
    return [finding.code for finding in visited.seen]


@pytest.mark.parametrize("codec", list(Codec))
async def test_udp_is_used_where_it_is_set(simulated: Start, codec: Codec) -> None:
    fleet = await simulated(9)
    camera = next(item for item in fleet.cameras.values() if item.codec is codec)
    visited, _ = await climb(camera, transport=Transport.UDP)
    assert (codes(visited), visited.readings.transport) == ([], "udp")
    assert visited.readings.packet_loss_ratio == 0
    assert (camera.open_sessions, camera.teardowns) == (0, 1)


async def test_udp_is_asked_for_after_461(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    camera.behaviour = replace(camera.behaviour, interleaved=False)
    visited, _ = await climb(camera)
    assert (codes(visited), visited.readings.transport) == ([], "udp")
    visited, _ = await climb(camera, transport=Transport.TCP)
    assert codes(visited) == ["server_error"]
    assert "461" in visited.seen[0].detail


async def test_reordered_packets_are_not_lost(simulated: Start) -> None:
    """A visit that ends with the keyframe may by chance see no packet out of order."""
    camera = (await simulated(1)).cameras["cam-000"]
    camera.behaviour = replace(camera.behaviour, disorder=0.3)
    reordered = 0.0
    for _ in range(20):
        visited, _ = await climb(camera, transport=Transport.UDP, top=Rung.PICTURE)
        assert codes(visited) == []
        assert visited.readings.packet_loss_ratio == 0
        reordered += visited.readings.reordered_packets or 0.0
        if reordered:
            break
    assert reordered


async def test_rtsps_certificates_are_verified_unless_tls_is_insecure(simulated: Start, tls: Tls) -> None:
    camera = (await simulated(1, tls=tls.context)).cameras["cam-000"]
    good, _ = await climb(camera, secure=True, tls=str(tls.authority), top=Rung.PICTURE)
    assert codes(good) == []
    careless, _ = await climb(camera, secure=True, tls="insecure")
    assert codes(careless) == []
    strict, _ = await climb(camera, secure=True)
    assert codes(strict) == ["tls_failed"]
    assert "tls: FILE" in strict.seen[0].detail
    lost, _ = await climb(camera, secure=True, tls="/nowhere/ca.pem")
    assert codes(lost) == ["check_failed"]  # the file is ours
    assert "the certificates in /nowhere/ca.pem cannot be used" in lost.seen[0].detail
    assert camera.teardowns == 2


async def test_a_camera_is_reached_by_ipv6(tls: Tls) -> None:
    for context in (None, tls.context):
        target = Target("six", "::1", 18_554, "/live", LOGIN, secure=context is not None, tls="insecure")
        camera = SimulatedCamera(target, 0, LOGIN, tls=context)
        await camera.start()
        try:
            for transport in Transport:
                visited, _ = await climb(camera, transport=transport)
                assert codes(visited) == []
        finally:
            await camera.stop()
    assert target.url == "rtsps://[::1]:18554/live"


@pytest.mark.parametrize("kind", LOGIN_KINDS)
@pytest.mark.parametrize("nonce_lives", [0, 1])
async def test_every_login_scheme_works_and_a_stale_nonce_is_no_refusal(
    simulated: Start, kind: str, nonce_lives: int
) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    camera.login_kind, camera.nonce_lives = kind, nonce_lives
    visited, memory = await climb(camera, auth=AuthPolicy.BASIC)
    assert codes(visited) == []
    assert (camera.open_sessions, camera.refused_logins) == (0, 0)
    assert memory.login.rtsp.was_accepted


async def test_a_wrong_password_is_refused_by_every_scheme(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    for kind in LOGIN_KINDS:
        camera.login_kind = kind
        visited, _ = await climb(camera, credentials=Credentials("viewer", "not this one", AuthPolicy.BASIC))
        assert codes(visited) == ["auth_failed"]
    assert camera.refused_logins == len(LOGIN_KINDS)


async def test_a_refusal_that_ends_by_itself_was_a_session_limit(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    _, memory = await climb(camera, now=1000.0)
    camera.refuse_logins = 1
    first, memory = await climb(camera, memory, now=1015.0)
    assert (codes(first), first.online) == ([], None)
    second, memory = await climb(camera, memory, now=1030.0)
    assert (codes(second), second.online) == (["session_limit"], True)
    third, _ = await climb(camera, memory, now=1045.0)
    assert codes(third) == []
    assert "session_limit" in third.ruled_out


async def test_corrected_credentials_are_tried_at_once_however_often_the_wrong_ones_were_refused(
    simulated: Start,
) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    memory = Memory(login=Login(refusals=(990.0, 995.0, 999.0)))
    _, memory = await climb(camera, memory, credentials=Credentials("viewer", "wrong"), now=1000.0)
    visited, memory = await climb(camera, memory, now=1001.0)
    assert (codes(visited), memory.login.refusals) == ([], ())


async def test_waiting_for_the_lock_does_not_set_a_visits_clock_back(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    locks, began = CameraLocks(), time.time()
    async with locks.hold(camera.target.host):
        target = replace(camera.target, credentials=LOGIN, listen_seconds=0.0)
        waiting = asyncio.create_task(
            visit(target, Rung.STREAM, Memory(), timeouts=PATIENT, workers=WORKERS, now=began, locks=locks)
        )
        await asyncio.sleep(3.0)
    visited, _ = await waiting
    assert abs(float(visited.readings.stream_clock_offset_seconds)) < 2.0


async def test_a_locked_camera_is_left_alone_for_half_an_hour(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    camera.behaviour = replace(camera.behaviour, refuse={"DESCRIBE": 423}, reason="Locked")
    visited, memory = await climb(camera, now=1000.0)
    assert codes(visited) == ["auth_locked"]
    camera.behaviour = replace(camera.behaviour, refuse={})
    during, memory = await climb(camera, memory, now=1000.0 + 1800)
    assert during.online is None
    after, _ = await climb(camera, memory, now=1000.0 + 1861)
    assert codes(after) == []


async def test_a_redirection_is_followed_on_the_same_server_only(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    elsewhere = replace(camera.behaviour, refuse={"DESCRIBE": 301}, location="rtsp://user:pw@10.0.0.9/live")
    camera.behaviour = elsewhere
    visited, _ = await climb(camera)
    assert codes(visited) == ["stream_not_found"]
    assert "rtsp://10.0.0.9/live" in visited.seen[0].detail
    assert "pw" not in visited.seen[0].detail
    odd = Credentials("viewer", "s3cret/&pass")
    for place in (
        "rtsp://10.0.0.9/s3cret/&pass/live",
        "rtsp://10.0.0.9/s3cret%2F%26pass",
        "rtsp://10.0.0.9/x?pwd=s3cret",
    ):
        camera.behaviour, camera.credentials = replace(elsewhere, location=place), odd
        visited, _ = await climb(camera, credentials=odd)
        assert codes(visited) == ["stream_not_found"]
        assert "s3cret" not in str(visited)
    camera.credentials = LOGIN
    camera.behaviour = replace(elsewhere, location=camera.target.url.replace("/main", "/other"))
    visited, _ = await climb(camera)
    assert "more than" in visited.seen[0].detail or "301" in visited.seen[0].detail


async def test_a_session_is_kept_alive_at_half_its_time(simulated: Start) -> None:
    for transport in (Transport.TCP, Transport.UDP):
        camera = (await simulated(1)).cameras["cam-000"]
        camera.session_seconds = 2
        visited, _ = await climb(camera, listen_seconds=3.0, transport=transport)
        assert codes(visited) == []
        assert camera.kept_alive >= 1


async def test_a_long_enough_look_reads_rate_bitrate_and_clock(simulated: Start) -> None:
    fleet = await simulated(5)
    looks = await asyncio.gather(*(climb(camera, listen_seconds=2.5) for camera in fleet.cameras.values()))
    for camera, (visited, memory) in zip(fleet.cameras.values(), looks, strict=True):
        readings = visited.readings
        assert readings.frame_rate_hertz == pytest.approx(10, abs=0.1)
        assert readings.arrival_rate_hertz == pytest.approx(10, abs=4)  # a busy machine sends and reads in bursts
        sizes = [sum(map(len, picture.payloads)) for picture in camera.clip().pictures]
        usual = sum(sizes) / len(sizes) * 80
        assert usual / 5 < float(readings.bits_per_second) < usual * 5
        assert abs(float(readings.stream_clock_offset_seconds)) < 2.0
        assert 0 <= float(readings.jitter_seconds) < 1.0
        assert readings.profile in {"High", "Main", "Baseline"}
        assert memory.normal.read_at == pytest.approx(visited.at, abs=5)
        assert memory.normal.size == (640, 360)
        assert {"packet_loss", "resolution_changed"} <= visited.ruled_out


async def test_readings_are_due_after_a_while_and_at_once_after_a_fault(simulated: Start) -> None:
    camera = (await simulated(1)).cameras["cam-000"]

    async def seconds(memory: Memory, now: float) -> tuple[float, Memory]:
        visited, memory = await climb(camera, memory, listen_seconds=4.0, now=now)
        return next(result.seconds for result in visited.rungs if result.rung == Rung.STREAM), memory

    first, memory = await seconds(Memory(), 1000.0)
    second, _ = await seconds(memory, 1020.0)
    third, _ = await seconds(replace(memory, normal=replace(memory.normal, doubtful=True)), 1020.0)
    fourth, _ = await seconds(memory, 1300.0)
    assert second < 4.0 <= min(first, third, fourth)


def readings(rate: float, bits: float) -> Readings:
    return Readings(frame_rate_hertz=rate, arrival_rate_hertz=rate, bits_per_second=bits)


def learned(size: tuple[int, int] = (1920, 1080)) -> StreamBaseline:
    normal, target = StreamBaseline(), Target("x", "h")
    for _ in range(MIN_LEARNED):
        judged = judge(target, normal, readings(25.0, 2e6), size, now=0.0)
        assert judged.seen == ()
        normal = judged.normal
    return normal


def test_a_stream_is_judged_against_its_own_past() -> None:
    target, normal = Target("x", "h"), learned()
    assert (normal.frame_rate, normal.bits_per_second) == (25.0, 2e6)
    for rate, bits, size, seen in (
        (12.5, 4e5, (1920, 1080), []),
        (8.0, 2e6, (1920, 1080), ["low_frame_rate"]),
        (25.0, 9e6, (1920, 1080), ["bitrate_out_of_range"]),
        (25.0, 5e4, (1920, 1080), ["bitrate_out_of_range"]),
        (25.0, 2e6, (1280, 720), ["resolution_changed"]),
        (25.0, 2e6, (1920, 1088), []),
    ):
        judged = judge(target, normal, readings(rate, bits), size, now=0.0)
        assert [finding.code for finding in judged.seen] == seen
        assert judged.normal.doubtful == bool(seen)
        assert judged.normal.frame_rate == 25.0


def test_a_new_stream_is_judged_by_the_file_alone() -> None:
    judged = judge(Target("x", "h"), StreamBaseline(), readings(1.0, 1.0), (64, 64), now=0.0)
    assert judged.seen == ()
    assert judged.ruled_out == {"resolution_changed"}
    told = Target("x", "h", expected=StreamParameters("h264", 1920, 1080, 25.0), bits_per_second_range=(1e6, 3e6))
    judged = judge(told, StreamBaseline(), readings(10.0, 9e5), (640, 360), now=0.0)
    assert [finding.code for finding in judged.seen] == ["low_frame_rate", "bitrate_out_of_range", "resolution_changed"]


async def test_a_wrong_password_over_a_day_is_tried_three_times_in_any_half_hour(simulated: Start) -> None:
    """Over RTSP and ONVIF together, counted at the camera; the day is simulated, the sockets are not."""
    fleet = await simulated(2, onvif_port=18_080)
    for camera, other in zip(fleet.cameras.values(), ("same", "another"), strict=True):
        wrong = Credentials("viewer", "wrong")
        device = wrong if other == "same" else Credentials("admin", "wrong too")
        assert camera.onvif is not None
        memory, tries, count = Memory(), [], 0
        onvif = OnvifTarget(18_080, credentials=device, profile="main")
        for moment in range(0, 86_400, 60):
            target = replace(camera.target, credentials=wrong, onvif=onvif)
            _, memory = await visit(
                target, Rung.RTSP, memory, timeouts=PATIENT, workers=WORKERS, now=float(moment), beside={Rung.ONVIF}
            )
            refused = camera.refused_logins + camera.onvif.refused_logins
            tries += [moment] * (refused - count)
            count = refused
        assert 5 < len(tries) < 40
        assert max(sum(start <= moment < start + 1800 for moment in tries) for start in tries) <= 3


async def test_a_thousand_visits_cancelled_at_random_leave_no_session(simulated: Start) -> None:
    fleet = await simulated(10)
    chance = random.Random(5)
    cameras = list(fleet.cameras.values())
    longest = 0.08

    async def one(number: int) -> None:
        transport = chance.choice((Transport.TCP, Transport.TCP, Transport.UDP))
        task = asyncio.create_task(climb(cameras[number % len(cameras)], transport=transport))
        await asyncio.sleep(chance.random() * longest)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def served() -> int:
        return sum(camera.sessions_served for camera in cameras)

    for start in range(0, 1000, 20):
        before = served()
        await asyncio.gather(*(one(number) for number in range(start, start + 20)))
        # A session a third of the time, however long one takes on this machine.
        longest = min(2.0, longest * 1.25) if served() - before < 7 else max(0.08, longest / 1.25)
    assert served() > 200
    await until(lambda: sum(camera.open_sessions for camera in cameras) == 0)
    await until(lambda: sum(camera.teardowns for camera in cameras) == served())
