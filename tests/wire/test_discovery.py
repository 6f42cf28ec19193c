"""WS-Discovery: Probe and ProbeMatches as datagrams."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire import discovery
from xueliang_monitor.wire.device_text import NO_SECRETS

ANSWER = (
    '<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:q7="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:wa="http://schemas.xmlsoap.org/ws/2004/08/addressing"><SOAP-ENV:Body><q7:ProbeMatches><q7:ProbeMatch>'
    "<wa:EndpointReference><wa:Address>urn:uuid:1</wa:Address></wa:EndpointReference>"
    "<q7:Scopes>onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/name/HIKVISION%20DS-2CD2012"
    " onvif://www.onvif.org/hardware/DS-2CD2012 onvif://www.onvif.org/location/city/wuhan</q7:Scopes>"
    "<q7:XAddrs>http://192.0.2.7/onvif/device_service not-an-address http://[fe80::1]/onvif/device_service</q7:XAddrs>"
    "</q7:ProbeMatch></q7:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"
)


def test_a_response_without_relates_to_and_with_odd_prefixes() -> None:
    (match,) = discovery.read_matches(ANSWER.encode(), NO_SECRETS)
    assert (match.endpoint, match.name, match.hardware) == ("urn:uuid:1", "HIKVISION DS-2CD2012", "DS-2CD2012")
    assert match.location == "city/wuhan"
    assert match.addresses == (
        "http://192.0.2.7/onvif/device_service",
        "http://[fe80::1]/onvif/device_service",
    )


def answer(*, scopes: str = "", addresses: str = "http://192.0.2.7/onvif/device_service") -> bytes:
    return (
        ANSWER[: ANSWER.index("<q7:Scopes>")]
        + f"<q7:Scopes>{scopes}</q7:Scopes><q7:XAddrs>{addresses}</q7:XAddrs>"
        + ANSWER[ANSWER.index("</q7:ProbeMatch>") :]
    ).encode()


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("name/East%20Gate", "East Gate"),
        ("name/East_Gate", "East Gate"),
        ("name/East Gate 2", "East Gate 2"),
        ("name/%E4%B8%9C%E9%97%A8", "东门"),
        ("name/东门", "东门"),
        ("name/%B6%AB%C3%C5", "东门"),
        ("name/IPC%20%B6%AB", "IPC 东"),
        ("name/%E4%B8%9C%E9%97", "东�"),
        ("name/IPC+Dome", "IPC+Dome"),
        ("name/DS-2CD2T47G2-L+/", "DS-2CD2T47G2-L+"),
        ("Name/Door", "Door"),
        ("manufacturer/ACME onvif://www.onvif.org/name/Door", "ACME Door"),
        ("name/%00%1B[31mDoor", "[31mDoor"),
    ],
)
def test_names_are_read_as_devices_write_them(scope: str, name: str) -> None:
    (match,) = discovery.read_matches(answer(scopes=f"onvif://www.onvif.org/{scope}"), NO_SECRETS)
    assert match.name == name


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("192.0.2.7:8080/onvif/device_service", ("http://192.0.2.7:8080/onvif/device_service",)),
        ("http://192.0.2.7/a,https://192.0.2.7/a", ("http://192.0.2.7/a", "https://192.0.2.7/a")),
        ("http://192.0.2.7/a;https://192.0.2.7/a", ("http://192.0.2.7/a", "https://192.0.2.7/a")),
        ("\n  http://192.0.2.7/a\n\thttps://192.0.2.7/a\n", ("http://192.0.2.7/a", "https://192.0.2.7/a")),
        ("http://192.0.2.7:70000/a http://192.0.2.7:8000/b", ("http://192.0.2.7:8000/b",)),
        ("http://:8000/b", ("http://:8000/b",)),
        ("soap.udp://192.0.2.7:3702 (null) http://", ()),
    ],
)
def test_addresses_are_read_as_devices_write_them(written: str, read: tuple[str, ...]) -> None:
    (match,) = discovery.read_matches(answer(addresses=written), NO_SECRETS)
    assert match.addresses == read


def test_a_probe_is_recognised() -> None:
    datagram = discovery.probe("0b2a2c3e-0000-4000-8000-000000000000")
    assert discovery.probe_id(datagram) == "urn:uuid:0b2a2c3e-0000-4000-8000-000000000000"
    assert discovery.probe_id(ANSWER.encode()) is None
    assert discovery.read_matches(datagram, NO_SECRETS) == ()


@given(st.binary(max_size=300))
def test_nothing_raises(datagram: bytes) -> None:
    discovery.read_matches(datagram, NO_SECRETS)
    discovery.probe_id(datagram)
    discovery.read_matches(ANSWER.replace("urn:uuid:1", "x").encode() + datagram, NO_SECRETS)
