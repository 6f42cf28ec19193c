"""Who sends a request: the address of the connection, or the one that a trusted proxy reports. Pure functions."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from itertools import islice

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

OWN = frozenset({"127.0.0.1", "::1"})
"""Programs on this machine, such as Prometheus or a proxy. Other loopback addresses are treated as strangers."""

MOST_HOPS = 20
"""Proxies that a request may have passed."""


def parse(text: str) -> Address | None:
    """Return an address without port and scope; IPv4 in IPv6 as IPv4. None if the text is no address."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


@functools.lru_cache(4096)
def group_of(address: str) -> str:
    """Return the name under which a client is counted: its IPv4 address, or its IPv6 network of 64 bits.

    A host chooses its addresses within such a network as it likes.
    """
    found = parse(address)
    if found is None:
        return address
    if isinstance(found, ipaddress.IPv4Address) or found.is_loopback:
        return str(found)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


@functools.lru_cache(4096)
def network_of(group: str) -> str:
    """Return the wider network of a client by its group: of 16 bits in IPv4, of 48 bits in IPv6.

    Whoever attacks from many addresses seldom has them in many networks.
    """
    found = parse(group.partition("/")[0])
    if found is None:
        return group
    return str(ipaddress.ip_network((found, 16 if found.version == 4 else 48), strict=False))


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Return whether an address is that of a trusted proxy."""
    found = parse(address)
    return found is not None and any(found in network for network in trusted)


def client_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the client's address. `forwarded` are the values of the request's X-Forwarded-For headers.

    Each proxy appends the address that it sees. The last one that is no trusted proxy counts; what stands before it was
    sent by the client and may be invented.
    """
    client = peer
    hops = [hop for value in forwarded for hop in value.split(",")]
    for hop in islice(reversed(hops), MOST_HOPS):
        found = parse(hop)
        if found is None or not is_trusted(client, trusted):
            break
        client = str(found)
    return client
