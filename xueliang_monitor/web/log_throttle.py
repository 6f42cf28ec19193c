"""Keeps strangers from filling the log: at most one line of a kind in a while, with the count of those left out."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp.http_exceptions import HttpProcessingError

EVERY_SECONDS = 60.0
MOST_KINDS = 256


class LogThrottle:
    """Decides which lines are written."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def due(self, kind: str) -> str | None:
        """Return what to append to a line of a kind, or None if the line is to be left out."""
        now = self._clock()
        written_at, left_out = self._kinds.get(kind, (-EVERY_SECONDS, 0))
        if now - written_at < EVERY_SECONDS:
            self._kinds[kind] = written_at, left_out + 1
            return None
        self._kinds[kind] = now, 0
        self._kinds.move_to_end(kind)
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return f" ({left_out} more since the last such line)" if left_out else ""


class ServerErrors(logging.Filter):
    """Passes errors of this program from aiohttp's log, each place once in a while, and no malformed requests."""

    def __init__(self) -> None:
        super().__init__()
        self._throttle = LogThrottle()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (HttpProcessingError, ConnectionError)):  # malformed, or the client left
            return False
        trace = error.__traceback__ if error is not None else None
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{type(error).__name__} {trace.tb_lineno if trace is not None else record.msg}"
        return self._throttle.due(place) is not None
