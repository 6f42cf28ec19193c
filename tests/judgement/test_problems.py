"""Open problems: one for each cause, and acknowledgements that hold for one of them only."""

from __future__ import annotations

from xueliang_monitor.judgement.health import FaultState, Health, Outage
from xueliang_monitor.judgement.problems import (
    Acknowledgement,
    OpenProblem,
    ProblemKind,
    parts_of,
    problems_of,
    worst_first,
)
from xueliang_monitor.model import Rung, Severity


def known(code: str, since: float, *, offline: bool = False, confirmed: bool = True) -> FaultState:
    at = since + 5 if confirmed else None
    return FaultState(code, f"detail of {code}", Rung.REACH, offline, since, confirmed_at=at)


def health(*faults: FaultState, outage: Outage | None = None) -> Health:
    return Health(faults={each.code: each for each in faults}, outage=outage)


def test_an_outage_is_one_problem_whatever_faults_it_has() -> None:
    faults = (known("connection_refused", 10.0, offline=True), known("connect_timeout", 20.0, offline=True))
    lost = Outage(10_000, 10.0, 15.0, ("connection_refused",))
    (found,) = problems_of("cam-1", health(*faults, outage=lost))
    assert found.kind is ProblemKind.OUTAGE
    assert found.codes == ("connection_refused", "connect_timeout")
    assert (found.since, found.confirmed_at) == (10.0, 15.0)
    assert found.detail == "detail of connect_timeout"
    assert found.severity is Severity.CRITICAL


def test_a_fault_of_a_camera_that_answers_is_a_problem_of_its_own_once_it_is_confirmed() -> None:
    found = problems_of("cam-1", health(known("clock_drift", 1.0), known("picture_dirty", 2.0, confirmed=False)))
    assert [each.key for each in found] == ["fault:cam-1:clock_drift"]
    assert problems_of("cam-1", health()) == ()


def test_the_most_serious_comes_first_then_the_newest() -> None:
    slight, old, fresh = (
        OpenProblem(ProblemKind.FAULT, "a", ("clock_drift",), 9.0, 9.0),
        OpenProblem(ProblemKind.FAULT, "b", ("picture_covered",), 1.0, 1.0),
        OpenProblem(ProblemKind.OUTAGE, "c", ("connect_timeout",), 5.0, 5.0),
    )
    assert worst_first([slight, old, fresh]) == [fresh, old, slight]


def test_a_fault_that_a_later_version_no_longer_knows_is_taken_for_serious() -> None:
    assert OpenProblem(ProblemKind.FAULT, "a", ("forgotten",), 1.0, 1.0).severity is Severity.CRITICAL


def test_the_parts_of_a_key_are_found_whatever_the_subject_is_called() -> None:
    odd = OpenProblem(ProblemKind.UPLINK, "line: north", ("uplink_down",), 1.0, 1.0)
    assert parts_of(odd.key) == (ProblemKind.UPLINK, "line: north", "uplink_down")
    assert parts_of("") == (None, "", "")
    assert parts_of("nothing")[0] is None


def test_an_acknowledgement_holds_until_its_time_and_for_one_problem() -> None:
    problem = OpenProblem(ProblemKind.OUTAGE, "cam-1", ("connect_timeout",), 10.0, 15.0)
    again = OpenProblem(ProblemKind.OUTAGE, "cam-1", ("connect_timeout",), 90.0, 95.0)
    said = Acknowledgement(1, problem.key, "wall", 20.0, 120.0)
    assert said.holds(problem, 119.0)
    assert not said.holds(problem, 120.0)
    assert not said.holds(again, 100.0)
    assert not Acknowledgement(1, problem.key, "wall", 20.0, 120.0, ended=30.0).holds(problem, 40.0)
