"""What a camera answers to DESCRIBE: the session, and the URLs of its tracks."""

from __future__ import annotations

from dataclasses import dataclass

from xueliang_monitor.wire import sdp


@dataclass(frozen=True, slots=True)
class Description:
    """The response to DESCRIBE: its SDP, and the base of relative control URLs."""

    session: sdp.SessionDescription
    base: str
    server: str

    @property
    def aggregate(self) -> str:
        """The aggregate control URL, for PLAY and TEARDOWN (RFC 2326, C.1.1)."""
        return sdp.resolve_control(self.base, self.session.control)

    def track(self, media: sdp.Media) -> str:
        """Return the control URL of one track, for SETUP."""
        return sdp.resolve_control(self.base, media.control)
