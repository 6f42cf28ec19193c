"""The queue of a receiver: only news, merged, at its pace, bounded, kept over restarts."""

from __future__ import annotations

import dataclasses
import time

from pydantic import TypeAdapter

from tests.relay.calls import call, told
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.relay.alerts import Alert, parse
from xueliang_monitor.relay.queue import (
    KEEP_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MOST_TOLD,
    MOST_WAITING,
    Pace,
    Queue,
    Stored,
)

PACE = Pace(10.0, 3)


def alerts(*numbers: int, over: bool = False) -> tuple[Alert, ...]:
    return parse(call(*(told(number, over=over) for number in numbers)))


def test_what_is_repeated_is_told_once() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    assert queue.due_in() is None
    assert queue.accept(alerts(1, 2)) == 2
    assert queue.accept(alerts(1, 2)) == 0
    taken, lost = queue.take()
    assert [alert.key[-1] for alert in taken] == ["1", "2"]
    assert lost == 0
    assert queue.accept(alerts(1)) == 0, "it is being sent"
    queue.sent()
    clock.advance(86_400 * 30)
    assert queue.accept(alerts(1, 2)) == 0
    assert queue.accept(alerts(1, over=True)) == 1
    queue.take()
    queue.sent()
    assert queue.accept(alerts(1)) == 0, "a late repeat of what has ended"
    again = dataclasses.replace(alerts(1)[0], begun=alerts(1)[0].begun + 7200)
    assert queue.accept([again]) == 1, "it fires anew"


def test_an_alert_is_told_again_where_that_is_wanted() -> None:
    clock = ManualClock()
    queue = Queue(Pace(0.0, 100, repeat_seconds=3600.0), clock)
    queue.accept(alerts(1))
    queue.take()
    queue.sent()
    clock.advance(3599)
    assert queue.accept(alerts(1)) == 0
    clock.advance(1)
    assert queue.accept(alerts(1)) == 1


def test_what_comes_meanwhile_is_merged() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    queue.accept(alerts(1))
    assert queue.due_in() == 0.0
    queue.take()
    queue.sent()
    for number in range(2, 30):
        queue.accept(alerts(number))
    queue.accept(alerts(2, over=True))
    assert queue.due_in() == 10.0
    clock.advance(10.0)
    assert queue.due_in() == 0.0
    taken, _ = queue.take()
    assert len(taken) == 28
    assert [alert.key for alert in taken if not alert.firing] == [f"{2:016x}"]


def test_no_more_messages_in_an_hour_than_are_allowed() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    for number in range(3):
        queue.accept(alerts(number))
        queue.take()
        queue.sent()
        clock.advance(10.0)
    queue.accept(alerts(9))
    assert queue.due_in() == 3600.0 - 30.0


def test_a_failed_message_is_tried_later_and_later_with_what_is_newer() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    queue.accept(alerts(1, 2))
    queue.take()
    queue.accept(alerts(1, over=True))
    pauses = [queue.failed()]
    for _ in range(9):
        assert queue.due_in() == pauses[-1]
        clock.advance(pauses[-1])
        queue.take()
        pauses.append(queue.failed())
    assert pauses[:4] == [5.0, 10.0, 20.0, 40.0]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    taken, _ = queue.take()
    assert {alert.key[-1]: alert.firing for alert in taken} == {"1": False, "2": True}
    queue.sent()
    assert queue.failures == 0
    assert queue.waiting == 0


def test_memory_is_bounded_and_what_is_given_up_is_told() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    queue.accept(parse(call(*(told(number, severity="warning") for number in range(100)))))
    queue.accept(alerts(*range(100, MOST_WAITING + 100)))
    taken, lost = queue.take()
    assert len(taken) == MOST_WAITING
    assert lost == 100
    assert {alert.severity for alert in taken} == {"critical"}
    queue.failed()
    assert queue.take()[1] == 100, "nobody was told"
    queue.sent()
    assert queue.lost == 0
    for start in range(0, MOST_TOLD + MOST_WAITING, MOST_WAITING):
        queue.accept(alerts(*range(10_000 + start, 10_000 + start + MOST_WAITING)))
        queue.take()
        queue.sent()
    assert len(queue.stored().told) == MOST_TOLD


def test_what_is_a_day_old_is_given_up() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    queue.accept(alerts(1, 2))
    queue.take()
    queue.failed()
    clock.advance(KEEP_SECONDS + 1)
    queue.accept(alerts(3))
    taken, lost = queue.take()
    assert [alert.key[-1] for alert in taken] == ["3"]
    assert lost == 2


def test_a_restart_loses_nothing_and_repeats_nothing() -> None:
    clock = ManualClock()
    queue = Queue(PACE, clock)
    queue.accept(alerts(1))
    queue.take()
    queue.sent()
    queue.accept(alerts(2, 3))
    queue.take()
    stored = TypeAdapter(Stored)
    again = Queue(PACE, clock, stored.validate_json(stored.dump_json(queue.stored())))
    assert again.accept(alerts(1, 2, 3)) == 0
    assert [alert.key[-1] for alert in again.take()[0]] == ["2", "3"]


def test_a_whole_network_at_once_costs_the_loop_little() -> None:
    every = alerts(*range(10_000))
    queue = Queue(PACE, ManualClock())
    began = time.thread_time()
    queue.accept(every)
    assert time.thread_time() - began < 0.5, "4 s where each of those beyond the limit was looked for"
    assert queue.waiting == MOST_WAITING
