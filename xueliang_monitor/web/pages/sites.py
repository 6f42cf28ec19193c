"""`/sites`: what cameras hang on as a tree, and the sites, with the states of their cameras and their maintenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from aiohttp import web

from xueliang_monitor.judgement.maintenance import WindowKind
from xueliang_monitor.web import tree
from xueliang_monitor.web.all_cameras import all_cameras
from xueliang_monitor.web.keys import FLEET
from xueliang_monitor.web.levels import level_of
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import respond_in_thread
from xueliang_monitor.web.threads import in_thread


def _rows(known: tree.Known, anchored: Collection[str]) -> list[dict[str, Any]]:
    """Return one row per site, those in trouble first. Those in `anchored` are the nodes of their cameras, too."""
    groups: dict[str, list[tree.Pair]] = {}
    for entry, status in known.pairs:
        if entry.camera.site:
            groups.setdefault(entry.camera.site, []).append((entry, status))
    down = {uplink.name: uplink for uplink in known.uplinks if uplink.down}
    windows = {window.name: window for window in known.windows if window.kind is WindowKind.SITE}
    rows = []
    for name, members in groups.items():
        levels = Counter(level_of(status) for _, status in members)
        rates = [rate for entry, _ in members if (rate := known.availability.get(entry.camera.id, {}).get("30d"))]
        rows.append(
            {
                "name": name,
                "anchor": tree.anchor(name) if name in anchored else "",
                "count": len(members),
                "states": tree.level_counts(levels),
                "month": sum(rates) / len(rates) if rates else None,
                "down": down.get(name) if name in anchored else None,
                "window": windows.get(name),
                "worst": min(level.rank for level in levels),
            }
        )
    return sorted(rows, key=lambda row: (row["down"] is None, row["worst"], row["name"]))


def _values(known: tree.Known) -> dict[str, Any]:
    sites = tree.only_sites(known.topology, known.pairs)
    return {"tree": tree.tree(known, sites), "sites": _rows(known, sites)}


async def show(request: web.Request) -> web.Response:
    """Answer with the page."""
    fleet = request.app[FLEET]
    windows = [window for window in fleet.windows if window.active(fleet.now)]
    known = tree.Known(fleet.topology, await all_cameras(fleet), fleet.uplinks, windows, fleet.availability)
    return await respond_in_thread(request, "sites.html", **await in_thread(_values, known))


PAGE = Page((web.get("/sites", show),), "/sites", "Uplinks and sites")
