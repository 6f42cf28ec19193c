"""Fourth rung: can the keyframe be decoded, and is the picture usable?"""

from __future__ import annotations

import time

from xueliang_monitor.model import Fault, FaultSeen, Finding, Rung, Severity, Text
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.look import LookError, Material
from xueliang_monitor.picture.worker import WorkerError
from xueliang_monitor.probing.rung import Climb, Probe, RungOutcome
from xueliang_monitor.probing.rungs.stream import DECODE_FAILED

CHECK_FAILED = Fault(
    "check_failed",
    Rung.MONITOR,
    Severity.WARNING,
    Text("Check failed", "检测失败"),
    Text(
        "The monitor itself failed to check this camera; nothing is known against the camera.",
        "监控程序自身检测失败；与摄像机无关。",
    ),
    Text(
        "Mend what the detail names, such as open files or the name server; else look into the monitor's log.",
        "按详情处理（如打开文件数不足、域名服务器无应答）；否则查看监控程序日志。",
    ),
)


def _local_hour(now: float) -> float:
    """Return the hour of the day here, which is where the cameras are."""
    moment = time.localtime(now)
    return moment.tm_hour + moment.tm_min / 60


async def _climb(climb: Climb) -> RungOutcome:
    if climb.keyframe is None:
        raise RuntimeError("the ladder was climbed out of order")
    try:
        material = Material(
            climb.keyframe.codec.value,
            climb.keyframe.data,
            climb.following,
            climb.motion_ratio,
            _local_hour(climb.now()),
            climb.target.picture,
        )
        look = await climb.workers.look(material, climb.reference, seconds=climb.timeouts.picture)
    except WorkerError as error:
        raise FaultSeen(CHECK_FAILED, str(error)) from error
    except LookError as error:
        climb.failures = (error.failure,)
        raise FaultSeen(CHECK_FAILED, str(error)) from error
    if look is None:
        size = f"{len(climb.keyframe.data)} bytes"
        raise FaultSeen(DECODE_FAILED, f"a {climb.keyframe.codec} keyframe of {size} could not be decoded")
    climb.look, climb.failures = look, look.failures
    seen = tuple(Finding(verdict.code, verdict.detail) for verdict in look.seen)
    readings: dict[str, float | str] = {**look.measures}
    if climb.size is None:
        readings["resolution"] = f"{look.width}x{look.height}"
    ruled_out = look.ruled_out | {DECODE_FAILED.code, CHECK_FAILED.code}
    return RungOutcome(readings, seen, ruled_out, look_again=look.look_again)


_FAULTS = (*(check.fault for check in PICTURE_CHECKS), CHECK_FAILED)

PICTURE = Probe(
    Rung.PICTURE,
    _FAULTS,
    frozenset(),
    _climb,
    lambda timeouts: timeouts.picture + 1.0,
    CHECK_FAILED,
)
