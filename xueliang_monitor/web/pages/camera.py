"""`/cameras/{camera}`: what is wrong and what to do, the past, the last visit and the picture's measures; live."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.planning import LOOKS
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.availability import day_of
from xueliang_monitor.judgement.catalogue import FAULTS, fault
from xueliang_monitor.judgement.maintenance import Window
from xueliang_monitor.judgement.status import CAUSES, CameraStatus
from xueliang_monitor.model import Rung, RungResult, Text
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.picture.reference import SETTLED_LOOKS
from xueliang_monitor.picture.verdict import LIMIT, OFF
from xueliang_monitor.probing.accepted import Observed
from xueliang_monitor.probing.device_memory import Subject
from xueliang_monitor.probing.oddity_texts import ODDITY_TEXTS
from xueliang_monitor.probing.rung import Probe
from xueliang_monitor.probing.rungs import LADDER, PROBES
from xueliang_monitor.storage import evidence
from xueliang_monitor.topology import Topology
from xueliang_monitor.web import charts, past, told
from xueliang_monitor.web.keys import CLOSING, FLEET, RENDERER, SETTINGS, STATE_FOLDER
from xueliang_monitor.web.levels import LEVELS, Level, level_of, open_faults
from xueliang_monitor.web.live_streams import BEAT_SECONDS, data_line
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import event_stream, limited, respond
from xueliang_monitor.web.texts import preferred
from xueliang_monitor.web.threads import in_thread
from xueliang_monitor.web.tree import link
from xueliang_monitor.web.views import advice_of
from xueliang_monitor.wire import oddities

MAX_EPISODES = 40
MEASURE_NAMES = {
    "brightness_ratio": Text("Brightness", "亮度"),
    "sharpness_ratio": Text("Sharpness", "清晰度"),
    "white_ratio": Text("Overexposed share", "过曝占比"),
    "uniform_ratio": Text("One-colour share", "单色占比"),
    "contrast_levels": Text("Contrast, levels", "对比度（灰阶）"),
    "noise_levels": Text("Noise, levels", "噪声（灰阶）"),
    "detail_levels": Text("Detail, levels", "细节（灰阶）"),
    "chroma_levels": Text("Colour, levels", "色彩（灰阶）"),
}


def _before(probe: Probe) -> frozenset[Rung]:
    """Return the rungs that are climbed before a rung, and without which it is not climbed."""
    ladder = [each.rung for each in LADDER]
    end = ladder.index(probe.rung) if probe.beside is None else ladder.index(probe.beside) + 1
    return frozenset(ladder[:end])


_BEFORE: Mapping[Rung, frozenset[Rung]] = {probe.rung: _before(probe) for probe in PROBES}


def _faults(entry: Entry, status: CameraStatus) -> list[dict[str, Any]]:
    shown = []
    for known in open_faults(entry, status):
        declared = fault(known.code)
        why = declared.explained(known.reason)
        shown.append({"declared": declared, "why": why, "since": known.since, "detail": known.detail})
    return shown


def _oddities(entry: Entry) -> list[tuple[Text, int]]:
    """Return what the camera did against the standards when its stream was last read, with how often."""
    return [(ODDITY_TEXTS[oddity], count) for oddity, count in oddities.read(entry.readings.oddities or "")]


def _rungs(entry: Entry, climbing: Mapping[Rung, RungResult | None]) -> list[dict[str, Any]]:
    """Return each rung with its last result. During a visit, the rungs climbed so far have the visit's results.

    A result of an earlier visit has the time of that visit: it is `earlier`, and `unclimbed` if a rung failed since
    that is climbed before it.
    """
    shown = []
    failed: set[Rung] = set()
    last = frozenset[float]() if climbing else _last_moments(entry)
    for probe in PROBES:
        rung = probe.rung
        if not probe.applies(entry.camera.target):
            continue
        result = climbing.get(rung) if rung in climbing else entry.rungs.get(rung)
        earlier = result is not None and rung not in climbing and result.at not in last
        if result is not None and not earlier and not result.ok:
            failed.add(rung)
        shown.append(
            {
                "name": probe.title,
                "rung": rung,
                "result": result,
                "fault": FAULTS.get(result.fault) if result is not None and result.fault else None,
                "climbing": rung in climbing and result is None,
                "earlier": earlier,
                "unclimbed": earlier and bool(failed & _BEFORE[rung]),
                "waiting": bool(climbing) and rung not in climbing,
            }
        )
    return shown


def _last_moments(entry: Entry) -> frozenset[float]:
    """Return when the last visit was, and when its picture was looked at, if that was later."""
    last = entry.health.visited_at
    visits = [result.at for rung, result in entry.rungs.items() if rung not in LOOKS and result.at is not None]
    moments = {last, max(visits)} if visits and last not in visits else {last}
    return frozenset(moment for moment in moments if moment is not None)


def _change(entry: Entry, status: CameraStatus) -> str:
    """Return what a person can accept of a camera that changed; empty if nothing changed or too little is known."""
    changed = any(fault(known.code).changed_fact for known in status.faults)
    return str(entry.memory.observed) if changed else ""


def _window_of(fleet: Fleet, camera: Camera) -> Window | None:
    active = [item for item in fleet.windows if item.active(fleet.now)]
    return next((item for item in active if item.covers(camera.id, camera.site, fleet.path_of(camera))), None)


def now_values(fleet: Fleet, name: str, climbing: Mapping[Rung, RungResult | None]) -> dict[str, Any]:
    """Return the values of the part of the page that is kept live."""
    entry, status = fleet.entry(name), fleet.status_of(name)
    level = level_of(status)
    return {
        "camera": entry.camera,
        "level": level.value,
        "word": LEVELS[level],
        "since": status.since,
        "cause": CAUSES.get(status.cause),
        "behind": fleet.topology.shown(status.behind),
        "behind_link": link(status.behind),
        "faults": _faults(entry, status),
        "advice": advice_of(entry, status, fleet.topology),
        "rungs": _rungs(entry, climbing),
        "oddities": _oddities(entry),
        "readings": dict(sorted(replace(entry.readings, measures={}, oddities=None).items())),
        "visited": entry.health.visited_at,
        "keyframe": entry.health.keyframe_at,
        "looks": entry.memory.reference.looks if entry.memory.reference else 0,
        "learned": entry.memory.reference is not None and entry.memory.reference.learned,
        "window": _window_of(fleet, entry.camera),
        "rung_count": len(climbing),
    }


def _scores(entry: Entry, known: past.Past) -> list[dict[str, Any]]:
    limits = entry.camera.target.picture.limits
    shown = []
    for check in PICTURE_CHECKS:
        code = check.fault.code
        limit = limits.get(code, LIMIT)
        values = [(sample.at, sample.scores.get(code, 0.0)) for sample in known.samples]
        line = charts.line(values, min(1.0, limit), 1.0)
        if line is not None or code in entry.scores:
            shown.append(
                {
                    "fault": check.fault,
                    "limit": None if limit >= OFF else limit,
                    "now": entry.scores.get(code),
                    "line": line,
                }
            )
    return shown


def _measures(entry: Entry, known: past.Past) -> list[dict[str, Any]]:
    shown = []
    for name in MEASURES:
        now = entry.readings.measures.get(name)
        line = charts.line([(sample.at, sample.measures.get(name, 0.0)) for sample in known.samples])
        if line is not None or now is not None:
            shown.append({"name": MEASURE_NAMES[name], "now": now, "line": line})
    return shown


def _happened(known: past.Past, topology: Topology) -> list[dict[str, Any]]:
    """Return the faults of the camera and of what it hangs on, and the alarms that turned out to be a node's."""
    own = [(item.began, item.ended, item.fault, item.detail, item.uplink, False) for item in known.episodes]
    others = [
        (item.since or item.at, item.at, item.fault, item.detail, item.uplink, not item.login)
        for item in known.attributed
    ]
    return [
        {
            "began": began,
            "ended": ended,
            "fault": code,
            "declared": FAULTS.get(code),
            "detail": detail,
            "node": topology.shown(node),
            "link": link(node),
            "attributed": attributed,
        }
        for began, ended, code, detail, node, attributed in sorted(
            [*own, *others], key=lambda item: item[0], reverse=True
        )
    ]


async def show(request: web.Request) -> web.Response:
    """Answer with the page."""
    app, name = request.app, request.match_info["camera"]
    fleet = app[FLEET]
    if fleet.camera(name) is None:
        return respond(request, "missing.html", status=404, name=name)
    entry = fleet.entry(name)
    camera = entry.camera
    known = await past.of_camera(app[STATE_FOLDER], name, camera.site, fleet.path_of(camera))
    kept = await in_thread(evidence.kept, app[STATE_FOLDER], name) if camera.target.picture.evidence else []
    grafana = app[SETTINGS].grafana_url
    lights = entry.memory.reference.lights if entry.memory.reference and camera.target.picture.evidence else ()
    device = entry.memory.device
    return respond(
        request,
        "camera.html",
        **now_values(fleet, name, {}),
        lowest=charts.LOWEST_RATIO,
        bars=charts.days(known.days, day_of(fleet.now)),
        watched_from=charts.watched_from(known.days, day_of(fleet.now)),
        stretches=charts.timeline(known.episodes, known.outages, known.windows, fleet.now),
        outages=[(item, [FAULTS.get(code) for code in item.codes]) for item in reversed(known.outages)][:MAX_EPISODES],
        path=[(fleet.topology.shown(each), link(each)) for each in fleet.topology.path(fleet.topology.leaf(name))],
        episodes=_happened(known, fleet.topology)[:MAX_EPISODES],
        known=known,
        up_word=LEVELS[Level.UP],
        day_ago=fleet.now - charts.DAY_SECONDS,
        now=fleet.now,
        scores=_scores(entry, known),
        measures=_measures(entry, known),
        evidence=[(item, FAULTS.get(item.fault)) for item in kept],
        lights=[number for number, light in enumerate(lights) if light.looks >= SETTLED_LOOKS],
        change=_change(entry, fleet.status_of(name)),
        accepted=Observed.of(entry.memory.accepted),
        accepted_at=entry.memory.accepted.at,
        identity=device.reported if Subject.IDENTITY not in device.not_told else None,
        profiles=device.profiles if Subject.PROFILES not in device.not_told else (),
        device_rows=told.rows(entry.memory, fleet.now),
        untold=told.untold(device),
        grafana=f"{grafana}/d/xueliang-camera?var-camera={name}" if grafana else "",
        availability=fleet.availability.get(name, {}),
    )


async def live(request: web.Request) -> web.StreamResponse:
    """Send the live part of the page after every visit, and after every rung while a visit is under way."""
    app, name = request.app, request.match_info["camera"]
    fleet, renderer, language = app[FLEET], app[RENDERER], preferred(request)
    if fleet.camera(name) is None:
        raise web.HTTPNotFound
    response = await event_stream(request)
    climbing: dict[Rung, RungResult | None] = {}
    changed = asyncio.Event()

    def follow(rung: Rung | None, result: RungResult | None) -> None:
        if rung is None:
            climbing.clear()
        else:
            climbing[rung] = result
        changed.set()

    try:
        with fleet.following(name, follow):
            while not app[CLOSING].is_set() and fleet.camera(name) is not None:
                text = renderer.fragment("camera_now.html", language, **now_values(fleet, name, climbing))
                await response.write(data_line("swap", text))
                while not changed.is_set() and not app[CLOSING].is_set():
                    try:
                        async with asyncio.timeout(BEAT_SECONDS):
                            await changed.wait()
                    except TimeoutError:
                        await response.write(data_line("beat", ""))
                changed.clear()
    except ConnectionResetError:
        pass
    return response


PAGE = Page(
    (web.get("/cameras/{camera}", show), web.get("/cameras/{camera}/live", limited(live), allow_head=False)),
    linked=("/cameras/{camera}",),
)
