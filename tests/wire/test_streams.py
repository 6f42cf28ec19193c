"""Streams of real encoders, packetized as cameras do: slices, intra refresh, parameter sets in various places."""

from __future__ import annotations

import base64
import random
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.wire.test_media import receive
from xueliang_monitor.picture.decode import decode
from xueliang_monitor.wire.h264 import H264Depacketizer
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.media import AccessUnit, Codec
from xueliang_monitor.wire.packetize import packetize_units
from xueliang_monitor.wire.rtp import RtpPacket

pytestmark = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ffmpeg is not installed (apt-get install ffmpeg)"
)
SOURCE = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=4"]
RAW = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
_UNITS = re.compile(rb"\x00\x00\x00?\x01")
_DELIMITERS = {Codec.H264: 9, Codec.H265: 35}
_SETS = {Codec.H264: (7, 8), Codec.H265: (32, 33, 34)}


def kind(codec: Codec, unit: bytes) -> int:
    return unit[0] & 0x1F if codec is Codec.H264 else (unit[0] >> 1) & 0x3F


def encode(folder: Path, codec: Codec, options: str) -> list[list[bytes]]:
    """Return the NAL units of each picture."""
    name = {Codec.H264: "x264", Codec.H265: "x265"}[codec]
    file = folder / f"video.{codec}"
    encoder = ["-c:v", f"lib{name}", f"-{name}-params", f"aud=1:bframes=0:{options}"]
    muxer = ["-f", "hevc" if codec is Codec.H265 else "h264"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *SOURCE, "-pix_fmt", "yuv420p", *encoder, *muxer, file],
        check=True,
        capture_output=True,
    )
    pictures: list[list[bytes]] = []
    for unit in filter(None, _UNITS.split(file.read_bytes())):
        if kind(codec, unit) == _DELIMITERS[codec]:
            pictures.append([])
        else:
            pictures[-1].append(unit)
    return pictures


def pack(codec: Codec, pictures: list[list[bytes]], *, mark_slices: bool = False, mark: bool = True) -> list[RtpPacket]:
    packets: list[RtpPacket] = []
    for number, units in enumerate(pictures):
        groups = [[unit] for unit in units] if mark_slices else [units]
        for group in groups:
            payloads = packetize_units(codec, group)
            for payload in payloads:
                marker = mark and payload is payloads[-1]
                packets.append(
                    RtpPacket(96, len(packets) & 0xFFFF, number * 3600, ssrc=1, marker=marker, payload=payload)
                )
    return packets


def same_picture(unit: AccessUnit, number: int) -> float:
    """Return the largest difference of a block, in grey levels, between a decoded unit and its source."""
    decoded = decode(unit.data, unit.codec)
    assert decoded is not None
    shown = subprocess.run(
        ["ffmpeg", "-v", "error", *SOURCE, "-vf", f"select=eq(n\\,{number})", "-frames:v", "1", *RAW],
        check=True,
        capture_output=True,
    ).stdout
    wanted = np.frombuffer(shown, np.uint8).reshape(360, 640, 3)
    small = [cv2.resize(each, (32, 18), interpolation=cv2.INTER_AREA).astype(np.int16) for each in (decoded, wanted)]
    return float(np.abs(small[0] - small[1]).max())


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_several_slices_are_one_picture_by_marker_or_by_timestamp(tmp_path: Path, codec: Codec) -> None:
    pictures = encode(tmp_path, codec, "slices=4:keyint=10:scenecut=0")[:24]
    for packets in (pack(codec, pictures), pack(codec, pictures, mark=False)):
        depacketizer = H264Depacketizer() if codec is Codec.H264 else H265Depacketizer()
        keyframes = [unit for unit in receive(depacketizer, packets) if unit.keyframe]
        assert len(keyframes) == 3
        assert all(unit.complete for unit in keyframes)
        assert same_picture(keyframes[1], 10) < 25


def test_a_camera_that_marks_every_slice_works_from_its_second_keyframe(tmp_path: Path) -> None:
    pictures = encode(tmp_path, Codec.H264, "slices=4:keyint=10:scenecut=0")[:24]
    units = receive(H264Depacketizer(), pack(Codec.H264, pictures, mark_slices=True))
    assert units[1].continues
    later = [unit for unit in units if unit.keyframe and unit.complete and not unit.continues][-1]
    assert same_picture(later, 20) < 25


def test_a_stream_with_intra_refresh_yields_a_complete_picture(tmp_path: Path) -> None:
    pictures = encode(tmp_path, Codec.H264, "intra-refresh=1:keyint=20:scenecut=0")
    sets = [unit for unit in pictures[0] if kind(Codec.H264, unit) in _SETS[Codec.H264]]
    joined = pictures[5:]  # as for a client that joins later: the only IDR picture is gone
    assert not any(kind(Codec.H264, unit) == 5 for picture in joined for unit in picture)
    depacketizer = H264Depacketizer(",".join(base64.b64encode(unit).decode() for unit in sets))
    units = receive(depacketizer, pack(Codec.H264, joined))
    number, whole = next((n, unit) for n, unit in enumerate(units) if unit.keyframe)
    assert whole.complete
    assert whole.pictures > 5
    assert same_picture(whole, 5 + number) < 25


def test_an_intra_refresh_with_a_lost_packet_is_not_complete(tmp_path: Path) -> None:
    pictures = encode(tmp_path, Codec.H264, "intra-refresh=1:keyint=20:scenecut=0")
    packets = pack(Codec.H264, pictures[:45])
    starts = [n for n, packet in enumerate(packets) if packet.timestamp == 30 * 3600]
    kept = [packet for packet in packets if packet.sequence != starts[0]]
    units = receive(H264Depacketizer(), kept)
    assert [number for number, unit in enumerate(units) if unit.pictures > 1] == []


@pytest.mark.parametrize("place", ["description", "band", "both and different"])
def test_parameter_sets_are_found_in_every_place(tmp_path: Path, place: str) -> None:
    (tmp_path / "other").mkdir()
    pictures = encode(tmp_path, Codec.H264, "keyint=10:scenecut=0")[:3]
    sets = [unit for unit in pictures[0] if kind(Codec.H264, unit) in (7, 8)]
    sprop = ""
    if place == "description":
        sprop = ",".join(base64.b64encode(unit).decode() for unit in sets)
        pictures = [[unit for unit in units if kind(Codec.H264, unit) not in (7, 8)] for units in pictures]
    if place == "both and different":
        other = encode(tmp_path / "other", Codec.H264, "keyint=10:scenecut=0:cabac=0:ref=1:level=51")[0]
        sprop = ",".join(base64.b64encode(unit).decode() for unit in other if kind(Codec.H264, unit) in (7, 8))
    units = receive(H264Depacketizer(sprop), pack(Codec.H264, pictures))
    assert units[0].complete
    assert same_picture(units[0], 0) < 25


def test_reordered_packets_yield_the_same_pictures(tmp_path: Path) -> None:
    packets = pack(Codec.H264, encode(tmp_path, Codec.H264, "keyint=10:scenecut=0")[:20])
    chance = random.Random(2)
    for place in range(1, len(packets) - 3, 4):  # the first packet sets the start
        window = packets[place : place + 3]
        chance.shuffle(window)
        packets[place : place + 3] = window
    units = receive(H264Depacketizer(), packets)
    assert [unit.complete for unit in units] == [True] * len(units)
    assert len(units) >= 19


def test_a_stream_without_idr_is_read_from_a_picture_of_i_slices(tmp_path: Path) -> None:
    pictures = encode(tmp_path, Codec.H264, "keyint=10:open-gop=1:scenecut=0:bframes=2:slices=2")
    bare = [[unit for unit in units if kind(Codec.H264, unit) != 6] for units in pictures[5:]]
    assert not any(kind(Codec.H264, unit) == 5 for units in bare[:60] for unit in units)
    keyframes = [unit for unit in receive(H264Depacketizer(), pack(Codec.H264, bare)) if unit.keyframe]
    assert len(keyframes) > 3
    assert all(unit.complete and decode(unit.data, unit.codec) is not None for unit in keyframes)
