"""WS-UsernameToken for a SOAP request, and the parsed SOAP response: its content, a refused login, or an error."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Self

from zeep.wsse.username import UsernameToken

from xueliang_monitor.model import Credentials
from xueliang_monitor.net.http import HttpResponse
from xueliang_monitor.wire import soap
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError, SoapFault, SoapFaultError

_NO_ONVIF_AT_PATH = frozenset({404, 405, 410, 501})


class CameraToken(UsernameToken):
    """WS-UsernameToken with a digest over the camera's own time (OASIS WSS UsernameToken Profile 1.1, 3)."""

    def __init__(self, credentials: Credentials, created: float) -> None:
        moment = datetime.datetime.fromtimestamp(created, datetime.UTC)
        super().__init__(  # type: ignore[no-untyped-call]
            credentials.username, credentials.password, use_digest=True, created=moment, zulu_timestamp=True
        )


@dataclass(frozen=True, slots=True)
class ParsedResponse:
    """One response: the first element of its body, how it refuses the login, or why it cannot be used.

    Cameras refuse a login with 401 (with or without a challenge), with 403, with a SOAP fault under any status, or
    with a 400 without content. The last counts only for a server that has sent SOAP before; from any other server it
    means that the request was not understood.
    """

    element: soap.Element | None = None
    login_refused: str = ""
    error: OnvifResponseError | None = None

    @classmethod
    def of(cls, response: HttpResponse, gate: Gate = NO_SECRETS, *, spoke_soap: bool = False) -> Self:
        """Parse a response; `spoke_soap` is True if the server has sent SOAP before. Error texts pass the gate."""
        if response.status in (401, 403):
            return cls(login_refused=f"HTTP {response.status}")
        if 300 <= response.status < 400:
            text = f"the camera redirects to another address (HTTP {response.status}); it may require https"
            return cls(error=MalformedResponseError(text))
        try:
            return cls(soap.read(response.content, response.status))
        except SoapFaultError as error:
            shown = SoapFault(tuple(map(gate.text, error.fault.codes)), gate.text(error.fault.reason))
            return cls(login_refused=str(shown) if error.fault.refuses_login else "", error=SoapFaultError(shown))
        except OnvifResponseError as error:
            if response.status == 400 and spoke_soap:
                return cls(login_refused="HTTP 400 without a reason", error=error)
            if response.status in _NO_ONVIF_AT_PATH:
                text = f"there is no ONVIF service at that path (HTTP {response.status})"
                return cls(error=MalformedResponseError(text))
            return cls(error=type(error)(gate.message(str(error))))

    def get(self) -> soap.Element:
        """Return the element.

        Raises:
            OnvifResponseError: there is none.

        """
        if self.error is not None:
            raise self.error
        if self.element is None:
            raise MalformedResponseError(f"the camera refuses this request ({self.login_refused})")
        return self.element
