"""What a webhook is told: differences between what it knows and what is open, and when it is tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from xueliang_monitor.configuration.notification_secrets import key_of
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, ProblemKind
from xueliang_monitor.notification.delivery_queue import (
    FIRST_REFUSED_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MOST_AGE_SECONDS,
    MOST_WAITING,
    DeliveryQueue,
)
from xueliang_monitor.notification.events import KnownProblem, Moment, differences
from xueliang_monitor.notification.signature import headers
from xueliang_monitor.storage.outbox import NewEvent, ToldProblem, WaitingEvent

NOW = 1_790_000_000.0
UPLINK = OpenProblem(ProblemKind.UPLINK, "switch-1", ("uplink_down",), NOW - 60, NOW - 50)
DARK = OpenProblem(ProblemKind.FAULT, "cam-1", ("picture_black",), NOW - 60, NOW - 50)


def known(problem: OpenProblem, who: Acknowledgement | None = None) -> dict[str, KnownProblem]:
    return {problem.key: KnownProblem(problem, who)}


def kinds(events: list[NewEvent]) -> list[str]:
    return [json.loads(each.body)["type"].removeprefix("problem.") for each in events]


def told_by(events: list[NewEvent]) -> dict[str, ToldProblem]:
    return {each.problem: each.told for each in events if each.told is not None}


def test_a_problem_that_is_acknowledged_when_it_is_first_told_makes_two_events() -> None:
    who = Acknowledgement(1, DARK.key, "li", NOW - 10, NOW + 60)
    assert kinds(differences({}, known(DARK, who), Moment(NOW))) == ["opened", "acknowledged"]


def test_nothing_is_told_again_after_a_restart() -> None:
    told = told_by(differences({}, known(DARK), Moment(NOW)))
    assert differences(told, known(DARK), Moment(NOW + 5)) == []


def test_an_acknowledgement_that_replaces_another_is_told_once() -> None:
    first, second = (Acknowledgement(number, DARK.key, "li", NOW + number, NOW + 600) for number in (1, 2))
    told = told_by(differences({}, known(DARK, first), Moment(NOW)))
    (event,) = differences(told, known(DARK, second), Moment(NOW + 5, 5.0))
    assert kinds([event]) == ["acknowledged"]


def test_a_problem_that_ended_and_came_back_between_two_looks_is_told() -> None:
    told = told_by(differences({}, known(DARK), Moment(NOW)))
    again = OpenProblem(DARK.kind, DARK.subject, DARK.codes, NOW + 9, NOW + 12)
    events = differences(told, known(again), Moment(NOW + 15, 14.0))
    assert kinds(events) == ["closed", "opened"]
    assert len({json.loads(each.body)["data"]["episode"] for each in events}) == 2


def test_a_clock_that_is_set_ends_nothing() -> None:
    told = told_by(differences({}, known(DARK), Moment(NOW)))
    moved = OpenProblem(DARK.kind, DARK.subject, DARK.codes, DARK.since + 3600, DARK.confirmed_at + 3600)
    assert differences(told, known(moved), Moment(NOW + 3601, 1.0)) == []


def test_what_is_not_known_now_stays_as_it_was_told() -> None:
    told = told_by(differences({}, known(UPLINK), Moment(NOW)))
    assert differences(told, {}, Moment(NOW + 5, 5.0, frozenset({ProblemKind.UPLINK}))) == []
    assert kinds(differences(told, {}, Moment(NOW + 5, 5.0))) == ["closed"]


def test_the_same_change_has_the_same_id_and_another_one_another() -> None:
    first, again = differences({}, known(DARK), Moment(NOW)), differences({}, known(DARK), Moment(NOW + 9))
    assert first[0].event == again[0].event
    closed = differences(told_by(first), {}, Moment(NOW + 9, 9.0))
    assert closed[0].event != first[0].event


def waiting(count: int, problems: int = 2, made: float = NOW) -> list[WaitingEvent]:
    return [WaitingEvent(number, f"p{number % problems}", made) for number in range(1, count + 1)]


def test_events_of_one_problem_stay_in_order_and_others_go_on() -> None:
    queue = DeliveryQueue(waiting(4))
    sent, moment = [], 0.0
    while len(queue) > 2 or not sent:
        event = queue.next(moment)
        if event is None:
            moment += 0.5
        elif event.problem == "p1":
            queue.failed(event, moment, refused=True)
        else:
            sent.append(event.number)
            queue.delivered(event)
    assert sent == [2, 4]
    assert moment < FIRST_REFUSED_SECONDS


def test_the_pause_grows_with_each_failure_to_its_bound() -> None:
    queue, moment, pauses = DeliveryQueue(waiting(1)), 0.0, []
    for _ in range(12):
        event = queue.next(moment)
        assert event is not None
        queue.failed(event, moment, refused=False)
        began = moment
        while queue.next(moment) is None:
            moment += 0.5
        pauses.append(moment - began)
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_a_receiver_that_answers_again_gets_everything_at_once() -> None:
    queue = DeliveryQueue(waiting(6, problems=3))
    for moment in (0.0, 10.0, 20.0, 40.0):
        event = queue.next(moment)
        assert event is not None
        queue.failed(event, moment, refused=False)
    sent = []
    while (event := queue.next(120.0)) is not None:
        queue.delivered(event)
        sent.append(event.number)
    assert len(sent) == 6
    for problem in range(3):
        of_problem = [number for number in sent if number % 3 == problem]
        assert of_problem == sorted(of_problem)


def test_the_oldest_and_the_outdated_are_given_up() -> None:
    queue = DeliveryQueue(waiting(MOST_WAITING + 5, problems=10))
    assert [each.number for each in queue.outdated(NOW)] == [1, 2, 3, 4, 5]
    assert len(queue.outdated(NOW + MOST_AGE_SECONDS + 1)) == MOST_WAITING + 5


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """With the vector of the specification's own libraries."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', key, 1614265330)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    digest = hmac.digest(key, b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}', hashlib.sha256)
    assert made["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("text", ["", "short", "not base64 at all!", base64.b64encode(bytes(23)).decode()])
def test_a_weak_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="openssl rand -base64 32"):
        key_of(text)
