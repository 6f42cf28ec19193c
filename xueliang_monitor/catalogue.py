"""The fault catalogue, derived from what the probes declare."""

from __future__ import annotations

from types import MappingProxyType

from xueliang_monitor.model import Fault
from xueliang_monitor.probes import LADDER

FAULTS = MappingProxyType({fault.code: fault for probe in LADDER for fault in probe.faults})


def fault(code: str) -> Fault:
    """Return the declaration of a fault.

    Raises:
        KeyError: there is none of that code.

    """
    return FAULTS[code]
