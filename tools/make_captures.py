"""Make captures with media for tests/captures: one for each kind of departure from the standards.

    python -m tools.make_captures build/captures

FFmpeg draws the pictures (its `testsrc`), so that they are nobody's. Packets and responses are those of the simulator's
manners. The files are kept in the repository; make them anew only if their format changes.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.camera_state import CameraState
from xueliang_monitor.simulator.clips import RATE, Clip, clip_of
from xueliang_monitor.simulator.faults import BY_NAME as FAULTS
from xueliang_monitor.simulator.manners import BY_NAME as MANNERS
from xueliang_monitor.simulator.player import PAYLOAD_TYPES, Player
from xueliang_monitor.simulator.session import ENCODINGS
from xueliang_monitor.wire.header_lines import Headers
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import Request, serialize_interleaved, serialize_response
from xueliang_monitor.wire.transcript import HOST, Exchange, MediaChunk, Transcript, write

URL = f"rtsp://{HOST}/live"
BASE = f"{URL}/"
PICTURES = {Codec.H264: 23, Codec.H265: 23, Codec.MJPEG: 9}
_GROUPS = "keyint=12:min-keyint=12:scenecut=0:bframes=0:aud=1"
_ENCODERS = {
    Codec.H264: f"libx264 -x264-params {_GROUPS} -crf 30 -f h264",
    Codec.H265: f"libx265 -x265-params {_GROUPS}:repeat-headers=1:log-level=error -crf 32 -f hevc",
    Codec.MJPEG: "mjpeg -huffman default -q:v 16 -pix_fmt yuvj420p -f mjpeg",
}
_HEALTHY = "size=160x120 rate=10"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A capture to be made: the manner or fault, what it stands for, and what a visit must find."""

    name: str
    about: str
    shows: str
    codec: Codec = Codec.H264
    transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1"


UDP = "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971"
WANTED = (
    Wanted(
        "stray-bytes",
        "Pieces of packets between interleaved frames, as a Canon VB-H47 sends them.",
        "oddities=foreign_bytes",
    ),
    Wanted(
        "source-before", "The first picture is that of a stream before, as a Reolink sends it.", "oddities=other_source"
    ),
    Wanted(
        "numbers-restart",
        "Sequence numbers from 0 at each keyframe, as an old webcam sends them.",
        "oddities=numbers_restarted",
    ),
    Wanted(
        "byte-stream", "A keyframe as one unit with start codes within, as a V380 sends it.", "oddities=start_codes"
    ),
    Wanted("byte-stream-h265", "The same of H.265.", "oddities=start_codes", Codec.H265),
    Wanted("unknown-units", "Units of the maker's own type, as a VStarcam sends them.", "oddities=unknown_unit"),
    Wanted(
        "cseq-behind", "Responses carry the CSeq of the request before, as those of a Tapo C220.", "oddities=other_cseq"
    ),
    Wanted("b-pictures", "Pictures in the order of decoding.", ""),
    Wanted(
        "needs-sound",
        "Silent until the sound is set up too, as a XiongMai H264DVR is.",
        "oddities=all_tracks_needed setups=2",
    ),
    Wanted("size-in-extension", "The size of a JPEG in ONVIF's header extension.", "", Codec.MJPEG),
    Wanted("nonce-once", "Each nonce is good for one request, as of an Axis M5525.", "oddities=new_nonce"),
    Wanted("says-h265", "The SDP says H.265 of H.264, as that of an Ezviz C6N.", "oddities=codec_differs"),
    Wanted(
        "other-port",
        "Packets over UDP from another port than the named one.",
        "oddities=other_port transport=udp",
        transport=UDP,
    ),
    Wanted("hang-up", "The connection is closed in place of a response.", "faults=connection_closed"),
    Wanted("set-missing", "The picture parameter set never comes.", "faults=decode_failed detail=PPS"),
)
"""The captures; a new one is one line."""


def _clip(codec: Codec) -> Clip:
    source = "testsrc=size=160x120:rate=10:duration=2.5"
    bare = ["-bsf:v", "h264_metadata=aud=insert"] if codec is Codec.H264 else []
    encoder, *options = _ENCODERS[codec].split()
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-c:v", encoder]
    made = subprocess.run([*command, *bare, *options, "-"], check=True, capture_output=True, timeout=60)
    return clip_of(codec, made.stdout)


class _Camera(CameraState):
    """A camera without a server that plays a clip of ours."""

    def __init__(self, clip: Clip, behaviour: Behaviour) -> None:
        super().__init__(Target("camera", HOST, 554, "/live"), 0, Credentials("", ""))
        self.behaviour = behaviour
        self.keyframe_at_play = True
        self.own_clip = clip
        self.codec = clip.codec

    def clip(self) -> Clip:
        """Return the clip."""
        return self.own_clip


class _Kept:
    """An outlet that keeps what is sent, and ends the player after some pictures."""

    header = ""

    def __init__(self, behaviour: Behaviour, pictures: int) -> None:
        self.chunks: list[MediaChunk] = []
        self._filters, self._pictures, self._frames = behaviour.frame_filters, pictures, 0

    async def send(self, media: list[bytes], control: list[bytes]) -> None:
        """Keep the frames of one picture."""
        said = b""
        for channel, packets in ((0, media), (1, control)):
            for packet in packets:
                frame = serialize_interleaved(channel, packet)
                for frame_filter in self._filters:
                    frame = frame_filter(self._frames, frame)
                self._frames += 1
                said += frame
        self.chunks.append(MediaChunk(len(self.chunks) / RATE, said))
        if len(self.chunks) >= self._pictures:
            raise asyncio.CancelledError

    def close(self) -> None:
        """Do nothing: no port is open."""


async def _media(camera: _Camera) -> tuple[MediaChunk, ...]:
    kept = _Kept(camera.behaviour, PICTURES[camera.codec])
    playing = asyncio.create_task(Player(camera, kept, "capture").run())
    await asyncio.gather(playing, return_exceptions=True)
    return tuple(kept.chunks)


def _description(clip: Clip, behaviour: Behaviour) -> bytes:
    kind = PAYLOAD_TYPES[clip.codec]
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=camera", "t=0 0", "a=control:*", f"m=video 0 RTP/AVP {kind}"]
    lines += [f"a=rtpmap:{kind} {ENCODINGS[clip.codec]}/90000"]
    lines += [f"a=fmtp:{kind} {clip.format_parameters}"] if clip.format_parameters else []
    lines += ["a=control:track1"]
    lines += ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=control:track2"] if behaviour.sound else []
    text = "\r\n".join([*lines, ""])
    for description_filter in behaviour.description_filters:
        text = description_filter(text)
    return text.encode()


def _exchanges(wanted: Wanted, clip: Clip, behaviour: Behaviour) -> tuple[Exchange, ...]:
    made: list[Exchange] = []

    def say(method: str, url: str, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        number = str(len(made) + 1)
        request = Request(method, url, Headers((("cseq", number),)))
        reason = "OK" if status == 200 else "Unauthorized"
        said = serialize_response(status, reason, (("CSeq", number), *headers), body)
        for reply_filter in behaviour.reply_filters:
            said = reply_filter(request, said)
        asked = f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n\r\n".encode()
        made.append(Exchange(asked, said))

    def challenge(method: str, url: str) -> None:
        if behaviour.nonce_lives:
            say(method, url, 401, ("WWW-Authenticate", f'Digest realm="camera", nonce="{len(made)}"'))

    challenge("DESCRIBE", URL)
    if behaviour.hang_up:
        return (Exchange(f"DESCRIBE {URL} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode(), b""),)
    described = (("Content-Base", BASE), ("Content-Type", "application/sdp"))
    say("DESCRIBE", URL, 200, *described, body=_description(clip, behaviour))
    for track in ("track1", "track2")[: 1 + behaviour.sound]:
        challenge("SETUP", BASE + track)
        transport = wanted.transport if track == "track1" else wanted.transport.replace("0-1", "2-3")
        say("SETUP", BASE + track, 200, ("Transport", transport), ("Session", "4711;timeout=60"))
    challenge("PLAY", BASE)
    say("PLAY", BASE, 200, ("Session", "4711"))
    return tuple(made)


async def _make(wanted: Wanted) -> Transcript:
    clip = _clip(wanted.codec)
    declared = {**FAULTS, **MANNERS}[wanted.name]
    behaviour = declared().apply(Behaviour())
    codec = clip.codec.value
    shows = wanted.shows if "faults=" in wanted.shows else f"{wanted.shows} {_HEALTHY}".strip()
    expects = f"{codec} {BASE}track1 {BASE}"
    media = await _media(_Camera(clip, behaviour)) if not behaviour.hang_up else ()
    return Transcript(wanted.about, expects, _exchanges(wanted, clip, behaviour), shows, media)


async def _make_all() -> list[Transcript]:
    return await asyncio.gather(*map(_make, WANTED))


def main(folder: Path) -> None:
    """Make all captures."""
    folder.mkdir(parents=True, exist_ok=True)
    for wanted, made in zip(WANTED, asyncio.run(_make_all()), strict=True):
        (folder / f"{wanted.name}.rtsp").write_text(write(made), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
