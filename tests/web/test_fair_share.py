"""Limited places, shared fairly; who a client is; and pauses that grow."""

from __future__ import annotations

import ipaddress

import pytest

from xueliang_monitor.web.clients import client_of, group_of
from xueliang_monitor.web.fair_share import Entry, FairShare
from xueliang_monitor.web.login_pauses import FORGET_SECONDS, MOST_KEYS, GrowingPauses, Rule
from xueliang_monitor.web.token_buckets import TokenBuckets


def test_one_client_cannot_take_every_place() -> None:
    places = FairShare[str](6, 4)
    assert [places.enter("flood", f"f{number}").admitted for number in range(6)] == [True] * 4 + [False] * 2
    assert places.enter("a", "a1").admitted
    assert places.enter("b", "b1").admitted
    assert len(places) == 6


def test_who_holds_most_gives_way_to_who_holds_less() -> None:
    places = FairShare[str](4, 3, idle=lambda item: item.endswith("idle"))
    for client, item in (("flood", "f1"), ("flood", "f2 idle"), ("flood", "f3"), ("a", "a1")):
        places.enter(client, item)
    assert places.enter("b", "b1") == Entry(True, "f2 idle"), "idle ones first"
    assert places.enter("c", "c1") == Entry(True, "f1"), "then the oldest"
    assert places.enter("d", "d1") == Entry(False), "everyone holds one, and nobody is idle"
    assert places.enter("flood", "f4") == Entry(False)
    places.leave("a", "a1")
    places.leave("a", "a1")
    assert places.enter("d", "d1") == Entry(True)


def test_a_full_client_displaces_its_own_idle_items_only() -> None:
    places = FairShare[str](9, 2, idle=lambda item: item.endswith("idle"))
    places.enter("a", "a1 idle")
    places.enter("a", "a2")
    assert places.enter("a", "a3") == Entry(True, "a1 idle")
    assert places.enter("a", "a4") == Entry(False)


def test_who_is_apart_has_no_limit_and_never_gives_way() -> None:
    places = FairShare[str](4, 1, apart=lambda client: client == "own")
    assert [places.enter("own", f"{number}").admitted for number in range(3)] == [True] * 3
    assert places.enter("a", "a1").admitted
    assert places.enter("b", "b1") == Entry(False)
    assert places.enter("own", "4") == Entry(True, "a1")
    assert places.enter("own", "5") == Entry(False)
    assert places.enter("a", "a1") == Entry(False)


def test_a_newcomer_displaces_the_oldest_idle_item_of_clients_with_one_each() -> None:
    places = FairShare[str](4, 3, idle=lambda item: item.endswith("idle"))
    for number, state in enumerate(("busy", "idle", "busy", "idle")):
        places.enter(f"flood {number}", f"{number} {state}")
    assert places.enter("a", "a1") == Entry(True, "1 idle")
    assert places.enter("a", "a2") == Entry(False), "only who holds none"
    assert places.enter("b", "b1") == Entry(True, "3 idle")
    assert places.enter("c", "c1") == Entry(False)
    assert len(places) == 4


def test_a_newcomer_displaces_old_streams_before_other_old_items() -> None:
    now = 0.0
    places = FairShare[str](
        4, 3, lasting=lambda item: item.endswith("stream"), old_seconds=5.0,
        apart=lambda client: client == "own", clock=lambda: now,
    )  # fmt: skip
    places.enter("own", "own stream")
    for number, kind in enumerate(("page", "stream", "page")):
        places.enter(f"flood {number}", f"{number} {kind}")
    now = 4.9
    assert places.enter("a", "a1") == Entry(False), "none is old"
    now = 5.0
    assert places.enter("a", "a1") == Entry(True, "1 stream")
    assert places.enter("b", "b1") == Entry(True, "0 page")
    assert places.enter("c", "c1") == Entry(True, "2 page")
    assert places.enter("d", "d1") == Entry(False), "the others came just now, or are apart"
    now = 10.0
    assert places.enter("d", "d1") == Entry(True, "a1")


@pytest.mark.parametrize(
    ("address", "group"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
     ("fe80::1%eth0", "fe80::/64"), ("::1", "::1"), ("(socket)", "(socket)"), ("", "")],
)  # fmt: skip
def test_clients_are_counted_by_address_or_network(address: str, group: str) -> None:
    assert group_of(address) == group


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["127.0.0.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, \udcff"], "10.0.0.1"),
        ("10.0.0.1", [",".join(["10.0.0.2"] * 100_000)], "10.0.0.2"),
    ],
)
def test_only_a_trusted_proxy_names_the_client(peer: str, forwarded: list[str], client: str) -> None:
    assert client_of(peer, forwarded, (ipaddress.ip_network("10.0.0.0/8"),)) == client


def test_pauses_grow_with_failures_and_are_forgotten() -> None:
    pauses = GrowingPauses(Rule(free=2, first=1.0, longest=5.0))
    waits = []
    for _ in range(6):
        waits.append(pauses.wait("a", 0.0))
        pauses.failed("a", 0.0)
    assert waits == [0.0, 0.0, 1.0, 2.0, 4.0, 5.0]
    assert pauses.wait("a", 2.0) == 3.0
    assert pauses.wait("b", 0.0) == 0.0
    assert pauses.wait("a", FORGET_SECONDS) == 0.0
    pauses.failed("b", 0.0)
    pauses.succeeded("b")
    assert pauses.failures("b", 0.0) == 0
    for number in range(MOST_KEYS + 1):
        pauses.failed(str(number), 1.0)
    assert pauses.failures("a", 1.0) == 0, "the number of remembered keys is bounded"


def test_a_client_opens_a_burst_of_connections_and_then_a_few_in_a_second() -> None:
    rates = TokenBuckets(burst=3, rate=2.0)
    assert [rates.take("a", 0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert rates.take("b", 0.0)
    assert [rates.take("a", 1.0) for _ in range(3)] == [True, True, False]
    assert [rates.take("a", 100.0) for _ in range(5)] == [True] * 3 + [False] * 2
