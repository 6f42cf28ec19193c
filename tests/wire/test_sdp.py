from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire import sdp, tracks
from xueliang_monitor.wire.errors import MalformedDescriptionError
from xueliang_monitor.wire.media import Codec

AUDIO_FIRST = b"""v=0
o=- 1 1 IN IP4 10.0.0.1
s=Media Presentation
a=control:*
m=audio 0 RTP/AVP 8
a=control:trackID=2
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0IAKeKQ,aM48gA==; profile-level-id=420029
a=control:trackID=1
m=application 0 RTP/AVP 107
a=rtpmap:107 vnd.onvif.metadata/90000
"""


def test_the_video_track_is_found_behind_audio_and_before_metadata() -> None:
    video = next(iter(sdp.parse(AUDIO_FIRST).videos), None)
    assert video is not None
    assert (video.encoding, video.payload_type, video.clock_rate, video.control) == ("H264", 96, 90000, "trackID=1")
    assert video.format_parameters["sprop-parameter-sets"] == "Z0IAKeKQ,aM48gA=="


def test_a_description_that_differs_in_its_origin_only_is_the_same() -> None:
    other = AUDIO_FIRST.replace(b"o=- 1 1 IN IP4 10.0.0.1", b"o=admin 1790000000 2 IN IP4 192.0.2.7")
    assert sdp.parse(other) is sdp.parse(AUDIO_FIRST)
    long = AUDIO_FIRST + b"a=x:" + bytes(sdp.REMEMBERED_BYTES)
    assert sdp.parse(long) == sdp.parse(AUDIO_FIRST)


def test_a_line_that_follows_the_origin_is_read_whatever_parts_them() -> None:
    (video,) = sdp.parse(b"v=0\no=- 1 1\x0cm=video 0 RTP/AVP 26\na=control:t1\n").videos
    assert (video.encoding, video.control) == ("JPEG", "t1")


def test_a_static_payload_type_needs_no_rtpmap() -> None:
    (video,) = sdp.parse(b"v=0\r\nm=video 0 RTP/AVP 26\r\na=x-dimensions:1280,720\r\n").videos
    assert video is not None
    assert (video.encoding, video.frame_size) == ("JPEG", (1280, 720))


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://h/a/", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a", "rtsp://other/b", "rtsp://other/b"),
        ("rtsp://h/a/", "*", "rtsp://h/a/"),
        ("rtsp://h/a", "", "rtsp://h/a"),
        ("rtsp://h/cam?channel=1&subtype=0", "trackID=0", "rtsp://h/cam?channel=1&subtype=0/trackID=0"),
    ],
)
def test_control_urls_are_resolved_as_cameras_expect(base: str, control: str, expected: str) -> None:
    assert sdp.resolve_control(base, control) == expected


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"m=video 0 RTP/AVP 96\n" * 40, b"a=x\n" * 3000])
def test_an_invalid_session_description_is_rejected(body: bytes) -> None:
    with pytest.raises(MalformedDescriptionError):
        sdp.parse(body)


@given(st.binary(max_size=2000))
def test_random_bytes_never_raise_anything_else(body: bytes) -> None:
    with contextlib.suppress(MalformedDescriptionError):
        sdp.parse(b"m=video 0 RTP/AVP 96\n" + body)


H264 = "H264/90000"
VIDEO = "m=video 0 RTP/AVP 96\r\n"
WRITTEN: dict[str, tuple[str, int, str]] = {
    "a lower-case name": (VIDEO + "a=rtpmap:96 h264/90000", 96, "H264"),
    "a third part": (VIDEO + "a=rtpmap:96 H264/90000/1", 96, "H264"),
    "no clock rate": (VIDEO + "a=rtpmap:96 H264", 96, "H264"),
    "spaces around the slash": (VIDEO + "a=rtpmap:96  H264 / 90000", 96, "H264"),
    "a bare rtpmap behind": (VIDEO + "a=rtpmap:96 H264/90000\r\na=rtpmap", 96, "H264"),
    "another number in the rtpmap": (VIDEO + "a=rtpmap:97 H264/90000", 96, "H264"),
    "static without rtpmap": ("m=video 0 RTP/AVP 26", 26, "JPEG"),
    "tabs": ("m=video\t0\tRTP/AVP\t96\r\na=rtpmap:96\tH264/90000", 96, "H264"),
    "spaces around the equals sign": ("m = video 0 RTP/AVP 96\r\na = rtpmap:96 H264/90000", 96, "H264"),
    "a blank ahead": ("  m=video 0 RTP/AVP 96\r\n a=rtpmap:96 H264/90000", 96, "H264"),
    "no port": ("m=video RTP/AVP 96\r\na=rtpmap:96 H264/90000", 96, "H264"),
    "several ports": ("m=video 49170/2 RTP/AVP 96\r\na=rtpmap:96 H264/90000", 96, "H264"),
    "a high port": ("m=video 49170 RTP/AVP 96\r\na=rtpmap:96 H264/90000", 96, "H264"),
    "capitals": ("M=Video 0 RTP/AVP 96\r\nA=RTPMAP:96 H264/90000", 96, "H264"),
    "no format": ("m=video 0 RTP/AVP\r\na=rtpmap:96 H264/90000", 96, "H264"),
    "two formats": ("m=video 0 RTP/AVP 96 97\r\na=rtpmap:97 H264/90000\r\na=rtpmap:96 VP8/90000", 97, "H264"),
    "two tracks": ("m=video 0 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n" + VIDEO + "a=rtpmap:96 H264/90000", 96, "H264"),
    "metadata first": (
        "m=application 0 RTP/AVP 98\r\na=rtpmap:98 x/90000\r\n" + VIDEO + "a=rtpmap:96 " + H264,
        96,
        "H264",
    ),
    "a word for the sound's type": (
        "m=audio 0 RTP/AVP (null)\r\na=rtpmap\r\n" + VIDEO + "a=rtpmap:96 " + H264,
        96,
        "H264",
    ),
    "a page ahead": ("<html><a href=x>\r\n</a></html>\r\n" + VIDEO + "a=rtpmap:96 " + H264, 96, "H264"),
    "a short connection line": (VIDEO + "c=IN\r\na=rtpmap:96 " + H264, 96, "H264"),
    "parameter sets alone": (VIDEO + "a=fmtp:96 sprop-parameter-sets=Z0IAKeKQ,aM48gA==", 96, ""),
}
ENDS = {"CR LF": "\r\n", "LF": "\n", "CR": "\r", "LF LF": "\n\n"}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xe9=x\r\n"])
def test_a_description_is_understood_as_cameras_write_it(name: str, end: str, mark: bytes) -> None:
    text, number, encoding = WRITTEN[name]
    body = mark + f"v=0\r\ns=x\r\n{text}\r\na=control:t\r\n".replace("\r\n", ENDS[end]).encode()
    chosen = tracks.choose(sdp.parse(body).videos)
    assert chosen is not None
    media, _ = chosen
    assert (media.payload_type, media.encoding, media.control) == (number, encoding, "t")
    assert tracks.codec_of(media) is (Codec.MJPEG if number == 26 else Codec.H264)


PARAMETERS = {
    "spaces": " packetization-mode = 1 ; sprop-parameter-sets = Z0IAKeKQ,aM48gA== ; profile-level-id = 420029",
    "no separators but spaces": " packetization-mode=1 sprop-parameter-sets=Z0IAKeKQ,aM48gA== profile-level-id=420029",
    "capitals": " Packetization-Mode=1;Sprop-Parameter-Sets=Z0IAKeKQ,aM48gA==",
    "quotes": ' sprop-parameter-sets="Z0IAKeKQ,aM48gA=="',
    "folded with a blank": " packetization-mode=1;sprop-parameter-sets=Z0IA\r\n KeKQ,aM48gA==",
    "folded": " packetization-mode=1;sprop-parameter-sets=Z0IA\r\nKeKQ,aM48gA==",
    "twice": " packetization-mode=1\r\na=fmtp:96 sprop-parameter-sets=Z0IAKeKQ,aM48gA==",
    "separators without end": ";;;sprop-parameter-sets=Z0IAKeKQ,aM48gA==;;;",
}


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("number", [96, 97])
def test_format_parameters_are_understood_as_cameras_write_them(name: str, number: int) -> None:
    text = PARAMETERS[name].replace("fmtp:96", f"fmtp:{number}")
    body = f"{VIDEO}a=rtpmap:96 H264/90000\r\na=fmtp:{number} {text}"
    (video,) = sdp.parse(body.encode()).videos
    assert video.format_parameters["sprop-parameter-sets"] == "Z0IAKeKQ,aM48gA=="


@pytest.mark.parametrize(
    "line", ["a=x-dimensions:2560,1440", "a=framesize:96 2560-1440", "a=cliprect:0,0,1440,2560",
             "a=x-dimensions: 2560 , 1440", "a=Width:integer;2560\na=Height:integer;1440", "a=framesize:2560-1440"],
)  # fmt: skip
def test_the_size_is_read_from_every_attribute_that_tells_it(line: str) -> None:
    (video,) = sdp.parse(f"m=video 0 RTP/AVP 26\n{line}\n".encode()).videos
    assert video.frame_size == (2560, 1440)
