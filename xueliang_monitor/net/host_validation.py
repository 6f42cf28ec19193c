"""Checks how the host of a camera is written: only forms that all programs read alike are accepted. Pure."""

from __future__ import annotations

import functools
import ipaddress
import re

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PLAIN = "write four numbers from 0 to 255, such as 192.0.2.18"


def check_host(value: str) -> str:
    """Return a valid IP address or host name unchanged.

    The C library also accepts 127.0.1.022 (octal), 192.0.2 (a part is missing), 3221225994 (one integer) and 0x7f.1,
    and reaches another device than the reader expects. A host whose last label is a number is an address, not a name
    (WHATWG URL, 3.5; RFC 1123, 2.1).

    Raises:
        ValueError: it is neither; the message says why and what to write.

    """
    if ":" in value:
        return _check_ipv6(value)
    if not _NAME.fullmatch(value):
        hint = "; write a name with other letters as xn--..." if not value.isascii() else ""
        raise ValueError(f"not an IP address or host name; write it without rtsp://, port or path{hint}")
    parts = value.split(".")
    if _NUMBER.fullmatch(parts[-1] or parts[-2]):
        _check_ipv4(value, parts)
    return value


@functools.lru_cache(maxsize=16_384)
def canonical_host(value: str) -> str:
    """Return one spelling of a host for all its spellings: case, a final dot, and IPv6 (RFC 5952)."""
    host = value.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _check_ipv6(value: str) -> str:
    try:
        ipaddress.IPv6Address(value)
    except ValueError as error:
        raise ValueError("not an IP address or host name; write it without rtsp://, port or path") from error
    return value


def _check_ipv4(value: str, parts: list[str]) -> None:
    """Raise ValueError unless the value is an IPv4 address of four decimal numbers."""
    if any(part[:2].lower() == "0x" for part in parts):
        raise ValueError(f"{value} is a hexadecimal spelling of an IPv4 address; {_PLAIN}")
    if len(parts) == 1:
        raise ValueError(f"{value} is a single number, not an IPv4 address or host name; {_PLAIN}")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"{value} is neither a whole IPv4 address nor a host name; {_PLAIN}")
    octal = next((part for part in parts if len(part) > 1 and part.startswith("0")), None)
    if octal is not None:
        raise ValueError(
            f"{value} is not a plain IPv4 address: some programs read {octal} as octal, and reach another device; "
            "write it without leading zeros"
        )
    large = next((part for part in parts if int(part[:4]) > 255), None)
    if large is not None:
        raise ValueError(f"{value} is not an IPv4 address: {large} is above 255; {_PLAIN}")
