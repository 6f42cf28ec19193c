"""Fields whose text is changed before it is shown: cut, decoded, in another case. No spelling of a secret is left."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.wire.test_device_text import LOGIN, SPELLINGS, tells
from tests.wire.test_soap import envelope
from xueliang_monitor.net.onvif_media import profile_through
from xueliang_monitor.wire import auth, discovery, sdp, soap, tracks
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedMessageError
from xueliang_monitor.wire.media_profiles import read_profiles
from xueliang_monitor.wire.messages import MessageParser
from xueliang_monitor.wire.soap_answer import read_answer

GATE = Gate.of(LOGIN)


def _codec(told: str) -> str:
    lines = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {told}/90000\r\n"
    return ", ".join(tracks.codec_name(media, GATE) for media in sdp.parse(lines.encode()).media)


def _as_xml(told: str) -> str:
    return html.escape("".join(letter for letter in told if letter >= " "))


def _profile(told: str) -> str:
    parts = f"<a:Name>{_as_xml(told)}</a:Name><a:VideoEncoderConfiguration><a:Encoding>{_as_xml(told)}</a:Encoding>"
    body = f"<a:R xmlns:a='x'><a:Profiles token='t'>{parts}</a:VideoEncoderConfiguration></a:Profiles></a:R>"
    return str([profile_through(GATE, item) for item in read_profiles(soap.read(envelope(body)))])


def _fault(told: str) -> str:
    code = f"<s:Code><s:Value>s:{_as_xml(told)}</s:Value></s:Code>"
    body = f"<s:Fault>{code}<s:Reason><s:Text>{_as_xml(told)}</s:Text></s:Reason></s:Fault>"
    answer = read_answer(envelope(body), 500, str).through(GATE)
    return f"{answer.error} {answer.login_refused}"


def _refusal(told: str) -> str:
    below = f"<s:Subcode><s:Value>t:{_as_xml(told)}</s:Value></s:Subcode>"
    body = f"<s:Fault><s:Code><s:Value>s:NotAuthorized</s:Value>{below}</s:Code></s:Fault>"
    answer = read_answer(envelope(body), 500, str).through(GATE)
    assert answer.login_refused
    return f"{answer.error} {answer.login_refused}"


def _scopes(told: str) -> Iterator[str]:
    for value in (quote(told, safe=""), "_".join(told.split())):
        scopes = " ".join(f"onvif://www.onvif.org/{kind}/{_as_xml(value)}" for kind in ("name", "hardware", "location"))
        body = (
            "<d:ProbeMatches xmlns:d='x'><d:ProbeMatch><d:XAddrs>http://192.0.2.1/</d:XAddrs>"
            f"<d:Scopes>{scopes}</d:Scopes></d:ProbeMatch></d:ProbeMatches>"
        )
        yield str(discovery.read_matches(envelope(body), GATE))


def _message(head: str) -> str:
    try:
        MessageParser().feed(f"{head}\r\n\r\n".encode())
    except MalformedMessageError as error:
        return GATE.message(str(error))
    return ""


def _wrong_xml(told: str) -> str:
    word = "".join(letter for letter in told if letter.isalnum())
    shown = [read_answer(envelope(f"<a><{word}></a>"), 200, str).through(GATE)]
    shown.append(
        read_answer(envelope("", declaration=f'<?xml version="1.0" encoding="{told}"?>'), 200, str).through(GATE)
    )
    return " ".join(str(answer.error) for answer in shown)


FIELDS: dict[str, Callable[[str], str]] = {
    "codec of the SDP": _codec,
    "codec of the SDP, moved": lambda told: _codec(f"a-name-of-20-letters{told}"),
    "profile": _profile,
    "profile, moved": lambda told: _profile(f"H264-{told}"),
    "code of a fault": _fault,
    "code of a refusal": _refusal,
    "scheme": lambda told: auth.names([f"{told} realm=x"], GATE),
    "scheme, then a known one": lambda told: auth.names([f"NTLM, {told} realm=x", "Basic realm=y"], GATE),
    "algorithm": lambda told: auth.names([f'Digest realm="x", algorithm="{told}"'], GATE),
    "algorithm, bare": lambda told: auth.names([f"Digest realm=x, algorithm={told}"], GATE),
    "scopes": lambda told: " ".join(_scopes(told)),
    "header": lambda told: _message(f"RTSP/1.0 200 OK\r\nX {told}"),
    "header, moved": lambda told: _message(f"RTSP/1.0 200 OK\r\n{'x' * 50} {told}"),
    "first line": lambda told: _message(f"HELLO {told}"),
    "web server": lambda told: _message(f"HTTP/1.1 200 {'x' * 40}{told}"),
    "not text": lambda told: _message(f"\x01 {told}"),
    "length": lambda told: _message(f"RTSP/1.0 200 OK\r\nContent-Length: {told}"),
    "not XML": _wrong_xml,
}
CASES: dict[str, Callable[[str], str]] = {"as it is": str, "lower case": str.lower, "upper case": str.upper}


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_tells_a_secret_in_any_spelling(field: str) -> None:
    for spelling, told in SPELLINGS.items():
        shown = FIELDS[field](told)
        assert not tells(shown), (spelling, shown)
        for form in (told, told.lower(), told.upper()):
            assert form not in shown, (spelling, shown)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "alignment", ["Basic", "Base64", "Base64, moved by 1", "Base64, moved by 2", "Base64, URL-safe"]
)
def test_base64_is_found_in_any_case(alignment: str, case: str) -> None:
    told = CASES[case](SPELLINGS[alignment])
    for shown in (GATE.text(f"a {told} b"), GATE.message(f"DESCRIBE: {told}"), GATE.text(told + " x" * 300, 12)):
        assert told[:8] not in shown
