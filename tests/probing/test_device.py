"""The onvif rung: every device fault from its cause, the login limit, restarts, changes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.conftest import LOGIN
from tests.net.onvif_device import OnvifDevice, clock
from tests.waiting import PATIENT
from xueliang_monitor.judgement.catalogue import FAULTS as CATALOGUE
from xueliang_monitor.model import Credentials, Identity, OnvifTarget, Rung, VisitResult
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.onvif_hints import OnvifHints
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing import device_changes
from xueliang_monitor.probing.climb import climb_one
from xueliang_monitor.probing.climbed import Climbed
from xueliang_monitor.probing.device_interview import ask_last_start
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.findings import Findings
from xueliang_monitor.probing.login import Login, LoginHistory
from xueliang_monitor.probing.login_book import LoginBook
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rung import RungOutcome, VisitContext
from xueliang_monitor.probing.rungs.rtsp import RTSP
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.process.pauses import Pauses
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.faults import BY_NAME, FAULTS
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.wire.device_text import Gate

Start = Callable[..., Awaitable[SimulatedFleet]]
REACH_SECONDS = 2.0
DEVICE_FAULTS = [fault for fault in FAULTS if CATALOGUE[fault.code].rung == Rung.ONVIF]


async def ask(
    camera: SimulatedCamera,
    memory: Memory,
    *,
    login: Credentials | None = LOGIN,
    device_login: Credentials | None = LOGIN,
    identity: Identity | None = None,
    after: float = 0.0,
    due: bool = True,
) -> tuple[VisitResult, Memory]:
    onvif = OnvifTarget(8000, credentials=device_login, profile="main")
    target = replace(camera.target, credentials=login, onvif=onvif, identity=identity)
    return await visit(
        target,
        Rung.RTSP,
        memory,
        timeouts=PATIENT.but(reach=REACH_SECONDS),
        workers=Workers(1),
        now=time.time() + after,
        beside={Rung.ONVIF} if due else (),
    )


def codes(visited: VisitResult) -> list[str]:
    return [finding.code for finding in visited.seen]


@pytest.mark.parametrize("number", [0, 2], ids=["token", "digest"])
@pytest.mark.parametrize("fault", DEVICE_FAULTS, ids=lambda fault: fault.name)
async def test_cause_to_code(simulated: Start, fault: type, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = await simulated(3, onvif_port=8000)
    camera = fleet.cameras[f"cam-00{number}"]
    visited, memory = await ask(camera, Memory())
    assert codes(visited) == []
    assert {"clock_drift", "device_replaced", "device_rebooted", "firmware_changed"} <= visited.ruled_out
    await camera.set_fault(fault())
    visited, memory = await ask(camera, memory)
    assert codes(visited) == [fault.code]
    assert visited.online
    assert visited.seen[0].rung == Rung.ONVIF
    await camera.clear_fault()
    monkeypatch.setattr(device_changes, "REBOOT_SHOWN_SECONDS", -1.0)
    visited, _ = await ask(camera, replace(memory, login=replace(memory.login, onvif=LoginHistory())))
    assert codes(visited) == []
    assert fault.code in visited.ruled_out


async def test_a_camera_without_onvif_is_not_asked(simulated: Start) -> None:
    fleet = await simulated(1)
    camera = fleet.cameras["cam-000"]
    target = replace(camera.target, credentials=LOGIN)
    visited, _ = await visit(
        target, Rung.RTSP, Memory(), timeouts=PATIENT, workers=Workers(1), now=time.time(), beside={Rung.ONVIF}
    )
    assert codes(visited) == []
    assert [result.rung for result in visited.rungs] == [Rung.REACH, Rung.RTSP]


async def test_the_registered_identity_takes_precedence_over_the_first_one_seen(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    registered = Identity("Xueliang Simulated", "SIM-360", "1.0.0", "SIM000000")
    visited, memory = await ask(camera, Memory(), identity=registered)
    assert codes(visited) == ["firmware_changed"]
    assert visited.seen[0].detail == "firmware 1.0.0 was registered, it now has 1.4.2"
    visited, _ = await ask(camera, memory, identity=replace(registered, serial="OTHER"))
    assert codes(visited) == ["device_replaced"]
    visited, _ = await ask(camera, memory, identity=replace(registered, firmware="1.4.2"))
    assert codes(visited) == []


async def test_a_login_that_rtsp_refuses_is_not_tried_over_onvif(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    assert camera.onvif is not None
    wrong = Credentials("viewer", "wr0ng-pass")
    visited, memory = await ask(camera, Memory(), login=wrong, device_login=wrong)
    assert codes(visited) == ["auth_failed"]
    assert (camera.refused_logins, camera.onvif.refused_logins) == (1, 0)
    assert isinstance(visited.readings.clock_offset_seconds, float)  # the clock needs no login
    visited, memory = await ask(camera, memory, login=wrong, device_login=wrong, after=60)
    assert (camera.refused_logins, camera.onvif.refused_logins) == (1, 0)


async def test_at_most_three_logins_in_half_an_hour_over_both(simulated: Start) -> None:
    """A simulated day of visits every 15 s with passwords that are wrong for RTSP, for ONVIF, or for both."""
    fleet = await simulated(3, onvif_port=8000)
    wrong = Credentials("viewer", "wr0ng-pass")
    cases = [(wrong, wrong), (LOGIN, wrong)]
    for camera, (login, device_login) in zip(fleet.cameras.values(), cases, strict=False):
        assert camera.onvif is not None
        memory, attempts, before = Memory(), [], 0
        for second in range(0, 86_400, 150):
            _, memory = await ask(
                camera, memory, login=login, device_login=device_login, after=second, due=second % 300 == 0
            )
            count = camera.refused_logins + camera.onvif.refused_logins
            attempts += [second] * (count - before)
            before = count
        assert attempts
        worst = max(sum(start <= moment < start + 1800 for moment in attempts) for start in attempts)
        assert worst <= 3, attempts


@pytest.mark.parametrize("judged", [0.0, -9.3 * 3600])
async def test_a_login_that_rtsp_accepted_is_no_wrong_password_over_onvif(simulated: Start, judged: float) -> None:
    """A camera that tells one clock and judges tokens by another raises no onvif_auth_failed, not even once."""
    fleet = await simulated(1)
    camera = fleet.cameras["cam-000"]
    told = clock(time.time() - 9.3 * 3600, None)
    device = OnvifDevice({"GetSystemDateAndTime": told}, login="token", token_clock=lambda: time.time() + judged)
    memory = Memory()
    async with device.serving(camera.target.host) as port:
        onvif = OnvifTarget(port, credentials=LOGIN, profile="main")
        target, workers = replace(camera.target, credentials=LOGIN, onvif=onvif), Workers(1)
        for _ in range(2):
            visited, memory = await visit(
                target, Rung.RTSP, memory, timeouts=PATIENT, workers=workers, now=time.time(), beside={Rung.ONVIF}
            )
            assert codes(visited) == ["clock_drift"]
            assert visited.readings.serial == "42"
    assert device.refused_logins == (1 if judged == 0.0 else 0)


async def test_another_password_for_onvif_is_its_own_login(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    visited, memory = await ask(camera, Memory(), device_login=Credentials("viewer", "wr0ng-pass"))
    assert (codes(visited), visited.online) == (["onvif_auth_failed"], True)
    visited, memory = await ask(camera, memory, device_login=Credentials("viewer", "wr0ng-pass"))
    assert codes(visited) == []
    assert "onvif_auth_failed" not in visited.ruled_out  # held back: cannot tell
    visited, _ = await ask(camera, memory)
    assert codes(visited) == []
    assert "onvif_auth_failed" in visited.ruled_out


async def test_a_stream_that_moved_is_named_by_the_device(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    assert camera.onvif is not None
    await camera.set_fault(BY_NAME["moved-path"]())
    memory = Memory()
    for _ in range(3):  # the device is asked once, and remembered
        visited, memory = await ask(camera, memory, due=False)
        assert codes(visited) == ["stream_not_found"]
        assert visited.seen[0].detail.endswith("the camera itself names /live/moved over ONVIF (rtsp_path)")
    assert camera.onvif.calls["GetStreamUri"] == 1


async def test_an_unreached_camera_is_not_asked(simulated: Start) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    assert camera.onvif is not None
    await camera.set_fault(BY_NAME["black-hole"]())
    visited, _ = await ask(camera, Memory())
    assert codes(visited) == ["connect_timeout"]
    assert camera.onvif.calls == {}


@pytest.mark.parametrize(
    ("told_before", "told_now", "offset_before", "offset_now", "restarted"),
    [
        (1000.0, 1000.0, 0.0, 0.0, False),
        (1000.0, 1002.0, 0.0, 0.0, False),
        (1000.0, 9000.0, 0.0, 0.0, True),
        (1000.0, 1000.0, 0.0, 3600.0, False),  # its clock was set, and it keeps what it told
        (1000.0, 4600.0, 0.0, 3600.0, False),  # its clock was set, and it reckons from its uptime
    ],
)
async def test_setting_a_clock_is_no_restart(
    told_before: float, told_now: float, offset_before: float, offset_now: float, restarted: bool
) -> None:
    class Talk:
        hints = OnvifHints(clock_offset_seconds=offset_now)

        async def last_reboot(self) -> float:
            return told_now

    class Climbing:
        @staticmethod
        def now() -> float:
            return 50_000.0

    before = DeviceMemory(last_start=(told_before, told_before - offset_before))
    after = await ask_last_start(Talk(), Climbing(), before)  # type: ignore[arg-type]
    assert (after.restart_noticed_at is not None) == restarted


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (90.0, "the camera's clock is 90 s ahead (limit 5 s)"),
        (-28_801.0, "the camera's clock is 28801 s behind (limit 5 s); an offset of 8 h suggests a wrong time zone"),
        (4.9, None),
        (-5.1, "the camera's clock is 5 s behind (limit 5 s)"),
    ],
)
async def test_a_clock_in_words(offset: float, words: str | None, simulated: Start) -> None:
    fleet = await simulated(1)
    finding = device_changes.judge_clock(offset, fleet.cameras["cam-000"].target)
    assert (finding.detail if finding else None) == words


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        ("V1.0", "V1.0", None),
        ("V1.0", "V1.1", "firmware_changed"),
        ("V*** build ***", "V1.0 build 190516", None),
        ("V*** build ***", "V1.0 19", "firmware_changed"),
        ("***", "V1.0", None),
        ("ab***ba", "aba", "firmware_changed"),
        ("V" * 120, "V" * 119 + "…", None),
        ("V" * 120, "V" * 100 + "W" * 19 + "…", "firmware_changed"),
        ("***a" * 30, "a" * 60, None),
        ("***a" * 30 + "b", "a" * 60, "firmware_changed"),
    ],
)
def test_what_the_gate_took_out_is_no_change(was: str, now: str, code: str | None) -> None:
    expected, reported = (Identity("A", "B", firmware=text, serial="1") for text in (was, now))
    finding = device_changes.judge_identity(reported, expected)
    assert (finding and finding.code) == code


async def test_a_password_that_is_part_of_an_identity_makes_no_change(simulated: Start) -> None:
    camera = (await simulated(1, onvif_port=8000)).cameras["cam-000"]
    camera.credentials = Credentials("viewer", "1.4.2")
    registered = Identity("Xueliang Simulated", "SIM-360", "1.4.2", "SIM000000")
    visited, memory = await ask(
        camera, Memory(), login=camera.credentials, device_login=camera.credentials, identity=registered
    )
    assert codes(visited) == []
    assert visited.readings.firmware == "***"
    assert memory.device.identity == replace(registered, firmware="***", hardware="1")


async def test_an_error_of_our_own_is_logged_without_the_login(
    simulated: Start, caplog: pytest.LogCaptureFixture
) -> None:
    camera = (await simulated(1)).cameras["cam-000"]

    async def climb(context: VisitContext, _climbed: Climbed, _seconds: float) -> RungOutcome:
        raise RuntimeError(f"unexpected: {context.target.credentials.password}\x1b[2J")  # type: ignore[union-attr]

    target = replace(camera.target, credentials=LOGIN)
    context = VisitContext(
        target=target, memory=Memory(), logins=LoginBook().of_visit(target, Login()),
        timeouts=PATIENT, workers=Workers(1), names=NameResolver(), pauses=Pauses(),
        started_at=0.0, now=time.time, gate=Gate.of_target(target),
    )  # fmt: skip
    found = Findings(context.gate)
    await climb_one(found, replace(RTSP, climb=climb), context)
    assert [finding.code for finding in found.seen] == ["check_failed"]
    assert "Traceback" in caplog.text
    assert "unexpected: ***[2J" in caplog.text
    assert LOGIN.password not in caplog.text
