"""A fleet with one camera and one fault, for the references."""

from __future__ import annotations

from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory

MOMENT = 1_790_000_000.0
CAMERA = "liulin-east"
_DETAIL = "DESCRIBE: the camera refused the user name or the password"
"""As `net/rtsp.py` words it."""


def sample_fleet() -> Fleet:
    """Return a fleet whose one camera refuses its login."""
    data = CameraFile(name="East gate", site="Liulin", uplink="liulin-sw1", address="192.0.2.7", rtsp_path="/stream1")
    clock = ManualClock(MOMENT)
    fleet = Fleet(clock, Policy(), (Camera(CAMERA, target_of(CAMERA, data, None, None), data),))
    for number in range(4):
        clock.seconds = MOMENT + 15.0 * number
        fleet.apply(_refused(clock.seconds), Memory(), 0.0)
    return fleet


def _refused(at: float) -> VisitResult:
    rungs = (
        RungResult(Rung.REACH, ok=True, seconds=0.0021),
        RungResult(Rung.RTSP, ok=False, seconds=0.0184, fault="auth_failed", detail=_DETAIL),
    )
    return VisitResult(
        camera=CAMERA, at=at, rungs=rungs, seen=(Finding("auth_failed", _DETAIL, Rung.RTSP),), online=False
    )
