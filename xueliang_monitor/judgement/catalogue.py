"""The fault catalogue, derived from what the probes declare."""

from __future__ import annotations

from types import MappingProxyType

from xueliang_monitor.judgement.health import FLAPPING
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG
from xueliang_monitor.judgement.uplinks import UPLINK_DOWN
from xueliang_monitor.model import Fault, Text
from xueliang_monitor.probing.rungs import PROBES

TOGETHER = (UPLINK_DOWN, FLAPPING, CLOCK_WRONG)
"""Faults that no single visit sees."""

_SEEN = tuple(fault for probe in PROBES for fault in probe.faults)

FAULTS = MappingProxyType({fault.code: fault for fault in (*_SEEN, *TOGETHER)})

CAUSES = MappingProxyType(
    {
        "not_visited": Text("not visited yet", "尚未检测"),
        "not_judged": Text("not judged yet", "尚未判定"),
        "uplink_down": Text("behind a dead uplink", "上联中断"),
        "stale": Text("not visited lately", "长时间未检测"),
        "check_failed": Text("the check itself failed", "检测自身失败"),
    }
)
"""Why the state of a camera is unknown, by the `cause` of its status."""


def fault(code: str) -> Fault:
    """Return the declaration of a fault.

    Raises:
        KeyError: there is none of that code.

    """
    return FAULTS[code]


def at_first_sight() -> frozenset[str]:
    """Return the codes of which one sight is enough."""
    return frozenset(code for code, fault in FAULTS.items() if fault.at_first_sight)
