"""Fourth rung: can the keyframe be decoded, and is the picture usable?"""

from __future__ import annotations

import time

from xueliang_monitor.model import Fault, FaultSeen, Finding, Rung, Severity, Text
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.look import LookError, Material
from xueliang_monitor.picture.worker import WorkerError
from xueliang_monitor.probing.climbed import Climbed, Examined, Played
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.rungs.stream import DECODE_FAILED
from xueliang_monitor.readings import Readings

CHECK_FAILED = Fault(
    "check_failed",
    Rung.MONITOR,
    Severity.WARNING,
    name=Text("Check failed", "监控程序自身出错，未能检测"),
    cause=Text(
        "The monitor itself could not check this camera. The state of the camera is unknown.",
        "监控程序自身出错，未能检测；摄像机状态未知。",
    ),
    advice=Text(
        "Fix the cause in the detail, such as the open-files limit or the DNS server. Else read the monitor's log.",
        "按详情处理（如提高打开文件数上限、恢复 DNS 服务器）；否则查看监控程序日志。",
    ),
)


def _local_hour(now: float) -> float:
    """Return the local hour of the day; the monitor is in the cameras' time zone."""
    moment = time.localtime(now)
    return moment.tm_hour + moment.tm_min / 60


async def _climb(context: VisitContext, climbed: Climbed, seconds: float) -> RungOutcome:
    played = climbed.need(Played)
    keyframe = played.keyframe
    try:
        material = Material(
            keyframe.codec.value,
            keyframe.data,
            played.following,
            played.motion_ratio,
            hour=_local_hour(context.now()),
            rules=context.target.picture,
        )
        look = await context.workers.look(material, context.memory.reference, seconds=seconds)
    except WorkerError as error:
        raise FaultSeen(CHECK_FAILED, str(error)) from error
    except LookError as error:
        raise FaultSeen(CHECK_FAILED, str(error), failures=(error.failure,)) from error
    if look is None:
        size = f"{len(keyframe.data)} bytes"
        raise FaultSeen(DECODE_FAILED, f"a {keyframe.codec} keyframe of {size} could not be decoded")
    resolution = f"{look.width}x{look.height}" if played.size is None else None
    return RungOutcome(
        Readings(resolution=resolution, measures=look.measures),
        seen=tuple(Finding(verdict.code, verdict.detail) for verdict in look.seen),
        ruled_out=look.ruled_out | {DECODE_FAILED.code, CHECK_FAILED.code},
        look_again=look.look_again,
        value=Examined(look),
        failures=look.failures,
    )


PICTURE = Probe(
    rung=Rung.PICTURE,
    title=Text("Picture", "画面"),
    summary=Text(
        "The monitor decodes the picture, measures it and compares it with the camera's past.",
        "解码并测量画面，与该摄像机以往的画面比较。",
    ),
    faults=(*(check.fault for check in PICTURE_CHECKS), CHECK_FAILED),
    timed_out=CHECK_FAILED,
    climb=_climb,
    timeout_seconds=10.0,
    grace_seconds=1.0,
    after_session=True,
)
