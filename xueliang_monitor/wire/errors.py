"""The errors of the wire formats."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

_LOGIN_CODES = frozenset(
    {"notauthorized", "failedauthentication", "invalidsecuritytoken", "failedcheck", "operationprohibited"}
)
_LOGIN_REASONS = re.compile(
    r"not\s+authori[sz]ed|unauthori[sz]ed|authority\s+failure|authori[sz]ation\s+(?:failed|required)|"
    r"authentication\s+(?:failed|failure|error)|wrong\s+password|invalid\s+(?:user|username|password|credential)|"
    r"security\s+token\s+could\s+not\s+be\s+authenticated",
    re.IGNORECASE,
)


class WireError(Exception):
    """The peer sent data that its standard forbids, or that exceeds a limit."""


class Malformation(enum.StrEnum):
    """What is wrong with the bytes of an RTSP connection."""

    NOT_RTSP = "not_rtsp"
    WEB_SERVER = "web_server"
    OVER_LIMIT = "over_limit"
    FRAMING_LOST = "framing_lost"


class MalformedMessageError(WireError):
    """An RTSP message cannot be parsed (RFC 2326, section 4); `kind` says why."""

    def __init__(self, detail: str, kind: Malformation) -> None:
        super().__init__(detail)
        self.kind = kind

    def __reduce__(self) -> tuple[type[MalformedMessageError], tuple[str, Malformation]]:
        """Pickle what it was made of."""
        return type(self), (str(self), self.kind)


class MalformedDescriptionError(WireError):
    """A session description cannot be parsed (RFC 8866)."""


class MalformedMediaError(WireError):
    """An RTP packet or its payload cannot be parsed (RFC 3550, 6184, 7798, 2435)."""


class OnvifResponseError(WireError):
    """An ONVIF response cannot be used (ONVIF Core, 5.11; SOAP 1.2)."""


class EmptyResponseError(OnvifResponseError):
    """The response has no content."""


class WebPageError(OnvifResponseError):
    """The response is an HTML page, such as a login page."""


class MalformedResponseError(OnvifResponseError):
    """The response is not SOAP, exceeds a limit, or lacks a required element."""


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A SOAP fault: its code and subcodes as they were sent, with their prefixes, and its reason."""

    codes: tuple[str, ...]
    reason: str

    @property
    def refuses_login(self) -> bool:
        """Whether the fault refuses the login, and not the request."""
        return any(_local(code).lower() in _LOGIN_CODES for code in self.codes) or bool(
            _LOGIN_REASONS.search(self.reason)
        )

    def __str__(self) -> str:
        codes = "/".join(filter(None, map(_local, self.codes))) or "no code"
        return f"{codes}: {self.reason}" if self.reason else codes


def _local(code: str) -> str:
    return code.rpartition(":")[2]


class SoapFaultError(OnvifResponseError):
    """The response is a SOAP fault."""

    def __init__(self, fault: SoapFault) -> None:
        super().__init__(f"the camera answered with a SOAP fault: {fault}")
        self.fault = fault

    def __reduce__(self) -> tuple[type[SoapFaultError], tuple[SoapFault]]:
        """Pickle the fault, not the text that is made of it."""
        return type(self), (self.fault,)
