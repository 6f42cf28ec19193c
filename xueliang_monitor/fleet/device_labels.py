"""What a device reports about itself as labels of metrics, held so that a device cannot make series without end. Pure.

A changed label is a new series, and Prometheus keeps each one. So a new value becomes a label only after the device
reported it in `CONFIRMATIONS` visits in a row, and a label changes at most `CHANGES_A_DAY` times in 24 hours. Page, API
and faults such as `firmware_changed` use the latest report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter

from xueliang_monitor.readings import Readings

CONFIRMATIONS = 2
CHANGES_A_DAY = 3
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class HeldLabel:
    """One label: its value, a value that may replace it, and the moments of the last changes.

    `reports` counts the visits in a row that reported `proposed`. Moments are seconds since the epoch.
    """

    value: str = ""
    proposed: str = ""
    reports: int = 0
    changes: tuple[float, ...] = ()

    def after(self, reported: str | None, at: float) -> HeldLabel:
        """Return the label after a visit at `at`; `reported` is None or empty if the visit did not learn a value."""
        if not reported:
            return self
        if reported == self.value:
            return replace(self, proposed="", reports=0) if self.reports else self
        if not self.value:
            return HeldLabel(reported)
        reports = self.reports + 1 if reported == self.proposed else 1
        recent = tuple(moment for moment in self.changes if 0 <= at - moment < DAY_SECONDS)
        if reports < CONFIRMATIONS or len(recent) >= CHANGES_A_DAY:
            return replace(self, proposed=reported, reports=min(reports, CONFIRMATIONS))
        return HeldLabel(reported, changes=(*recent, at))

    def moved(self, change: Callable[[float], float]) -> HeldLabel:
        """Return the same with every moment changed."""
        return replace(self, changes=tuple(map(change, self.changes))) if self.changes else self


@dataclass(frozen=True, slots=True)
class DeviceLabels:
    """The labels of one camera whose values the device chooses."""

    manufacturer: HeldLabel = field(default_factory=HeldLabel)
    model: HeldLabel = field(default_factory=HeldLabel)
    firmware: HeldLabel = field(default_factory=HeldLabel)
    codec: HeldLabel = field(default_factory=HeldLabel)
    resolution: HeldLabel = field(default_factory=HeldLabel)
    time_source: HeldLabel = field(default_factory=HeldLabel)
    time_zone: HeldLabel = field(default_factory=HeldLabel)
    ntp_server: HeldLabel = field(default_factory=HeldLabel)

    @property
    def values(self) -> tuple[str, ...]:
        """The values of what the device and its stream are, in the order of the fields."""
        held = (self.manufacturer, self.model, self.firmware, self.codec, self.resolution)
        return tuple(label.value for label in held)

    @property
    def time_values(self) -> tuple[str, ...]:
        """The values of how the device keeps its time, in the order of the fields."""
        return (self.time_source.value, self.time_zone.value, self.ntp_server.value)

    def after(self, reported: Readings, at: float) -> DeviceLabels:
        """Return the labels after a visit at `at` with these readings."""
        if not any(_REPORTED(reported)):
            return self
        return self._each(lambda name, label: label.after(getattr(reported, name), at))

    def continuing(self, stored: DeviceLabels) -> DeviceLabels:
        """Return the stored labels, and those of this process that were not stored."""

        def kept(name: str, label: HeldLabel) -> HeldLabel:
            before: HeldLabel = getattr(stored, name)
            return before if before.value else label

        return self._each(kept)

    def moved(self, change: Callable[[float], float]) -> DeviceLabels:
        """Return the same with every moment changed."""
        return self._each(lambda _, label: label.moved(change))

    def _each(self, change: Callable[[str, HeldLabel], HeldLabel]) -> DeviceLabels:
        """Return the labels with each one changed. The names of the fields are those of the readings."""
        return DeviceLabels(**{item.name: change(item.name, getattr(self, item.name)) for item in fields(self)})


_REPORTED: Callable[[Readings], tuple[str | None, ...]] = attrgetter(*(item.name for item in fields(DeviceLabels)))
