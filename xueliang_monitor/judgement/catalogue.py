"""The fault catalogue, derived from what the probes declare."""

from __future__ import annotations

from types import MappingProxyType

from xueliang_monitor.judgement.health import FLAPPING
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG
from xueliang_monitor.judgement.uplinks import UPLINK_DOWN
from xueliang_monitor.model import Fault
from xueliang_monitor.probing.rungs import PROBES

TOGETHER = (UPLINK_DOWN, FLAPPING, CLOCK_WRONG)
"""Faults that no single visit sees."""

_SEEN = tuple(fault for probe in PROBES for fault in probe.faults)

FAULTS = MappingProxyType({fault.code: fault for fault in (*_SEEN, *TOGETHER)})


def fault(code: str) -> Fault:
    """Return the declaration of a fault.

    Raises:
        KeyError: there is none of that code.

    """
    return FAULTS[code]


def at_first_sight() -> frozenset[str]:
    """Return the codes of which one sight is enough."""
    return frozenset(code for code, fault in FAULTS.items() if fault.at_first_sight)
