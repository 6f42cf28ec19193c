"""The fleet that comes with the program, for when no other is named."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def sample_fleet() -> Path:
    """Return the CSV of 147 cameras on loopback, in the columns that `xueliang camera import` reads."""
    return Path(str(resources.files("xueliang_monitor.simulator") / "fleet.csv"))
