"""What the wire formats raise."""

from __future__ import annotations


class WireError(Exception):
    """The peer sent something that its standard forbids or that exceeds our bounds."""


class MalformedMessageError(WireError):
    """An RTSP message could not be read (RFC 2326, section 4)."""


class MalformedDescriptionError(WireError):
    """A session description could not be read (RFC 8866)."""


class MalformedMediaError(WireError):
    """RTP or its payload could not be read (RFC 3550, 6184, 7798, 2435)."""


class UnsupportedChallengeError(WireError):
    """No challenge the server offered can be answered."""
