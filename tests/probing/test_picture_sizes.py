"""Pictures of a burst that are too large, or of another size: no error of the monitor, and told as what they are."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from tests.probing.test_decode_reasons import H264, reception_of
from tests.wire.payloads import TICKS, Packet, packed
from xueliang_monitor.model import FaultSeen
from xueliang_monitor.picture.look import Material, look
from xueliang_monitor.probing.picture_sizes import burst_of, size_of
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.oddities import Oddity

WIDE = 32_000


def _file(width: int = 320, height: int = 240, *, claimed: int = 0) -> bytes:
    """Return a JPEG file, whose header may claim another width and height than it has."""
    chance = np.random.default_rng(width)
    done, data = cv2.imencode(".jpg", chance.integers(60, 200, (height, width, 3)).astype(np.uint8))
    assert done
    head = data.tobytes().index(b"\xff\xc0") + 5
    claim = struct.pack("!HH", claimed or height, claimed or width)
    return data.tobytes()[:head] + claim + data.tobytes()[head + 4 :]


def _sent(*files: bytes) -> list[Packet]:
    return [(file, number * TICKS, True) for number, file in enumerate(files)]


GOOD, BOMB, SMALL = _file(), _file(claimed=WIDE), _file(160, 120)


def test_an_oversized_picture_after_the_keyframe_is_left_out_and_told() -> None:
    reception = reception_of("JPEG", _sent(GOOD, GOOD, GOOD, BOMB))
    assert size_of(reception) == (320, 240)
    assert burst_of(reception) == (GOOD, GOOD)
    assert reception.oddities.of(Oddity.OVERSIZED_PICTURE) == 1


def test_an_oversized_keyframe_is_a_fault_of_the_camera_whatever_follows() -> None:
    reception = reception_of("JPEG", _sent(BOMB, GOOD, GOOD, GOOD))
    with pytest.raises(FaultSeen, match=f"its keyframe claims {WIDE}x{WIDE} pixels; the limit is 64 million") as seen:
        size_of(reception)
    assert (seen.value.fault.code, seen.value.reason) == ("decode_failed", "oversized")


def test_an_oversized_parameter_set_is_a_fault_of_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    reception = reception_of("H264", packed(Codec.H264, H264[:5]))
    size = size_of(reception)
    assert size is not None
    monkeypatch.setattr("xueliang_monitor.wire.tracks.MAX_PIXELS", size[0] * size[1] - 1)
    with pytest.raises(FaultSeen, match=f"its keyframe claims {size[0]}x{size[1]} pixels"):
        size_of(reception)


def test_a_change_of_size_is_told() -> None:
    reception = reception_of("JPEG", _sent(GOOD, SMALL, GOOD, SMALL, GOOD))
    assert (size_of(reception), burst_of(reception)) == ((320, 240), (SMALL, GOOD, SMALL))
    assert str(reception.oddities) == "size_changed 2"


def test_a_look_decodes_nothing_that_is_oversized(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    whole = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda data, how: decoded.append(len(data)) or whole(data, how))
    done = look(Material(Codec.MJPEG, GOOD, (GOOD, BOMB, GOOD)), None)
    assert done is not None
    assert done.failures == ()
    assert decoded == [len(GOOD)] * 3
    assert look(Material(Codec.MJPEG, BOMB, (GOOD,)), None) is None


def test_a_look_leaves_pictures_of_other_sizes_out_of_the_motion() -> None:
    done = look(Material(Codec.MJPEG, GOOD, (SMALL, GOOD, SMALL)), None)
    alone = look(Material(Codec.MJPEG, GOOD, (SMALL, SMALL)), None)
    assert done is not None
    assert alone is not None
    assert (done.failures, alone.failures) == ((), ())
    assert "picture_frozen" in done.scores
    assert "picture_frozen" not in alone.scores


@pytest.mark.parametrize("following", [0, 1, 3])
def test_pictures_after_an_oversized_one_of_a_coded_stream_are_not_decoded(
    following: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xueliang_monitor.picture import decode

    reception = reception_of("H264", packed(Codec.H264, H264[:6]))
    assert reception.keyframe is not None
    units = list(reception.burst[:3])
    units[following:following] = [reception.keyframe.data + bytes(1)]
    monkeypatch.setattr(decode, "is_oversized", lambda _, unit: unit.endswith(b"\0"))
    assert len(decode.decode_burst(Codec.H264, reception.keyframe.data, units)) == 1 + following
