"""Addresses on this server to which a request may be redirected."""

from __future__ import annotations

import re

MAX_LENGTH = 2000

# No space, control, backslash or raw non-ASCII character: browsers drop tabs and line ends from an address and read a
# backslash as a slash (WHATWG URL), so `/<tab>/host` and `/\host` are addresses of another host.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def local_address(address: str) -> str:
    """Return an address if every browser finds it on this server, else the start page."""
    return address if len(address) <= MAX_LENGTH and _LOCAL.fullmatch(address) else "/"
