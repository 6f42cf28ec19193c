"""Cameras, all or those of a filter, in pages; one in full; and as targets for Prometheus."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Annotated

from aiohttp import web
from pydantic import Field

from xueliang_monitor.fleet.snapshot import Entry, Snapshot
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.model import State
from xueliang_monitor.topology import Topology
from xueliang_monitor.web import views
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.answers import Cameras, TargetGroup
from xueliang_monitor.web.api.endpoint import Digits, Endpoint, FaultCode, Query, Text
from xueliang_monitor.web.camera_answers import CameraInFull
from xueliang_monitor.web.keys import FLEET, LISTS
from xueliang_monitor.web.problem_documents import refused
from xueliang_monitor.web.responses import compressed
from xueliang_monitor.web.search import finds, words_of

MAX_PROBLEMS = 1000
Pair = tuple[Entry, CameraStatus]


class CameraFilter(Query):
    """Which cameras are asked for."""

    site: Text = ""
    """Only cameras of this site."""

    programme: Text = ""
    """Only cameras of this programme."""

    text: Text = ""
    """Words, each of which is in the id, the name, the site, the address or a node that the camera hangs on."""

    def shows(self, pair: Pair, topology: Topology) -> bool:
        """Return whether a camera is asked for."""
        camera = pair[0].camera
        return (
            self.site in ("", camera.site)
            and self.programme in ("", camera.programme)
            and (not self.text or finds(words_of(self.text), _texts(pair[0], topology)))
        )


class CamerasQuery(CameraFilter):
    """Which cameras are asked for, and how many at once."""

    state: State | None = None
    """Only cameras in this state."""

    fault: FaultCode | None = None
    """Only cameras with this confirmed fault."""

    limit: Annotated[int, Field(ge=1, le=10_000), Digits] | None = None
    """At most so many cameras, by id. Without it, all of them are answered in the order of the inventory."""

    after: Text = ""
    """Only cameras whose id comes after this one: `next` of the page before."""

    def shows(self, pair: Pair, topology: Topology) -> bool:
        """Return whether a camera is asked for."""
        status = pair[1]
        return (
            self.state in (None, status.state)
            and (self.fault is None or any(self.fault == known.code for known in status.faults))
            and super().shows(pair, topology)
        )

    def page(self, pairs: Iterable[Pair]) -> tuple[list[Pair], str | None]:
        """Return the cameras of this page, and the id to ask for the next one after; None if this is the last."""
        pairs = list(pairs)
        if self.limit is None and not self.after:
            return pairs, None
        ordered = sorted(pairs, key=lambda pair: pair[0].camera.id)
        rest = [pair for pair in ordered if pair[0].camera.id > self.after]
        shown = rest[: self.limit]
        return shown, shown[-1][0].camera.id if len(shown) < len(rest) else None


def _texts(entry: Entry, topology: Topology) -> tuple[str, ...]:
    camera = entry.camera
    path = topology.path(topology.leaf(camera.id))
    nodes = (word for name in path for word in (name, topology.shown(name)))
    return (camera.id, camera.name, camera.site, camera.target.host, *nodes)


async def cameras(request: web.Request, query: CamerasQuery) -> web.Response:
    """Answer with cameras, the problems of the files, the uplinks, refused logins and the monitor's own faults."""
    fleet = request.app[FLEET]

    async def begin() -> Callable[[], bytes]:
        return functools.partial(_listed, fleet.snapshot(await all_cameras(fleet)), query)

    return compressed(await request.app[LISTS].get(("cameras", query), begin), "application/json")


def _listed(snapshot: Snapshot, query: CamerasQuery) -> bytes:
    """Return cameras as JSON, one at a time, as the encoder does not let other threads run."""
    topology = snapshot.topology
    shown, following = query.page(pair for pair in snapshot.entries if query.shows(pair, topology))
    rest = {
        "next": following,
        "problems": [views.problem_line(problem) for problem in snapshot.monitor.reload.problems[:MAX_PROBLEMS]],
        "uplinks": [views.uplink(uplink, topology) for uplink in snapshot.uplinks if uplink.telling],
        "credentials": [views.credentials(known) for known in snapshot.credentials],
        "monitor": [views.monitor_fault(known) for known in snapshot.monitor_faults],
    }
    cameras = ", ".join(json.dumps(views.camera(entry, status, topology)) for entry, status in shown)
    return f'{{"cameras": [{cameras}], {json.dumps(rest)[1:]}'.encode()


async def camera(request: web.Request, _query: Query) -> web.Response:
    """Answer with everything that is known of one camera."""
    fleet, name = request.app[FLEET], request.match_info["camera"]
    try:
        entry = fleet.entry(name)
    except KeyError:
        return refused(404, f"there is no camera with the id {name[:64]}")
    return web.json_response(views.camera_in_full(entry, fleet.status_of(name), fleet.topology))


async def targets(request: web.Request, query: CameraFilter) -> web.Response:
    """Answer with the cameras as targets for Prometheus' http_sd."""
    fleet = request.app[FLEET]

    async def begin() -> Callable[[], bytes]:
        return functools.partial(_targets, await all_cameras(fleet), fleet.topology, query)

    return compressed(await request.app[LISTS].get(("targets", query), begin), "application/json")


def _targets(pairs: tuple[Pair, ...], topology: Topology, query: CameraFilter) -> bytes:
    shown = (_target(pair[0]) for pair in pairs if query.shows(pair, topology))
    return f"[{', '.join(map(json.dumps, shown))}]".encode()


def _target(entry: Entry) -> TargetGroup:
    camera = entry.camera
    host = f"[{camera.target.host}]" if ":" in camera.target.host else camera.target.host
    labels = {
        "camera": camera.id,
        "name": camera.name,
        "site": camera.site,
        "programme": camera.programme,
        "uplink": camera.uplink,
        "status": camera.status.value,
        "address": camera.target.host,
    }
    named = {f"__meta_xueliang_{name}": value for name, value in labels.items()}
    return {"targets": [f"{host}:{camera.target.port}"], "labels": named}


ENDPOINTS = (
    Endpoint(
        "/api/v1/cameras",
        "Cameras, invalid files, uplinks, refused logins and faults of the monitor.",
        Cameras,
        cameras,
        CamerasQuery,
    ),
    Endpoint(
        "/api/v1/cameras/{camera}",
        "One camera in full.",
        CameraInFull,
        camera,
        codes=((404, "No camera has this id."),),
    ),
    Endpoint(
        "/api/v1/sd",
        "Cameras as targets for `http_sd_configs` of Prometheus, with `__meta_xueliang_` labels.",
        list[TargetGroup],
        targets,
        CameraFilter,
    ),
)
