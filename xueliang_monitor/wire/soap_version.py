"""The two versions of SOAP over HTTP: ONVIF has 1.2, and some devices take 1.1 only. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SOAP_12 = b"http://www.w3.org/2003/05/soap-envelope"
_SOAP_11 = b"http://schemas.xmlsoap.org/soap/envelope/"
_ACTION = re.compile(r'\baction="?([^";]*)"?')
_ENVELOPE = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?Envelope[\s>]")
_ABOUT_VERSION = re.compile(
    rb"VersionMismatch|content[- ]?type|media[- ]?type|SOAP[- ]?Action|soap[- ]?version|SOAP[- ]?1\.[12]", re.IGNORECASE
)
_NOT_TAKEN = frozenset({405, 406, 415, 501})
_UNEXPLAINED = frozenset({200, 202, 204, 400, 500})
_EXAMINED_BYTES = 4096


def to_soap_11(envelope: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return a request of SOAP 1.2 that we wrote as one of SOAP 1.1 (section 6 of its note)."""
    found = _ACTION.search(headers.get("Content-Type", ""))
    other = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    action = f'"{found[1] if found is not None else ""}"'
    return envelope.replace(_SOAP_12, _SOAP_11), {
        **other,
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": action,
    }


def declines_version(status: int, content: bytes) -> bool:
    """Return whether a response to a first request may mean that the other version of SOAP is wanted.

    Devices say so by 415, by a fault VersionMismatch, or by a response without any reason.
    """
    beginning = content[:_EXAMINED_BYTES]
    if status in _NOT_TAKEN:
        return True
    if _ENVELOPE.search(beginning):
        return _ABOUT_VERSION.search(content[: 4 * _EXAMINED_BYTES]) is not None and b"Fault" in content
    return status in _UNEXPLAINED and (status >= 400 or not beginning.strip(b"\x00 \t\r\n"))


def takes_version(status: int, content: bytes) -> bool:
    """Return whether a response shows that the version of the request is understood."""
    if status in (401, 403):
        return True
    return _ENVELOPE.search(content[:_EXAMINED_BYTES]) is not None and not declines_version(status, content)
