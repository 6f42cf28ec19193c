"""The last start over real sockets: subscriptions as devices refer to them, and values that are no start."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.conftest import LOGIN
from tests.net.onvif_device import DEVICE, EVENTS, MEDIA, SILENCE, Answer, OnvifDevice, listed
from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import UnansweredError
from xueliang_monitor.net.onvif import OnvifClient

PLACES = {DEVICE: "/onvif/device_service", MEDIA: "/onvif/media_service", EVENTS: "/onvif/event_service"}


def client(port: int) -> OnvifClient:
    return OnvifClient("127.0.0.1", OnvifTarget(port, credentials=LOGIN), time.time, optional_seconds=1.5)


def pulled(value: str) -> str:
    return (
        "<tev:PullMessagesResponse><wsnt:NotificationMessage><wsnt:Topic>tns1:Monitoring/OperatingTime/LastReboot"
        '</wsnt:Topic><wsnt:Message><tt:Message UtcTime="2026-01-01T00:00:00Z"><tt:Data><tt:SimpleItem Name="Status"'
        f' Value="{value}"/></tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>'
        "</tev:PullMessagesResponse>"
    )


def subscribed(address: str, parameters: str = "") -> str:
    return (
        "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
        f"<wsa:Address>{address}</wsa:Address>{parameters}</tev:SubscriptionReference>"
        "</tev:CreatePullPointSubscriptionResponse>"
    )


def device(value: str, reference: str = "http://10.0.0.1/onvif/sub?1", parameters: str = "") -> OnvifDevice:
    answers: dict[str, Answer] = {
        "GetServices": listed("http://10.0.0.1", PLACES),
        "CreatePullPointSubscription": subscribed(reference, parameters),
        "PullMessages": pulled(value),
        "Unsubscribe": "<wsnt:UnsubscribeResponse/>",
    }
    return OnvifDevice({**answers})


@pytest.mark.parametrize(
    "reference",
    ["uuid:5f5a69c2-0000-504f-829b-0000f804ccfc", "urn:uuid:5f5a69c2", "", "(null)", "http://", "/onvif/sub?1",
     "onvif/sub", "http://192.168.1.108:8080/onvif/sub", "http://www.w3.org/2005/08/addressing/anonymous"],
)  # fmt: skip
async def test_a_subscription_is_asked_however_it_is_referred_to(reference: str) -> None:
    parameters = '<wsa:ReferenceParameters><x:Id xmlns:x="urn:x">77</x:Id></wsa:ReferenceParameters>'
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 9000))
    camera = device(started, reference, parameters)
    async with camera.serving() as port, client(port) as talk:
        assert await talk.last_reboot() == pytest.approx(time.time() - 9000, abs=5)
    assert camera.calls[-3:] == ["CreatePullPointSubscription", "PullMessages", "Unsubscribe"]
    assert all(b">77<" in request for request in camera.requests[-2:])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-11-01T00:00:00Z", 1_761_955_200.0),
        ("2025-11-01T00:00:00", 1_761_955_200.0),
        ("2025-11-01T08:00:00+08:00", 1_761_955_200.0),
        ("2025-11-01T08:00:00.123456789+0800", 1_761_955_200.0),
        (" 2025-11-1 0:0:0 ", 1_761_955_200.0),
        ("2025-11-01T00:00:00.5Z", 1_761_955_200.0),
        ("", None),
        ("0", None),
        ("N/A", None),
        ("2485-13-13T18:14:13Z", None),
        ("2485-12-13T18:14:13Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0000-00-00T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2025-11-01T25:00:00Z", None),
        ("2025-11-01T00:00:00+99:99", None),
        ("1761955200", None),
    ],
)
async def test_a_value_that_is_no_start_is_none(value: str, expected: float | None) -> None:
    async with device(value).serving() as port, client(port) as talk:
        assert await talk.last_reboot() == expected


async def test_what_is_never_answered_is_bounded_and_unsubscribed() -> None:
    camera = device("")
    camera.answers |= {"PullMessages": SILENCE, "Unsubscribe": SILENCE}
    async with camera.serving() as port, client(port) as talk:
        await talk.services()
        async with asyncio.timeout(10):
            with pytest.raises(UnansweredError, match="PullMessages"):
                await talk.last_reboot()
    assert camera.calls[-1] == "Unsubscribe"


async def test_nothing_is_unsubscribed_that_was_not_subscribed() -> None:
    camera = device("")
    camera.answers["CreatePullPointSubscription"] = SILENCE
    async with camera.serving() as port, client(port) as talk:
        with pytest.raises(UnansweredError, match="CreatePullPointSubscription"):
            await talk.last_reboot()
    assert "Unsubscribe" not in camera.calls
