"""Which requests are made by pages of this server: the Host, the Origin and the fetch metadata. Pure functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

OWN_SITES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for a page of this server, and for an address that a person typed or bookmarked."""


def host_of(header: str) -> str:
    """Return the host of a Host header in lower case, without port and brackets; empty if the header is invalid."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_own_host(host: str, names: frozenset[str]) -> bool:
    """Return whether a host is an IP address or a known name of this server.

    This stops DNS rebinding: a foreign page whose name resolves to this server has an unknown name.
    """
    if host in names or host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_own_origin(origin: str, host: str) -> bool:
    """Return whether an Origin header names the server that the Host header names."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def is_foreign_fetch(method: str, headers: Mapping[str, str], *, to_page: bool) -> bool:
    """Return whether a page of another site makes this request (W3C Fetch Metadata).

    A page on another name or port of the same site counts as another site. Following a link to a page of ours is
    allowed. Programs send no such headers and are not restricted.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is None or site in OWN_SITES:
        return False
    follows_link = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    return not (to_page and follows_link and method in {"GET", "HEAD"})
