from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire import sdp
from xueliang_monitor.wire.errors import MalformedDescriptionError

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
