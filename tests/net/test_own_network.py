"""Whether the monitor is cut off from its cameras, by routes, interfaces and name servers."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.net.dns_server import SERVFAIL, DnsServer, dns_server
from tests.waiting import until
from xueliang_monitor.net import names
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.own_network import (
    LOOK_SECONDS,
    SETTLED_SECONDS,
    UNANSWERED_SECONDS,
    Blocked,
    Gap,
    Kernel,
    OwnNetwork,
)
from xueliang_monitor.net.routes import Address
from xueliang_monitor.process.shortage import ShortageError

NO_ROUTE, DEAD = Blocked(Gap.NO_ROUTE), Blocked(Gap.NO_CARRIER, "eth0")
NO_CARRIER = "the monitor's interface eth0 has no carrier"
SITES = tuple(f"10.{site}.0.{number}" for site in range(3) for number in range(40))


@dataclass
class Made:
    """A machine of which a test says what is blocked, and what was told of it."""

    everything: Blocked | None = None
    blocks: dict[str, Blocked | None] = field(default_factory=dict)
    error: OSError | None = None
    asked: list[str] = field(default_factory=list)
    told: list[str | None] = field(default_factory=list)
    nameless: bool = False
    seconds: float = 1000.0

    def refresh(self) -> None:
        self.asked.clear()

    def blocked(self, address: Address) -> Blocked | None:
        self.asked.append(str(address))
        if self.error is not None:
            raise self.error
        return self.blocks.get(str(address), self.everything)

    def clock(self) -> float:
        return self.seconds

    async def look(self, network: OwnNetwork, times: int = 1) -> None:
        for _ in range(times):
            await network.look()
            self.seconds += LOOK_SECONDS

    def tell(self, problem: str | None, *, nameless: bool) -> None:
        self.told.append(problem)
        self.nameless = nameless

    def network(self, hosts: tuple[str, ...], resolver: NameResolver | None = None) -> OwnNetwork:
        resolver = resolver or NameResolver(clock=self.clock)
        return OwnNetwork(lambda: hosts, resolver, self.tell, clock=self.clock, machine=self)


@pytest.fixture
def made() -> Made:
    return Made()


async def test_a_problem_is_told_at_the_second_look_and_its_end_too(made: Made) -> None:
    network = made.network(SITES)
    await made.look(network, 3)
    assert made.told == []
    assert len(made.asked) == 1, "one address with a way is enough"
    made.everything = DEAD
    await made.look(network)
    assert made.told == []
    await made.look(network, 5)
    assert made.told == [NO_CARRIER]
    made.everything = None
    await made.look(network)
    assert made.told == [NO_CARRIER]
    await made.look(network, 5)
    assert made.told == [NO_CARRIER, None]


async def test_what_lasts_for_one_look_only_is_not_told(made: Made) -> None:
    network = made.network(SITES)
    for number in range(20):
        made.everything = DEAD if number % 2 else None
        await made.look(network)
    assert made.told == []


async def test_one_camera_with_a_way_is_enough(made: Made) -> None:
    made.everything, made.blocks = NO_ROUTE, {SITES[-1]: None}
    await made.look(made.network(SITES), 5)
    assert made.told == []


@pytest.mark.parametrize("loopback", ["127.0.3.4", "::1", "::ffff:127.0.0.1"])
async def test_a_camera_on_loopback_is_never_cut_off(made: Made, loopback: str) -> None:
    made.everything = NO_ROUTE
    await made.look(made.network((*SITES, loopback)), 5)
    assert made.told == []


async def test_an_empty_fleet_is_not_cut_off(made: Made) -> None:
    made.everything = NO_ROUTE
    await made.look(made.network(()), 5)
    assert made.told == []


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ({}, "the monitor has no route to any of its cameras"),
        ({SITES[7]: DEAD}, f"{NO_CARRIER} and the monitor has no route to its other cameras"),
        (dict.fromkeys(SITES, Blocked(Gap.DOWN, "eth1")), "the monitor's interface eth1 is down"),
        (
            dict.fromkeys(SITES, DEAD) | {SITES[0]: Blocked(Gap.NO_CARRIER, "eth1")},
            f"{NO_CARRIER} and the monitor's interface eth1 has no carrier",
        ),
    ],
)
async def test_the_sentence_names_what_is_missing(made: Made, blocks: dict[str, Blocked | None], told: str) -> None:
    made.everything, made.blocks = NO_ROUTE, blocks
    await made.look(made.network(SITES), 5)
    assert made.told == [told]


async def test_what_is_wrong_may_change_meanwhile(made: Made) -> None:
    network = made.network(SITES)
    made.everything = DEAD
    await made.look(network, 3)
    made.everything = NO_ROUTE
    await made.look(network, 3)
    assert made.told == [NO_CARRIER, "the monitor has no route to any of its cameras"]


async def test_a_lack_of_descriptors_says_nothing(made: Made) -> None:
    network = made.network(SITES)
    made.error = OSError(errno.EMFILE, "Too many open files")
    await made.look(network, 5)
    assert made.told == []
    made.error, made.everything = None, DEAD
    await made.look(network, 2)
    made.error = OSError(errno.EMFILE, "Too many open files")
    await made.look(network, 5)
    assert made.told == [NO_CARRIER], "what was told stays"


async def test_a_camera_that_is_reached_refutes_a_problem(made: Made) -> None:
    """For example while one of two next hops is dead: the routes name the first alone."""
    network = made.network(SITES)
    before = made.seconds
    made.everything = DEAD
    await made.look(network, 2)
    network.reached(before - 5)  # a visit that began before the problem was seen says nothing
    assert made.told == [NO_CARRIER]
    network.reached(made.seconds)
    await made.look(network, 20)
    assert made.told == [NO_CARRIER, None]
    made.everything = None
    await made.look(network)
    made.everything = DEAD
    await made.look(network, 2)
    assert made.told == [NO_CARRIER, None, NO_CARRIER], "it was gone once"


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with dns_server(DnsServer({"a.example": ("10.0.0.7",), "b.example": ("10.0.1.7",)})) as started:
        yield started


@pytest.fixture
async def resolver(server: DnsServer, made: Made, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NameResolver]:
    monkeypatch.setattr(names, "TRY_SECONDS", 0.05)
    async with NameResolver((server.place,), clock=made.clock) as started:
        yield started


async def _fail(resolver: NameResolver, *hosts: str) -> None:
    for host in hosts:
        with pytest.raises(ShortageError):
            await resolver.addresses(host)


async def test_a_silent_name_server_is_told_once_no_name_can_be_looked_up(
    made: Made, server: DnsServer, resolver: NameResolver
) -> None:
    network = made.network(("a.example", "b.example", "10.0.2.7"), resolver)
    server.silent = True
    await _fail(resolver, "a.example", "b.example")
    await made.look(network, int(UNANSWERED_SECONDS / LOOK_SECONDS) + 1)
    assert made.told == []
    await made.look(network)
    assert made.told == [f"no name server answers ({server.place})"]
    assert made.nameless
    network.reached(made.seconds)  # the camera whose address is known
    assert len(made.told) == 1
    server.silent = False
    made.seconds += 15
    assert await resolver.addresses("a.example") == ("10.0.0.7",)
    await made.look(network, 2)
    assert made.told[1:] == [None]


async def test_an_answer_counts_though_a_failing_lookup_began_before_it(
    made: Made, server: DnsServer, resolver: NameResolver
) -> None:
    server.codes["b.example"] = SERVFAIL
    server.delay_seconds = 0.01
    failing = asyncio.create_task(_fail(resolver, "b.example"))
    await until(lambda: server.queries["b.example"])
    made.seconds += 10
    server.addresses["c.example"] = ("10.0.3.7",)
    assert await resolver.addresses("c.example")
    await failing
    assert resolver.unanswered_seconds == 0.0


async def test_an_address_known_of_old_serves(made: Made, server: DnsServer, resolver: NameResolver) -> None:
    network = made.network(("a.example", "b.example"), resolver)
    assert await resolver.addresses("a.example")
    server.silent = True
    await _fail(resolver, "b.example")
    made.seconds += 3600
    await _fail(resolver, "b.example")
    await made.look(network, 3)
    assert made.told == []
    assert made.asked == ["10.0.0.7"]
    made.everything = DEAD
    await made.look(network, 3)
    assert made.told == [NO_CARRIER]


async def test_a_name_server_that_fails_is_told_in_its_own_words(
    made: Made, server: DnsServer, resolver: NameResolver
) -> None:
    network = made.network(("a.example",), resolver)
    server.code = SERVFAIL
    await _fail(resolver, "a.example")
    made.seconds += UNANSWERED_SECONDS
    await made.look(network, 2)
    assert made.told == [f"no name server can look up names: {server.place} answers that it failed (SERVFAIL)"]


async def test_a_fleet_of_addresses_needs_no_name_server(made: Made, server: DnsServer, resolver: NameResolver) -> None:
    """Something else looked up a name, for example a camera that was removed since."""
    server.silent = True
    await _fail(resolver, "a.example")
    made.seconds += UNANSWERED_SECONDS
    await made.look(made.network(SITES, resolver), 3)
    assert made.told == []


def test_the_kernel_knows_a_way_to_this_machine_and_none_to_nowhere() -> None:
    kernel = Kernel()
    assert kernel.blocked(ipaddress.ip_address("127.0.0.1")) is None


def test_a_machine_without_descriptors_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("xueliang_monitor.net.own_network.socket.socket", none_left)
    with pytest.raises(OSError, match="Too many"):
        Kernel().blocked(ipaddress.ip_address("10.0.0.1"))


async def test_names_that_fail_with_the_network_are_part_of_one_problem(
    made: Made, server: DnsServer, resolver: NameResolver
) -> None:
    """When the network is back and the name server is not asked yet, cameras known by address are not judged yet."""
    network = made.network(("a.example", "10.0.2.7"), resolver)
    server.silent, made.everything = True, NO_ROUTE
    await _fail(resolver, "a.example")
    await made.look(network, 12)
    made.everything = None
    await made.look(network, 3)
    assert made.told == ["the monitor has no route to any of its cameras", f"no name server answers ({server.place})"]
    assert not made.nameless
    made.seconds += SETTLED_SECONDS
    await made.look(network)
    assert made.nameless
