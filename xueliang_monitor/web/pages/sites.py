"""`/sites`: uplinks and sites, with the states of their cameras and their maintenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.keys import FLEET
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import respond_in_thread
from xueliang_monitor.web.threads import in_thread
from xueliang_monitor.web.views import STATES, WORST_FIRST


def _rows(pairs: Sequence[tuple[Entry, CameraStatus]], kind: str, fleet: Fleet) -> list[dict[str, Any]]:
    """Return one row per uplink or site, those in trouble first."""
    groups: dict[str, list[tuple[Entry, CameraStatus]]] = {}
    for entry, status in pairs:
        name = getattr(entry.camera, kind)
        if name:
            groups.setdefault(name, []).append((entry, status))
    down = {uplink.name: uplink for uplink in fleet.uplinks if uplink.down}
    rows = []
    for name, members in groups.items():
        states = Counter(status.state for _, status in members)
        rates = [rate for entry, _ in members if (rate := fleet.availability.get(entry.camera.id, {}).get("30d"))]
        window = next((item for item in fleet.windows if (item.kind, item.name) == (kind, name)), None)
        rows.append(
            {
                "kind": kind,
                "name": name,
                "count": len(members),
                "states": [(state.value, STATES[state], states[state]) for state in WORST_FIRST if states[state]],
                "month": sum(rates) / len(rates) if rates else None,
                "down": down.get(name),
                "window": window if window is not None and window.active(fleet.now) else None,
                "worst": min(WORST_FIRST.index(state) for state in states),
            }
        )
    return sorted(rows, key=lambda row: (row["down"] is None, row["worst"], row["name"]))


async def show(request: web.Request) -> web.Response:
    """Answer with the page."""
    fleet = request.app[FLEET]
    pairs = await all_cameras(fleet)
    uplinks = await in_thread(_rows, pairs, "uplink", fleet)
    sites = await in_thread(_rows, pairs, "site", fleet)
    return await respond_in_thread(request, "sites.html", uplinks=uplinks, sites=sites)


PAGE = Page((web.get("/sites", show),), "/sites", "Uplinks and sites")
