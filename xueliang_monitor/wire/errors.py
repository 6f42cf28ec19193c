"""What the wire formats raise."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REFUSALS = frozenset(
    {"notauthorized", "failedauthentication", "invalidsecuritytoken", "failedcheck", "operationprohibited"}
)
_REFUSED_IN_WORDS = re.compile(
    r"not\s+authori[sz]ed|unauthori[sz]ed|authority\s+failure|authori[sz]ation\s+(?:failed|required)|"
    r"authentication\s+(?:failed|failure|error)|wrong\s+password|invalid\s+(?:user|username|password|credential)|"
    r"security\s+token\s+could\s+not\s+be\s+authenticated",
    re.IGNORECASE,
)


class WireError(Exception):
    """The peer sent something that its standard forbids or that exceeds our bounds."""


class MalformedMessageError(WireError):
    """An RTSP message could not be read (RFC 2326, section 4)."""


class MalformedDescriptionError(WireError):
    """A session description could not be read (RFC 8866)."""


class MalformedMediaError(WireError):
    """RTP or its payload could not be read (RFC 3550, 6184, 7798, 2435)."""


class OnvifResponseError(WireError):
    """An answer over ONVIF could not be used (ONVIF Core, 5.11; SOAP 1.2)."""


class EmptyResponseError(OnvifResponseError):
    """The answer has no content."""


class WebPageError(OnvifResponseError):
    """The answer is an HTML page, such as a login page."""


class MalformedResponseError(OnvifResponseError):
    """The answer is no SOAP, exceeds a bound, or lacks what it must hold."""


@dataclass(frozen=True, slots=True)
class SoapFault:
    """What a SOAP fault says: its code and subcodes by local name, and its reason."""

    codes: tuple[str, ...]
    reason: str

    @property
    def refuses_login(self) -> bool:
        """Whether it refuses the sender rather than the request."""
        return any(code.lower() in _REFUSALS for code in self.codes) or bool(_REFUSED_IN_WORDS.search(self.reason))

    def __str__(self) -> str:
        codes = "/".join(self.codes) or "no code"
        return f"{codes}: {self.reason}" if self.reason else codes


class SoapFaultError(OnvifResponseError):
    """The answer is a SOAP fault."""

    def __init__(self, fault: SoapFault) -> None:
        super().__init__(f"the camera answered with a SOAP fault: {fault}")
        self.fault = fault
