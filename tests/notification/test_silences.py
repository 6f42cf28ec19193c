"""Silences match the alerts of a problem, as they are deployed, and no others."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.conftest import ROOT
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, ProblemKind
from xueliang_monitor.notification.silences import Due, due, matchers_of, silence_of
from xueliang_monitor.storage.outbox import PlacedSilence

NOW = 1_790_000_000.0
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.rules.yml").read_text())
EXPRESSIONS = {rule["alert"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
PROBLEMS = (
    (ProblemKind.OUTAGE, "cam-1", "connection_refused", "CameraOffline"),
    (ProblemKind.FAULT, "cam-1", "picture_black", "CameraFault"),
    (ProblemKind.FAULT, "cam-1", "clock_drift", "ClockDrift"),
    (ProblemKind.UPLINK, "switch-1", "uplink_down", "UplinkDown"),
    (ProblemKind.HOST, "recorder-1", "host_down", "HostDown"),
    (ProblemKind.CREDENTIALS, "district", "credentials_refused", "CredentialsRefused"),
    (ProblemKind.MONITOR, "", "monitor_overloaded", "MonitorOverloaded"),
    (ProblemKind.MONITOR, "", "monitor_isolated", "MonitorFault|MonitorIsolated"),
    (ProblemKind.MONITOR, "", "clock_wrong", "MonitorFault"),
)


def problem(kind: ProblemKind, subject: str, code: str) -> OpenProblem:
    return OpenProblem(kind, subject, (code,), NOW - 60, NOW - 50)


@pytest.mark.parametrize(("kind", "subject", "code", "alert"), PROBLEMS)
def test_each_problem_has_its_alert(kind: ProblemKind, subject: str, code: str, alert: str) -> None:
    matchers = dict(matchers_of(problem(kind, subject, code)))
    assert matchers.pop("alertname") == alert
    for name in alert.split("|"):
        assert name in EXPRESSIONS
    if subject:
        assert subject in matchers.values()


def test_every_kind_of_problem_is_covered() -> None:
    assert {kind for kind, *_ in PROBLEMS} == set(ProblemKind)


def test_a_silence_is_as_alertmanager_takes_it() -> None:
    known = Acknowledgement(7, "outage:cam-1:", "li", NOW, NOW + 3600, "on the way")
    made = silence_of(problem(*PROBLEMS[0][:3]), known, "0a1b", {"instance": "a:9147"})
    assert made["createdBy"] == "li"
    assert re.search("on the way.*li.*0a1b", str(made["comment"]))
    assert made["endsAt"] > made["startsAt"]  # type: ignore[operator]
    assert made["matchers"] == [
        {"name": "alertname", "value": "CameraOffline", "isRegex": False, "isEqual": True},
        {"name": "camera", "value": "cam-1", "isRegex": False, "isEqual": True},
        {"name": "instance", "value": "a:9147", "isRegex": False, "isEqual": True},
    ]


def test_what_is_due_leads_from_what_is_placed_to_what_is_wanted() -> None:
    known = ((1, "s1"), (2, ""), (3, "s3"), (4, "s4"))
    placed = {number: PlacedSilence(number, f"m{number}", silence) for number, silence in known}
    assert due([1, 2, 5], placed, frozenset({4})) == Due((2, 5), (placed[3],))
    assert not due([1], {1: placed[1]})
