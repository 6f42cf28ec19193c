"""The text of metrics is what prometheus_client writes, in every format that a scrape may ask for."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from xueliang_monitor.wire.exposition import GaugeLines, written

NAMES = ("site", "camera", "programme")
SERIES = (
    (["plain", "cam-1", ""], 1.0),
    (['quotes " and \\', "line\nfeed", "100 % %s"], 0.1),
    (["监控", "cam-2", "p"], 1_790_000_000.25),
    (["inf", "cam-3", "p"], math.inf),
    (["nan", "cam-4", "p"], math.nan),
)
FORMATS = (
    "",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;escaping=dots",
    "application/openmetrics-text;version=1.0.0;escaping=values",
)


class _All(Collector):
    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families


@pytest.mark.parametrize("accept", FORMATS)
def test_lines_are_as_prometheus_client_writes_them(accept: str) -> None:
    text = 'Help "\\"\n.'
    ours, theirs = GaugeLines("a_gauge", text, NAMES), GaugeMetricFamily("a_gauge", text, labels=NAMES)
    for labels, value in SERIES:
        ours.add_metric(labels, value)
        theirs.add_metric(labels, value)
    alone, known = GaugeLines("alone", "Alone."), GaugeMetricFamily("alone", "Alone.")
    alone.add_metric([], 2.0)
    known.add_metric([], 2.0)
    counted = CounterMetricFamily("counted", "Counted.", labels=("kind",))
    counted.add_metric(["a"], 3)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All(theirs, known, GaugeMetricFamily("none", "None."), counted))
    encoder, _ = choose_encoder(accept)
    assert written((ours, alone, GaugeLines("none", "None."), counted), encoder) == encoder(registry)
