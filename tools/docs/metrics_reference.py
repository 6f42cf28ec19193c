"""The metrics reference, read from a rendered scrape."""

from __future__ import annotations

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tools.docs.markdown import page, table
from tools.docs.sample import sample_fleet
from xueliang_monitor.metrics import SnapshotCollector, render


def _labels(family: Metric) -> str:
    names: tuple[str, ...] = tuple(getattr(family, "_labelnames", ()))
    return " ".join(f"`{name}`" for name in names)


def metrics() -> str:
    """Return the page of all metrics."""
    snapshot = sample_fleet().snapshot()
    labels = {family.name: _labels(family) for family in SnapshotCollector(snapshot).collect()}
    body, _ = render(snapshot, "")
    rows: dict[str, list[tuple[str, ...]]] = {"camera": [], "other": [], "process": []}
    for family in text_string_to_metric_families(body.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        row = (f"`{name}`", family.type, labels.get(family.name, ""), family.documentation)
        part = "process" if not name.startswith("xueliang_") else "other"
        rows["camera" if name.startswith("xueliang_camera_") else part].append(row)
    header = ("name", "type", "labels", "meaning")
    return page(
        "Metrics reference",
        "The daemon serves metrics at `/metrics` in the Prometheus text format or in OpenMetrics. Units are base units:"
        " seconds, bytes, hertz and ratios. A series is absent if its value is unknown; absent never means 0.",
        "Histograms have the suffixes `_bucket`, `_sum` and `_count`.",
        "## Cameras",
        table(header, rows["camera"]),
        "## Fleet and monitor",
        table(header, rows["other"]),
        "## Process",
        table(header, rows["process"]),
        "## Recording rules and alerts",
        "`deploy/prometheus/availability.rules.yml` records online rates of sites, programmes and the fleet."
        " `deploy/prometheus/alerts.rules.yml` holds the alerts. See [Alerts](../alerts.md).",
    )
