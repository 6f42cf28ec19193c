"""When a password may be sent by Basic, which does not encrypt it (RFC 7617, section 4). Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xueliang_monitor.model import PATH_PASSWORD, AuthPolicy, Credentials, Target, passwords_in
from xueliang_monitor.net.tls import UNCHECKED
from xueliang_monitor.wire.auth import Challenge

_INTENDED = "write auth: basic in the camera's file{or_credentials} if that is intended"
_IN_CREDENTIALS = " or credentials, or give --auth basic to a command,"


def _holds_password(path: str) -> bool:
    return PATH_PASSWORD in path or bool(passwords_in(path))


def why_not_in_path(path: str, camera: AuthPolicy | None, credentials: Credentials | None) -> str:
    """Say why a path may not be used, empty if it may: with `auth: digest`, a path must not hold the password.

    `camera` is `auth` in the camera's file, which decides before that of its `credentials`.
    """
    policy = camera or (credentials.auth if credentials is not None else AuthPolicy.AUTO)
    if policy is not AuthPolicy.DIGEST or not _holds_password(path):
        return ""
    return "auth: digest, but rtsp_path sends the password unencrypted; leave one of them out"


def path_note(target: Target) -> str:
    """Say that the path of a target sends the password unprotected, empty if it does not."""
    if not _holds_password(target.path):
        return ""
    if not target.secure:
        return "the password is sent unencrypted, as rtsp_path contains it"
    if target.tls in UNCHECKED:
        return "the password is sent to an unchecked certificate, as rtsp_path contains it"
    return ""


class Channel(enum.Enum):
    """How a connection protects what is sent over it: not at all, or by TLS with or without a checked certificate."""

    PLAIN = "plain"
    UNCHECKED = "TLS without a checked certificate"
    CHECKED = "TLS"


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What the files say of one camera's logins, and whether it ever offered Digest.

    `camera` is `auth` in the camera's file, None if the file does not say. `credentials` is `auth` of its credentials.
    """

    camera: AuthPolicy | None = None
    credentials: AuthPolicy = AuthPolicy.AUTO
    offered_digest: bool = False

    @classmethod
    def of(cls, target: Target, *, offered_digest: bool = False) -> LoginRules:
        """Return the rules for a target."""
        credentials = target.credentials.auth if target.credentials is not None else AuthPolicy.AUTO
        return cls(target.auth, credentials, offered_digest)

    def why_not(self, challenge: Challenge, channel: Channel) -> str:
        """Say why a challenge may not be answered over a connection, empty if it may."""
        return self.why_not_basic(channel) if challenge.scheme == "basic" else ""

    def why_not_basic(self, channel: Channel) -> str:
        """Say why Basic may not be used over a connection, empty if it may.

        `auth: basic` in the camera's file allows it. In the credentials, which many cameras share, it allows it for
        cameras that never offered Digest. With `auto`, TLS with a checked certificate must protect it.
        """
        policy = self.camera or self.credentials
        if policy is AuthPolicy.DIGEST:
            return f"the camera offers only Basic, and only Digest is allowed; {_INTENDED.format(or_credentials='')}"
        if self.camera is AuthPolicy.BASIC:
            return ""
        if self.offered_digest:
            return f"the camera offered Digest before and offers only Basic now; {_INTENDED.format(or_credentials='')}"
        if policy is AuthPolicy.BASIC or channel is Channel.CHECKED:
            return ""
        intended = _INTENDED.format(or_credentials=_IN_CREDENTIALS)
        if channel is Channel.UNCHECKED:
            return (
                f"the camera offers only Basic, which would send the password to an unchecked certificate; {intended}"
            )
        return f"the camera offers only Basic, which would send the password unencrypted; {intended}"
