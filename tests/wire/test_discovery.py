"""WS-Discovery: Probe and ProbeMatches as datagrams."""

from __future__ import annotations

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
