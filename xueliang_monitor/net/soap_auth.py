"""The two ends of a call over ONVIF: the token that goes with a request, and the reading of what came back."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Self

from zeep.wsse.username import UsernameToken

from xueliang_monitor.model import Credentials
from xueliang_monitor.net.http import HttpResponse
from xueliang_monitor.wire import soap
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError, SoapFaultError

_NO_SUCH_PLACE = frozenset({404, 405, 410, 501})


class CameraToken(UsernameToken):
    """WS-UsernameToken with a digest over the camera's own time (OASIS WSS UsernameToken Profile 1.1, 3)."""

    def __init__(self, credentials: Credentials, created: float) -> None:
        moment = datetime.datetime.fromtimestamp(created, datetime.UTC)
        super().__init__(  # type: ignore[no-untyped-call]
            credentials.username, credentials.password, use_digest=True, created=moment, zulu_timestamp=True
        )


@dataclass(frozen=True, slots=True)
class ParsedResponse:
    """An answer read once: the body's first element, or by what it refuses the login, or why it cannot be used.

    Cameras refuse by 401 with or without a challenge, by 403, by a SOAP fault of any status, or by a bare 400, which
    from what was not heard to speak SOAP before only says that it does not understand.
    """

    element: soap.Element | None = None
    refusal: str = ""
    error: OnvifResponseError | None = None

    @classmethod
    def of(cls, answer: HttpResponse, *, spoke_soap: bool = False) -> Self:
        """Read an answer; `spoke_soap` says that the camera was heard to speak SOAP before."""
        if answer.status in (401, 403):
            return cls(refusal=f"HTTP {answer.status}")
        if 300 <= answer.status < 400:
            text = f"the camera sends elsewhere (HTTP {answer.status}); is it to be asked by https?"
            return cls(error=MalformedResponseError(text))
        try:
            return cls(soap.read(answer.content, answer.status))
        except SoapFaultError as error:
            return cls(refusal=str(error.fault) if error.fault.refuses_login else "", error=error)
        except OnvifResponseError as error:
            if answer.status == 400 and spoke_soap:
                return cls(refusal="HTTP 400 without a reason", error=error)
            if answer.status in _NO_SUCH_PLACE:
                text = f"nothing speaks ONVIF at that path (HTTP {answer.status})"
                return cls(error=MalformedResponseError(text))
            return cls(error=error)

    def get(self) -> soap.Element:
        """Return the element, or raise why there is none."""
        if self.error is not None:
            raise self.error
        if self.element is None:
            raise MalformedResponseError(f"the camera refuses to tell this ({self.refusal})")
        return self.element
