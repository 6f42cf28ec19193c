"""The state of one simulated camera, without its servers: what they read, and what they count."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from urllib.parse import urlsplit

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.day import Light, SimulatedDay
from xueliang_monitor.simulator.faults import SimulatedFault

MAX_KEPT_NONCES = 64
"""How many nonces of connections that were closed stay good. The oldest is forgotten first."""


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class CameraState:
    """What the RTSP and ONVIF servers of one camera share.

    `login_kind` is one of `session.LOGIN_KINDS`. A nonce is valid for `nonce_lives` requests, 0 means without limit.
    `refuse_logins` is the number of correct logins that are refused before one is accepted, as by a camera whose
    sessions are all in use. `session_seconds` is the timeout in the Session header. `number` is the camera's place in
    its fleet; it selects the clip and the variations between cameras. `kept_nonces` are those of connections that were
    closed after the challenge: they are good on every later connection. With a `keyframe_gap` so many pictures lie
    between keyframes, as in streams that spare them; the clip's other keyframes are left out. Without a `day` it is
    always day. The counters are for tests.
    """

    def __init__(self, target: Target, number: int, credentials: Credentials) -> None:
        self.target = target
        self.credentials = credentials
        self.number = number
        self.day: SimulatedDay | None = None
        self.scene, self.codec = clips.PROFILES[number % len(clips.PROFILES)]
        self.login_kind = "sha-256" if number % 2 == 1 else "digest"
        self.nonce_lives = self.refuse_logins = 0
        self.session_seconds = 60
        self.keyframe_at_play = number % 6 != 5
        self.keyframe_gap = 0
        self.kept_nonces: deque[str] = deque(maxlen=MAX_KEPT_NONCES)
        self.ssrc = int.from_bytes(hashlib.blake2b(target.id.encode(), digest_size=4).digest(), "big")
        self.faults: dict[str, SimulatedFault] = {}
        self.behaviour = Behaviour()
        self.open_sessions = self.sessions_served = self.teardowns = self.refused_logins = 0
        self.keyframe_requests = self.kept_alive = 0

    @property
    def path(self) -> str:
        """The current path of the main stream; the sub stream has the suffix `-sub`."""
        return self.behaviour.path or self.target.path

    def serves(self, url: str) -> bool:
        """Return whether there is a stream at the URL's path and query."""
        return _place(url).rstrip("/").removesuffix("-sub") == self.path.rstrip("/")

    def is_meant(self, url: str) -> bool:
        """Return whether a URL names the camera, its sub stream or one of its tracks, also where it was before."""
        asked = _place(url)
        known = {self.path.rstrip("/"), self.target.path.rstrip("/")}
        return any(asked == path or asked.startswith((f"{path}/", f"{path}-sub")) for path in known)

    def correct_time(self) -> float:
        """Return what a correct clock shows here, in seconds since the epoch."""
        return self.day.now() if self.day is not None and self.day.clocks_follow else time.time()

    @property
    def clock_speed(self) -> float:
        """How many seconds pass on the camera's clock in a second: 1 but in a fast day."""
        return self.day.speed if self.day is not None and self.day.clocks_follow else 1.0

    def now(self) -> float:
        """Return what the camera's clock shows, in seconds since the epoch."""
        return self.correct_time() + self.behaviour.clock_offset

    def light(self) -> Light:
        """Return the light of the camera's scene now: the weather that was set, else that of the simulated day."""
        if self.behaviour.weather is not None:
            return self.behaviour.weather
        return self.day.light(self.number) if self.day is not None else Light.DAY

    def clip(self) -> clips.Clip:
        """Return the clip that the camera sends now."""
        return clips.load(self.scene, self.codec, self.behaviour.variant, self.light())

    @property
    def pictures_between_keyframes(self) -> int:
        """The distance between keyframes of the current stream, in pictures."""
        if self.keyframe_gap:
            return self.keyframe_gap
        clip = self.clip()
        keyframes = [index for index, picture in enumerate(clip.pictures) if picture.keyframe]
        return (keyframes[1] - keyframes[0]) if len(keyframes) > 1 else len(clip.pictures)
