"""What a simulated dome answers over ONVIF: its status and its presets. It has no operation that moves it."""

from __future__ import annotations

from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.wire.dome_position import Position, Preset

NAMESPACE = "http://www.onvif.org/ver20/ptz/wsdl"
PATH = "/onvif/ptz_service"
HOME = Position(0.1, -0.2, 0.0)
GATE = Position(0.6, -0.1, 0.2)
PRESETS = (Preset("1", "home", HOME), Preset("2", "gate", GATE))
_SPACES = "http://www.onvif.org/ver10/tptz"


def _position(name: str, at: Position) -> str:
    return (
        f'<tt:{name}><tt:PanTilt x="{at.pan}" y="{at.tilt}" space="{_SPACES}/PanTiltSpaces/PositionGenericSpace"/>'
        f'<tt:Zoom x="{at.zoom}" space="{_SPACES}/ZoomSpaces/PositionGenericSpace"/></tt:{name}>'
    )


def status(behaviour: Behaviour) -> str:
    """Return GetStatusResponse."""
    moves = "MOVING" if behaviour.moving else "IDLE"
    at = Position(behaviour.pan, behaviour.tilt, behaviour.zoom)
    return (
        f'<tptz:GetStatusResponse xmlns:tptz="{NAMESPACE}"><tptz:PTZStatus>{_position("Position", at)}'
        f"<tt:MoveStatus><tt:PanTilt>{moves}</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>"
        "<tt:UtcTime>2026-01-01T00:00:00Z</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse>"
    )


def presets() -> str:
    """Return GetPresetsResponse."""
    listed = "".join(
        f'<tptz:Preset token="{each.token}"><tt:Name>{each.name}</tt:Name>'
        f"{_position('PTZPosition', each.position or HOME)}</tptz:Preset>"
        for each in PRESETS
    )
    return f'<tptz:GetPresetsResponse xmlns:tptz="{NAMESPACE}">{listed}</tptz:GetPresetsResponse>'
