"""Whether a system can be told, logged once when that changes."""

from __future__ import annotations

import logging
from collections.abc import Callable

from xueliang_monitor.fleet.notification_status import DestinationStatus, Trouble
from xueliang_monitor.notification.http_client import CallError

log = logging.getLogger(__name__)


class Condition:
    """The condition of one system, named as in log lines; `now` returns seconds since the epoch."""

    def __init__(self, name: str, status: DestinationStatus, now: Callable[[], float]) -> None:
        self.status = status
        self._name = name
        self._now = now

    def failed(self, error: CallError) -> None:
        """Take a failed call; it is logged if it is the first, or fails in another way."""
        known = self.status
        if (error.trouble, error.status) != (known.trouble, known.http_status):
            log.warning("%s: %s; it is tried again, and monitoring goes on", self._name, error)
        known.trouble, known.http_status = error.trouble, error.status
        if known.failing_since is None:
            known.failing_since = self._now()

    def lacks_secret(self) -> None:
        """Take that its secret cannot be read; the settings' own message says which file and why."""
        if self.status.trouble is not Trouble.UNREADABLE:
            self.failed(CallError(Trouble.UNREADABLE, "its secret cannot be read, see xueliang config check"))

    def worked(self) -> None:
        """Take a call that worked."""
        known = self.status
        if known.failing_since is not None:
            log.info("%s: works again after %.0f s", self._name, max(0.0, self._now() - known.failing_since))
        known.trouble, known.http_status, known.failing_since = None, 0, None
