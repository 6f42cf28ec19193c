"""SOAP requests and responses on a simulated camera's side, and the check of WS-UsernameToken. No sockets."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

from xueliang_monitor.model import Credentials
from xueliang_monitor.wire import soap

TOKEN_SECONDS = 10.0
"""Largest difference between a WS-UsernameToken's Created and the camera's clock."""

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:tr2="http://www.onvif.org/ver20/media/wsdl"'
    ' xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:ter="http://www.onvif.org/ver10/error"'
    ' xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wstop="http://docs.oasis-open.org/wsn/t-1"'
    ' xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    "<s:Body>{body}</s:Body></s:Envelope>"
)


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """One request: the operation, the text of its elements by local name, and the fields of its UsernameToken.

    `namespace` is that of the operation: two services have operations of the same name.
    """

    operation: str
    values: dict[str, str]
    token: dict[str, str] = field(default_factory=dict)
    namespace: str = ""


def parse(content: bytes) -> SoapRequest:
    """Read a request.

    Raises:
        OnvifResponseError: the content is not SOAP.

    """
    call = soap.read(content)
    header = soap.child(call.getroottree().getroot(), "Header", "Security", "UsernameToken")
    values = {soap.local(item): soap.text(item, limit=500) for item in call.iter()}
    token = {soap.local(item): soap.text(item, limit=500) for item in header} if header is not None else {}
    return SoapRequest(soap.local(call), values, token, str(call.tag).rpartition("}")[0].removeprefix("{"))


def verify_token(token: dict[str, str], credentials: Credentials, clock: float, speed: float = 1.0) -> bool:
    """Check the digest of a WS-UsernameToken, and that Created is near the camera's clock, which runs at a speed."""
    try:
        nonce = base64.b64decode(token.get("Nonce", ""), validate=True)
        created = datetime.fromisoformat(token.get("Created", ""))
    except (binascii.Error, ValueError):
        return False
    hashed = hashlib.sha1(nonce + token["Created"].encode() + credentials.password.encode(), usedforsecurity=False)
    expected = base64.b64encode(hashed.digest()).decode()
    near = abs(created.replace(tzinfo=created.tzinfo or UTC).timestamp() - clock) <= TOKEN_SECONDS * speed
    return (
        near
        and token.get("Username") == credentials.username
        and hmac.compare_digest(token.get("Password", ""), expected)
    )


def envelope(body: str) -> bytes:
    """Return a SOAP envelope around a body."""
    return _ENVELOPE.format(body=body).encode()


def fault(code: str, subcode: str, reason: str) -> bytes:
    """Return a SOAP fault (SOAP 1.2 part 1, 5.4)."""
    return envelope(
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value><s:Subcode><s:Value>ter:{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
    )
