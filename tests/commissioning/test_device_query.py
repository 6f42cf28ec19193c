"""Devices as they answer at their registration: what is needed is named, what only helps is left out."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.conftest import LOGIN
from tests.net.onvif_device import (
    BOTH,
    DEVICE,
    MEDIA,
    RESET,
    Answers,
    OnvifDevice,
    clock,
    encoder,
    fault,
    listed,
    profile,
    profile2,
    uri,
)
from xueliang_monitor.commissioning.device_query import query_device
from xueliang_monitor.commissioning.recorder_query import channel_details, query_recorder, recorder_client
from xueliang_monitor.commissioning.registration import camera_file_of, prepare_registration
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.configuration.inventory import Inventory
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.model import Credentials
from xueliang_monitor.wire.login_digests import xiongmai_hash

INSTALLATION = Installation(
    Settings(), {"d": LOGIN, "wrong": Credentials("viewer", "wr0ng-pass")}, Inventory((), ()), ()
)
MEDIA_ALONE = listed("http://10.0.0.1", {DEVICE: BOTH[DEVICE], MEDIA: BOTH[MEDIA]})
WHOLE = (
    f"<trt:GetProfilesResponse>{profile('main', encoder('H264', 1920, 1080))}"
    f"{profile('sub', encoder('H264', 640, 360))}</trt:GetProfilesResponse>"
)
HIDDEN = f"<trt:GetProfilesResponse>{profile('main')}{profile('sub')}</trt:GetProfilesResponse>"
H265 = (
    f"<tr2:GetProfilesResponse>{profile2('main', 'H265', 1920, 1080)}{profile2('sub', 'H265', 640, 360)}"
    "</tr2:GetProfilesResponse>"
)


def request(port: int, **options: object) -> RegistrationRequest:
    asked = RegistrationRequest("127.0.0.1", "site", onvif_port=port, credentials="d")
    return replace(asked, **options)  # type: ignore[arg-type]


def device(answers: Answers | None = None, login: str = "token", **options: object) -> OnvifDevice:
    usual: Answers = {"GetServices": MEDIA_ALONE, "GetProfiles": WHOLE}
    made = OnvifDevice({**usual, **(answers or {})}, login=login)
    return replace(made, **options)  # type: ignore[arg-type]


def nothing(_line: str) -> None:
    """Take a line of progress."""


NEED_NOT_ANSWER: dict[str, tuple[Answers, str]] = {
    "clock": ({"GetSystemDateAndTime": fault()}, "does not report its clock"),
    "local time as UTC": (
        {"GetSystemDateAndTime": lambda _call: clock(time.time() + 28_800, time.time() + 28_800)},
        "reports its local time as UTC",
    ),
    "identity": ({"GetDeviceInformation": fault()}, "does not report its identity"),
    "empty identity": (
        {"GetDeviceInformation": "<tds:GetDeviceInformationResponse/>"},
        "does not report its identity",
    ),
    "snapshot": ({"GetSnapshotUri": fault()}, ""),
    "snapshot reset": ({"GetSnapshotUri": RESET}, ""),
    "snapshot (null)": ({"GetSnapshotUri": uri("GetSnapshotUri", "(null)")}, ""),
    "services": ({"GetServices": RESET, "GetCapabilities": fault()}, ""),
}


@pytest.mark.parametrize("kind", NEED_NOT_ANSWER)
async def test_what_a_device_need_not_answer_is_left_out(kind: str) -> None:
    answers, said = NEED_NOT_ANSWER[kind]
    lines: list[str] = []
    camera = device(answers)
    async with camera.serving() as port:
        found = await query_device(request(port), INSTALLATION, lines.append)
    assert found is not None
    assert found.stream is not None
    assert (found.rtsp_port, found.rtsp_path, found.stream.profile) == (8554, "/one", "sub")
    assert (found.identity is None) == ("identity" in kind)
    assert (found.snapshot_path is None) == ("snapshot" in kind)
    assert said in "\n".join(lines)
    assert camera.refused_logins == 0
    assert camera_file_of(request(port), found).rtsp_path == "/one"


@pytest.mark.parametrize("login", ["digest", "token"])
async def test_a_device_that_tells_nothing_without_a_login_is_onvif(login: str) -> None:
    camera = device({}, login, open_operations=frozenset(), refused_status=401)
    async with camera.serving() as port:
        lines: list[str] = []
        found = await query_device(request(port), INSTALLATION, lines.append)
        assert found is not None
        assert found.identity is not None
        assert "clock" not in "\n".join(lines)
        assert camera.refused_logins == 0
        with pytest.raises(RegistrationError, match="refused the login"):
            await query_device(request(port, credentials="wrong"), INSTALLATION, nothing)
    assert camera.refused_logins == 1


NEEDED: dict[str, Answers] = {
    "GetProfiles": {"GetProfiles": fault("Broken")},
    "GetStreamUri": {"GetStreamUri": fault("Broken")},
}


@pytest.mark.parametrize("operation", NEEDED)
async def test_what_is_needed_is_named(operation: str) -> None:
    async with device(NEEDED[operation]).serving() as port:
        with pytest.raises(RegistrationError, match=rf"{operation}: .*Broken"):
            await query_device(request(port), INSTALLATION, nothing)


async def test_another_profile_is_watched_if_the_device_does_not_name_the_address_of_the_best() -> None:
    async with OnvifDevice(
        {
            "GetServices": MEDIA_ALONE,
            "GetProfiles": WHOLE,
            "GetStreamUri": lambda call: (
                fault() if call.values.get("ProfileToken") == "sub" else uri("GetStreamUri", "rtsp://10.0.0.1/main")
            ),
        }
    ).serving() as port:
        found = await query_device(request(port), INSTALLATION, nothing)
        assert found is not None
        assert found.stream is not None
        assert (found.stream.profile, found.rtsp_path) == ("main", "/main")
        with pytest.raises(RegistrationError, match="GetStreamUri"):
            await query_device(request(port, profile="sub"), INSTALLATION, nothing)


async def test_the_settings_of_an_h265_camera_that_hides_them_from_media() -> None:
    answers: Answers = {
        "GetServices": listed("http://10.0.0.1", BOTH),
        "GetProfiles": HIDDEN,
        "2:GetProfiles": H265,
    }
    async with device(answers).serving() as port:
        found = await query_device(request(port), INSTALLATION, nothing)
    assert found is not None
    assert found.stream is not None
    assert found.main_stream is not None
    assert (found.stream.codec, found.stream.width, found.main_stream.width) == ("h265", 640, 1920)
    assert (found.rtsp_path, found.snapshot_path) == ("/two", "/two.jpg")


@pytest.mark.parametrize("answers", [{"GetProfiles": fault()}, {"GetProfiles": "<trt:GetProfilesResponse/>"}])
async def test_a_path_that_is_given_needs_no_profiles(answers: Answers) -> None:
    async with device(answers).serving() as port:
        asked = request(port, rtsp_path="/live")
        found = await query_device(asked, INSTALLATION, nothing)
        assert found is not None
        assert found.identity is not None
        assert found.stream is None
        file = camera_file_of(asked, found)
        assert (file.rtsp_path, file.onvif_port) == ("/live", port)
        with pytest.raises(RegistrationError):
            await query_device(request(port), INSTALLATION, nothing)


async def test_a_path_that_is_given_belongs_to_the_profile_that_has_it() -> None:
    addresses = {"main": "rtsp://10.0.0.1/live/1?profile=main", "sub": "rtsp://10.0.0.1/live/2?profile=sub"}
    camera = OnvifDevice(
        {
            "GetServices": MEDIA_ALONE,
            "GetProfiles": WHOLE,
            "GetStreamUri": lambda call: uri("GetStreamUri", addresses[call.values["ProfileToken"]]),
        }
    )
    async with camera.serving() as port:
        for path, token in (("/live/1?profile=main", "main"), ("/live/2", "sub"), ("/other", "")):
            found = await query_device(request(port, rtsp_path=path), INSTALLATION, nothing)
            assert found is not None
            assert (found.stream.profile if found.stream else "") == token


LEAKING = [
    "http://10.0.0.1/snap.jpg?user=viewer&amp;password=correct%20horse",
    "http://10.0.0.1/viewer/correct%20horse/snap.jpg",
    "http://viewer:correct%20horse@10.0.0.1/snap.jpg?a=Y29ycmVjdCBob3JzZQ==",
    f"rtsp://10.0.0.1:554/user=viewer_password={xiongmai_hash(LOGIN.password)}_channel=0_stream=0.sdp?real_stream",
    f"http://10.0.0.1/snap.jpg?k={xiongmai_hash(LOGIN.password)}",
    "http://10.0.0.1/snap.jpg?session_id=0123456789",
]


@pytest.mark.parametrize("address", LEAKING)
async def test_no_login_of_a_snapshot_address_is_kept(address: str) -> None:
    async with device({"GetSnapshotUri": uri("GetSnapshotUri", address)}).serving() as port:
        found = await query_device(request(port), INSTALLATION, nothing)
    assert found is not None
    assert found.snapshot_path is None


STREAMS = {
    "rtsp://viewer:correct%20horse@10.0.0.1:8554/live": "/live",
    "rtsp://10.0.0.1/user=viewer&amp;password=correct%20horse&amp;ch=1": "/user=viewer&password={password}&ch=1",
    "rtsp://10.0.0.1/viewer/correct%20horse/ch0": "/viewer/{password}/ch0",
    f"rtsp://10.0.0.1/user=viewer_password={xiongmai_hash(LOGIN.password)}_channel=1": (
        "/user=viewer_password={password}_channel=1"
    ),
    "rtsps://10.0.0.1/live": "/live",
    " rtsp://10.0.0.1/live ": "/live",
    "10.0.0.1:8554/live": "/live",
}


@pytest.mark.parametrize("address", STREAMS)
async def test_a_stream_address_is_kept_with_placeholders_for_the_login(address: str) -> None:
    async with device({"GetStreamUri": uri("GetStreamUri", address)}).serving() as port:
        asked = request(port)
        found = await query_device(asked, INSTALLATION, nothing)
    assert found is not None
    assert found.rtsp_path == STREAMS[address]
    assert camera_file_of(asked, found).rtsp == ("tls" if "rtsps" in address else "plain")


@pytest.mark.parametrize(
    "address",
    ["http://10.0.0.1/live", "rtsp://10.0.0.1/user=viewer_password=tlJwpbo6_channel=1_stream=0.sdp", "(null)", "",
     f"rtsp://10.0.0.1/live?k={xiongmai_hash(LOGIN.password)}"],
)  # fmt: skip
async def test_a_stream_address_that_cannot_be_kept_says_what_to_do(address: str) -> None:
    async with device({"GetStreamUri": uri("GetStreamUri", address)}).serving() as port:
        with pytest.raises(RegistrationError) as caught:
            await query_device(request(port), INSTALLATION, nothing)
    said = "\n".join(caught.value.messages)
    assert "--rtsp-path" in said
    assert "tlJwpbo6" not in said
    assert xiongmai_hash(LOGIN.password) not in said


async def test_the_channels_of_a_recorder_in_two_conversations() -> None:
    profiles = "".join(
        profile(f"c{number}{kind}", encoder("H264", width, 360), channel=number)
        for number in range(1, 41)
        for kind, width in (("main", 1920), ("sub", 640))
    )
    recorder = OnvifDevice(
        {
            "GetServices": MEDIA_ALONE,
            "GetProfiles": f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>",
            "GetStreamUri": lambda call: uri("GetStreamUri", f"rtsp://10.0.0.1/{call.values['ProfileToken']}"),
        },
        login="token",
    )
    async with recorder.serving() as port:
        asked = request(port)
        found = await query_recorder(asked, INSTALLATION, nothing)
        assert [item.number for item in found.channels] == list(range(1, 41))
        async with recorder_client(asked, found) as client:
            details = [await channel_details(client, found, channel) for channel in found.channels]
        assert [item.rtsp_path for item in details] == [f"/c{number}sub" for number in range(1, 41)]
        assert details[39].main_stream is not None
        assert details[39].main_stream.profile == "c40main"
    assert recorder.calls.count("GetProfiles") == 1
    assert recorder.refused_logins == 0


async def test_a_password_in_a_given_path_is_replaced_or_refused() -> None:
    name, login = next(iter(INSTALLATION.credentials.items()))
    path = f"/live?user=x&password={login.password}"
    given = RegistrationRequest("192.0.2.7", "S", credentials=name, rtsp_path=path, onvif="none", id="a")
    camera = await prepare_registration(given, INSTALLATION, nothing)
    assert camera.data.rtsp_path == "/live?user=x&password={password}"
    with pytest.raises(RegistrationError, match="--rtsp-path contains a password") as caught:
        await prepare_registration(replace(given, rtsp_path="/live?password=CanaryK4"), INSTALLATION, nothing)
    assert "CanaryK4" not in str(caught.value)
