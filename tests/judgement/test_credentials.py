"""A login that many share: one event whatever the order, few devices tried, and no event for one bad device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueliang_monitor.judgement import credentials
from xueliang_monitor.judgement.credentials import POLICY, Refusal, SharedLogin, Stage

START = 1_700_000_000.0
INTERVAL = 15.0


class Simulated:
    """Devices that are visited in an order, each once an interval, with a login that `good` accepts."""

    def __init__(self, users: dict[str, int], good: Callable[[str, float], bool], *, proven: bool) -> None:
        self.login = SharedLogin("gate", users)
        self.good = good
        self.now = START
        self.events: list[tuple[str, float]] = []
        self.tried: list[tuple[float, str]] = []
        self.own: set[str] = set()
        self.held: dict[str, float] = {}
        self.accepted_at: dict[str, float] = {}
        if not proven:
            self.login = credentials.begun(self.login)

    def take(self, after: SharedLogin) -> None:
        if (after.refused_since is None) is not (self.login.refused_since is None):
            self.events.append(("cleared" if after.refused_since is None else "raised", self.now))
        self.login = after

    def tick(self) -> None:
        healthy = [device for device in self.login.users if self.held.get(device, 0.0) <= self.now]
        healthy.sort(key=lambda device: -self.accepted_at.get(device, 0.0))
        before = self.login.chosen
        self.take(credentials.chosen(self.login, healthy, self.now))
        for device in self.login.chosen.keys() - before.keys():
            self.visit(device)

    def visit(self, device: str) -> None:
        if self.held.get(device, 0.0) > self.now:  # the book of logins holds it back
            pass
        elif (trying := credentials.may_try(self.login, device, self.now)) is not None:
            self.take(trying)
            self.tried.append((self.now, device))
            if self.good(device, self.now):
                self.own.discard(device)
                self.accepted_at[device] = self.now
                self.take(credentials.accepted(self.login, device, self.now))
            else:
                self.held[device] = self.now + 300.0
                self.take(credentials.refused(self.login, device, Refusal(self.now, device)))
        if device in self.login.refused and not credentials.undecided(self.login, device, self.now):
            if self.login.affects(device):
                self.own.discard(device)
            else:
                self.own.add(device)

    def run(self, order: list[str], seconds: float) -> None:
        step = INTERVAL / len(order)
        ends, number = self.now + seconds, 0
        while self.now < ends:
            self.tick()
            self.visit(order[number % len(order)])
            self.now, number = self.now + step, number + 1


def devices(count: int) -> dict[str, int]:
    return {f"10.0.0.{number}": 1 for number in range(count)}


@settings(max_examples=60, deadline=None)
@given(count=st.integers(2, 147), data=st.data(), proven=st.booleans())
def test_a_login_that_all_refuse_is_one_event_and_few_devices_try_it(
    count: int, data: st.DataObject, *, proven: bool
) -> None:
    order = data.draw(st.permutations(list(devices(count))))
    right_at = START + data.draw(st.floats(70.0, 4000.0))
    fleet = Simulated(devices(count), lambda _device, at: at >= right_at, proven=proven)
    fleet.run(order, right_at - START)
    assert [kind for kind, _ in fleet.events] == ["raised"]
    assert fleet.events[0][1] - START < 60.0
    assert len({device for at, device in fleet.tried if at - START < 60.0}) <= 4
    assert not fleet.own, "no camera is blamed alone"
    fleet.take(credentials.begun(fleet.login))  # the right password is in force
    fleet.held = {}
    fleet.run(order, INTERVAL)
    assert [kind for kind, _ in fleet.events] == ["raised", "cleared"]
    assert fleet.login.stage is Stage.ALL
    fleet.run(order, 2 * INTERVAL)
    assert {device for at, device in fleet.tried if at >= right_at} == set(order)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(3, 100), data=st.data(), proven=st.booleans())
def test_one_device_that_refuses_a_good_login_is_to_blame_itself(
    count: int, data: st.DataObject, *, proven: bool
) -> None:
    order = data.draw(st.permutations(list(devices(count))))
    bad = data.draw(st.sampled_from(order))
    fleet = Simulated(devices(count), lambda device, _at: device != bad, proven=proven)
    fleet.run(order, 120.0)
    assert fleet.events == []
    assert fleet.own == {bad}
    assert {device for _, device in fleet.tried} == set(order)


@pytest.mark.parametrize("bad", [3, 10], ids=["three neighbours", "a third"])
def test_devices_that_refuse_one_after_the_other_blind_no_others(bad: int) -> None:
    order = list(devices(30))
    refusing = set(order[:bad])
    fleet = Simulated(devices(30), lambda device, at: at < START + 60 or device not in refusing, proven=True)
    fleet.run(order, 300.0)
    assert fleet.events == []
    assert fleet.own == refusing
    assert {device for at, device in fleet.tried if at > START + 285} >= set(order) - refusing


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_trial_that_meets_bad_devices_does_not_go_on_blinding_good_ones(data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(devices(20))))
    refusing = set(order[:10])
    order = data.draw(st.permutations(order))
    fleet = Simulated(devices(20), lambda device, at: at < START + 60 or device not in refusing, proven=True)
    fleet.run(order, 60.0 + 11 * 60.0 + 30.0)
    assert len(fleet.events) % 2 == 0, "the event is over"
    assert fleet.login.stage is Stage.ALL


def test_a_device_that_accepted_last_is_asked_before_the_event_and_passed_over_without_an_answer() -> None:
    login = credentials.accepted(SharedLogin("gate", devices(6)), "10.0.0.5", START)
    for number in range(3):
        login = credentials.refused(login, f"10.0.0.{number}", Refusal(START + 1 + number, f"cam-{number}"))
    assert (login.stage, login.refused_since) == (Stage.CHECK, None)
    assert credentials.undecided(login, "10.0.0.0", START + 25)
    login = credentials.chosen(login, ["10.0.0.0", "10.0.0.5", "10.0.0.4", "10.0.0.3"], START + 4)
    assert list(login.chosen) == ["10.0.0.5"]
    assert credentials.may_try(login, "10.0.0.4", START + 4) is None
    login = credentials.unanswered(login, "10.0.0.5")
    login = credentials.chosen(login, ["10.0.0.5", "10.0.0.4", "10.0.0.3"], START + 5)
    assert list(login.chosen) == ["10.0.0.4"]
    silent = credentials.chosen(credentials.unanswered(login, "10.0.0.4"), ["10.0.0.3"], START + 6)
    assert silent.in_question
    assert credentials.refused(login, "10.0.0.4", Refusal(START + 6, "cam-4")).in_question
    good = credentials.accepted(login, "10.0.0.4", START + 6)
    assert (good.stage, good.refused_since, len(good.refused)) == (Stage.ALL, None, 3)
    assert not credentials.undecided(good, "10.0.0.0", START + 6)


def test_a_password_that_was_changed_on_all_devices_is_found_without_a_reload() -> None:
    order = list(devices(40))
    fleet = Simulated(devices(40), lambda _device, at: not START + 100 <= at < START + 700, proven=True)
    fleet.run(order, 1500.0)
    assert [kind for kind, _ in fleet.events] == ["raised", "cleared"]
    first = min(at for at, _ in fleet.tried if at >= START + 100)
    assert len({device for at, device in fleet.tried if first <= at < first + 60}) <= 4


def test_a_changed_login_is_tried_on_one_device_then_on_three_then_on_all() -> None:
    login = credentials.begun(SharedLogin("gate", devices(10)))
    login = credentials.chosen(login, login.users, START)
    assert list(login.chosen) == ["10.0.0.0"]
    assert credentials.may_try(login, "10.0.0.1", START) is None
    login = credentials.accepted(login, "10.0.0.0", START)
    login = credentials.chosen(login, login.users, START)
    assert list(login.chosen) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    for device in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        assert login.stage is Stage.FEW
        login = credentials.accepted(login, device, START)
    assert login.stage is Stage.ALL
    assert credentials.may_try(login, "10.0.0.9", START) is not None


def test_a_device_that_gives_no_answer_is_passed_over() -> None:
    login = credentials.begun(SharedLogin("gate", devices(5)))
    login = credentials.chosen(login, login.users, START)
    assert credentials.chosen(login, login.users, START + 1).chosen == login.chosen
    login = credentials.chosen(login, login.users, START + POLICY.answer + 1)
    assert list(login.chosen) == ["10.0.0.1"]
    login = credentials.unanswered(login, "10.0.0.1")
    assert list(credentials.chosen(login, login.users, START + 20).chosen) == ["10.0.0.2"]


def test_devices_that_never_answer_are_asked_again_later() -> None:
    login, asked = credentials.begun(SharedLogin("gate", devices(3))), []
    for second in range(200):
        login = credentials.chosen(login, login.users, START + second)
        asked += [(second, device) for device in login.chosen]
        for device in login.chosen:
            login = credentials.unanswered(login, device)
    assert 6 <= len(asked) <= 12


def test_a_recorder_that_refuses_its_login_is_one_event_for_all_its_channels() -> None:
    login = SharedLogin("recorder", {"10.0.0.9": 64})
    doubtful = credentials.refused(login, "10.0.0.9", Refusal(START, "ch-1", in_doubt=True))
    assert doubtful.refused_since is None
    login = credentials.refused(doubtful, "10.0.0.9", Refusal(START + 10, "ch-2"))
    assert (login.refused_since, login.cameras) == (START + 10, 64)
    assert "1 device refused it (ch-2); 64 cameras use it" in login.detail
    assert credentials.accepted(login, "10.0.0.9", START + 20).refused_since is None


def test_a_recorder_among_others_does_not_question_the_login_of_the_others() -> None:
    login = credentials.accepted(SharedLogin("gate", {**devices(20), "10.0.9.9": 32}), "10.0.0.1", START)
    login = credentials.refused(login, "10.0.9.9", Refusal(START + 1, "ch-1"))
    assert (login.refused_since, login.cameras, login.stage) == (START + 1, 32, Stage.ALL)
    assert not login.affects("10.0.0.1")
    login = credentials.accepted(login, "10.0.0.2", START + 2)
    assert login.affects("10.0.9.9")


def test_a_login_of_one_camera_is_judged_at_once() -> None:
    login = credentials.refused(SharedLogin("own", {"10.0.0.1": 1}), "10.0.0.1", Refusal(START, "cam"))
    assert not credentials.undecided(login, "10.0.0.1", START)
    assert login.refused_since is None
    assert credentials.begun(login).stage is Stage.ALL


def test_patience_ends_if_no_other_device_answers() -> None:
    login = credentials.refused(SharedLogin("gate", devices(2)), "10.0.0.0", Refusal(START, "cam"))
    assert credentials.undecided(login, "10.0.0.0", START + 1)
    assert not credentials.undecided(login, "10.0.0.0", START + POLICY.patience)


def test_an_event_ends_with_its_users() -> None:
    login = SharedLogin("gate", devices(3))
    for number in range(3):
        login = credentials.refused(login, f"10.0.0.{number}", Refusal(START + number, f"cam-{number}"))
    assert login.in_question
    assert credentials.with_users(login, {}).refused_since is None


@pytest.mark.parametrize("in_doubt", [True, False])
def test_two_devices_with_a_login_of_their_own_need_more_than_a_doubt(*, in_doubt: bool) -> None:
    login = SharedLogin("pair", devices(2))
    for number in range(2):
        login = credentials.refused(login, f"10.0.0.{number}", Refusal(START + number, f"cam-{number}", in_doubt))
    assert login.in_question is not in_doubt
