"""The answers of the API as types; mypy holds the views to them, and the OpenAPI document is made from them."""

from __future__ import annotations

from typing import (
    Annotated,
    Literal,
    NotRequired,  # pydantic reads those of `typing` from Python 3.12 on
)

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from xueliang_monitor.judgement.maintenance import WindowKind
from xueliang_monitor.judgement.problems import ProblemKind
from xueliang_monitor.topology import NodeKind
from xueliang_monitor.web.camera_answers import CameraAnswer, Moment, OutageAnswer, SeverityWord, Words

KindWord = Annotated[str, WithJsonSchema({"type": "string", "enum": [each.value for each in ProblemKind]})]
NodeWord = Annotated[str, WithJsonSchema({"type": "string", "enum": [each.value for each in NodeKind]})]
WindowWord = Annotated[str, WithJsonSchema({"type": "string", "enum": [each.value for each in WindowKind]})]


class UplinkAnswer(TypedDict):
    """A node of the topology with enough cameras to be judged. It is not up if it is down or behind a node that is."""

    name: str
    title: str
    kind: NodeWord
    parent: str | None
    place: str
    port: str
    circuit: str
    up: bool
    behind: str | None
    since: Moment | None
    cameras: int
    lost: list[str]


class CredentialsAnswer(TypedDict):
    """A login that many devices refuse."""

    login: str
    since: Moment | None
    cameras: int
    detail: str
    name: Words
    advice: Words


class MonitorFaultAnswer(TypedDict):
    """A fault of the monitor itself."""

    code: str
    name: Words
    since: Moment | None
    detail: str
    advice: Words


class Cameras(TypedDict):
    """Cameras, and what is in trouble beside them. The next page is `after` the id `next`."""

    cameras: list[CameraAnswer]
    next: str | None
    problems: list[str]
    uplinks: list[UplinkAnswer]
    credentials: list[CredentialsAnswer]
    monitor: list[MonitorFaultAnswer]


class AcknowledgementAnswer(TypedDict):
    """Who knows of a problem, and until when."""

    by: str
    at: Moment | None
    until: Moment | None
    note: str


class ProblemAnswer(TypedDict):
    """An open problem: one confirmed cause of trouble that is not over."""

    key: str
    kind: KindWord
    camera: str | None
    uplink: str | None
    login: str | None
    faults: list[str]
    severity: SeverityWord
    since: Moment | None
    confirmed: Moment | None
    detail: str
    cameras: int
    acknowledgement: AcknowledgementAnswer | None


class Problems(TypedDict):
    """The open problems, the most serious and newest first."""

    problems: list[ProblemAnswer]


class EventAnswer(TypedDict):
    """What happened to a camera, an uplink, a login, or the monitor itself if all three are null."""

    id: int
    at: Moment | None
    camera: str | None
    uplink: str | None
    login: str | None
    kind: str
    fault: str
    name: Words | None
    since: Moment | None
    duration_seconds: float | None
    detail: str


class Events(TypedDict):
    """Events, oldest first. `before` is the number of the first one, to ask for earlier ones."""

    events: list[EventAnswer]
    before: int | None


class OutageOfCamera(OutageAnswer):
    """An outage with the id of its camera."""

    camera: str


class Outages(TypedDict):
    """Outages, oldest first. `history_up` says whether the daemon can write its history."""

    outages: list[OutageOfCamera]
    history_up: bool


class SiteAnswer(TypedDict):
    """A site with the number of its cameras by state. `availability_ratio` is the mean of 30 days, null if unknown."""

    name: str
    cameras: int
    states: dict[str, int]
    availability_ratio: Annotated[float, Field(ge=0, le=1)] | None
    maintenance: list[int]


class Sites(TypedDict):
    """The sites by name."""

    sites: list[SiteAnswer]


class Uplinks(TypedDict):
    """The nodes of the topology that are judged."""

    uplinks: list[UplinkAnswer]


class WindowAnswer(TypedDict):
    """A maintenance window: its number, what it covers, when, and why."""

    id: int
    kind: WindowWord
    name: str
    began: Moment | None
    ends: Moment | None
    stopped: Moment | None
    reason: str
    active: bool


class Maintenance(TypedDict):
    """The maintenance windows that are known: in force, or planned."""

    maintenance: list[WindowAnswer]


class FaultDeclaration(TypedDict):
    """An entry of the fault catalogue."""

    code: str
    rung: str
    severity: SeverityWord
    name: Words
    cause: Words
    advice: Words


class Faults(TypedDict):
    """The fault catalogue."""

    faults: list[FaultDeclaration]


class TargetGroup(TypedDict):
    """One camera for Prometheus' http_sd: its host and RTSP port, and what is known of it as labels for relabelling."""

    targets: list[str]
    labels: dict[str, str]


class ParameterError(TypedDict):
    """What is wrong with one parameter of the query."""

    parameter: str
    detail: str


class Problem(TypedDict):
    """Why a request was not answered (RFC 9457). `error` says the same as `detail`."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    error: str
    errors: NotRequired[list[ParameterError]]
