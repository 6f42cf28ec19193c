"""Which answers to WS-Discovery are of one device, and where its service is."""

from __future__ import annotations

import pytest

from xueliang_monitor.net.discovered_devices import FoundDevices, device_of, registered_as
from xueliang_monitor.wire.discovery import ProbeMatch

HOST = "192.0.2.7"


def match(endpoint: str, *addresses: str) -> ProbeMatch:
    return ProbeMatch(endpoint, "", "", "", addresses)


def places(*answers: tuple[str, ProbeMatch]) -> list[tuple[str, int, str]]:
    found = FoundDevices()
    for host, each in answers:
        found.add(device_of(host, each))
    return [device.place for device in found.all]


FIRST, SECOND = f"http://{HOST}:8081/cam1/device", f"http://{HOST}:8082/cam2/device"


def test_devices_behind_one_address_are_each_found() -> None:
    assert places((HOST, match("a", FIRST)), (HOST, match("b", SECOND))) == [
        (HOST, 8081, "/cam1/device"),
        (HOST, 8082, "/cam2/device"),
    ]


@pytest.mark.parametrize("endpoint", ["", "urn:uuid:00000000-0000-0000-0000-000000000000"])
def test_units_without_an_endpoint_of_their_own_are_told_apart_by_their_service(endpoint: str) -> None:
    second = f"http://{HOST}:8081/cam2/device"
    assert len(places((HOST, match(endpoint, FIRST)), (HOST, match(endpoint, second)))) == 2
    others = [(f"192.0.2.{n}", match(endpoint, f"http://192.0.2.{n}/onvif/device_service")) for n in (7, 8, 9)]
    assert len(places(*others)) == 3
    never_set_up = match(endpoint, "http://192.168.1.10/onvif/device_service")
    assert len(places((HOST, never_set_up), ("192.0.2.8", never_set_up))) == 2


@pytest.mark.parametrize(
    "answers",
    [
        ((HOST, match("a", FIRST)), (HOST, match("a", FIRST))),
        # The endpoint is made anew for each answer.
        ((HOST, match("a", FIRST)), (HOST, match("b", FIRST))),
        # Other addresses of the same service, in another order.
        ((HOST, match("a", FIRST, SECOND)), (HOST, match("a", SECOND, FIRST))),
        # By cable and by radio: one answer for each interface of the device.
        (
            (HOST, match("a", f"http://{HOST}/d", "http://198.51.100.7/d")),
            ("198.51.100.7", match("a", "http://198.51.100.7/d", f"http://{HOST}/d")),
        ),
    ],
)
def test_one_device_is_found_once(answers: tuple[tuple[str, ProbeMatch], ...]) -> None:
    assert len(places(*answers)) == 1


@pytest.mark.parametrize(
    ("addresses", "place"),
    [
        (("http://169.254.5.1/a", f"http://{HOST}:8000/b", "http://[fe80::1]/c"), (HOST, 8000, "/b")),
        (("http://[fe80::1]:81/a", "http://169.254.5.1:82/b", "http://10.0.0.9:8000/c"), (HOST, 8000, "/c")),
        (("http://0.0.0.0:81/a", "http://10.0.0.9:8000/c"), (HOST, 8000, "/c")),
        (("http://[fe80::1]:81/a",), (HOST, 81, "/a")),
        ((f"https://{HOST}/a",), (HOST, 443, "/a")),
        ((f"http://{HOST}",), (HOST, 80, "/onvif/device_service")),
        ((f"http://{HOST}:8000/{'a' * 300}",), (HOST, 8000, "/onvif/device_service")),
        (("http://camera.local:8000/a",), (HOST, 8000, "/a")),
        ((), (HOST, 80, "/onvif/device_service")),
    ],
)
def test_the_address_that_can_be_reached_is_used(addresses: tuple[str, ...], place: tuple[str, int, str]) -> None:
    assert device_of(HOST, match("a", *addresses)).place == place


def test_one_host_cannot_fill_the_list() -> None:
    answers = [(HOST, match(str(n), f"http://{HOST}:{n}/a")) for n in range(1, 2000)]
    assert len(places(*answers, ("192.0.2.8", match("x", "http://192.0.2.8/a")))) == 257


def test_a_device_is_registered_by_its_service_where_others_share_its_host() -> None:
    first, second = (device_of(HOST, match(name, url)) for name, url in (("a", FIRST), ("b", SECOND)))
    cameras = [("door1", 8081, "/onvif/device_service"), ("door2", 8082, "/cam2/device"), ("x", 80, "/x")]
    assert registered_as(first, (first, second), cameras) == ("door1",)
    assert registered_as(second, (first, second), cameras) == ("door2",)
    assert registered_as(second, (second,), cameras) == ("door1", "door2", "x")
    beside = device_of(HOST, match("c", f"http://{HOST}:8082/cam3/device"))
    assert registered_as(beside, (second, beside), cameras) == ()
