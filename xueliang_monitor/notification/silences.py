"""Which silences Alertmanager should have for the acknowledgements in force. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xueliang_monitor.judgement.overload import MONITOR_OVERLOADED
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, ProblemKind
from xueliang_monitor.judgement.root_causes import MONITOR_ISOLATED
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT
from xueliang_monitor.storage.outbox import PlacedSilence
from xueliang_monitor.time_format import iso_utc

Matchers = tuple[tuple[str, str], ...]
"""Names and values of labels that an alert must have; `alertname` may have several values, separated by `|`."""


def matchers_of(problem: OpenProblem) -> Matchers:
    """Return the labels of a problem's alerts, as `deploy/prometheus/alerts.rules.yml` sets them."""
    code = problem.codes[0]
    match problem.kind:
        case ProblemKind.OUTAGE:
            return ("alertname", "CameraOffline"), ("camera", problem.subject)
        case ProblemKind.FAULT:
            alert = "ClockDrift" if code == CLOCK_DRIFT.code else "CameraFault"
            return ("alertname", alert), ("camera", problem.subject), ("fault", code)
        case ProblemKind.UPLINK:
            return ("alertname", "UplinkDown"), ("uplink", problem.subject)
        case ProblemKind.HOST:
            return ("alertname", "HostDown"), ("uplink", problem.subject)
        case ProblemKind.CREDENTIALS:
            return ("alertname", "CredentialsRefused"), ("credentials", problem.subject)
        case ProblemKind.MONITOR if code == MONITOR_OVERLOADED.code:
            return (("alertname", "MonitorOverloaded"),)
        case ProblemKind.MONITOR if code == MONITOR_ISOLATED.code:
            return ("alertname", "MonitorFault|MonitorIsolated"), ("fault", code)
        case _:
            return ("alertname", "MonitorFault"), ("fault", code)


def silence_of(
    problem: OpenProblem, known: Acknowledgement, mark: str, labels: Mapping[str, str]
) -> Mapping[str, object]:
    """Return the silence of an acknowledgement as Alertmanager's API v2 takes it.

    `mark` stands in the comment. `labels` are further labels that the alerts have.
    """
    matchers = (*matchers_of(problem), *labels.items())
    note = f"{known.note} " if known.note else ""
    return {
        "matchers": [
            {"name": name, "value": value, "isRegex": name == "alertname" and "|" in value, "isEqual": True}
            for name, value in matchers
        ],
        "startsAt": iso_utc(known.at),
        "endsAt": iso_utc(known.until),
        "createdBy": known.by,
        "comment": f"{note}({known.by}, xueliang_monitor {mark})",
    }


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done: the acknowledgements to place silences for, then the silences to lift."""

    place: tuple[int, ...] = ()
    lift: tuple[PlacedSilence, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.place or self.lift)


def due(wanted: Iterable[int], placed: Mapping[int, PlacedSilence], kept: frozenset[int] = frozenset()) -> Due:
    """Return what leads from the silences placed to those wanted, both by the numbers of their acknowledgements.

    `kept` are acknowledgements that stay as they are, because their problem cannot be told at the moment.
    """
    numbers = frozenset(wanted)
    missing = sorted(number for number in numbers if number not in placed or not placed[number].silence)
    over = sorted(placed.keys() - numbers - kept)
    return Due(tuple(missing), tuple(placed[number] for number in over))
