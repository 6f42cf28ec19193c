"""The fleet as plain data for the API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xueliang_monitor.configuration import strict_yaml
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.monitor_status import MonitorFault
from xueliang_monitor.fleet.root_causes import Uplink
from xueliang_monitor.fleet.snapshot import CredentialsTrouble, Entry
from xueliang_monitor.judgement.catalogue import FAULTS, fault
from xueliang_monitor.judgement.credentials import CREDENTIALS_REFUSED
from xueliang_monitor.judgement.diagnosis import AdviceRow, Facts, diagnose, located
from xueliang_monitor.judgement.health import FaultState, Outage
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.probing.accepted import Accepted
from xueliang_monitor.probing.device_changes import JUDGED
from xueliang_monitor.storage.history_queries import Event
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.topology import Topology
from xueliang_monitor.web import told
from xueliang_monitor.web.answers import (
    AcknowledgementAnswer,
    CredentialsAnswer,
    EventAnswer,
    FaultDeclaration,
    MonitorFaultAnswer,
    ProblemAnswer,
    UplinkAnswer,
    WindowAnswer,
)
from xueliang_monitor.web.camera_answers import (
    AcceptedAnswer,
    CameraAnswer,
    CameraInFull,
    Diagnosis,
    MapPosition,
    OpenFault,
    OutageAnswer,
    Words,
)

MAX_PROBLEMS = 20
SEVERITIES = {Severity.CRITICAL.value: Text("critical", "严重"), Severity.WARNING.value: Text("warning", "一般")}


def moment(seconds: float | None) -> str | None:
    """Return a moment as ISO 8601 in UTC."""
    return None if seconds is None else iso_utc(seconds)


def both(text: Text) -> Words:
    """Return a text in both languages."""
    return {"en": text.en, "zh": text.zh}


def _fault(known: FaultState) -> OpenFault:
    declared = fault(known.code)
    why = declared.explained(known.reason)
    return {
        "code": known.code,
        "severity": declared.severity.value,
        "name": both(declared.name),
        "since": moment(known.since),
        "detail": known.detail,
        "reason": why.key or None,
        "cause": both(why.cause),
        "advice": both(why.advice),
    }


def advice_of(entry: Entry, status: CameraStatus, topology: Topology) -> Text | None:
    """Return the advice for all faults of a camera together; None if there is nothing to do."""
    row = _row(entry, status, topology)
    return row.advice if row else None


def _onvif_answers(entry: Entry, status: CameraStatus) -> bool:
    """Return whether the device answered over ONVIF when it was last asked, and since it is offline if it is."""
    result = entry.rungs.get(Rung.ONVIF)
    if result is None or result.at is None or not (result.ok or result.fault in JUDGED):
        return False
    return all(result.at >= known.since for known in status.faults if known.offline)


def _row(entry: Entry, status: CameraStatus, topology: Topology) -> AdviceRow | None:
    facts = Facts(
        frozenset(known.code for known in status.faults),
        status.cause,
        _onvif_answers(entry, status),
        entry.readings,
    )
    row = diagnose(facts) if status.faults or status.behind else None
    node = topology.nodes.get(status.behind)
    return row if row is None or node is None else replace(row, advice=located(row.advice, node))


def _diagnosis(entry: Entry, status: CameraStatus, topology: Topology) -> Diagnosis | None:
    row = _row(entry, status, topology)
    return {"name": row.name, **both(row.advice)} if row else None


def camera(entry: Entry, status: CameraStatus, topology: Topology) -> CameraAnswer:
    """Return a camera as lists show it."""
    return {
        "id": entry.camera.id,
        "name": entry.camera.name,
        "site": entry.camera.site,
        "programme": entry.camera.programme,
        "uplink": entry.camera.uplink,
        "address": entry.camera.target.host,
        "state": status.state.value,
        "since": moment(status.since),
        "online": status.online,
        "healthy": status.healthy,
        "cause": status.cause,
        "behind": status.behind or None,
        "path": topology.path(topology.leaf(entry.camera.id)),
        "faults": [_fault(known) for known in status.faults],
        "outage": outage(entry.health.outage) if entry.health.outage else None,
        "diagnosis": _diagnosis(entry, status, topology),
        "status": entry.camera.status.value,
        "file_outdated": entry.camera.outdated,
    }


def problem_line(problem: strict_yaml.Problem) -> str:
    """Return a problem in one line, with the name of the file and without its path."""
    return str(replace(problem, file=Path(problem.file.name)))


def _onvif(camera: Camera) -> str | None:
    onvif = camera.target.onvif
    if onvif is None:
        return None
    return f"{'https' if onvif.secure else 'http'}://{camera.target.host}:{onvif.port}{onvif.path}"


def _position(camera: Camera) -> MapPosition | None:
    known = camera.data.position
    return {"latitude": known.latitude, "longitude": known.longitude} if known is not None else None


def _accepted(known: Accepted) -> AcceptedAnswer | None:
    """Return what was accepted on the page instead of what the file expects."""
    if known.identity is None and known.stream is None:
        return None
    return {
        "at": moment(known.at),
        "identity": told.identity(known.identity) if known.identity else None,
        "stream": told.stream(known.stream) if known.stream else None,
    }


def event(item: Event) -> EventAnswer:
    """Return an event."""
    declared = FAULTS.get(item.fault)
    return {
        "id": item.id,
        "at": moment(item.at),
        "camera": item.camera or None,
        "uplink": item.uplink or None,
        "login": item.login or None,
        "kind": item.kind,
        "fault": item.fault,
        "name": both(declared.name) if declared else None,
        "since": moment(item.since),
        "duration_seconds": round(item.at - item.since, 1) if item.kind == "cleared" and item.since else None,
        "detail": item.detail,
    }


def outage(known: Outage) -> OutageAnswer:
    """Return an outage."""
    return {
        "began": moment(known.began),
        "ended": moment(known.ended),
        "duration_seconds": None if known.ended is None else round(known.ended - known.began, 1),
        "faults": list(known.codes),
    }


def monitor_fault(known: MonitorFault) -> MonitorFaultAnswer:
    """Return a fault of the monitor itself."""
    declared = fault(known.code)
    return {
        "code": known.code,
        "name": both(declared.name),
        "since": moment(known.since),
        "detail": known.detail,
        "advice": both(declared.advice),
    }


def credentials(known: CredentialsTrouble) -> CredentialsAnswer:
    """Return a login that many devices refuse."""
    return {
        "login": known.name,
        "since": moment(known.since),
        "cameras": known.cameras,
        "detail": known.detail,
        "name": both(CREDENTIALS_REFUSED.name),
        "advice": both(CREDENTIALS_REFUSED.advice),
    }


def uplink(known: Uplink, topology: Topology) -> UplinkAnswer:
    """Return a node of the topology. Neither a dead node nor one behind it is up."""
    node = topology.nodes[known.name]
    return {
        "name": known.name,
        "title": node.shown,
        "kind": node.kind.value,
        "parent": node.parent or None,
        "place": node.place,
        "port": node.port,
        "circuit": node.circuit,
        "up": not known.down and not known.behind,
        "behind": known.behind or None,
        "since": moment(known.down_since),
        "cameras": known.cameras,
        "lost": sorted(known.lost),
    }


def camera_in_full(entry: Entry, status: CameraStatus, topology: Topology) -> CameraInFull:
    """Return a camera with its device, its last visit and its readings."""
    return {
        **camera(entry, status, topology),
        "url": entry.camera.target.url,
        "onvif": _onvif(entry.camera),
        "gb_code": entry.camera.data.gb_code,
        "position": _position(entry.camera),
        "contractor": entry.camera.data.contractor or None,
        "installed": entry.camera.data.installed,
        "told": told.as_data(entry.memory, entry.health.visited_at or 0.0),
        "accepted": _accepted(entry.memory.accepted),
        "last_visit": moment(entry.health.visited_at),
        "last_seen": moment(entry.health.online_at),
        "last_keyframe": moment(entry.health.keyframe_at),
        "rungs": [
            {
                "rung": rung,
                "ok": result.ok,
                "seconds": round(result.seconds, 4),
                "fault": result.fault,
                "detail": result.detail,
                "at": moment(result.at),
            }
            for rung, result in entry.rungs.items()
        ],
        "readings": dict(entry.readings.items()),
        "reference_pictures": entry.memory.reference.looks if entry.memory.reference else 0,
    }


def acknowledgement(known: Acknowledgement | None) -> AcknowledgementAnswer | None:
    """Return who knows of a problem; None if nobody said so."""
    if known is None:
        return None
    return {"by": known.by, "at": moment(known.at), "until": moment(known.until), "note": known.note}


def problem(known: OpenProblem, who: Acknowledgement | None) -> ProblemAnswer:
    """Return an open problem."""
    return {
        "key": known.key,
        "kind": known.kind.value,
        "camera": known.camera or None,
        "uplink": known.node or None,
        "login": known.login or None,
        "faults": list(known.codes),
        "severity": known.severity.value,
        "since": moment(known.since),
        "confirmed": moment(known.confirmed_at),
        "detail": known.detail,
        "cameras": known.cameras,
        "acknowledgement": acknowledgement(who),
    }


def window(known: Window, now: float) -> WindowAnswer:
    """Return a maintenance window."""
    return {
        "id": known.id,
        "kind": known.kind.value,
        "name": known.name,
        "began": moment(known.began),
        "ends": moment(known.ends),
        "stopped": moment(known.stopped),
        "reason": known.reason,
        "active": known.active(now),
    }


def declaration(declared: Fault) -> FaultDeclaration:
    """Return an entry of the fault catalogue."""
    return {
        "code": declared.code,
        "rung": declared.rung,
        "severity": declared.severity.value,
        "name": both(declared.name),
        "cause": both(declared.cause),
        "advice": both(declared.advice),
    }
