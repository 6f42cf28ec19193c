"""Asks a camera for a keyframe if keyframes are rare (SetSynchronizationPoint, ONVIF Media 5.18)."""

from __future__ import annotations

from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.onvif_hints import LoginKind
from xueliang_monitor.probing.climbed import Climbed
from xueliang_monitor.probing.device_interview import conversation, note_login
from xueliang_monitor.probing.rung import VisitContext
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire.errors import OnvifResponseError

LONG_KEYFRAME_INTERVAL_SECONDS = 2.0


async def ask_for_keyframe(context: VisitContext, climbed: Climbed) -> bool:
    """Ask the camera for a keyframe now if that helps; return whether it was asked. Raises nothing but cancellation.

    A camera is asked if its keyframes are over 2 s apart, its file allows it, and its kind of login is known.
    """
    target, known = context.target.onvif, context.memory.device
    if target is None or not target.request_keyframe or known.hints.login is LoginKind.UNKNOWN:
        return False
    interval = known.keyframe_interval(target)
    profile = target.profile or (known.profiles[0].token if len(known.profiles) == 1 else "")
    if not profile or interval is None or interval <= LONG_KEYFRAME_INTERVAL_SECONDS:
        return False
    permission = await context.logins.onvif(context.started_at)
    async with await conversation(context, climbed, target, permission) as client:
        try:
            await client.request_keyframe(profile)
        except (NetError, OnvifResponseError, ShortageError):
            return False
        finally:
            note_login(context, client)
    return True
