"""Writes metrics as text. With thousands of cameras nearly all of it are lines of gauges, which are written at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

END = b"# EOF\n"
"""What closes the OpenMetrics format."""

ZERO = "0.0\n"

Encoder = Callable[[Collector], bytes]
"""One of prometheus_client, as `choose_encoder` returns it."""


class GaugeLines(Metric):
    """A family of gauges that holds texts and numbers only, and writes its lines in one go."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, documentation, "gauge")
        self._labelnames = tuple(labels)
        self._order = sorted(range(len(labels)), key=labels.__getitem__)
        self._texts: list[str] = []
        self._numbers: list[float] = []

    def add_metric(self, labels: Sequence[str], value: float) -> None:
        """Add a series; `labels` are the values of its labels in the order of their names."""
        self._texts += map(_escaped, labels)
        self._numbers.append(value)

    def lines(self, pattern: str) -> Iterator[str]:
        """Return the lines of all series; `pattern` is a line with a `%s` for the value of each label, and one more."""
        columns = (self._texts[index :: len(self._order)] for index in self._order)
        return map(pattern.__mod__, zip(*columns, map(_number, self._numbers), strict=True))

    @property
    def pattern(self) -> Metric:
        """A family with one series, from which the encoder makes the head of this one and the pattern of its lines."""
        family = Metric(self.name, self.documentation, self.type)
        family.add_sample(self.name, dict.fromkeys(self._labelnames, "%s"), 0.0)  # written as `ZERO`
        return family


def single(name: str, text: str, value: float) -> Metric:
    """Return a family with one gauge without labels."""
    family = GaugeLines(name, text)
    family.add_metric([], value)
    return family


def total(name: str, text: str, value: float) -> Metric:
    """Return a family with one counter without labels."""
    family = CounterMetricFamily(name, text)
    family.add_metric([], value)
    return family


def counters(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    """Return a family of counters with one label, by its value."""
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


@dataclass(frozen=True, slots=True)
class _One(Collector):
    family: Metric

    def collect(self) -> Iterable[Metric]:
        return (self.family,)


_number: Callable[[float], str] = floatToGoString


@functools.lru_cache(maxsize=65_536)
def _escaped(value: str) -> str:
    """Return the value of a label as both formats write it."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _text(family: Metric, encode: Encoder) -> bytes:
    if not isinstance(family, GaugeLines):
        return encode(_One(family)).removesuffix(END)
    *head, line = encode(_One(family.pattern)).removesuffix(END).decode().splitlines(keepends=True)
    return "".join((*head, *family.lines(f"{line.removesuffix(ZERO)}%s\n"))).encode()


def written(families: Iterable[Metric], encode: Encoder) -> bytes:
    """Return the text of families in the format of an encoder."""
    parts = [_text(family, encode) for family in families]
    return b"".join((*parts, encode(_NOTHING)))


class _Nothing(Collector):
    def collect(self) -> Iterable[Metric]:
        return ()


_NOTHING = _Nothing()
