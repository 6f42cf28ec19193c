"""Parses what a dome reports over ONVIF (PTZ, 5.4.3 GetStatus, 5.5.2 GetPresets)."""

from __future__ import annotations

import math

from xueliang_monitor.wire.dome_position import DomeStatus, Position, Preset
from xueliang_monitor.wire.soap import Element, child, children, text

MAX_PRESETS = 300
MAX_TOKEN_CHARACTERS = 64
_MOVING = "MOVING"


def _coordinate(element: Element | None, name: str) -> float | None:
    """Return a coordinate; None if it is missing or no number."""
    try:
        value = float((element.get(name) or "").strip().replace(",", ".")) if element is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e6 else None


def _position(element: Element | None) -> Position | None:
    angles, zoom = child(element, "PanTilt"), child(element, "Zoom")
    found = Position(_coordinate(angles, "x"), _coordinate(angles, "y"), _coordinate(zoom, "x"))
    return None if found == Position() else found


def read_status(response: Element) -> DomeStatus:
    """Parse GetStatusResponse. A dome may report no position, or not whether it moves."""
    status = child(response, "PTZStatus")
    moves = [text(status, "MoveStatus", name).strip().upper() for name in ("PanTilt", "Zoom")]
    return DomeStatus(_position(child(status, "Position")), _MOVING in moves)


def read_presets(response: Element) -> tuple[Preset, ...]:
    """Parse GetPresetsResponse. Presets without a position are left out: nothing can be told of them."""
    found = []
    for item in children(response, "Preset")[:MAX_PRESETS]:
        position = _position(child(item, "PTZPosition"))
        if position is not None:
            token = (item.get("token") or "").strip()[:MAX_TOKEN_CHARACTERS]
            found.append(Preset(token, text(item, "Name", limit=60), position))
    return tuple(found)
