"""The audit log: one JSON line for each view of an evidence picture and each action on the page."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.wire.printable import escaped

log = logging.getLogger(__name__)

FILE = "audit.log"
MAX_BYTES = 4 * 1024 * 1024
"""A larger log is renamed to `audit.log.1` and replaces the previous one."""


class Audit:
    """The audit log of one installation."""

    def __init__(self, state: Path) -> None:
        self._file = state / FILE

    def note(self, who: str, where: str, action: str, **what: str) -> bool:
        """Write one line: who did what, and from which address. Return whether it could be written."""
        now = iso_utc(time.time())
        line = json.dumps({"at": now, "user": who, "from": where, "action": action, **what}, ensure_ascii=False)
        try:
            if self._file.exists() and self._file.stat().st_size > MAX_BYTES:
                self._file.replace(self._file.with_name(f"{FILE}.1"))
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as stream:
                stream.write(escaped(line) + "\n")
        except OSError as error:
            log.error("%s: cannot be written: %s; the request is denied", self._file, error.strerror)  # noqa: TRY400
            return False
        return True
