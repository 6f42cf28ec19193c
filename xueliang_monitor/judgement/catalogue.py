"""The fault catalogue, derived from the declarations of the probes."""

from __future__ import annotations

from types import MappingProxyType

from xueliang_monitor.judgement.credentials import CREDENTIALS_REFUSED
from xueliang_monitor.judgement.health import FLAPPING
from xueliang_monitor.judgement.overload import MONITOR_OVERLOADED
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG
from xueliang_monitor.judgement.root_causes import HOST_DOWN, MONITOR_ISOLATED, UPLINK_DOWN
from xueliang_monitor.model import Fault
from xueliang_monitor.probing.rungs import PROBES

FLEET_FAULTS = (
    UPLINK_DOWN,
    HOST_DOWN,
    CREDENTIALS_REFUSED,
    FLAPPING,
    MONITOR_ISOLATED,
    CLOCK_WRONG,
    MONITOR_OVERLOADED,
)
"""Faults that no single visit can see."""

_PROBED = tuple(fault for probe in PROBES for fault in probe.faults)

FAULTS = MappingProxyType({fault.code: fault for fault in (*_PROBED, *FLEET_FAULTS)})


def fault(code: str) -> Fault:
    """Return the declaration of a fault.

    Raises:
        KeyError: no fault has that code.

    """
    return FAULTS[code]


def at_first_sight() -> frozenset[str]:
    """Return the codes that one visit confirms."""
    return frozenset(code for code, fault in FAULTS.items() if fault.at_first_sight)
