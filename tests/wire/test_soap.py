"""ONVIF responses: those of eight cameras, synthetic and recorded, and invalid ones."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire import onvif, soap
from xueliang_monitor.wire.device_address import path_of
from xueliang_monitor.wire.device_clock import read_time
from xueliang_monitor.wire.errors import (
    EmptyResponseError,
    MalformedResponseError,
    OnvifResponseError,
    SoapFaultError,
    WebPageError,
)
from xueliang_monitor.wire.media_profiles import read_profiles

NS = 'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
NOW = 1_768_332_300.0


def envelope(body: str, *, head: str = "", declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return f"{declaration}<s:Envelope {NS}>{head}<s:Body>{body}</s:Body></s:Envelope>".encode()


INFORMATION = (
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>C1</tds:Model>"
    "<tds:FirmwareVersion>1.0</tds:FirmwareVersion><tds:SerialNumber>42</tds:SerialNumber>"
    "</tds:GetDeviceInformationResponse>"
)


def test_every_recorded_response_is_parsed_or_a_fault(recorded: Path) -> None:
    answers = faults = 0
    for folder in sorted(path for path in recorded.iterdir() if path.is_dir()):
        for exchange in json.loads((folder / "index.json").read_text())["exchanges"]:
            content = (folder / exchange["file"]).read_bytes()
            try:
                element = soap.read(content, exchange["status"])
            except SoapFaultError:
                assert exchange["status"] != 200, exchange
                faults += 1
            else:
                assert onvif.name(element) == f"{exchange['op']}Response"
                answers += 1
    assert (answers, faults) in {(325, 160), (56, 20)}, "the recorded ones, or those that are made"


@pytest.mark.parametrize(
    ("camera", "manufacturer", "model", "serial"),
    [
        ("AXIS_P3818", "AXIS", "P3818-PVE", "B8A44FA04F26"),
        ("AXIS_Q3819", "AXIS", "Q3819-PVE", "B8A44F9DC7ED"),
        ("Bosch_AUTODOME", "Bosch", "AUTODOME IP starlight 5000i", "044566917926150010"),
        ("Bosch_FLEXIDOME", "Bosch", "FLEXIDOME IP starlight 8000i", "044518807925140011"),
        ("HIKVISION", "HIKVISION", "DS-2CD2012-I", "DS-2CD2012-I20150201CCWR501088621"),
        ("REOLINK", "REOLINK", "E1 Zoom", "192168261"),
        ("TRENDnet", "TRENDnet", "TV-IP320PI", "TV-IP320PI20161206AAWR863642784"),
    ],
)
def test_the_identities_of_the_recorded_cameras(
    recorded: Path, camera: str, manufacturer: str, model: str, serial: str
) -> None:
    identity = onvif.read_identity(_answer(recorded, camera, "GetDeviceInformation"))
    assert (identity.manufacturer, identity.model, identity.serial) == (manufacturer, model, serial)


def _answer(recorded: Path, camera: str, operation: str) -> soap.Element:
    folder = next(path for path in recorded.iterdir() if path.name.startswith(camera))
    file = next(path for path in sorted(folder.glob(f"*{operation}_200.xml")))
    return soap.read(file.read_bytes())


def test_services_and_profiles_of_the_recorded_cameras(recorded: Path) -> None:
    # An undeclared prefix in the capabilities of Media2, which a strict parser rejects (Reolink E1 Zoom).
    assert onvif.read_services(_answer(recorded, "REOLINK", "GetServices"))[onvif.MEDIA].path == "/onvif/media_service"
    profiles = read_profiles(_answer(recorded, "REOLINK", "GetProfiles"))
    assert [(item.token, str(item.stream)) for item in profiles] == [
        ("000", "H264 2048x1536 15/s 1024 kbit/s"),
        ("001", "H264 640x480 15/s 512 kbit/s"),
    ]
    assert profiles[1].stream.keyframe_interval_seconds == 4.0
    # AXIS writes 2147483647 kbit/s for "no limit".
    axis = read_profiles(_answer(recorded, "AXIS_P3818", "GetProfiles"))
    assert [str(item.stream) for item in axis] == ["H264 1920x960 30/s", "MJPEG 5120x2560 30/s"]
    # One main stream without a path, and one with a query.
    assert path_of(onvif.read_uri(_answer(recorded, "REOLINK", "GetStreamUri"))) == "/"
    bosch = onvif.read_uri(_answer(recorded, "Bosch_AUTODOME", "GetStreamUri"))
    assert path_of(bosch) == "/rtsp_tunnel?p=0&h26x=4&vcd=2"
    assert (
        onvif.read_capabilities(_answer(recorded, "HIKVISION", "GetCapabilities"))[onvif.EVENTS].path == "/onvif/Events"
    )
    assert onvif.offers_last_reboot(_answer(recorded, "TRENDnet", "GetEventProperties"))
    assert not onvif.offers_last_reboot(_answer(recorded, "HIKVISION", "GetEventProperties"))


def test_the_clocks_of_the_recorded_cameras(recorded: Path) -> None:
    times = {
        name: read_time(_answer(recorded, name, "GetSystemDateAndTime"), NOW)
        for name in ("AXIS_P3818", "Bosch_AUTODOME", "REOLINK", "TRENDnet")
    }
    assert {name: time.zone for name, time in times.items()} == {
        "AXIS_P3818": "EST5EDT,M3.2.0,M11.1.0",
        "Bosch_AUTODOME": "UTC5:0",
        "REOLINK": "CST+8:00:00",
        "TRENDnet": "CST+7:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00",
    }
    assert times["AXIS_P3818"].utc == 1_768_332_325
    assert times["REOLINK"].utc == 1_768_332_312


def test_data_around_an_envelope_is_removed() -> None:
    plain = envelope(INFORMATION)
    boundary = b"--MIME_boundary\r\nContent-Type: application/xop+xml\r\n\r\n" + plain + b"\r\n--MIME_boundary--\r\n"
    for content in (plain, b"\xef\xbb\xbf" + plain, b"\r\n  " + plain, plain + b"\x00\x00\x00", boundary):
        assert onvif.read_identity(soap.read(content)).serial == "42"


def test_encodings_of_all_kinds() -> None:
    body = INFORMATION.replace("Acme", "海康")
    utf16 = envelope(body, declaration='<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16")
    mislabelled = envelope(body).decode().encode("gb18030")
    for content in (envelope(body), utf16, mislabelled):
        assert onvif.read_identity(soap.read(content)).manufacturer == "海康"


def test_prefixes_namespaces_and_order_do_not_matter() -> None:
    content = (
        b"<SOAP:Envelope><SOAP:Body><x:GetDeviceInformationResponse><SerialNumber>7</SerialNumber>"
        b"<y:Model>M</y:Model></x:GetDeviceInformationResponse></SOAP:Body></SOAP:Envelope>"
    )
    identity = onvif.read_identity(soap.read(content))
    assert (identity.model, identity.serial) == ("M", "7")


SENDER = "<s:Value>s:Sender</s:Value>"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", EmptyResponseError),
        (b" \r\n\x00", EmptyResponseError),
        (b"<!DOCTYPE html><html><body>login</body></html>", WebPageError),
        (b"<html><head></head></html>", WebPageError),
        (b"not xml at all", MalformedResponseError),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), MalformedResponseError),
        (envelope(INFORMATION)[:-30], MalformedResponseError),
        (envelope(""), MalformedResponseError),
        (envelope(INFORMATION, declaration=BOMB), MalformedResponseError),
        (envelope(INFORMATION, declaration=BOMB).decode().encode("utf-16"), MalformedResponseError),
        (
            envelope(INFORMATION, declaration='<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">'),
            MalformedResponseError,
        ),
        (envelope("<a>" * 200 + "</a>" * 200), MalformedResponseError),
        (envelope("<a>" * 100_000 + "</a>" * 100_000), MalformedResponseError),
        (envelope(f"<a>{'x' * soap.MAX_RESPONSE_BYTES}</a>"), MalformedResponseError),
    ],
    ids=[
        "empty", "blank", "page", "page-without-doctype", "text", "png", "cut-off", "no-body", "entities",
        "entities-in-utf-16", "external", "deep", "very-deep", "large",
    ],
)  # fmt: skip
def test_an_invalid_response_raises_its_error(content: bytes, kind: type[OnvifResponseError]) -> None:
    with pytest.raises(OnvifResponseError) as caught:
        soap.read(content)
    assert type(caught.value) is kind
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "refuses"),
    [
        (f"<s:Code>{SENDER}<s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>", True),
        (f"<s:Code>{SENDER}<s:Subcode><s:Value>wsse:FailedAuthentication</s:Value></s:Subcode></s:Code>", True),
        ("<faultcode>SOAP-ENV:Client</faultcode><faultstring>Authentication failed</faultstring>", True),
        (f"<s:Code>{SENDER}</s:Code><s:Reason><s:Text>Wrong password</s:Text></s:Reason>", True),
        ("<s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>Action Failed</s:Text></s:Reason>", False),
        ("<faultcode>SOAP-ENV:Server</faultcode><faultstring>out of memory</faultstring>", False),
        ("", False),
    ],
)  # fmt: skip
def test_faults_of_both_versions_of_soap(fault: str, refuses: bool) -> None:
    with pytest.raises(SoapFaultError) as caught:
        soap.read(envelope(f"<s:Fault>{fault}</s:Fault>"), 500)
    assert caught.value.fault.refuses_login is refuses


def test_names_that_are_only_valid_behind_an_undeclared_prefix_are_ignored() -> None:
    odd = "<q:-b/><q:3/><q:/><a:b:.c/><q:Model>C2</q:Model>"
    assert onvif.read_identity(soap.read(envelope(f"<q:Response>{odd}</q:Response>"))).model == "C2"


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    for tried in (content, envelope("").replace(b"<s:Body>", b"<s:Body>" + content)):
        with contextlib.suppress(OnvifResponseError):
            soap.read(tried)


def test_utc_is_computed_from_a_local_time_with_either_sign_of_the_zone() -> None:
    local = (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:TimeZone><tt:TZ>{zone}</tt:TZ></tt:TimeZone>"
        "<tt:LocalDateTime><tt:Time><tt:Hour>3</tt:Hour><tt:Minute>25</tt:Minute><tt:Second>0</tt:Second></tt:Time>"
        "<tt:Date><tt:Year>2026</tt:Year><tt:Month>1</tt:Month><tt:Day>14</tt:Day></tt:Date></tt:LocalDateTime>"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )
    for zone in ("CST-8", "CST+8:00:00", "GMT+08:00", "Asia/Shanghai"):  # 15:00 in China, in each spelling
        assert read_time(soap.read(envelope(local.format(zone=zone))), NOW).utc == 1_768_332_300
    beyond = local.format(zone="CST-8CDT,M12.5.6/200,M12.5.6/999").replace("<tt:Year>2026", "<tt:Year>9999")
    for broken in (
        local.format(zone="somewhere"),
        local.format(zone="CST-8").replace("<tt:Day>14", "<tt:Day>99"),
        beyond,
    ):
        with pytest.raises(MalformedResponseError):
            read_time(soap.read(envelope(broken)), NOW)


def test_paths_of_hostile_addresses() -> None:
    assert path_of("http://192.168.1.108:80/onvif/Media?x=1") == "/onvif/Media?x=1"
    assert path_of("rtsp://user:secret@192.168.1.108/stream") == "/stream"
    for secret in ("a/secret", "a?secret", "a#secret", "a@b/secret"):  # never a part of the password
        assert "secret" not in path_of(f"rtsp://user:{secret}@192.168.1.108:554/stream")
    assert path_of("rtsp://user:a/secret@192.168.1.108:554/stream") == "/stream"
    for address in ("", "http://[::1", "http://h/a b", "javascript:alert(1)", "http://h/\r\nX: y"):
        assert path_of(address) == ""


def test_braces_in_a_path_of_a_device_are_never_our_placeholders() -> None:
    for address in ("rtsp://h/{password}/z", "http://h/{username}?p={password}", "/{password}"):
        path = path_of(address)
        assert "{" not in path
        assert "}" not in path
    assert path_of("rtsp://h/{password}/z") == "/%7Bpassword%7D/z"
