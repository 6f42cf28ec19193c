"""What a device does not tell: it costs that alone, is remembered with its reason, and raises nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.conftest import LOGIN
from tests.odd_device import FAULT, Instead, OddDevice, date_and_time, last_start, moment, odd_device
from tests.waiting import PATIENT
from xueliang_monitor.model import OnvifTarget, Rung, Target, VisitResult
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing import device_interview
from xueliang_monitor.probing.device_memory import Subject
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.storage.persisted_memory import StoredMemory
from xueliang_monitor.time_format import iso_utc

Start = Callable[..., Awaitable[SimulatedFleet]]
REFUSAL = (401, soap_messages.fault("Sender", "NotAuthorized", "no"))
ANSWERED = ("GetSystemDateAndTime", "GetDeviceInformation")


class Watched:
    """A camera with an odd device, visited again and again."""

    def __init__(self, target: Target, device: OddDevice) -> None:
        self.target = target
        self.device = device
        self.memory = Memory()

    async def visit(self, after: float = 0.0) -> VisitResult:
        visited, self.memory = await visit(
            self.target,
            Rung.RTSP,
            self.memory,
            timeouts=PATIENT.but(onvif=8.0),
            workers=Workers(1),
            now=time.time() + after,
            beside={Rung.ONVIF},
        )
        return visited

    @property
    def not_told(self) -> set[str]:
        return {subject.value for subject in self.memory.device.not_told}


@pytest.fixture
async def watched(simulated: Start, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(device_interview, "OPTIONAL_SECONDS", 0.6)
    monkeypatch.setattr(device_interview, "SERVICES_SECONDS", 1.2)
    camera = (await simulated(1)).cameras["cam-000"]
    async with odd_device(camera.target.host) as device:
        onvif = OnvifTarget(device.port, credentials=LOGIN, profile="main")
        yield Watched(Target(**{**vars_of(camera.target), "credentials": LOGIN, "onvif": onvif}), device)


def vars_of(target: Target) -> dict[str, object]:
    return {name: getattr(target, name) for name in Target.__dataclass_fields__}


def codes(visited: VisitResult) -> list[str]:
    return [finding.code for finding in visited.seen]


@pytest.mark.parametrize("instead", [FAULT, (400, FAULT[1]), Instead.NOTHING, Instead.RESET, Instead.EMPTY])
async def test_the_identity_is_asked_though_the_clock_is_not_told(watched: Watched, instead: object) -> None:
    watched.device.answers["GetSystemDateAndTime"] = instead  # type: ignore[assignment]
    visited = await watched.visit()
    assert codes(visited) == []
    assert watched.memory.device.reported is not None
    assert watched.memory.device.profiles
    assert Subject.TIME_KEEPING.value in watched.not_told
    assert Subject.IDENTITY.value not in watched.not_told
    assert "device_replaced" in visited.ruled_out


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        ("GetDeviceInformation", Subject.IDENTITY),
        ("GetHostname", Subject.HOSTNAME),
        ("GetProfiles", Subject.PROFILES),
        ("GetStreamUri", Subject.STREAM_PATH),
        ("GetNTP", Subject.NTP),
        ("GetEventProperties", Subject.LAST_START),
        ("PullMessages", Subject.LAST_START),
    ],
)
@pytest.mark.parametrize("instead", [FAULT, Instead.NOTHING, Instead.RESET])
async def test_each_answer_that_is_missing_costs_itself(
    watched: Watched, operation: str, subject: Subject, instead: object
) -> None:
    watched.device.answers[operation] = instead  # type: ignore[assignment]
    visited = await watched.visit()
    assert codes(visited) == []
    assert watched.not_told == {subject.value}
    assert watched.memory.device.not_told[subject]
    assert isinstance(visited.readings.clock_offset_seconds, float)


async def test_a_device_that_answers_nothing_is_a_fault(watched: Watched) -> None:
    await watched.visit()
    for operation in [*ANSWERED, "GetServices", "GetProfiles", "GetHostname", "GetNTP", "GetEventProperties",
                      "GetStreamUri", "PullMessages", "CreatePullPointSubscription"]:  # fmt: skip
        watched.device.answers[operation] = Instead.NOTHING
    visited = await watched.visit()
    assert codes(visited) == ["onvif_unreachable"]
    assert "within" in visited.seen[0].detail
    for operation in list(watched.device.answers):
        watched.device.answers[operation] = FAULT
    assert codes(await watched.visit()) == ["onvif_fault"]
    watched.device.answers.pop("GetHostname")
    assert codes(await watched.visit()) == []


async def test_what_is_no_longer_told_is_no_longer_a_reading(watched: Watched) -> None:
    readings = (await watched.visit()).readings
    assert readings.clock_offset_seconds is not None
    assert (readings.time_source, readings.time_zone, readings.ntp_server) == ("ntp", "CST-8", "ntp.example.org")
    watched.device.answers |= dict.fromkeys(ANSWERED, Instead.RESET)
    readings = readings.updated((await watched.visit(4000.0)).readings)
    assert readings.clock_offset_seconds is None
    assert (readings.serial, readings.time_source) == (None, None)
    assert readings.ntp_server == "ntp.example.org"
    watched.device.answers.clear()
    readings = readings.updated((await watched.visit(8000.0)).readings)
    assert readings.serial == "ODD1"


@pytest.mark.parametrize(
    ("clocks", "source", "reason", "words"),
    [
        (lambda now: (moment(now + 8 * 3600), moment(now + 8 * 3600, "LocalDateTime")), "NTP", "local_as_utc", "UTCDa"),
        (lambda now: (moment(now + 8 * 3600),), "NTP", "local_as_utc", "UTCDateTime holds local time"),
        (lambda _: (moment(3600.0),), "NTP", "never_set", "the year 1970"),
        (lambda _: (moment(946_688_400.0),), "Manual", "never_set", "the year 2000"),
        (lambda now: (moment(now - 700),), "Manual", "ntp_off", "NTP is off"),
        (lambda now: (moment(now - 700),), "NTP", "", "behind"),
        (lambda now: (moment(now - 700),), "", "", "behind"),
    ],
)
async def test_why_a_clock_is_wrong(
    watched: Watched, clocks: Callable[[float], tuple[str, ...]], source: str, reason: str, words: str
) -> None:
    watched.device.answers["GetSystemDateAndTime"] = lambda: date_and_time(*clocks(time.time()), source=source)
    visited = await watched.visit()
    assert [(finding.code, finding.reason) for finding in visited.seen] == [("clock_drift", reason)]
    assert words in visited.seen[0].detail
    if words == "UTCDa":  # our own clock is compared with those of cameras, and this one's is right
        assert visited.readings.clock_offset_seconds == pytest.approx(0.0, abs=5.0)


STARTS: dict[str, Callable[[float], str]] = {
    "always now": iso_utc,
    "always a while ago": lambda now: iso_utc(now - 1800.0),
    "local time": lambda now: iso_utc(now + 8 * 3600.0),
    "in the future": lambda now: iso_utc(now + 90_000.0 + now % 977),
    "empty": lambda _: "",
    "no date": lambda _: "2485-13-13T18:14:13Z",
    "nothing": lambda _: "0001-01-01T00:00:00Z",
    "jumping": lambda now: iso_utc(now - 3_000.0 - (now // 300 % 3) * 50_000.0),
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
async def test_a_last_start_that_cannot_be_true_raises_nothing(watched: Watched, start: Callable[[float], str]) -> None:
    began = time.time()
    for second in range(0, 1800, 300):
        watched.device.answers["PullMessages"] = last_start(start(began + second))
        watched.device.answers["GetSystemDateAndTime"] = lambda at=began + second: date_and_time(moment(at))  # type: ignore[misc]
        assert codes(await watched.visit(second)) == []
        untold = watched.not_told
        stored = StoredMemory.of(watched.memory).memory()  # as if the daemon started anew
        watched.memory = Memory(device=stored.device, login=watched.memory.login)
    assert Subject.LAST_START.value in untold


async def test_a_restart_is_told_after_a_doubtful_past(watched: Watched) -> None:
    began = time.time()

    async def told(second: float, started: float) -> list[str]:
        watched.device.answers["PullMessages"] = last_start(iso_utc(started))
        watched.device.answers["GetSystemDateAndTime"] = date_and_time(moment(began + second))
        return codes(await watched.visit(second))

    assert await told(0, began - 5000) == []
    assert await told(300, began + 200) == ["device_rebooted"]
    assert await told(2000, began + 200) == []
    assert await told(2300, began + 2299) == ["device_rebooted"]  # it may be true
    for second in (2600, 2900):
        assert await told(second, began + second - 1) == []
    for second in (3200, 3500, 3800, 4100):
        assert await told(second, began + 2899) == []
    assert Subject.LAST_START.value not in watched.not_told
    assert await told(4400, began + 4350) == ["device_rebooted"]


async def test_a_login_on_hold_rules_nothing_out_and_blames_nothing_else(watched: Watched) -> None:
    """The identity is told to everybody, the rest needs a login, which is refused and then held back."""
    watched.device.answers |= dict.fromkeys(["GetServices", "GetHostname", "GetNTP"], REFUSAL)
    first = await watched.visit()
    assert codes(first) == ["onvif_auth_failed"]
    again = await watched.visit(30.0)
    assert "onvif_auth_failed" not in codes(again)
    assert "onvif_auth_failed" not in again.ruled_out
    watched.device.answers |= dict.fromkeys(ANSWERED, REFUSAL)
    assert codes(await watched.visit(60.0)) == []  # not onvif_malformed, for the same cause


async def test_a_clock_ahead_whose_two_times_agree_with_its_zone_does_not_tell_local_time(watched: Watched) -> None:
    now = time.time()
    watched.device.answers["GetSystemDateAndTime"] = lambda: date_and_time(
        moment(now + 8 * 3600), moment(now + 16 * 3600, "LocalDateTime"), source="NTP"
    )
    visited = await watched.visit()
    assert [(finding.code, finding.reason) for finding in visited.seen] == [("clock_drift", "")]
