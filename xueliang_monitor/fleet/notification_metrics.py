"""The metrics of the systems that are told of problems."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from xueliang_monitor.fleet.notification_status import NotificationStatus
from xueliang_monitor.wire.exposition import GaugeLines, counters


def families(status: NotificationStatus) -> Iterator[Metric]:
    """Yield all families; they have no series without the setting."""
    up = GaugeLines("xueliang_alertmanager_up", "1 if the last call of Alertmanager worked, else 0.")
    placed = GaugeLines("xueliang_alertmanager_silences", "Silences at Alertmanager for acknowledged problems.")
    missing = GaugeLines("xueliang_alertmanager_silences_waiting", "Silences that could not be placed yet.")
    if (known := status.alertmanager) is not None:
        up.add_metric([], float(known.trouble is None))
        placed.add_metric([], known.placed)
        missing.add_metric([], known.waiting)
    yield from (up, placed, missing)
    webhooks = status.webhooks
    answering = GaugeLines("xueliang_webhook_up", "1 if the last event was accepted, else 0.", ("webhook",))
    waiting = GaugeLines("xueliang_webhook_waiting", "Events that the webhook has not accepted yet.", ("webhook",))
    for name, each in webhooks.items():
        answering.add_metric([name], float(each.trouble is None))
        waiting.add_metric([name], each.waiting)
    yield from (answering, waiting)
    sent = {name: each.sent for name, each in webhooks.items()}
    yield counters("xueliang_webhook_sent", "Events that the webhook accepted.", "webhook", sent)
    text = "Events that were dropped, as they were too old or too many."
    given_up = {name: each.given_up for name, each in webhooks.items()}
    yield counters("xueliang_webhook_given_up", text, "webhook", given_up)
