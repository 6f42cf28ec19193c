"""No input at the limit of its size takes a parser longer than the event loop may be held."""

from __future__ import annotations

import base64
import codecs
import contextlib
import encodings.aliases
import pkgutil
import time
from collections.abc import Callable

import pytest

from tests.xml_shapes import SHAPES, document, envelope
from xueliang_monitor.model import Credentials
from xueliang_monitor.net.rtsp_status import error_of
from xueliang_monitor.process.apart import CPU_SECONDS
from xueliang_monitor.wire import auth, discovery, h264, h265, onvif, rtcp, sdp, soap, timezone, tracks
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedResponseError, WireError
from xueliang_monitor.wire.header_lines import MAX_BODY_BYTES, Headers
from xueliang_monitor.wire.media_profiles import read_profiles
from xueliang_monitor.wire.messages import MessageParser, Response
from xueliang_monitor.wire.soap_answer import read_answer

pytestmark = pytest.mark.timed
MAX_SECONDS = 0.05
MAX_TEXT_SECONDS = 0.006
"""One text of a device. It takes a third of that on a machine that is not busy."""

ATTEMPTS = 3
GATE = Gate.of(Credentials("viewer", "Kept-Secret.9"))
CODECS = sorted(
    {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
    | {module.name for module in pkgutil.iter_modules(encodings.__path__)}
)
USED_BY_CAMERAS = {
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312", "ascii", "big5", "big5hkscs", "cp950"),
    *("cp949", "euc_kr", "cp932", "shift_jis", "euc_jp", "koi8-r", "koi8-u", "cp874", "tis-620"),
    *(f"cp125{digit}" for digit in range(9)),
    *(f"iso8859-{part}" for part in range(1, 17)),
}


def seconds(work: Callable[[], object], enough: float = MAX_SECONDS) -> float:
    """Return the processor time of a work; what a busy machine adds hits one of several attempts."""
    took: list[float] = []
    while len(took) < ATTEMPTS and min(took, default=enough) >= enough:
        began = time.thread_time()
        with contextlib.suppress(WireError):
            work()
        took.append(time.thread_time() - began)
    return min(took)


@pytest.mark.parametrize("name", SHAPES)
def test_xml_of_any_shape_is_read_in_time(name: str) -> None:
    small, large = document(name, soap.MAX_BYTES_AT_ONCE), document(name, soap.MAX_RESPONSE_BYTES)
    assert seconds(lambda: read_answer(small, 200, read_profiles)) < MAX_SECONDS
    assert seconds(lambda: read_answer(large, 200, read_profiles), CPU_SECONDS / 2) < CPU_SECONDS / 2


def _codec_of(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ImportError):
        return ""


def test_an_encoding_that_no_camera_uses_is_named_as_malformed() -> None:
    for name in CODECS:
        content = envelope(b"", name.encode()) + b"-" + b"a" * 200_000
        began = time.thread_time()
        refused = ""
        try:
            soap.read(content)
        except MalformedResponseError as error:
            refused = str(error)
        assert refused.endswith(f"an encoding that is not supported: {name}") or (
            not refused and _codec_of(name) in USED_BY_CAMERAS
        )
        assert time.thread_time() - began < CPU_SECONDS / 2, name


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "utf-16", "GB18030", "gb_18030", "GBK", "cp936", "GB2312", "gb_2312-80", "EUC-CN",
             "ISO-8859-1", "latin1", "us-ascii", "ASCII"],
)  # fmt: skip
def test_an_encoding_that_cameras_use_is_read(name: str) -> None:
    assert soap.read(envelope(b"x", name.encode())).text == "x"


def _crowded(element: bytes, size: int) -> bytes:
    return envelope(element * (size // len(element)))


@pytest.mark.parametrize("spaces", [b" ", b"\t", b"\n"])
def test_services_with_spaces_in_their_addresses_are_read_in_time(spaces: bytes) -> None:
    address = b"http://h/" + spaces * 980 + b"b"
    service = b"<Service><Namespace>" + onvif.MEDIA.encode() + b"</Namespace><XAddr>" + address + b"</XAddr></Service>"
    content = envelope(b"").replace(
        b"<a></a>", b"<a>" + service * (soap.MAX_BYTES_AT_ONCE // len(service) - 1) + b"</a>"
    )
    assert seconds(lambda: read_answer(content, 200, onvif.read_services)) < MAX_SECONDS


@pytest.mark.parametrize("read", [read_profiles, onvif.read_last_reboot, onvif.offers_last_reboot])
def test_elements_with_many_others_are_read_in_time(read: Callable[[soap.Element], object]) -> None:
    """Each value is looked for among all of the other elements."""
    inner = b"<b/>" * 100
    parent = {
        read_profiles: b'<Profiles token="t"><VideoSourceConfiguration/>%s</Profiles>',
        onvif.read_last_reboot: b"<NotificationMessage>%s<Topic>LastReboot</Topic></NotificationMessage>",
        onvif.offers_last_reboot: b"<TopicSet><Monitoring>%s</Monitoring></TopicSet>",
    }[read] % inner
    content = _crowded(parent, soap.MAX_BYTES_AT_ONCE - 300)
    assert seconds(lambda: read_answer(content, 200, read)) < MAX_SECONDS


def _names(values: list[str]) -> object:
    return auth.parse_challenges(values), auth.names(values, GATE)


def _challenge(text: str) -> Callable[[], object]:
    return lambda: _names([text] * (auth.MAX_CHALLENGE_CHARACTERS // len(text) + 1))


@pytest.mark.parametrize(
    "text",
    [
        "Digest a=b" + " " * 16_000 + "@",
        "Digest a=b" + "\t, " * 5_000 + "@",
        "Digest " + 'a="b", ' * 2_200,
        'Digest a="' + "\\" * 16_000,
        'Digest a="' + '\\"' * 8_000,
        "Digest " + 'a="b' * 4_000,
        "a " * 8_000,
        "a" * 16_000,
        "a=" * 8_000,
        'Digest qop="' + "auth," * 3_000 + '"',
    ],
)
def test_challenges_of_any_shape_are_parsed_in_time(text: str) -> None:
    assert seconds(_challenge(text)) < MAX_SECONDS


DESCRIPTIONS = {
    "parameters": b"m=video 0 RTP/AVP 96\na=fmtp:96 " + b"a;" * 33_000,
    "other-parameters": b"m=video 0 RTP/AVP 96\na=fmtp:96 " + b"".join(b"%d=;" % number for number in range(11_000)),
    "numbers": b"m=video 0 RTP/AVP 96\na=framesize:" + b"1 " * 33_000,
    "attributes": b"m=video 0 RTP/AVP 96\n" + b"a=framesize:96 1-1 1 1 1 1 1\n" * 1_990,
    "controls": b"m=video 0 RTP/AVP 96\n" + b"a=control:" + b"x" * 66_000,
    "tracks": (
        b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=" + b"Z0I=," * 350 + b"\n"
    )
    * 32,
    "formats": b"m=video 0 RTP/AVP 96" + b" 1" * 33_000,
    "digits": b"m=a " + b"1" * 66_000,
    "spaces": b"m=a " + b" " * 66_000 + b"x",
    "mapping": b"m=video 0 RTP/AVP 96\na=rtpmap:96 " + b" " * 33_000 + b"x" * 33_000,
    "one-word": b"m=" + b"x" * 66_000,
    "invalid": b"m=video 0 RTP/AVP 96\na=" + b"\xff" * 66_000,
    "lines": b"\n" * 66_000,
    "separators": b"m=video 0 RTP/AVP 96" + "\u2028".encode() * 22_000,
    "set-of-64-kb": b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=" + b"Z0IA" * 16_000,
    "sets": b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=" + b"Z0I=," * 13_000,
}


def _describe(body: bytes) -> None:
    session = sdp.parse(body[:MAX_BODY_BYTES])
    chosen = tracks.choose(session.videos)
    sdp.resolve_control("rtsp://h/p", session.control)
    if chosen is not None:
        _ = chosen[1].size, tracks.codec_name(chosen[0], GATE)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_descriptions_of_any_shape_are_parsed_in_time(name: str) -> None:
    assert seconds(lambda: _describe(DESCRIPTIONS[name])) < MAX_SECONDS


MESSAGES = {
    "frames": b"$\0\0\0" * 4096,
    "frames-of-a-byte": b"$\0\0\1x" * 3300,
    "blank-lines": b"\r\n" * 8192,
    "responses": b"RTSP/1.0 200\n\n" * 1100,
    "requests": b"ABC x RTSP/1.0\n\n" * 1000,
    "folded": b"RTSP/1.0 200 OK\nA: b\n" + b" a\n" * 5400 + b"\n",
    "folded-long": b"RTSP/1.0 200 OK\nA: " + b"b" * 8000 + b"\n" + b" a\n" * 2700 + b"\n",
    "headers": b"RTSP/1.0 200 OK\n" + b"A: b\n" * 127 + b"\n",
    "reason": b"RTSP/1.0 200 " + b"x" * 16_000 + b"\n\n",
    "spaces": b"RTSP/1.0 " + b" " * 16_000 + b"x\n\n",
    "spaces-of-a-request": b"ABC" + b" " * 16_000 + b"\n\n",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_of_any_shape_are_parsed_in_time(name: str) -> None:
    assert seconds(lambda: MessageParser().feed(MESSAGES[name])) < MAX_SECONDS


def _refused(reason: str, body: bytes = b"", *headers: tuple[str, str]) -> Response:
    return Response(401, reason, Headers(headers), body)


@pytest.mark.parametrize(
    "response",
    [
        _refused("user " * 3_000),
        _refused("too many failed login attempt" * 500),
        _refused("x", b"<lockStatus>" + b" " * MAX_BODY_BYTES),
        _refused("x", b"<unlockTime>" + b"0" * MAX_BODY_BYTES),
        _refused("x", b'"sec_left"' * 6_000),
        _refused("x", b"", ("location", "rtsp://" + "//a@" * 4_000)),
        Response(301, "x", Headers((("location", "rtsp://h/" + "password=" * 1_700),))),
        Response(301, "x", Headers((("location", "rtsp://" + ":" * 16_000 + "@"),))),
    ],
)
def test_refusals_of_any_shape_are_read_in_time(response: Response) -> None:
    gate = Gate.of(Credentials("viewer", "pass"))
    assert seconds(lambda: error_of("DESCRIBE", response, gate)) < MAX_SECONDS


def test_datagrams_of_any_shape_are_read_in_time() -> None:
    for name in SHAPES:
        datagram = document(name, 65_000)
        assert seconds(lambda datagram=datagram: discovery.read_matches(datagram, GATE)) < MAX_SECONDS, name
    probe = b"Probe" + b"<MessageID" * 800
    assert seconds(lambda: discovery.probe_id(probe)) < MAX_SECONDS


@pytest.mark.parametrize(
    "text",
    ["A" * 120, "<" * 120, "A1" * 60, "A1:1:1" + "A" * 100, "UTC+1," * 20, "A/" * 60, "+" * 120, " " * 119 + "x"],
)
def test_time_zones_of_any_shape_are_parsed_in_time(text: str) -> None:
    assert seconds(lambda: timezone.parse(text)) < MAX_SECONDS


@pytest.mark.parametrize(
    "start", [b"\x67\x64\x00\x33", b"\x67\xf4\x00\x33", b"\x67\x42\x00\x33", b"\x42\x01" + bytes(12)]
)
@pytest.mark.parametrize("fill", [b"\xff", b"\xaa", b"\x08", b"\x49", b"\x24\x92\x49", b"\x00\x00\x01\x80"])
def test_parameter_sets_of_any_shape_are_parsed_in_time(start: bytes, fill: bytes) -> None:
    unit = (start + fill * 4096)[:4096]
    for read in (h264.picture_size, h265.picture_size, h264.is_progressive, h265.is_progressive):
        assert seconds(lambda read=read: read(unit)) < MAX_SECONDS


def test_control_packets_of_any_shape_are_parsed_in_time() -> None:
    for data in (b"\x80\xc8\x00\x01" * 16_000, b"\x80\xc8\x00\x06" + bytes(65_000), b"\x80\xcb\x00\x00" * 16_000):
        assert seconds(lambda data=data: rtcp.parse(data)) < MAX_SECONDS


def _spaced(secret: str, filling: str) -> str:
    return " ".join(secret) + " " + filling * 600


_BASIC = base64.b64encode(b"viewer:Kept-Secret.9").decode()
_HEXADECIMAL = b"Kept-Secret.9".hex()
TEXTS = {
    "escapes": "%&\\ " * 600,
    "nested-escapes": "%25&amp;\\u0041" * 160,
    "other-letters": "%e9&é\\u00e9" * 180,
    "base64": "QUJD" * 512,
    "nested-base64": base64.b64encode(base64.b64encode(base64.b64encode(b"x" * 860))).decode(),
    "base64-of-escapes": base64.b64encode(b"%&\\ " * 380).decode(),
    "many-base64": "QUJDREVG " * 230,
    "many-hexadecimal": "4142434445464748 " * 128,
    "spaced-login": _spaced(_BASIC, "%&\\ "),
    "spaced-login-and-words": _spaced(_BASIC, "a "),
    "spaced-login-and-letters": _spaced(_BASIC, "%&é "),
    "spaced-hexadecimal": _spaced(_HEXADECIMAL, "% & "),
    "spaced-path": "/".join(_HEXADECIMAL) + "/" + "%&\\/" * 500,
    "words-of-a-short-text": " ".join(_HEXADECIMAL) + " " + "%&\\a" * 30 + " &" * 20,
    "words": "Kept-Secret.9 %&\\ " * 120,
    "one-word": "%25&amp;\\" * 230,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_any_shape_passes_the_gate_in_time(name: str) -> None:
    """Eight responses with such a text fit in what is received at once."""
    gate, text = Gate.of(Credentials("viewer", "Kept-Secret.9")), TEXTS[name][:2048]
    for passes in (gate.text, gate.address, gate.message, gate.holds_secret):
        limit = MAX_TEXT_SECONDS
        assert seconds(lambda passes=passes: passes(text), limit) < limit, passes
