"""The ladder: one file a rung, in the order in which a visit climbs."""

from __future__ import annotations

from xueliang_monitor.probing.rung import Probe
from xueliang_monitor.probing.rungs.onvif import ONVIF
from xueliang_monitor.probing.rungs.picture import PICTURE
from xueliang_monitor.probing.rungs.reach import REACH
from xueliang_monitor.probing.rungs.rtsp import RTSP
from xueliang_monitor.probing.rungs.stream import STREAM

LADDER: tuple[Probe, ...] = (REACH, RTSP, STREAM, PICTURE)

PROBES: tuple[Probe, ...] = (*LADDER, ONVIF)
"""Every probe: the ladder, and what stands beside it."""
