"""The decisions about a new camera that need no network."""

from __future__ import annotations

import pytest

from xueliang_monitor.commissioning.device_query import without_login
from xueliang_monitor.commissioning.registration import default_id
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.model import Credentials, StreamParameters, Target, redact_path
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.wire.onvif import Profile

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
