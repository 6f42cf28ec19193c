"""Every rung, one file each. A new rung is a file here and its name in `PROBES`."""

from __future__ import annotations

from xueliang_monitor.probing.rung import Probe
from xueliang_monitor.probing.rungs.onvif import ONVIF
from xueliang_monitor.probing.rungs.picture import PICTURE
from xueliang_monitor.probing.rungs.reach import REACH
from xueliang_monitor.probing.rungs.rtsp import RTSP
from xueliang_monitor.probing.rungs.stream import STREAM

PROBES: tuple[Probe, ...] = (REACH, RTSP, STREAM, PICTURE, ONVIF)
"""In the order in which a visit climbs them; those beside the ladder come last."""

LADDER = tuple(probe for probe in PROBES if probe.beside is None)
BESIDE = tuple(probe for probe in PROBES if probe.beside is not None)

BESIDE_RUNGS = frozenset(probe.rung for probe in BESIDE)

OFFLINE_RUNGS = frozenset(probe.rung for probe in PROBES if probe.offline)
"""A camera at which one of these fails is offline."""

TIMED = frozenset(fault.code for probe in PROBES for fault in probe.timed)
"""Faults that a starved monitor may wrongly see on a healthy camera, because time passed while it did not run."""
