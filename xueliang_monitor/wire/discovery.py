"""WS-Discovery (OASIS 1.1, and the 2005/04 draft that ONVIF uses): Probe and ProbeMatches."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from xueliang_monitor.wire import soap
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import OnvifResponseError

PORT = 3702
GROUP = "239.255.255.250"
MAX_DATAGRAM_BYTES = 16 * 1024
"""The size of a datagram that is read. One with a real device has 2 KB."""

MAX_MATCHES = 16
MAX_LIST_CHARACTERS = 4000
_SCOPE = re.compile(r"onvif://(?:www\.)?onvif\.org/(name|hardware|location|manufacturer)/(.+)", re.IGNORECASE)
_BARE = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/|$)")
_MESSAGE_ID = re.compile(rb"<(?:[\w.-]+:)?MessageID[^<>]{0,400}>\s{0,40}([^<\s]{1,200})\s{0,40}<")
_PROBE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
    "<e:Header><w:MessageID>urn:uuid:{message_id}</w:MessageID>"
    "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
    "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>"
    "<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"
)


@dataclass(frozen=True, slots=True)
class ProbeMatch:
    """One ProbeMatch: the endpoint (mostly urn:uuid), the values of its scopes, and the addresses of its service."""

    endpoint: str
    name: str
    hardware: str
    location: str
    addresses: tuple[str, ...]


def probe(message_id: str) -> bytes:
    """Return a Probe for network video transmitters; `message_id` is a new UUID."""
    return _PROBE.format(message_id=message_id).encode()


def probe_id(datagram: bytes) -> str | None:
    """Return the message id of a Probe, or None if the datagram is not a Probe."""
    if b"Probe" not in datagram or b"ProbeMatch" in datagram:
        return None
    match = _MESSAGE_ID.search(datagram[:8192])
    return match[1].decode("ascii", "replace") if match else None


def read_matches(datagram: bytes, gate: Gate) -> tuple[ProbeMatch, ...]:
    """Parse ProbeMatches; return an empty tuple for any other datagram. Never raises.

    Scopes pass the gate as the device wrote them, and once more when they are decoded.

    RelatesTo is not required, because some devices omit it.
    """
    if len(datagram) > MAX_DATAGRAM_BYTES:
        return ()
    try:
        matches = soap.read(datagram)
    except OnvifResponseError:
        return ()
    return tuple(
        match
        for item in soap.children(matches, "ProbeMatch")[:MAX_MATCHES]
        if (match := _match(item, gate)) is not None
    )


def _match(item: soap.Element, gate: Gate) -> ProbeMatch | None:
    scopes: dict[str, str] = {}
    for scope in _listed(soap.address(item, "Scopes", limit=MAX_LIST_CHARACTERS)):
        if (match := _SCOPE.fullmatch(scope)) and (kind := match[1].lower()) not in scopes:
            scopes[kind] = gate.text(_decoded(gate.hide(match[2].rstrip("/"))).replace("_", " "), 120)
    addresses = _addresses(soap.address(item, "XAddrs", limit=MAX_LIST_CHARACTERS))
    endpoint = soap.text(item, "EndpointReference", "Address", limit=200)
    if not (addresses or endpoint):
        return None
    name = scopes.get("name", "")
    if manufacturer := scopes.get("manufacturer", ""):
        name = name if name.lower().startswith(manufacturer.lower()) else f"{manufacturer} {name}".strip()
    return ProbeMatch(
        endpoint=endpoint,
        name=name,
        hardware=scopes.get("hardware", ""),
        location=scopes.get("location", ""),
        addresses=addresses,
    )


def _listed(scopes: str) -> list[str]:
    """Return the scopes of a list; what has no scheme is the rest of the one before, whose blanks were not encoded."""
    found: list[str] = []
    for part in scopes.split():
        if "://" in part or not found:
            found.append(part)
        else:
            found[-1] += f" {part}"
    return found


def _decoded(scope: str) -> str:
    """Return a scope without percent-encoding, in UTF-8 or else in GB 18030; a byte that is neither is replaced."""
    raw = unquote_to_bytes(scope)
    reader = codecs.getincrementaldecoder("utf-8")()
    try:
        read = reader.decode(raw)
        # A name that was cut within a character is still UTF-8.
        return read + ("\ufffd" if reader.getstate()[0] else "")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def _addresses(listed: str) -> tuple[str, ...]:
    """Return the addresses of a list; some devices leave out the scheme, or separate them by commas."""
    parts = re.split(r"[\s;]+|,(?=[a-z]+://)", listed.strip(), flags=re.IGNORECASE)
    return tuple(part for part in (_with_scheme(part) for part in parts) if _is_address(part))


def _with_scheme(part: str) -> str:
    return f"http://{part}" if _BARE.match(part) else part


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.netloc) and (parts.port or 80) > 0
    except ValueError:
        return False
