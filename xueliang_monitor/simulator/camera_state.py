"""The state of one simulated camera, without its servers: what they read, and what they count."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.faults import SimulatedFault


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class CameraState:
    """What the RTSP and ONVIF servers of one camera share.

    `login_kind` is one of `session.LOGIN_KINDS`. A nonce is valid for `nonce_lives` requests, 0 means without limit.
    `refuse_logins` is the number of correct logins that are refused before one is accepted, as by a camera whose
    sessions are all in use. `session_seconds` is the timeout in the Session header. `number` is the camera's place in
    its fleet; it selects the clip and the variations between cameras. The counters are for tests.
    """

    def __init__(self, target: Target, number: int, credentials: Credentials) -> None:
        self.target = target
        self.credentials = credentials
        self.scene, self.codec = clips.PROFILES[number % len(clips.PROFILES)]
        self.login_kind = "sha-256" if number % 2 == 1 else "digest"
        self.nonce_lives = self.refuse_logins = 0
        self.session_seconds = 60
        self.keyframe_at_play = number % 6 != 5
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

    def clip(self) -> clips.Clip:
        """Return the clip that the camera sends now."""
        return clips.load(self.scene, self.codec, self.behaviour.variant)

    @property
    def pictures_between_keyframes(self) -> int:
        """The distance between keyframes of the current clip, in pictures."""
        clip = self.clip()
        keyframes = [index for index, picture in enumerate(clip.pictures) if picture.keyframe]
        return (keyframes[1] - keyframes[0]) if len(keyframes) > 1 else len(clip.pictures)
