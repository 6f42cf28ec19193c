"""Limits how often cameras are checked on demand."""

from __future__ import annotations

from collections import deque

AGAIN_SECONDS = 20.0
"""Least time between two checks of one camera on demand."""

A_MINUTE = 12
"""Most checks on demand in a minute, of all cameras and users together."""


class Checks:
    """The cameras that were checked on demand during the last minute."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._all: deque[float] = deque(maxlen=A_MINUTE)

    def may(self, camera: str, now: float) -> bool:
        """Return whether a camera may be checked now, and record the check if so. `now` is in monotonic seconds."""
        if now - self._last.get(camera, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return False
        if len(self._all) == A_MINUTE and now - self._all[0] < 60.0:
            return False
        self._last = {name: at for name, at in self._last.items() if now - at < AGAIN_SECONDS} | {camera: now}
        self._all.append(now)
        return True
