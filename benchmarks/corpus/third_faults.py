"""Makes the same faults in a third way, closer to lenses, sensors and codecs; real H.264 is damaged."""

from __future__ import annotations

import re
import subprocess

import cv2
import numpy as np

from benchmarks.corpus.faults import Maker, each
from benchmarks.corpus.footage import Frame, as_uint8, cut

SLICES = 8


def _write_text(picture: Frame, text: str, place: tuple[float, float], size: float = 0.7) -> None:
    height, width = picture.shape[:2]
    scale = width / 640
    corner = int(place[0] * width), int(place[1] * height)
    for colour, thick in (((0, 0, 0), 3.0), ((255, 255, 255), 1.2)):
        line = max(1, round(thick * scale))
        cv2.putText(picture, text, corner, cv2.FONT_HERSHEY_SIMPLEX, size * scale, colour, line, cv2.LINE_AA)


def smooth_field(shape: tuple[int, ...], chance: np.random.Generator, coarse: int = 6) -> Frame:
    """Return a smooth random field in [0, 1], shape (height, width, 1)."""
    small = chance.random((coarse, int(coarse * 16 / 9))).astype(np.float32)
    field = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.clip((field - field.min()) / (np.ptp(field) + 1e-6), 0, 1)[..., None]


def _black(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """A lens cap, with the clock still burned in; one corner of the sensor glows and there are hot pixels."""
    height, width = frame.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    glow = np.exp(-np.hypot(xs / width, ys / height) / 0.15)[..., None] * (14, 6, 0)[severity]
    picture = as_uint8((2, 1, 16)[severity] + glow + chance.spawn(1)[0].normal(0, 1, frame.shape))
    if severity < 2:
        for _ in range(40):
            picture[int(chance.uniform(0, height)), int(chance.uniform(0, width))] = 120
        _write_text(picture, "2026-03-04 10:11:12", (0.02, 0.06))
    return picture


def _blank(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """The green or grey of a decoder, or the blue of a recorder with a box of text."""
    colour = [(0, 135, 0), (128, 128, 128), (190, 0, 0), (150, 90, 30)][chance.integers(4)]
    picture = np.full(frame.shape, colour, np.uint8)
    if severity < 2:
        height, width = picture.shape[:2]
        left, top = int(chance.uniform(0.1, 0.5) * width), int(chance.uniform(0.2, 0.7) * height)
        if severity == 0:
            right, bottom = left + int(0.32 * width), top + int(0.12 * height)
            cv2.rectangle(picture, (left, top), (right, bottom), tuple(value // 2 for value in colour), -1)
        _write_text(picture, "SIGNAL LOST", (left / width + 0.02, top / height + 0.08), 0.9)
    return picture


def _too_bright(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    """An iris stuck open: 40 %, 65 % or 90 % of the view is overexposed."""
    brightest = frame.max(axis=2).astype(np.float32)
    level = max(12.0, float(np.quantile(brightest, (0.6, 0.35, 0.1)[severity])))
    return as_uint8(frame.astype(np.float32) * (255 / level))


def _too_dark(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Night with a few distant lamps and hardly anything else."""
    height, width = frame.shape[:2]
    scene = (frame / 255.0) ** 1.3
    picture = scene * (26, 17, 11)[severity] / max(0.02, float(scene.mean()))
    picture = np.minimum(picture, 0.55 * frame)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(3):
        x, y = chance.uniform(0, 1), chance.uniform(0, 0.5)
        apart = np.hypot(xs / width - x, (ys / height - y) * height / width)
        picture = picture + (180 * np.exp(-((apart / 0.008) ** 2)))[..., None]
    return as_uint8(picture + chance.spawn(1)[0].normal(0, 2.5, frame.shape))


def _low_contrast(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """A film of uneven thickness on the dome, slightly yellow or blue."""
    thick = (0.5, 0.65, 0.8)[severity] + 0.15 * (smooth_field(frame.shape, chance) - 0.5)
    veil = chance.uniform(120, 190) * (1 + chance.uniform(-0.06, 0.06, 3))
    scattered = cv2.GaussianBlur(frame, (0, 0), 0.02 * frame.shape[1])
    return as_uint8(frame * (1 - thick) + thick * (0.75 * veil + 0.25 * scattered))


def _blurred(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Out of focus, more on one side than on the other; or a misted dome with a glow over the view."""
    size = (2.2, 3.8, 7.0)[severity] * frame.shape[1] / 640
    if chance.random() < 0.35:
        soft = cv2.GaussianBlur(frame, (0, 0), 1.5 * size).astype(np.float32)
        return as_uint8(0.15 * cv2.GaussianBlur(frame, (0, 0), 0.6 * size) + 0.85 * soft)
    near, far = (cv2.GaussianBlur(frame, (0, 0), size * more).astype(np.float32) for more in (0.8, 1.25))
    slope = np.linspace(0, 1, frame.shape[1])[None, :, None]
    return as_uint8(near * (1 - slope) + far * slope)


def _covered(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Tape with a hard edge, a leaf with veins, or a bag that lets a little light through."""
    height, width = frame.shape[:2]
    share, way = (0.35, 0.55, 0.85)[severity], chance.integers(3)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    ys, xs = ys / height, xs / width
    if way == 0:
        left, top = chance.uniform(0, 1 - share**0.5, 2)
        side = share**0.5
        mask = ((xs > left) & (xs < left + side) & (ys > top) & (ys < top + side)).astype(np.float32)
        cover = chance.uniform(20, 200, 3) + chance.normal(0, 3, (height, width, 1))
    elif way == 1:
        centre = chance.uniform(0.3, 0.7, 2)
        angle = chance.uniform(0, np.pi)
        along = (xs - centre[0]) * np.cos(angle) + (ys - centre[1]) * np.sin(angle)
        across = -(xs - centre[0]) * np.sin(angle) + (ys - centre[1]) * np.cos(angle)
        shape = np.hypot(along, 1.6 * across)
        mask = (shape < np.quantile(shape, share)).astype(np.float32)
        veins = 18 * (np.abs(np.sin(14 * (along + np.abs(across)))) < 0.12).astype(np.float32)
        cover = (
            np.array([35, 95, 70]) * chance.uniform(0.5, 1.4)
            + cv2.GaussianBlur(veins, (0, 0), 0.006 * width)[..., None]
        )
    else:
        place = ys + 0.15 * smooth_field(frame.shape, chance)[..., 0]
        mask = (place < np.quantile(place, share)).astype(np.float32)
        through = cv2.GaussianBlur(frame, (0, 0), 0.05 * width)
        creases = cv2.GaussianBlur(chance.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 0.02 * width)
        cover = 0.25 * through + 0.75 * chance.uniform(60, 190) + (10 * creases / creases.std())[..., None]
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, (0.003, 0.012, 0.02)[way] * width))[..., None]
    return as_uint8(frame * (1 - mask) + np.clip(cover, 0, 255) * mask)


def _web(shape: tuple[int, ...], severity: int, chance: np.random.Generator) -> Frame:
    height, width = shape[:2]
    mask = np.zeros((height, width), np.float32)
    for _ in range(1 + severity):
        x, y = chance.uniform(0.1, 0.9) * width, chance.uniform(0.1, 0.9) * height
        spokes = np.sort(chance.uniform(0, 2 * np.pi, 11))
        ends = [(x + 0.6 * width * np.cos(angle), y + 0.6 * width * np.sin(angle)) for angle in spokes]
        thick = max(1, round(0.007 * width))
        for end in ends:
            cv2.line(mask, (int(x), int(y)), (int(end[0]), int(end[1])), 0.8, thick)
        for ring in np.linspace(0.1, 0.9, 4 + 2 * severity):
            points = [(x + ring * (a - x), y + ring * (b - y)) for a, b in ends]
            cv2.polylines(mask, [np.array(points, np.int32)], True, 0.7, thick)
    return cv2.GaussianBlur(mask, (0, 0), 0.003 * width)


def _dirty(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Drops that show the scene upside down, sprayed paint, dust, or webs with spokes and rings."""
    height, width = frame.shape[:2]
    way = chance.integers(4)
    if way == 3:
        web = _web(frame.shape, severity, chance)[..., None]
        return as_uint8(frame * (1 - web) + chance.uniform(120, 220) * web)
    mask = np.zeros((height, width), np.float32)
    wanted = (0.09, 0.2, 0.38)[severity]
    size = ((0.02, 0.05), (0.03, 0.08), (0.008, 0.02))[way]
    while float((mask > 0.4).mean()) < wanted:
        x, y = int(chance.uniform(0, width)), int(chance.uniform(0, height))
        radius = max(1, int(chance.uniform(*size) * width))
        cv2.circle(mask, (x, y), radius, float(chance.uniform(0.7, 1.0)), -1)
    mask = cv2.GaussianBlur(mask, (0, 0), (0.003, 0.012, 0.004)[way] * width)[..., None]
    if way == 0:
        turned = cv2.GaussianBlur(cv2.flip(frame, -1), (0, 0), 0.008 * width)
        rim = np.clip(1 - np.abs(mask - 0.5) * 4, 0, 1)
        return as_uint8((frame * (1 - mask) + turned * mask) * (1 - 0.35 * rim))
    if way == 1:
        speckle = cv2.GaussianBlur(chance.normal(0, 30, (height, width)).astype(np.float32), (0, 0), 1.2)[..., None]
        paint = chance.uniform(10, 230, 3) + speckle
        return as_uint8(frame * (1 - mask) + np.clip(paint, 0, 255) * mask)
    soft = cv2.GaussianBlur(frame, (0, 0), 0.015 * width).astype(np.float32)
    return as_uint8(frame * (1 - mask) + (0.4 * soft + 0.6 * chance.uniform(90, 170)) * mask)


def _moved(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """A bracket that slipped in any direction, a turn about the lens axis, or another view altogether."""
    way = chance.integers(3)
    if severity == 2 and way == 0:
        return [cv2.flip(cut(frame, (0.08, 0.0)), 1) for frame in frames]
    angle = chance.uniform(0, 2 * np.pi)
    length = (0.052, 0.085, 0.13)[severity]
    shift = length * float(np.cos(angle)), 0.8 * length * float(np.sin(angle))
    degrees = float(chance.choice([-1, 1])) * (3.1, 5.0, 9.0)[severity]
    if way == 2:
        shift = 0.0, 0.0
    return [cut(frame, shift, degrees if way else 0.0) for frame in frames]


def _frozen(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """The same picture over and over, with a running clock at the top right unless severe."""
    still = cut(frames[int(chance.integers(len(frames)))])
    made = []
    for number, _ in enumerate(frames):
        picture = still.copy()
        if severity < 2:
            _write_text(picture, f"04-03-2026 10:11:{12 + number:02d}", (0.6, 0.07), 0.6)
        made.append(picture)
    return made


def _noisy(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Photon noise that grows with the root of the light, with blotches of colour; or coloured sparks."""
    fresh = chance.spawn(1)[0]
    if chance.random() < 0.3:
        picture = frame.copy()
        sparks = fresh.random(frame.shape) < (0.015, 0.04, 0.09)[severity]
        picture[sparks] = fresh.integers(0, 256, int(sparks.sum()))
        return picture
    size = (13, 21, 36)[severity]
    grain = fresh.normal(0, 1, (*frame.shape[:2], 1)) * np.sqrt((frame.mean(axis=2, keepdims=True) + 40) / 150)
    blotches = cv2.GaussianBlur(fresh.normal(0, 1, frame.shape).astype(np.float32), (0, 0), 2.0)
    return as_uint8(frame + size * (grain + 0.5 * blotches / blotches.std()))


def _striped(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """Lamps that flicker against the exposure, rows with random offsets, or slanting stripes of interference."""
    height, width = frame.shape[:2]
    way = chance.integers(3)
    rows, columns = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    if way == 0:
        phase = chance.spawn(1)[0].random()
        bands = np.sin(2 * np.pi * (chance.uniform(3, 7) * rows + phase))
        return as_uint8(frame * (1 + (0.14, 0.25, 0.4)[severity] * bands)[..., None])
    if way == 1:
        off = chance.spawn(1)[0].normal(0, 1, (height, 1))
        return as_uint8(frame + (8, 16, 30)[severity] * off[..., None])
    beat = np.sin(2 * np.pi * (chance.uniform(12, 30) * rows + chance.uniform(3, 12) * columns))
    return as_uint8(frame + (10, 19, 34)[severity] * beat[..., None])


def _colour_cast(frame: Frame, severity: int, chance: np.random.Generator) -> Frame:
    """A white balance for other light, in linear light; or red and blue partly exchanged."""
    strength = (0.35, 0.6, 1.0)[severity]
    if chance.random() < 0.3:
        return as_uint8(frame * (1 - strength) + frame[..., ::-1] * strength + np.array([18, 0, -18]) * strength)
    gains = [(2.2, 1.0, 0.55), (0.5, 0.9, 2.0), (1.7, 0.6, 1.6), (0.6, 1.7, 0.7)][chance.integers(4)]
    linear = (frame / 255.0) ** 2.2 * np.power(np.array(gains), strength)
    return as_uint8(255 * np.clip(linear, 0, 1) ** (1 / 2.2))


def _colourless(frame: Frame, severity: int, _chance: np.random.Generator) -> Frame:
    """Failing chroma: nearly gone, in the steps of a codec, and a little darker."""
    luma = cv2.cvtColor(frame, cv2.COLOR_BGR2YCrCb).astype(np.float32)
    luma[..., 1:] = 128 + (luma[..., 1:] - 128) * (0.2, 0.08, 0.0)[severity]
    luma[..., 0] *= 0.92
    return cv2.cvtColor(as_uint8(luma), cv2.COLOR_YCrCb2BGR)


def _ffmpeg(arguments: list[str], data: bytes) -> bytes:
    done = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-threads", "1", *arguments], input=data, capture_output=True, check=False
    )
    return done.stdout


def coded(frames: list[Frame], quality: int, spoil: tuple[float, int] | None = None) -> list[Frame]:
    """Return frames encoded as H.264 keyframes at a CRF and decoded again.

    `spoil` gives the share of the slices to damage and the seed of the damage.
    """
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
    data = b"".join(np.ascontiguousarray(frame[:height, :width]).tobytes() for frame in frames)
    how = ["-c:v", "libx264", "-preset", "veryfast", "-x264-params", f"keyint=1:slices={SLICES}", "-crf", str(quality)]
    stream = bytearray(_ffmpeg([*raw, "-i", "-", "-pix_fmt", "yuv420p", *how, "-f", "h264", "-"], data))
    if spoil is not None:
        share, seed = spoil
        chance = np.random.default_rng(seed)
        starts = [match.start() for match in re.finditer(rb"\x00\x00\x01[\x65\x25]", stream)]
        for first in range(0, len(starts), SLICES):
            mine = starts[first : first + SLICES]
            for number in chance.permutation(len(mine))[: max(2, round(share * SLICES))]:
                start = mine[number]
                end = starts[first + number + 1] if first + number + 1 < len(starts) else len(stream)
                if end - start > 60:  # a slice damaged at its beginning shows little
                    place = start + 20 + int(chance.integers(0, max(1, int(0.6 * (end - start - 40)))))
                    stream[place : place + 12] = bytes(chance.integers(3, 256, 12).astype(np.uint8))
    decoded = _ffmpeg(
        ["-err_detect", "ignore_err", "-flags", "+output_corrupt", "-f", "h264", "-i", "-", *raw, "-"], bytes(stream)
    )
    size = height * width * 3
    pictures = [
        np.frombuffer(decoded[place : place + size], np.uint8).reshape(height, width, 3)
        for place in range(0, len(decoded) - size + 1, size)
    ]
    made = [cv2.resize(picture, (frames[0].shape[1], frames[0].shape[0])) for picture in pictures[: len(frames)]]
    return made + [made[-1] if made else frames[0]] * (len(frames) - len(made))


def _corrupted(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """Real H.264 with bytes changed in a quarter, half or most of its slices, as FFmpeg decodes it."""
    return coded([cut(frame) for frame in frames], 23, ((0.25, 0.45, 0.8)[severity], int(chance.integers(1 << 30))))


def _rolling(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """The picture rolls up or down at an even pace, without a gap."""
    speed, start = (0.05, 0.1, 0.22)[severity] * float(chance.choice([-1, 1])), chance.uniform(0.2, 0.8)
    made = []
    for number, frame in enumerate(frames):
        picture = cut(frame)
        made.append(np.roll(picture, int((start + speed * number) % 1 * picture.shape[0]), axis=0))
    return made


def _shaking(frames: list[Frame], severity: int, chance: np.random.Generator) -> list[Frame]:
    """A passing lorry jolts the mast in any direction; each picture is smeared."""
    size = (0.008, 0.015, 0.03)[severity]
    made = []
    for number, frame in enumerate(frames):
        angle = chance.uniform(0, 2 * np.pi)
        way = size * (1 if number % 2 else -1) * chance.uniform(0.6, 1.3)
        picture = cut(frame, (float(way * np.cos(angle / 3)), float(way * np.sin(angle / 3))))
        smear = max(1, int(0.3 * size * picture.shape[1]))
        made.append(cv2.blur(picture, (smear, 1)))
    return made


THIRD_FAULTS: dict[str, Maker] = {
    "picture_black": each(_black),
    "picture_blank": each(_blank),
    "picture_too_bright": each(_too_bright),
    "picture_too_dark": each(_too_dark),
    "picture_low_contrast": each(_low_contrast),
    "picture_blurred": each(_blurred),
    "picture_covered": each(_covered),
    "picture_dirty": each(_dirty),
    "picture_moved": _moved,
    "picture_frozen": _frozen,
    "picture_noisy": each(_noisy),
    "picture_striped": each(_striped),
    "picture_colour_cast": each(_colour_cast),
    "picture_colourless": each(_colourless),
    "picture_corrupted": _corrupted,
    "picture_rolling": _rolling,
    "picture_shaking": _shaking,
}
