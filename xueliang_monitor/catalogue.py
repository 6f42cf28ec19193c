"""The fault catalogue, derived from what the probes declare."""

from __future__ import annotations

from types import MappingProxyType

from xueliang_monitor.model import Fault
from xueliang_monitor.probes import PROBES

FAULTS = MappingProxyType({fault.code: fault for probe in PROBES for fault in probe.faults})


def fault(code: str) -> Fault:
    """Return the declaration of a fault.

    Raises:
        KeyError: there is none of that code.

    """
    return FAULTS[code]


def at_first_sight() -> frozenset[str]:
    """Return the codes of which one sight is enough."""
    return frozenset(code for code, fault in FAULTS.items() if fault.at_first_sight)
