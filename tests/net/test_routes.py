"""Routes as the kernel lists them; the texts were read on real machines."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.net.routes import Route, best_route, ipv4_routes, ipv6_routes

IPV4 = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
v0	00000000	FE01630A	0003	0	0	100	00000000	0	0	0
w0	00000000	FE01640A	0003	0	0	50	00000000	0	0	0
v0	0001630A	00000000	0001	0	0	0	00FFFFFF	0	0	0
*	006433C6	00000000	0201	0	0	0	00FFFFFF	0	0	0
"""
"""Two default routes, a network, and `unreachable 198.51.100.0/24`."""

IPV6 = """\
20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001       v0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001       lo
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""  # noqa: E501


@pytest.mark.parametrize(
    ("address", "interface"),
    [
        ("10.99.1.7", "v0"),
        ("10.99.2.7", "w0"),  # of two default routes, the one with the lower metric
        ("198.51.100.7", ""),  # refused
        ("2001:db8:1::7", "v0"),
        ("2001:db8:2::7", "eth0"),
        ("::1", "lo"),
    ],
)
def test_the_longest_prefix_leads_to_the_interface(address: str, interface: str) -> None:
    route = best_route((*ipv4_routes(IPV4), *ipv6_routes(IPV6)), ipaddress.ip_address(address))
    assert route is not None
    assert route.interface == interface


def test_without_a_route_there_is_none() -> None:
    assert ipv4_routes(IPV4)[2] == Route(ipaddress.IPv4Network("10.99.1.0/24"), "v0", 0)
    assert best_route(ipv4_routes(IPV4)[2:], ipaddress.ip_address("10.99.2.7")) is None
    refused = best_route(ipv6_routes(IPV6)[4:], ipaddress.ip_address("2001:db8:2::7"))
    assert refused is not None
    assert not refused.interface


@given(st.text(), st.integers(0, 400))
def test_any_text_is_read(text: str, cut: int) -> None:
    for read, real in ((ipv4_routes, IPV4), (ipv6_routes, IPV6)):
        read(text)
        read(real[:cut] + text + real[cut:])
