"""Fourth rung: can the keyframe be decoded, and is the picture usable?"""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager

from xueliang_monitor.model import Fault, FaultSeen, Finding, Rung, Severity, Text
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.checks.covered import COVERED
from xueliang_monitor.picture.checks.moved import MOVED
from xueliang_monitor.picture.look import LookError, Material
from xueliang_monitor.picture.sun import sun_height_degrees
from xueliang_monitor.picture.worker import WorkerError
from xueliang_monitor.probing.climbed import Climbed, Examined, Played
from xueliang_monitor.probing.dome_aim import aim_after, aim_of, past_of, steady_of
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext
from xueliang_monitor.probing.stream_faults import DECODE_FAILED
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


_OF_A_PLACE = frozenset({COVERED.fault.code, MOVED.fault.code})


def _local_hour(now: float) -> float:
    """Return the local hour of the day; the monitor is in the cameras' time zone."""
    moment = time.localtime(now)
    return moment.tm_hour + moment.tm_min / 60


def _sun_degrees(context: VisitContext) -> float | None:
    """Return the height of the sun at the camera; None if its position is not known."""
    place = context.target.position
    return None if place is None else sun_height_degrees(context.now(), *place)


async def _climb(context: VisitContext, climbed: Climbed, seconds: float) -> RungOutcome:
    played = climbed.need(Played)
    keyframe, aim = played.keyframe, aim_of(climbed)
    moves, past = aim is not None and steady_of(context.memory, aim) is None, past_of(context.memory, aim)
    try:
        material = Material(
            keyframe.codec.value,
            keyframe.data,
            () if moves else played.following,
            played.motion_ratio,
            hour=_local_hour(context.now()),
            sun_degrees=_sun_degrees(context),
            rules=context.target.picture,
        )
        look = await context.workers.look_in_turn(material, past, seconds=seconds)
    except WorkerError as error:
        raise FaultSeen(CHECK_FAILED, str(error)) from error
    except LookError as error:
        raise FaultSeen(CHECK_FAILED, str(error), failures=(error.failure,)) from error
    if look is None:
        size = f"{len(keyframe.data)} bytes"
        raise FaultSeen(DECODE_FAILED, f"a {keyframe.codec} keyframe of {size} could not be decoded")
    # Without a past of the place where it looks, a dome that was covered or turned elsewhere may be so still.
    untold = _OF_A_PLACE if aim is not None and (past is None or not past.learned) else frozenset()
    resolution = f"{look.width}x{look.height}" if played.size is None else None
    return RungOutcome(
        Readings(resolution=resolution, measures=look.measures),
        seen=tuple(Finding(verdict.code, verdict.detail) for verdict in look.seen),
        ruled_out=(look.ruled_out - untold) | {DECODE_FAILED.code, CHECK_FAILED.code},
        look_again=look.look_again,
        value=Examined(look),
        failures=look.failures,
    )


def _free_worker(context: VisitContext) -> AbstractAsyncContextManager[None]:
    return context.workers.turn(context.rank)


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
    prepare=aim_after,
    turn=_free_worker,
    timeout_seconds=10.0,
    grace_seconds=60.0,  # the workers watch their time themselves, and give more of it on a busy machine
    after_session=True,
)
