"""The sample fleet that ships with the program."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def sample_fleet() -> Path:
    """Return the path of a CSV file of 147 cameras on loopback, in the format of `xueliang camera import`."""
    return Path(str(resources.files("xueliang_monitor.simulator") / "fleet.csv"))


def sample_topology() -> Path:
    """Return the path of a file that says what those cameras hang on, in the format of `uplinks.yaml`."""
    return Path(str(resources.files("xueliang_monitor.simulator") / "uplinks.yaml"))
