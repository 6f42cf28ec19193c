"""A rung that a test adds to a copy of the package: does the stream carry sound?"""

from __future__ import annotations

from xueliang_monitor.model import Fault, FaultSeen, Rung, Severity, Text
from xueliang_monitor.probing.climbed import Climbed, Described
from xueliang_monitor.probing.rung import Probe, RungOutcome, VisitContext

NAME = Rung("audio")

NO_SOUND = Fault(
    "no_sound",
    NAME,
    Severity.WARNING,
    Text("No sound", "无音频"),
    Text("The camera offers no audio track.", "摄像机没有音频轨道。"),
    Text("Switch the microphone on.", "启用麦克风。"),
)


async def _climb(_context: VisitContext, climbed: Climbed, _seconds: float) -> RungOutcome:
    if len(climbed.need(Described).description.session.videos) == 1:
        raise FaultSeen(NO_SOUND, "the camera offers a video track only")
    return RungOutcome()


AUDIO = Probe(
    rung=NAME,
    title=Text("Sound", "音频"),
    summary=Text("The monitor looks for an audio track.", "检查码流中是否有音频轨道。"),
    faults=(NO_SOUND,),
    excludes=frozenset({NO_SOUND.code}),
    timed_out=NO_SOUND,
    climb=_climb,
    interval_seconds=120.0,
    timeout_seconds=4.0,
    confirmations=5,
)
