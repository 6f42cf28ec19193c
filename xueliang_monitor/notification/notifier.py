"""All that other systems are told, as background tasks of the daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.notification.alertmanager import Alertmanager
from xueliang_monitor.notification.webhooks import Webhooks


class Notifier:
    """Alertmanager and the webhooks of an installation; `installation` returns the one in force."""

    def __init__(self, fleet: Fleet, clock: Clock, installation: Callable[[], Installation]) -> None:
        alertmanager, webhooks = Alertmanager(fleet, clock, installation), Webhooks(fleet, clock, installation)
        self.tasks: Mapping[str, Callable[[], Awaitable[None]]] = {
            "alertmanager": alertmanager.run,
            "webhooks": webhooks.run,
        }
