"""How the systems that are told of problems are doing, as pages and metrics show it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace


class Trouble(enum.StrEnum):
    """Why a system cannot be told; pages show it in the reader's language.

    `STATUS` is an answer with an error, `UNREADABLE` a secret that cannot be read.
    """

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    STATUS = "status"
    UNREADABLE = "unreadable"


@dataclass(slots=True)
class DestinationStatus:
    """The condition of one system that is told of problems.

    Attributes:
        waiting: events or silences that it was not told yet.
        placed: silences in force there.
        sent: events that it accepted since the start.
        given_up: events that were dropped since the start, as they were too old or too many.
        trouble: why it cannot be told; None while it can.
        http_status: what it answered, for `Trouble.STATUS`.
        failing_since: since when it cannot be told, in seconds since the epoch.

    """

    waiting: int = 0
    placed: int = 0
    sent: int = 0
    given_up: int = 0
    trouble: Trouble | None = None
    http_status: int = 0
    failing_since: float | None = None


@dataclass(slots=True)
class NotificationStatus:
    """The condition of all systems that are told; `alertmanager` is None without `alertmanager_url`."""

    alertmanager: DestinationStatus | None = None
    webhooks: dict[str, DestinationStatus] = field(default_factory=dict)

    def copy(self) -> NotificationStatus:
        """Return an independent copy."""
        alertmanager = None if self.alertmanager is None else replace(self.alertmanager)
        return NotificationStatus(alertmanager, {name: replace(each) for name, each in self.webhooks.items()})
