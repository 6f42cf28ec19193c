"""Motion JPEG as cameras send it: sizes, tables, restart headers, whole files; decoded and compared with the source."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueliang_monitor.picture.decode import decode
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire import jpeg, rtp
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, AccessUnit, Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.shortcomings import Flaw

SOURCE = next(iter(clips.load("hall", Codec.MJPEG, "live").pictures)).payloads


def encoded(
    width: int, height: int, *, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, restart: int = 0
) -> bytes:
    """Return a JPEG file of a gradient with shapes."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    picture = np.dstack([across, down, 255 - across]).astype(np.uint8)
    cv2.circle(picture, (width // 2, height // 2), height // 3, (255, 255, 255), -1)
    options = [cv2.IMWRITE_JPEG_QUALITY, 70, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    options += [cv2.IMWRITE_JPEG_RST_INTERVAL, restart] if restart else []
    done, data = cv2.imencode(".jpg", picture, options)
    assert done
    return bytes(data)


@dataclass(frozen=True)
class Packing:
    """How a file is sent; `tables` replaces those of the file."""

    kind: int = 1
    quality: int = 255
    blocks: tuple[int, int] | None = None
    tables: bytes | None = None
    precision: int = 0
    restart: bytes = b""
    extension: bytes = b""
    whole: bool = False
    end: bool = True
    size: int = 1300


def parts_of(file: bytes) -> tuple[bytes, bytes, tuple[int, int]]:
    """Return tables, scan and size of a file."""
    tables, at = b"", 0
    for marker, body in jpeg.segments(file):
        if marker == jpeg.QUANTIZATION:
            tables += body[1:]
        if marker == jpeg.SCAN:
            at = file.index(jpeg.segment(marker, body)) + len(body) + 4
    size = jpeg.size_of_file(file)
    assert size is not None
    return tables, file[at:], size


def packed(file: bytes, packing: Packing, timestamp: int = 0) -> list[RtpPacket]:
    own, scan, (width, height) = parts_of(file)
    data = file if packing.whole else scan if packing.end else scan.removesuffix(jpeg.END_OF_IMAGE)
    tables = own if packing.tables is None else packing.tables
    blocks = packing.blocks or (-(-width // 8), -(-height // 8))
    packets: list[RtpPacket] = []
    for at in range(0, len(data), packing.size):
        head = struct.pack("!I", at) + bytes((packing.kind, packing.quality, blocks[0] & 0xFF, blocks[1] & 0xFF))
        head += packing.restart
        if at == 0 and packing.quality > 127:
            head += struct.pack("!BBH", 0, packing.precision, len(tables)) + tables
        marker, extension = at + packing.size >= len(data), packing.extension if at == 0 else b""
        payload = head + data[at : at + packing.size]
        packets.append(
            RtpPacket(26, len(packets), timestamp, ssrc=1, marker=marker, payload=payload, extension=extension)
        )
    return packets


def read(depacketizer: MjpegDepacketizer, packets: list[RtpPacket]) -> list[AccessUnit]:
    return [unit for packet in packets for unit in depacketizer.push(packet, lost=False)]


def is_same(unit: AccessUnit, file: bytes) -> bool:
    found, wanted = decode(unit.data, Codec.MJPEG), decode(file, Codec.MJPEG)
    assert found is not None
    assert wanted is not None
    return found.shape == wanted.shape and float(np.abs(found.astype(np.int16) - wanted).mean()) < 0.5


def extension(*segments: tuple[int, bytes], before: bool = False, replay: bool = False) -> bytes:
    """Return ONVIF's header extension, filled up with FF at its beginning or its end."""
    body = b"".join(jpeg.segment(marker, content) for marker, content in segments)
    fill = b"\xff" * (-len(body) % 4)
    own = b"\xff\xd8" + struct.pack("!H", (len(body) + len(fill)) // 4) + (fill + body if before else body + fill)
    return b"\xab\xac" + struct.pack("!H", 3 + len(own) // 4) + bytes(12) + own if replay else own


def frame_of(file: bytes) -> bytes:
    return next(body for marker, body in jpeg.segments(file) if marker == jpeg.FRAME)


LARGE = encoded(2560, 1440)
SMALL = encoded(320, 240)
LARGE_EXTENSIONS = {
    "size": extension((jpeg.FRAME, frame_of(LARGE))),
    "fill bytes first": extension((jpeg.FRAME, frame_of(LARGE)), before=True),
    "behind the one for replay": extension((jpeg.FRAME, frame_of(LARGE)), replay=True),
    "behind other segments": extension((0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), (jpeg.FRAME, frame_of(LARGE))),
    "all segments": extension(*((marker, body) for marker, body in jpeg.segments(LARGE) if marker != jpeg.SCAN)),
}


@pytest.mark.parametrize("name", LARGE_EXTENSIONS)
@pytest.mark.parametrize("kind", [1, 0, 3])
def test_a_size_over_2040_px_is_read_from_the_header_extension(name: str, kind: int) -> None:
    depacketizer = MjpegDepacketizer()
    (unit,) = read(depacketizer, packed(LARGE, Packing(kind, 255, (0, 0), extension=LARGE_EXTENSIONS[name])))
    assert depacketizer.size == (2560, 1440)
    assert is_same(unit, LARGE)


def test_tables_of_the_extension_replace_those_of_the_header() -> None:
    every = extension(*((marker, body) for marker, body in jpeg.segments(LARGE) if marker != jpeg.SCAN))
    (unit,) = read(MjpegDepacketizer(), packed(LARGE, Packing(1, 50, (0, 0), extension=every)))
    assert is_same(unit, LARGE)


def test_restarts_are_read_from_the_extension_and_from_the_restart_header() -> None:
    file = encoded(640, 480, restart=4)
    interval = struct.pack("!H", 4)
    said = extension((jpeg.RESTART, interval), (jpeg.FRAME, frame_of(file)))
    (unit,) = read(MjpegDepacketizer(), packed(file, Packing(1, extension=said)))
    assert is_same(unit, file)
    for count in (b"\xff\xff", b"\x00\x00", b"\xc0\x05"):
        (unit,) = read(MjpegDepacketizer(), packed(file, Packing(65, restart=interval + count)))
        assert is_same(unit, file)


@pytest.mark.parametrize("declared", [(2560, 1440), None])
@pytest.mark.parametrize("blocks", [(0, 0), (320 & 0xFF, 180)])
def test_a_size_over_2040_px_is_read_from_the_sdp(declared: tuple[int, int] | None, blocks: tuple[int, int]) -> None:
    depacketizer = MjpegDepacketizer(declared)
    (unit,) = read(depacketizer, packed(LARGE, Packing(blocks=blocks)))
    assert unit.complete is (declared is not None or blocks != (0, 0))
    if declared:
        assert is_same(unit, LARGE)
    elif not unit.complete:
        assert depacketizer.shortcomings.main_flaw is Flaw.SIZE


def test_the_size_of_the_packets_wins_over_another_one_in_the_sdp() -> None:
    depacketizer = MjpegDepacketizer((1920, 1080))
    (unit,) = read(depacketizer, packed(SMALL, Packing()))
    assert depacketizer.size == (320, 240)
    assert is_same(unit, SMALL)


OWN, _, _ = parts_of(SMALL)
WIDE = b"".join(bytes((0, value)) for value in OWN)
FORMS: dict[str, Packing] = {
    "usual": Packing(),
    "cached quality": Packing(quality=128),
    "quality 254": Packing(quality=254),
    "three tables": Packing(tables=OWN + OWN[:64]),
    "16-bit tables": Packing(tables=WIDE, precision=3),
    "a 16-bit and an 8-bit table": Packing(tables=WIDE[:128] + OWN[64:], precision=1),
    "no end": Packing(end=False),
    "small fragments": Packing(size=40),
    "one fragment": Packing(size=60_000),
    "a whole file behind the header": Packing(whole=True),
    "a whole file behind a header without tables": Packing(whole=True, quality=60),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_tables_and_files_is_read(name: str) -> None:
    units = read(MjpegDepacketizer(), packed(SMALL, FORMS[name]) + packed(SMALL, FORMS[name], 9000))
    assert [is_same(unit, SMALL) for unit in units] == [True, True]


@pytest.mark.parametrize("sampling", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420])
def test_both_samplings_are_read(sampling: int) -> None:
    file = encoded(320, 240, sampling=sampling)
    kind = 1 if sampling == cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 else 0
    (unit,) = read(MjpegDepacketizer(), packed(file, Packing(kind)))
    assert is_same(unit, file)


def test_tables_that_were_sent_once_are_kept() -> None:
    first, later = packed(SMALL, Packing(quality=200)), packed(SMALL, Packing(quality=200, tables=b""), 9000)
    assert all(is_same(unit, SMALL) for unit in read(MjpegDepacketizer(), first + later))
    depacketizer = MjpegDepacketizer()
    (unit,) = read(depacketizer, later)
    assert not unit.complete
    assert depacketizer.shortcomings.main_flaw is Flaw.TABLES


@pytest.mark.parametrize("quality", [1, 99, 100, 127])
def test_every_fixed_quality_gives_a_picture(quality: int) -> None:
    (unit,) = read(MjpegDepacketizer(), packed(SMALL, Packing(quality=quality)))
    assert unit.complete
    assert decode(unit.data, Codec.MJPEG) is not None


def test_a_file_without_any_header_is_read() -> None:
    packets = [
        RtpPacket(26, at, 0, ssrc=1, marker=at + 999 >= len(SMALL), payload=SMALL[at : at + 999])
        for at in range(0, len(SMALL), 999)
    ]
    depacketizer = MjpegDepacketizer()
    units = read(depacketizer, packets + [replace(packet, timestamp=9000) for packet in packets])
    assert [is_same(unit, SMALL) for unit in units] == [True, True]
    assert depacketizer.size == (320, 240)


MARKS: dict[str, Callable[[RtpPacket], RtpPacket]] = {
    "never": lambda packet: replace(packet, marker=False),
    "on every packet": lambda packet: replace(packet, marker=True),
    "with a clock that stands": lambda packet: replace(packet, timestamp=7),
    "never, with a clock that stands": lambda packet: replace(packet, timestamp=7, marker=False),
}


@pytest.mark.parametrize("name", MARKS)
def test_pictures_are_told_apart_however_they_are_marked(name: str) -> None:
    sent = [packet for number in range(6) for packet in packed(SMALL, Packing(), number * 9000)]
    units = read(MjpegDepacketizer(), [MARKS[name](packet) for packet in sent])
    last = [unit for unit in units if unit.complete][-1]
    assert is_same(last, SMALL)
    assert sum(unit.complete and is_same(unit, SMALL) for unit in units) >= 4


ODD = [b"", bytes(5), bytes(4) + bytes((7, 60, 40, 30)) + b"data", bytes(4) + bytes((200, 60, 40, 30)) + b"data"]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_packet_costs_itself_alone(odd: bytes) -> None:
    oddities = Oddities()
    packets = packed(SMALL, Packing()) + packed(SMALL, Packing(), 9000)
    stray = RtpPacket(26, 0, 9000, ssrc=1, marker=False, payload=odd)
    units = read(MjpegDepacketizer(oddities=oddities), [*packets[:-1], stray, packets[-1]])
    assert [is_same(unit, SMALL) for unit in units] == [True, True]
    assert str(oddities) != "none"


def test_a_lost_first_fragment_costs_its_picture() -> None:
    packets = packed(SMALL, Packing())[1:] + packed(SMALL, Packing(), 9000)
    assert [unit.complete for unit in read(MjpegDepacketizer(), packets)] == [False, True]


def test_a_picture_over_the_limit_is_left_out() -> None:
    oddities = Oddities()
    endless = [
        RtpPacket(
            26, 0, 0, ssrc=1, marker=False, payload=at.to_bytes(4, "big") + bytes((1, 60, 40, 30)) + bytes(60_000)
        )
        for at in range(0, MAX_ACCESS_UNIT_BYTES + 120_000, 60_000)
    ]
    units = read(MjpegDepacketizer(oddities=oddities), endless + packed(SMALL, Packing(), 9000))
    assert [unit.complete for unit in units] == [False, True]
    assert oddities.of(Oddity.OVERSIZED_PICTURE) == 1


def test_the_extension_of_a_packet_is_parsed_with_its_profile() -> None:
    raw = bytes((0x91, 0x9A)) + b"\x00\x05" + bytes(8) + b"SRC1" + b"\xff\xd8\x00\x01ABCD" + b"payload"
    packet = rtp.parse(raw)
    assert (packet.extension, packet.payload) == (b"\xff\xd8\x00\x01ABCD", b"payload")


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_cut_duplicate_or_odd_packet_leaves_the_later_picture(data: st.DataObject) -> None:
    good = [packet for number in range(3) for packet in packed(SMALL, Packing(), number * 9000)]
    border = 2 * len(good) // 3
    bad = good[data.draw(st.integers(0, border)) : border]
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(bad)))
        odd = data.draw(st.one_of(st.sampled_from(ODD), st.binary(max_size=40)))
        extra = data.draw(st.binary(max_size=20))
        marker = data.draw(st.booleans())
        bad = [*bad[:at], RtpPacket(26, 0, 5, ssrc=1, marker=marker, payload=odd, extension=extra), *bad[at + marker :]]
    units = read(MjpegDepacketizer(), [*bad, *good[border:]])
    assert is_same(units[-1], SMALL)
