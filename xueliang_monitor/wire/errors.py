"""What the wire formats raise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xueliang_monitor.wire.soap import Fault


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


class AnswerError(WireError):
    """An answer over ONVIF could not be used (ONVIF Core, 5.11; SOAP 1.2)."""


class EmptyAnswerError(AnswerError):
    """The answer has no content."""


class WebPageError(AnswerError):
    """The answer is an HTML page, such as a login page."""


class MalformedAnswerError(AnswerError):
    """The answer is no SOAP, exceeds a bound, or lacks what it must hold."""


class SoapFaultError(AnswerError):
    """The answer is a SOAP fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"the camera answered with a SOAP fault: {fault}")
        self.fault = fault
