"""The log lines of transitions, in logfmt or JSON, with the priorities of systemd's journal."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Severity
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.wire.printable import escaped

log = logging.getLogger("xueliang_monitor.events")

_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_PLAIN = re.compile(r"[\w.:/+%-]+")


class LineFormatter(logging.Formatter):
    """Formats a record so that no text in it can be taken for another record or for a command to the terminal.

    Characters that are not printable are escaped. Only line feeds begin a new line, and those after the first, such as
    the lines of a traceback, are indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        first, *others = escaped(super().format(record)).split("\n")
        return "\n".join([first, *(f"  {line}" for line in others)])


class PriorityFormatter(LineFormatter):
    """Prefixes each line with its priority for systemd's journal (sd-daemon(3)). The journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each with a priority prefix."""
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).split("\n"))


def under_journal() -> bool:
    """Return whether standard error goes to systemd's journal."""
    return "JOURNAL_STREAM" in os.environ


def logfmt(fields: Mapping[str, object]) -> str:
    """Return fields as `key=value` pairs, quoted if necessary."""
    pairs = []
    for key, value in fields.items():
        text = str(value)
        pairs.append(f"{key}={text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)}")
    return " ".join(pairs)


def fields_of(item: Transition, camera: Camera | None) -> dict[str, object]:
    """Return the fields of a transition in the order of the log line."""
    fields: dict[str, object] = {"event": item.kind.value}
    if item.camera:
        fields["camera"] = item.camera
        if camera is not None:
            fields["site"] = camera.site
    if item.uplink:
        fields["uplink"] = item.uplink
    if item.login:
        fields["login"] = item.login
    if item.kind is TransitionKind.STATE:
        return fields | {"state": item.code}
    fields["fault"] = item.code
    if item.code in FAULTS:
        fields["severity"] = FAULTS[item.code].severity.value
    if item.since is not None:
        fields["since"] = iso_utc(item.since)
        if item.kind is TransitionKind.CLEARED:
            fields["duration"] = f"{max(0.0, item.at - item.since):.0f}s"
    if item.detail:
        fields["cause"] = item.detail
    return fields


def _level(item: Transition) -> int:
    if item.kind is not TransitionKind.RAISED:
        return logging.INFO
    declared = FAULTS.get(item.code)
    return logging.ERROR if declared and declared.severity is Severity.CRITICAL else logging.WARNING


class Journal:
    """Writes transitions to the log; `form` is `logfmt` or `json` and may be replaced."""

    def __init__(self, form: str, camera_of: Callable[[str], Camera | None]) -> None:
        self.form = form
        self._camera_of = camera_of

    def write(self, transitions: tuple[Transition, ...]) -> None:
        """Write one line for each transition."""
        for item in transitions:
            fields = fields_of(item, self._camera_of(item.camera))
            line = json.dumps(fields, ensure_ascii=False) if self.form == "json" else logfmt(fields)
            log.log(_level(item), "%s", line)
