"""The ladder: one file a rung, in the order in which a visit climbs."""

from __future__ import annotations

from xueliang_monitor.probes.climb import Probe
from xueliang_monitor.probes.onvif import ONVIF
from xueliang_monitor.probes.picture import PICTURE
from xueliang_monitor.probes.reach import REACH
from xueliang_monitor.probes.rtsp import RTSP
from xueliang_monitor.probes.stream import STREAM

LADDER: tuple[Probe, ...] = (REACH, RTSP, STREAM, PICTURE)

PROBES: tuple[Probe, ...] = (*LADDER, ONVIF)
"""Every probe: the ladder, and what stands beside it."""
