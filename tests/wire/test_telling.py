"""A camera announces one codec and sends another: told by its packets, and read."""

from __future__ import annotations

import pytest

from tests.wire.payloads import Packet, packed, pictures, read
from xueliang_monitor.picture.decode import decode
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire import sdp, tracks
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.telling import READS, TellingDepacketizer, told_by

NAMES = {Codec.H264: "H264", Codec.H265: "H265", Codec.MJPEG: "JPEG"}


def sent(codec: Codec, begin: int = 0) -> list[Packet]:
    """Return packets of 44 pictures from a number on."""
    if codec is not Codec.MJPEG:
        return packed(codec, pictures(codec)[begin : begin + 44])
    shown = clips.load("hall", Codec.MJPEG, "live").pictures[begin : begin + 12]
    return [
        (payload, number * 9000, payload is picture.payloads[-1])
        for number, picture in enumerate(shown)
        for payload in picture.payloads
    ]


def announcing(codec: Codec, oddities: Oddities, parameters: str = "") -> TellingDepacketizer:
    body = f"m=video 0 RTP/AVP 96\na=rtpmap:96 {NAMES[codec]}/90000\na=fmtp:96 {parameters}\na=control:x\n"
    chosen = tracks.choose(sdp.parse(body.encode()).videos, oddities)
    assert chosen is not None
    assert isinstance(chosen[1], TellingDepacketizer)
    return chosen[1]


@pytest.mark.parametrize("announced", list(Codec))
@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("begin", [0, 7])
def test_what_comes_is_read_whatever_was_announced(announced: Codec, codec: Codec, begin: int) -> None:
    oddities = Oddities()
    reader = announcing(announced, oddities)
    units = read(reader, sent(codec, begin))
    whole = [unit for unit in units if unit.keyframe and unit.complete]
    assert {unit.codec for unit in whole} == {codec}
    assert decode(whole[-1].data, codec) is not None
    assert len(whole) == len(units) if codec is Codec.MJPEG else (2 if begin else 3)
    assert (reader.sent, reader.announced) == (codec, announced)
    assert str(oddities) == ("none" if announced is codec else f"{Oddity.CODEC_DIFFERS} 1")


@pytest.mark.parametrize("codec", list(Codec))
def test_few_payloads_of_one_codec_make_sense_in_another(codec: Codec) -> None:
    payloads = [payload for payload, _, _ in sent(codec)]
    shares = {other: sum(map(READS[other], payloads)) / len(payloads) for other in Codec}
    assert shares.pop(codec) == 1.0
    assert all(share < 0.25 for share in shares.values()), shares
    for other in Codec:
        assert told_by(payloads[:48], other) is codec


def test_nothing_is_told_by_what_makes_sense_in_no_codec() -> None:
    assert told_by([b"\xff" * 40] * 20, Codec.H264) is None


def test_packets_are_kept_only_until_the_codec_is_told() -> None:
    reader = announcing(Codec.H264, Oddities())
    read(reader, [(b"\xff" * 60_000, 0, False)] * 100)
    assert not reader._kept


def test_following_pictures_are_kept_by_the_reader_that_was_told() -> None:
    reader = announcing(Codec.H265, Oddities())
    reader.keep_following = True
    units = read(reader, sent(Codec.H264))
    assert all(unit.data for unit in units)
    assert reader.size == (640, 360)
    assert reader.profile == "High"
