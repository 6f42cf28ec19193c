"""A SOAP response that was read: its content, a refused login, or why it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from xueliang_monitor.wire import soap
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError, SoapFault, SoapFaultError

_NO_ONVIF_AT_PATH = frozenset({404, 405, 410, 501})

MAX_ERROR_CHARACTERS = 200
"""What is shown of an error; the gate has read more."""

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class SoapAnswer(Generic[Content]):
    """One response: what was read from it, how it refuses the login, or why it cannot be used.

    `is_soap` is True if the server sent SOAP, whatever it says.
    """

    content: Content | None = None
    login_refused: str = ""
    error: OnvifResponseError | None = None
    is_soap: bool = False

    def through(self, gate: Gate) -> SoapAnswer[Content]:
        """Return the answer with its error texts passed through a gate; the content stays as it was read."""
        error, refused = self.error, gate.message(self.login_refused)
        if isinstance(error, SoapFaultError):
            fault = SoapFault(tuple(map(gate.text, error.fault.codes)), gate.text(error.fault.reason))
            error, refused = SoapFaultError(fault), str(fault) if self.login_refused else ""
        elif error is not None:
            error = type(error)(gate.message(str(error), MAX_ERROR_CHARACTERS))
        return replace(self, error=error, login_refused=refused)

    def get(self) -> Content:
        """Return the content.

        Raises:
            OnvifResponseError: there is none.

        """
        if self.error is not None:
            raise self.error
        if self.login_refused:
            raise MalformedResponseError(f"the camera refuses this request ({self.login_refused})")
        return cast("Content", self.content)


def read_answer(
    body: bytes,
    status: int,
    read: Callable[[soap.Element], Content],
    *,
    spoke_soap: bool = False,
    content_type: str = "",
) -> SoapAnswer[Content]:
    """Read the body of an HTTP response with `status`; `spoke_soap` is True if the server has sent SOAP before.

    `read` is given the first element of the SOAP body and returns the content. Cameras refuse a
    login with 401 (with or without a challenge), with 403, with a SOAP fault under any status, or with a 400 without
    content. The last counts only for a server that has sent SOAP before; from any other server it means that the
    request was not understood.
    """
    if status in (401, 403):
        return SoapAnswer(login_refused=f"HTTP {status}", is_soap=b"Envelope>" in body)
    if 300 <= status < 400:
        text = f"the camera redirects to another address (HTTP {status}); it may require https"
        return SoapAnswer(error=MalformedResponseError(text))
    try:
        element = soap.read(body, status, content_type)
    except SoapFaultError as error:
        return SoapAnswer(
            login_refused=str(error.fault) if error.fault.refuses_login else "", error=error, is_soap=True
        )
    except OnvifResponseError as error:
        if status == 400 and spoke_soap:
            return SoapAnswer(login_refused="HTTP 400 without a reason", error=error)
        if status in _NO_ONVIF_AT_PATH:
            text = f"there is no ONVIF service at that path (HTTP {status})"
            return SoapAnswer(error=MalformedResponseError(text))
        return SoapAnswer(error=error)
    try:
        return SoapAnswer(read(element), is_soap=True)
    except OnvifResponseError as error:
        return SoapAnswer(error=error, is_soap=True)
