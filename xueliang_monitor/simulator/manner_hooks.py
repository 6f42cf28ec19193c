"""What manners of devices change in packets, frames, responses and descriptions. Pure functions of bytes."""

from __future__ import annotations

import base64
import random
import re
import struct

from xueliang_monitor.simulator.behaviour import PictureSent
from xueliang_monitor.simulator.manner_payloads import START_CODE
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import Request

_WORD_BYTES = 4
_PICTURE_TICKS = 9000
"""The step of the 90 kHz clock between two pictures of a clip."""

_NUMBER, _TIMESTAMP, _SOURCE = 2, 4, 8
"""Where they stand in an RTP header (RFC 3550, 5.1)."""


def _changed(packet: bytes, place: int, changed: bytes) -> bytes:
    return packet[:place] + changed + packet[place + len(changed) :]


def with_number(packet: bytes, number: int) -> bytes:
    """Return an RTP packet with another sequence number."""
    return _changed(packet, _NUMBER, struct.pack("!H", number & 0xFFFF))


def with_timestamp(packet: bytes, timestamp: int) -> bytes:
    """Return an RTP packet with another timestamp."""
    return _changed(packet, _TIMESTAMP, struct.pack("!I", timestamp & 0xFFFFFFFF))


def with_source(packet: bytes, source: int) -> bytes:
    """Return an RTP packet with another source."""
    return _changed(packet, _SOURCE, struct.pack("!I", source & 0xFFFFFFFF))


def with_payload(packet: bytes, payload: bytes, payload_type: int | None = None) -> bytes:
    """Return an RTP packet without marker, with another payload, and with another payload type if one is given."""
    kind = packet[1] & 0x7F if payload_type is None else payload_type
    return packet[:1] + bytes((kind,)) + packet[2:12] + payload


# Packets


def source_before(sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Give the first picture the source, the numbers and the clock of a stream before (scottlamb/retina#79)."""
    if sent.number:
        return packets
    return [
        with_timestamp(with_number(with_source(packet, sent.ssrc ^ 1), 300 + place), 34_000)
        for place, packet in enumerate(packets)
    ]


def source_of_group(sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Give each group of pictures another source; numbers and clock go on (bluenviron/gortsplib#687)."""
    group = sent.keyframes + sent.keyframe
    return [with_source(packet, sent.ssrc * 69_069 + group) for packet in packets]


def numbers_of_group(sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Number the packets of each group of pictures from 0 (bluenviron/gortsplib#750)."""
    return [with_number(packet, sent.since_keyframe + place) for place, packet in enumerate(packets)]


def no_numbers(_sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Give every packet the number 0."""
    return [with_number(packet, 0) for packet in packets]


def twice(_sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Send each packet twice."""
    return [each for packet in packets for each in (packet, packet)]


def foreign_type(_sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Send a packet of payload type 50 after each picture, with the next number (AlexxIT/go2rtc#1722)."""
    return [*packets, with_payload(packets[-1], bytes(44), payload_type=50)] if packets else packets


def not_rtp(_sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Send a packet that is not RTP before each picture."""
    return [b"\x00\x01\x02\x03" * 5, *packets]


def order_of_decoding(sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Stamp pictures with the time of display as if one B picture stood between each two others."""
    shown = sent.timestamp + (2 * _PICTURE_TICKS if sent.number % 2 else 0)
    return [with_timestamp(packet, shown) for packet in packets]


def size_in_extension(sent: PictureSent, packets: list[bytes]) -> list[bytes]:
    """Tell the size of a JPEG in ONVIF's header extension only (ONVIF Streaming Specification, 5.1.3)."""
    return [_with_extension(packet) for packet in packets] if sent.codec is Codec.MJPEG else packets


def _with_extension(packet: bytes) -> bytes:
    header, payload = packet[:12], packet[12:]
    width, height = payload[6] * 8, payload[7] * 8
    bare = payload[:6] + bytes(2) + payload[8:]
    if payload[1:4] != bytes(3):
        return header + bare
    sampling = 0x22 if payload[4] & 1 else 0x21
    colour = 0 if payload[10:12] == b"\x00\x40" else 1  # the quantization table of the colours, if there are two
    frame = struct.pack("!BHHB", 8, height, width, 3) + bytes((1, sampling, 0, 2, 0x11, colour, 3, 0x11, colour))
    segment = b"\xff\xc0" + struct.pack("!H", len(frame) + 2) + frame
    segment = b"\xff" * (-len(segment) % 4) + segment
    extension = b"\xff\xd8" + struct.pack("!H", len(segment) // 4) + segment
    return bytes((header[0] | 0x10,)) + header[1:] + extension + bare


def goodbye_of_another(sent: PictureSent) -> list[bytes]:
    """Say goodbye for the source of a stream before, after the first picture (RFC 3550, 6.6)."""
    return [struct.pack("!BBHI", 0x81, 203, 1, sent.ssrc ^ 1)] if sent.number == 0 else []


# Frames on the connection


def stray_bytes(number: int, frame: bytes) -> bytes:
    """Let a piece of a packet without its header follow each ninth frame (bluenviron/gortsplib#653)."""
    return frame + random.Random(number).randbytes(90) if number % 9 == 8 else frame


def many_stray_bytes(number: int, frame: bytes) -> bytes:
    """Let 200 foreign bytes follow each frame."""
    return frame + random.Random(number).randbytes(200)


def padded(_number: int, frame: bytes) -> bytes:
    """Pad each frame to words of 4 bytes, which its length does not say."""
    return frame + bytes(-len(frame) % _WORD_BYTES)


# Responses and descriptions


def _with_cseq(said: bytes, number: int) -> bytes:
    return re.sub(rb"(?i)^(cseq: *)\S*", rb"\g<1>%d" % number, said, count=1, flags=re.MULTILINE)


def cseq_zero(_request: Request, said: bytes) -> bytes:
    """Answer with the CSeq 0 (luisiam/homebridge-foscamcamera#6)."""
    return _with_cseq(said, 0)


def cseq_behind(request: Request, said: bytes) -> bytes:
    """Answer with the CSeq of the request before, from SETUP on (scottlamb/retina#136)."""
    if request.method in ("OPTIONS", "DESCRIBE"):
        return said
    return _with_cseq(said, int(request.headers.get("cseq", "1")) - 1)


def header_without_name(_request: Request, said: bytes) -> bytes:
    """Lose the name of a header, and its colon (ireader/media-server#341)."""
    return said.replace(b"\r\n", b"\r\nMon Mar 02 2026\r\n \r\n", 1)


def says_h265(description: str) -> str:
    """Name H.265 where H.264 is sent (AlexxIT/go2rtc#264)."""
    return description.replace(" H264/90000", " H265/90000")


def joined_sets(description: str) -> str:
    """Join the parameter sets of H.264 in one string, with a start code between (bluenviron/mediamtx#231)."""
    found = re.search(r"sprop-parameter-sets=([\w+/=]+),([\w+/=]+)", description)
    if found is None:
        return description
    joined = base64.b64decode(found[1]) + START_CODE + base64.b64decode(found[2])
    return description.replace(found[0], f"sprop-parameter-sets={base64.b64encode(joined).decode()}")


def without_sets(description: str) -> str:
    """Leave the parameter sets of H.264 and H.265 out."""
    return re.sub(r";?sprop-[a-z-]+=[^;\r]*", "", description)
