"""What a device reports about itself as labels of metrics, held so that a device cannot make series without end. Pure.

A changed label is a new series, and Prometheus keeps each one. So a new value becomes a label only after the device
reported it in `CONFIRMATIONS` visits in a row, and a label changes at most `CHANGES_A_DAY` times in 24 hours. Page, API
and faults such as `firmware_changed` use the latest report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

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

    @property
    def values(self) -> tuple[str, ...]:
        """The values in the order of the fields."""
        held = (self.manufacturer, self.model, self.firmware, self.codec, self.resolution)
        return tuple(label.value for label in held)

    def after(self, reported: Readings, at: float) -> DeviceLabels:
        """Return the labels after a visit at `at` with these readings."""
        return DeviceLabels(
            self.manufacturer.after(reported.manufacturer, at),
            self.model.after(reported.model, at),
            firmware=self.firmware.after(reported.firmware, at),
            codec=self.codec.after(reported.codec, at),
            resolution=self.resolution.after(reported.resolution, at),
        )

    def continuing(self, stored: DeviceLabels) -> DeviceLabels:
        """Return the stored labels, and those of this process that were not stored."""
        return DeviceLabels(
            stored.manufacturer if stored.manufacturer.value else self.manufacturer,
            stored.model if stored.model.value else self.model,
            firmware=stored.firmware if stored.firmware.value else self.firmware,
            codec=stored.codec if stored.codec.value else self.codec,
            resolution=stored.resolution if stored.resolution.value else self.resolution,
        )

    def moved(self, change: Callable[[float], float]) -> DeviceLabels:
        """Return the same with every moment changed."""
        return DeviceLabels(
            self.manufacturer.moved(change),
            self.model.moved(change),
            firmware=self.firmware.moved(change),
            codec=self.codec.moved(change),
            resolution=self.resolution.moved(change),
        )
