"""How many sessions a host takes, and which of its channels share one trouble."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.model import Rung, RungResult
from xueliang_monitor.probing.host_state import (
    RAISE_SECONDS,
    SHORT_SECONDS,
    SHORT_TIMES,
    Capacity,
    Channel,
    HostTroubles,
)

A, B, C = (Channel(name, 554) for name in "abc")
NAT = Channel("nat", 555)
REACHED = RungResult(Rung.REACH, True, 0.01)


def reach(code: str) -> tuple[RungResult, ...]:
    return (RungResult(Rung.REACH, False, 2.0, code, f"the detail of {code}"),)


def rtsp(code: str | None) -> tuple[RungResult, ...]:
    return (REACHED, RungResult(Rung.RTSP, code is None, 3.0, code))


NO_ANSWER, REFUSED, UNKNOWN_NAME = (
    reach(code) for code in ("connect_timeout", "connection_refused", "name_unresolved")
)
SILENT, CLOSED, SPOKEN, LOGIN_REFUSED = (
    rtsp(code) for code in ("rtsp_timeout", "connection_closed", None, "auth_failed")
)


def silent(host: HostTroubles, channel: Channel, *, began: float, now: float) -> bool:
    host.saw(channel, (REACHED,), began=began, now=began + 0.01)
    return host.saw(channel, SILENT, began=began, now=now)


def test_a_refused_session_lowers_the_number_for_an_hour() -> None:
    capacity = Capacity(4)
    assert capacity.at(0) == 4
    capacity.refuse(4, 10)
    assert capacity.at(10) == 3
    capacity.refuse(4, 10)  # of the same moment, when four were still open
    assert capacity.at(11) == 3
    capacity.refuse(2, 20)
    assert (capacity.at(20), capacity.at(20 + RAISE_SECONDS - 1), capacity.at(20 + RAISE_SECONDS)) == (1, 1, 2)
    assert capacity.at(20 + 9 * RAISE_SECONDS) == 4
    capacity.refuse(1, 30)
    assert capacity.at(30) == 1


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(0, 20_000)), max_size=20), st.integers(1, 64))
def test_the_number_stays_within_one_and_the_settings(refusals: list[tuple[int, float]], allowed: int) -> None:
    capacity, now = Capacity(allowed), 0.0
    for open_sessions, later in refusals:
        before = capacity.at(now := now + later)
        capacity.refuse(open_sessions, now)
        assert 1 <= capacity.at(now) <= min(before, max(1, open_sessions - 1))
    assert capacity.at(now + 64 * RAISE_SECONDS) == allowed


def test_no_answer_at_a_port_holds_for_its_channels_for_a_second() -> None:
    host = HostTroubles()
    assert host.saw(A, NO_ANSWER, began=0, now=2)
    assert host.troubled(B)
    assert not host.troubled(NAT)
    shared = host.result_for(B, 2.9)
    assert shared is not None
    assert shared.rungs == NO_ANSWER
    assert host.result_for(B, 3.1) is None
    assert not host.saw(B, NO_ANSWER, began=3.1, now=5.1)  # not a new trouble, but a new result
    assert host.result_for(C, 5.2) is not None


def test_a_result_counts_once_for_each_channel() -> None:
    host = HostTroubles()
    host.saw(A, NO_ANSWER, began=0, now=2)
    assert host.result_for(A, 2) is None
    assert host.result_for(B, 2) is not None
    host.told(B, 2)
    assert host.result_for(B, 2.5) is None
    host.saw(A, NO_ANSWER, began=1.9, now=3.9)
    assert host.result_for(B, 4) is None, "both observed the moment 1.9 to 2"
    host.saw(A, NO_ANSWER, began=4, now=6)
    assert host.result_for(B, 6) is not None


def test_a_second_port_without_answer_makes_it_the_whole_host() -> None:
    host = HostTroubles()
    host.saw(A, NO_ANSWER, began=0, now=2)
    assert host.saw(NAT, NO_ANSWER, began=2, now=4)
    assert host.troubled(Channel("other", 556))
    assert host.share_one(A, NAT)
    assert host.saw(B, (REACHED,), began=5, now=5.1)
    assert not host.troubled(B)
    assert not host.troubled(Channel("other", 556))
    assert host.troubled(NAT), "its port has not been tried since"


def test_a_refusal_is_of_one_port_and_an_unknown_name_of_all() -> None:
    host = HostTroubles()
    host.saw(A, REFUSED, began=0, now=0.1)
    host.saw(NAT, REFUSED, began=0, now=0.1)
    assert not host.troubled(Channel("other", 556))
    host.saw(A, UNKNOWN_NAME, began=1, now=2)
    assert host.troubled(Channel("other", 556))


def test_one_hung_channel_blames_no_other() -> None:
    host = HostTroubles()
    for turn in range(5):
        assert not silent(host, A, began=10 * turn, now=10 * turn + 3)
    assert not host.troubled(B)


def test_two_silent_channels_in_a_row_make_it_a_trouble_of_all_that_were_silent() -> None:
    host = HostTroubles()
    silent(host, A, began=0, now=3)
    assert silent(host, B, began=1, now=4)
    assert host.silent
    assert host.result_for(C, 4.5) is None, "it was never silent itself"
    assert host.saw(C, CLOSED, began=5, now=6) is False
    silent(host, B, began=6, now=7)
    shared = host.result_for(C, 7.5)
    assert shared is not None
    assert [rung.ok for rung in shared.rungs] == [True, False]
    assert host.troubled(A)
    host.saw(C, (REACHED,), began=7, now=7.01)
    assert host.troubled(A), "only an answer ends it"
    assert host.saw(C, LOGIN_REFUSED, began=7, now=7.1), "a refused login is an answer"
    assert not host.troubled(A)


def test_the_limit_is_some_times_what_the_last_answer_took() -> None:
    host = HostTroubles()
    fast, slow = (Channel(name, 554) for name in ("fast", "slow"))
    for channel, seconds in ((fast, 0.1), (slow, 0.5)):
        host.saw(channel, (REACHED, RungResult(Rung.RTSP, True, seconds)), began=0, now=seconds)
    silent(host, A, began=1, now=4)
    silent(host, B, began=1, now=4)
    assert (host.limit_seconds(fast), host.limit_seconds(slow)) == (SHORT_SECONDS, 0.5 * SHORT_TIMES)
    assert host.limit_seconds(A) == math.inf, "it was silent: it is asked to see whether that is over"
    assert host.limit_seconds(C) == math.inf, "nobody knows how fast it answers"
    host.saw(fast, SPOKEN, began=5, now=5.1)
    assert host.limit_seconds(slow) == math.inf


def test_an_answer_meanwhile_shows_that_a_channel_hangs_alone() -> None:
    host = HostTroubles()
    host.saw(C, SPOKEN, began=1.5, now=1.6)
    assert not silent(host, A, began=0, now=3)
    assert not silent(host, B, began=2, now=5)
    assert not host.troubled(C)


def test_channels_that_are_known_to_hang_say_nothing_of_the_host() -> None:
    host = HostTroubles()
    silent(host, A, began=0, now=3)
    silent(host, B, began=0, now=3.1)
    host.saw(C, SPOKEN, began=4, now=4.1)
    silent(host, A, began=5, now=8)
    assert not silent(host, B, began=5, now=8.1)
    assert not host.troubled(C)
    host.saw(A, SPOKEN, began=9, now=9.1)
    silent(host, A, began=10, now=13)
    assert silent(host, C, began=10, now=13.1)


def test_errors_of_the_monitor_and_higher_rungs_say_nothing() -> None:
    host = HostTroubles()
    assert not host.saw(A, reach("check_failed"), began=0, now=2)
    host.saw(A, NO_ANSWER, began=2, now=4)
    stream = RungResult(Rung.STREAM, False, 1.0, "no_media")
    assert not host.saw(B, (*SPOKEN, stream), began=4, now=5)
    assert host.troubled(B)


def test_who_was_let_in_meanwhile_contradicts_a_timeout() -> None:
    host = HostTroubles()
    host.saw(B, (REACHED,), began=1, now=1.1)
    assert not host.saw(A, NO_ANSWER, began=0, now=2)
    assert not host.troubled(C)


def test_a_hung_host_that_dies_is_told_as_dead() -> None:
    host = HostTroubles()
    silent(host, A, began=0, now=3)
    silent(host, B, began=0, now=3.1)
    host.saw(A, NO_ANSWER, began=5, now=7)
    shared = host.result_for(C, 7.1)
    assert shared is not None
    assert shared.rungs == NO_ANSWER
