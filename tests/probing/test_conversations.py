"""Good conversations that are cut, doubled and mixed with foreign bytes leave a picture or a fault of ours. No I/O."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Transport
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.probing.stream_faults import why_no_keyframe
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire import rtp, sdp, tracks
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import InterleavedFrame, MessageParser, serialize_interleaved
from xueliang_monitor.wire.oddities import Oddities, Oddity

SCENES = {Codec.H264: "gate", Codec.H265: "car-park", Codec.MJPEG: "hall"}
PAYLOAD_TYPES = {Codec.H264: 96, Codec.H265: 96, Codec.MJPEG: 26}
NAMES = {Codec.H264: "H264", Codec.H265: "H265", Codec.MJPEG: "JPEG"}
PICTURES = 6
ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 4711\r\n\r\n"
FOREIGN_SHARE = 0.05
EXAMPLES = settings(max_examples=60, deadline=None)


@functools.cache
def frames_of(codec: Codec) -> tuple[bytes, ...]:
    """Return the frames of two groups of pictures, each of a keyframe and some that follow."""
    clip = clips.load(SCENES[codec], codec, "small")
    frames, number = [], 0
    for place in range(2 * PICTURES):
        picture = clip.pictures[place % PICTURES % len(clip.pictures)]
        for payload in picture.payloads:
            marker = payload is picture.payloads[-1]
            packet = rtp.RtpPacket(PAYLOAD_TYPES[codec], number, place * 9000, ssrc=1, marker=marker, payload=payload)
            frames.append(serialize_interleaved(0, rtp.serialize(packet)))
            number += 1
    return tuple(frames)


def reception_of(codec: Codec) -> Reception:
    """Return what takes the packets of a codec."""
    clip, kind = clips.load(SCENES[codec], codec, "small"), PAYLOAD_TYPES[codec]
    lines = [f"m=video 0 RTP/AVP {kind}", f"a=rtpmap:{kind} {NAMES[codec]}/90000"]
    lines += [f"a=fmtp:{kind} {clip.format_parameters}"] if clip.format_parameters else []
    (media,) = sdp.parse("\r\n".join(["v=0", *lines, ""]).encode()).videos
    oddities = Oddities()

    def new() -> tracks.VideoDepacketizer:
        made = tracks.depacketizer(media, oddities)
        assert made is not None
        return made

    reception = Reception(new, kind, 90_000, oddities=oddities)
    reception.begin(Transport.TCP)
    return reception


@dataclass(frozen=True, slots=True)
class Heard:
    """What a conversation left."""

    reception: Reception
    frames: int

    @property
    def is_explained(self) -> bool:
        """Whether there is a picture, or else a fault of ours."""
        return self.reception.keyframe is not None or why_no_keyframe(self.reception, 1.0).fault.code in FAULTS


def hear(codec: Codec, chunks: Sequence[bytes]) -> Heard:
    """Take a conversation in chunks, as `probing.playing` does."""
    parser, reception, frames = MessageParser(), reception_of(codec), 0
    parser.expect((0, 1), (PAYLOAD_TYPES[codec],))
    for number, chunk in enumerate([*chunks, None]):
        for event in parser.pause() if chunk is None else parser.feed(chunk):
            if isinstance(event, InterleavedFrame) and event.channel == 0:
                frames += 1
                reception.push(event.payload, number / 1000)
            elif isinstance(event, InterleavedFrame) and event.channel == 1:
                reception.push_control(event.payload, 1e9)
    return Heard(reception, frames)


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut bytes at places, each modulo their number."""
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


CODECS = pytest.mark.parametrize("codec", list(Codec))
CUTS = st.lists(st.integers(0, 10**6), max_size=30)
PLACES = st.lists(st.integers(0, 10**6), max_size=12)


@CODECS
@given(cuts=CUTS)
@EXAMPLES
def test_any_cut_into_chunks_leaves_all_frames(codec: Codec, cuts: list[int]) -> None:
    frames = frames_of(codec)
    heard = hear(codec, cut(ANSWER + b"".join(frames), cuts))
    assert heard.frames == len(frames)
    assert heard.reception.keyframe is not None
    assert heard.reception.order.lost == 0
    assert str(heard.reception.oddities) == "none"


@CODECS
@given(start=st.integers(0, 10**6), cuts=CUTS)
@EXAMPLES
def test_any_beginning_leaves_the_next_keyframe(codec: Codec, start: int, cuts: list[int]) -> None:
    frames = frames_of(codec)
    kept = frames[start % (len(frames) // 2) :]
    assert hear(codec, cut(b"".join((ANSWER, *kept)), cuts)).reception.keyframe is not None


@CODECS
@given(end=st.integers(0, 10**6))
@EXAMPLES
def test_any_end_leaves_a_picture_or_a_fault(codec: Codec, end: int) -> None:
    data = ANSWER + b"".join(frames_of(codec))
    assert hear(codec, [data[: end % len(data)]]).is_explained


@CODECS
@given(places=PLACES)
@EXAMPLES
def test_doubled_frames_lose_nothing(codec: Codec, places: list[int]) -> None:
    frames = list(frames_of(codec))
    for place in sorted({place % len(frames) for place in places}, reverse=True):
        frames.insert(place, frames[place])
    heard = hear(codec, [ANSWER, *frames])
    assert heard.reception.keyframe is not None
    assert heard.reception.order.lost == 0


@CODECS
@given(places=PLACES)
@EXAMPLES
def test_lost_frames_leave_a_picture_or_a_fault(codec: Codec, places: list[int]) -> None:
    frames = frames_of(codec)
    lost = {place % len(frames) for place in places}
    heard = hear(codec, [ANSWER, *(frame for place, frame in enumerate(frames) if place not in lost)])
    assert heard.is_explained
    assert heard.reception.order.lost <= len(lost)


def mixed(frames: Sequence[bytes], foreign: Sequence[tuple[int, bytes]]) -> bytes:
    """Put foreign bytes before frames, no more than a share of all."""
    left = int(FOREIGN_SHARE * sum(map(len, frames)))
    between: dict[int, bytes] = {}
    for place, data in foreign:
        kept = data[: max(0, left)]
        between[place % len(frames)] = between.get(place % len(frames), b"") + kept
        left -= len(kept)
    return ANSWER + b"".join(between.get(place, b"") + frame for place, frame in enumerate(frames))


def _random_bytes(seed: int) -> bytes:
    chance = random.Random(seed)
    return chance.randbytes(chance.randrange(1, 300))


FOREIGN_BYTES = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.integers(0, 10**6).map(_random_bytes),
    st.sampled_from(
        (
            b"$",
            b"$\x00",
            b"$\x00\xff\xff",
            b"$\x01\x00\x04",
            b"RTSP/1.0",
            b"RTSP",
            b"OPTIONS ",
            b"\r\n\r\n",
            b"\x00" * 9,
        )
    ),
)
FOREIGN = st.lists(st.tuples(st.integers(0, 10**6), FOREIGN_BYTES), max_size=8)


@CODECS
@given(foreign=FOREIGN, cuts=CUTS)
@EXAMPLES
def test_foreign_bytes_at_any_boundary_leave_a_picture(
    codec: Codec, foreign: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    heard = hear(codec, cut(mixed(frames_of(codec), foreign), cuts))
    assert heard.is_explained
    if not any(b"$" in data or b"R" in data or b"O" in data for _, data in foreign):
        assert heard.frames == len(frames_of(codec))
        assert heard.reception.keyframe is not None
        assert heard.reception.order.lost == 0


@CODECS
@given(foreign=FOREIGN, lost=PLACES, doubled=PLACES, cuts=CUTS)
@EXAMPLES
def test_all_of_it_together_leaves_a_picture_or_a_fault(
    codec: Codec, foreign: list[tuple[int, bytes]], lost: list[int], doubled: list[int], cuts: list[int]
) -> None:
    frames, gone = frames_of(codec), {place % len(frames_of(codec)) for place in lost}
    twice = {place % len(frames) for place in doubled}
    kept = [
        each for place, frame in enumerate(frames) if place not in gone for each in [frame] * (1 + (place in twice))
    ]
    assert hear(codec, cut(mixed(kept or frames, foreign), cuts)).is_explained


def test_duplicates_are_counted() -> None:
    frames = frames_of(Codec.H264)
    heard = hear(Codec.H264, [ANSWER, *(frame for each in frames for frame in (each, each))])
    assert heard.reception.oddities.of(Oddity.DUPLICATE_PACKET) == len(frames)
