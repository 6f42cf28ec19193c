"""Media2 (Profile T) beside Media, over real sockets: hidden encoders, hidden profiles, services that fail."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.conftest import LOGIN
from tests.net.onvif_device import (
    BOTH,
    CAPABILITIES,
    DEVICE,
    MEDIA,
    MEDIA2,
    RESET,
    SILENCE,
    Answer,
    Answers,
    OnvifDevice,
    encoder,
    fault,
    listed,
    profile,
    profile2,
    uri,
)
from tests.waiting import until
from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import UnansweredError
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.onvif_hints import OnvifHints
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.simulator.soap_messages import SoapRequest
from xueliang_monitor.wire.device_address import path_of
from xueliang_monitor.wire.errors import OnvifResponseError

SECONDS = 1.5


def client(port: int, hints: OnvifHints | None = None) -> OnvifClient:
    target = OnvifTarget(port, credentials=LOGIN)
    return OnvifClient("127.0.0.1", target, time.time, hints, optional_seconds=SECONDS)


def answer(operation: str, prefix: str, *profiles: str) -> str:
    return f"<{prefix}:{operation}Response>{''.join(profiles)}</{prefix}:{operation}Response>"


def one(*profiles: str) -> str:
    return answer("GetProfiles", "trt", *profiles)


def two(*profiles: str) -> str:
    return answer("GetProfiles", "tr2", *profiles)


H265 = two(profile2("main", "H265", 1920, 1080), profile2("sub", "H265", 640, 360))


def only_without_a_type(request: SoapRequest) -> Answer:
    return fault("InvalidArgVal") if "Type" in request.values else H265


def only_with_named_types(request: SoapRequest) -> Answer:
    return (
        H265
        if request.values.get("Type") == "VideoEncoder"
        else two(profile2("main", "", 0, 0), profile2("sub", "", 0, 0))
    )


HIDDEN: dict[str, Answers] = {
    "encoders": {"GetProfiles": one(profile("main"), profile("sub")), "2:GetProfiles": H265},
    "profiles": {"GetProfiles": one(), "2:GetProfiles": H265},
    "one profile": {"GetProfiles": one(profile("main", encoder("H264", 1920, 1080))), "2:GetProfiles": H265},
    "codec": {
        "GetProfiles": one(profile("main", encoder("H264", 1920, 1080)), profile("sub", encoder("H264", 0, 0))),
        "2:GetProfiles": H265,
    },
    "fault": {"GetProfiles": fault(), "2:GetProfiles": H265},
    "silence": {"GetProfiles": RESET, "2:GetProfiles": H265},
    "without a type": {"GetProfiles": one(), "2:GetProfiles": only_without_a_type},
    "named types": {"GetProfiles": one(profile("main"), profile("sub")), "2:GetProfiles": only_with_named_types},
    "not listed": {
        "GetServices": fault(),
        "GetCapabilities": CAPABILITIES,
        "GetProfiles": one(profile("main"), profile("sub")),
        "2:GetProfiles": H265,
    },
    "media2 alone": {
        "GetServices": listed("http://10.0.0.1", {DEVICE: BOTH[DEVICE], MEDIA2: BOTH[MEDIA2]}),
        "2:GetProfiles": H265,
    },
}


@pytest.mark.parametrize("kind", HIDDEN)
async def test_what_media_hides_is_asked_of_media2(kind: str) -> None:
    device = OnvifDevice(HIDDEN[kind])
    async with device.serving() as port, client(port) as talk:
        profiles = await talk.profiles()
        sub, main = choose_profile(profiles), main_profile(profiles)
        assert sub is not None
        assert main is not None
        assert (sub.token, sub.stream.codec, sub.stream.width, sub.stream.height) == ("sub", "h265", 640, 360)
        assert (main.token, main.stream.codec, main.stream.width) == ("main", "h265", 1920)
        assert sub.source == "Source1"
        assert path_of(await talk.stream_uri("sub")) == "/two"
        assert path_of(await talk.snapshot_uri("sub")) == "/two.jpg"
        device.answers["2:SetSynchronizationPoint"] = "<tr2:SetSynchronizationPointResponse/>"
        await talk.request_keyframe("sub")
        assert device.calls[-1] == "2:SetSynchronizationPoint"
        async with client(port, talk.hints) as later:  # a later visit remembers which service knows the profile
            await later.request_keyframe("sub")
    assert device.calls[-2:] == ["2:SetSynchronizationPoint"] * 2


WHOLE = one(profile("main", encoder("H264", 1920, 1080)), profile("sub", encoder("H264", 640, 360)))
FAILING: dict[str, Answer] = {
    "fault": fault(),
    "reset": RESET,
    "empty": two(),
    "unreadable": "<tr2:GetProfilesResponse>",
    "page": (200, b"<html><body>404</body></html>"),
    "the same": two(profile2("main", "H264", 1920, 1080), profile2("sub", "H264", 640, 360)),
}


@pytest.mark.parametrize("kind", FAILING)
async def test_media_serves_where_media2_fails_or_says_the_same(kind: str) -> None:
    device = OnvifDevice({"GetProfiles": WHOLE, "2:GetProfiles": FAILING[kind]})
    async with device.serving() as port, client(port) as talk:
        profiles = await talk.profiles()
        assert [(item.token, item.stream.codec, item.stream.width) for item in profiles] == [
            ("main", "h264", 1920),
            ("sub", "h264", 640),
        ]
        assert path_of(await talk.stream_uri("sub")) == "/one"


async def test_each_service_serves_where_the_other_does_not_tell_an_address() -> None:
    nothing = uri("GetStreamUri", "(null)")
    device = OnvifDevice(
        {"GetProfiles": WHOLE, "2:GetProfiles": H265, "2:GetStreamUri": fault(), "2:GetSnapshotUri": fault()}
    )
    async with device.serving() as port, client(port) as talk:
        await talk.profiles()
        assert path_of(await talk.stream_uri("sub")) == "/one"
        assert path_of(await talk.snapshot_uri("sub")) == "/one.jpg"
    device = OnvifDevice({"GetProfiles": WHOLE, "2:GetProfiles": two(), "GetStreamUri": nothing})
    async with device.serving() as port, client(port) as talk:
        await talk.profiles()
        assert path_of(await talk.stream_uri("sub")) == "/two"


async def test_another_protocol_name_is_tried() -> None:
    def by_protocol(request: SoapRequest) -> Answer:
        asked = request.values.get("Protocol")
        return uri("GetStreamUri", "rtsp://10.0.0.1/u", "tr2") if asked == "RtspUnicast" else fault("InvalidArgVal")

    device = OnvifDevice({"GetProfiles": one(), "2:GetProfiles": H265, "2:GetStreamUri": by_protocol})
    async with device.serving() as port, client(port) as talk:
        await talk.profiles()
        assert path_of(await talk.stream_uri("sub")) == "/u"


@pytest.mark.parametrize("silent", ["GetProfiles", "2:GetProfiles"])
async def test_a_media_service_that_never_answers_is_asked_last_by_a_later_visit(silent: str) -> None:
    whole2 = two(profile2("main", "H264", 1920, 1080), profile2("sub", "H264", 640, 360))
    device = OnvifDevice({"GetProfiles": WHOLE, "2:GetProfiles": whole2, silent: SILENCE})
    async with device.serving() as port:
        async with client(port) as talk:
            asking = asyncio.create_task(talk.profiles())
            await until(lambda: silent in device.calls)
            asking.cancel()  # as a visit whose time is over
            await asyncio.wait({asking})
        async with client(port, talk.hints) as later:
            assert [item.token for item in await later.profiles()] == ["main", "sub"]
    assert device.calls.count(silent) == 1


async def test_a_camera_without_media2_is_asked_as_before() -> None:
    device = OnvifDevice(
        {"GetServices": listed("http://10.0.0.1", {DEVICE: BOTH[DEVICE], MEDIA: BOTH[MEDIA]}), "GetProfiles": WHOLE}
    )
    async with device.serving() as port, client(port) as talk:
        await talk.profiles()
        await talk.stream_uri("sub")
    assert device.calls == ["GetServices", "GetProfiles", "GetStreamUri"]


@pytest.mark.parametrize("operation", ["GetServices", "GetSnapshotUri"])
async def test_an_optional_question_without_an_answer_costs_its_own_time(operation: str) -> None:
    device = OnvifDevice(
        {"GetServices": listed("http://10.0.0.1", {MEDIA: BOTH[MEDIA]}), "GetCapabilities": CAPABILITIES}
        | {"GetProfiles": WHOLE, operation: SILENCE}
    )
    async with device.serving() as port, client(port) as talk:
        assert len(await talk.profiles()) == 2
        assert path_of(await talk.stream_uri("sub")) == "/one"
        if operation == "GetSnapshotUri":
            with pytest.raises(UnansweredError, match="GetSnapshotUri"):
                await talk.snapshot_uri("sub")
        assert device.calls.count(operation) == 1
        assert path_of(await talk.stream_uri("main")) == "/one"


async def test_services_that_are_not_told_are_asked_once_and_media_at_the_own_address() -> None:
    device = OnvifDevice({"GetServices": RESET, "GetCapabilities": fault(), "GetProfiles": WHOLE})
    async with device.serving() as port, client(port) as talk:
        assert len(await talk.profiles()) == 2
        await talk.stream_uri("sub")
    assert device.calls.count("GetCapabilities") == 1


async def test_what_failed_is_named_if_no_service_has_profiles() -> None:
    device = OnvifDevice({"GetProfiles": fault("NoProfile"), "2:GetProfiles": fault()})
    async with device.serving() as port, client(port) as talk:
        with pytest.raises(OnvifResponseError, match="NoProfile"):
            await talk.profiles()


async def test_the_address_of_a_service_has_no_login_and_names_its_port() -> None:
    places = {
        MEDIA: "http://10.0.0.1:8081/onvif/media?user=viewer&password=correct%20horse",
        MEDIA2: "http://10.0.0.1/viewer/correct%20horse/media2",
        DEVICE: "https://viewer:correct%20horse@10.0.0.1/onvif/device_service",
    }
    device = OnvifDevice({"GetServices": listed("", places).replace("&", "&amp;")})
    async with device.serving() as port, client(port) as talk:
        services = await talk.services()
        assert set(services) == {MEDIA, DEVICE}
        assert (services[MEDIA].path, services[MEDIA].port, services[MEDIA].secure) == ("/onvif/media", 8081, False)
        assert (services[DEVICE].port, services[DEVICE].secure) == (443, True)
