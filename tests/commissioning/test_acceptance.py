"""The decisions about a new camera that need no network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xueliang_monitor.commissioning.acceptance import _items as items_of
from xueliang_monitor.commissioning.acceptance import _with_device as with_device
from xueliang_monitor.commissioning.acceptance import device_part
from xueliang_monitor.commissioning.conflicts import default_id
from xueliang_monitor.commissioning.device_answers import stream_address, without_login
from xueliang_monitor.commissioning.registration import camera_file_of
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.model import (
    AuthPolicy,
    Credentials,
    Finding,
    OnvifTarget,
    Rung,
    RungResult,
    StreamParameters,
    Target,
    VisitResult,
    redact_path,
)
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.readings import Readings
from xueliang_monitor.wire.media_profiles import Profile

LOGIN = Credentials("viewer", "p&ss word")


@pytest.mark.parametrize(
    ("name", "address", "identity"),
    [
        ("East Gate 2", "192.0.2.7", "east-gate-2"),
        ("柳林社区东门", "192.0.2.7", "camera-192-0-2-7"),
        (None, "2001:db8::7", "camera-2001-db8-7"),
        ("柳林 A1", "cam.example", "camera-cam-example"),
    ],
)
def test_the_default_id_comes_from_the_name_or_the_address(name: str | None, address: str, identity: str) -> None:
    assert default_id(name, address) == identity


def profiles(*sizes: tuple[int, int]) -> tuple[Profile, ...]:
    return tuple(Profile(str(number), "", StreamParameters("h264", *size)) for number, size in enumerate(sizes))


@pytest.mark.parametrize(
    ("sizes", "watched", "main"),
    [
        ([(2560, 1440), (1280, 720), (640, 360), (352, 288)], "2", "0"),
        ([(1920, 1080), (352, 288)], "0", "0"),
        ([(352, 288), (320, 240)], "0", "0"),
        ([(0, 0), (0, 0)], "0", "0"),
        ([(0, 0), (704, 576)], "1", "1"),
    ],
)
def test_the_smallest_profile_of_enough_width_is_watched(sizes: list[tuple[int, int]], watched: str, main: str) -> None:
    chosen, largest = choose_profile(profiles(*sizes)), main_profile(profiles(*sizes))
    assert chosen is not None
    assert largest is not None
    assert (chosen.token, largest.token) == (watched, main)


@pytest.mark.parametrize(
    ("rung", "detail"),
    [
        (RungResult(Rung.RTSP, True, 0.1), "offers: Digest (MD5), Basic"),
        (RungResult(Rung.RTSP, False, 0.1, "auth_failed", "refused"), "refused; offers: Digest (MD5), Basic"),
    ],
)
def test_the_result_names_the_logins_that_the_camera_offers(rung: RungResult, detail: str) -> None:
    seen = (Finding(rung.fault, rung.detail, Rung.RTSP),) if rung.fault else ()
    visited = VisitResult("x", 0.0, (rung,), seen, readings=Readings(login_offered="Digest (MD5), Basic"))
    items = {item.subject: item.detail for item in items_of(visited, Target("x", "192.0.2.7"), None)}
    assert items[Rung.RTSP] == detail
    assert items[Rung.REACH] == "not reached"


@pytest.mark.parametrize(
    ("reason", "offset", "passed"),
    [
        ("local_as_utc", 0.1, True),
        ("local_as_utc", 28_800.0, False),
        ("never_set", 0.1, False),
        ("", 28_800.0, False),
    ],
)
def test_a_clock_that_is_only_told_wrongly_passes(reason: str, offset: float, passed: bool) -> None:
    drift = Finding("clock_drift", "28800 s ahead; UTCDateTime holds local time", Rung.ONVIF, reason)
    onvif = RungResult(Rung.ONVIF, True, 0.1)
    visited = VisitResult("x", 0.0, (onvif,), (drift,), readings=Readings(clock_offset_seconds=offset))
    target = Target("x", "192.0.2.7", onvif=OnvifTarget())
    clock = next(item for item in items_of(visited, target, None) if item.subject == "clock")
    assert clock.passed is passed
    assert ("it tells its local time as UTC" in clock.detail) is passed


def test_what_a_device_says_is_taken_for_its_other_channels() -> None:
    onvif = RungResult(Rung.ONVIF, True, 0.1)
    drift = Finding("clock_drift", "+60 s", Rung.ONVIF)
    black = Finding("picture_black", "", Rung.PICTURE)
    readings = Readings(clock_offset_seconds=60.0, codec="h264")
    first = VisitResult(
        "x", 0.0, (onvif,), (drift, black), frozenset({"device_replaced", "no_media"}), readings=readings
    )
    device = device_part(first)
    assert device is not None
    second = VisitResult("y", 0.0, (RungResult(Rung.REACH, True, 0.1),), (), frozenset({"no_keyframe"}))
    merged = with_device(second, device)
    assert [result.rung for result in merged.rungs] == [Rung.REACH, Rung.ONVIF]
    assert merged.seen == (drift,)
    assert merged.ruled_out == {"device_replaced", "no_keyframe"}
    assert (merged.readings.clock_offset_seconds, merged.readings.codec) == (60.0, None)
    failed = RungResult(Rung.ONVIF, False, 0.1, "onvif_unreachable", "")
    assert device_part(replace(first, rungs=(failed,))) is None


def test_a_registered_camera_keeps_how_its_password_may_be_sent() -> None:
    request = RegistrationRequest("192.0.2.7", "S", auth=AuthPolicy.BASIC, rtsp_path="/live")
    assert camera_file_of(request, None).auth is AuthPolicy.BASIC
    with pytest.raises(RegistrationError, match="sends the password unencrypted"):
        camera_file_of(replace(request, auth=AuthPolicy.DIGEST, rtsp_path="/x?password={password}"), None)


def test_no_profile_at_all() -> None:
    assert choose_profile(()) is None
    assert main_profile(()) is None


def test_a_password_in_a_path_is_never_shown_or_written() -> None:
    path = "/user=viewer_password=p%26ss%20word_channel=1_stream=0.sdp?real_stream"
    written = without_login(path, LOGIN)
    assert written == "/user=viewer_password={password}_channel=1_stream=0.sdp?real_stream"
    target = Target("x", "192.0.2.7", path=written, credentials=LOGIN)
    assert target.request_url == f"rtsp://192.0.2.7:554{path}"
    assert "ss" not in target.url.replace("password", "")
    assert "p&ss" not in repr(target)
    assert Target("x", "h", path="/a?pwd=secret&b=1").url == "rtsp://h:554/a?pwd=***&b=1"
    assert redact_path("/a?password=&b=1") == "/a?password=&b=1"
    assert without_login("/live/p%26ss%20word/main", LOGIN) == "/live/{password}/main"
    for echoed in ("/live/cCZzcyB3b3Jk", "/live/%70%26ss%20word"):
        with pytest.raises(RegistrationError, match=r"contains a password \(/live/\*\*\*\)"):
            without_login(echoed, LOGIN)
    with pytest.raises(RegistrationError) as caught:
        without_login("/user=viewer_password=tlJwpbo6_channel=1", LOGIN)
    assert "tlJwpbo6" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["/{password}/z", "/{username}/{password}", "/x?a={password}", "/{password}?b={password}"]
)
def test_a_device_cannot_name_our_placeholders(path: str) -> None:
    """A device that could, would have the password sent unencrypted without asking for a login."""
    found = stream_address(f"rtsp://192.0.2.7:8554{path}")
    assert found is not None
    target = Target("x", "192.0.2.7", found.port or 0, without_login(found.path, LOGIN), LOGIN)
    assert target.request_url == f"rtsp://192.0.2.7:8554{path.replace('{', '%7B').replace('}', '%7D')}"


def test_a_device_that_asks_for_the_password_by_its_name_is_refused() -> None:
    found = stream_address("rtsp://192.0.2.7/x?password={password}")
    assert found is not None
    with pytest.raises(RegistrationError):
        without_login(found.path, LOGIN)
