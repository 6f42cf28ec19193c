"""Tells serial numbers that identify one device from those that a whole make shares. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from xueliang_monitor.configuration.camera_file import CameraFile, Lifecycle
from xueliang_monitor.configuration.camera_sections import IdentitySection
from xueliang_monitor.net.host_validation import canonical_host

SHORTEST = 5
"""Numbers with fewer characters are counters or placeholders."""

_ORDER = "0123456789abcdefghijklmnopqrstuvwxyz"
_TENS = "0123456789" * 4
_MARKS = re.compile(r"[\W_]+")
_PREFIX = re.compile(r"^(?:sn|serialnumber|serialno|serial|no)(?=\d)")
_BLOCK = re.compile(r"(.{1,3}?)\1+")
"""A block of up to three characters that is repeated, such as 000000 and 123123."""


class RegisteredCamera(NamedTuple):
    """A registered camera, to compare with."""

    id: str
    data: CameraFile


def identifies(who: IdentitySection) -> bool:
    """Return whether the serial number of a device may be its own, and not one that all units of its make report.

    Tuya's cameras all report 0123456789. Others report nothing, zeros, a word, or their model in its place.
    """
    serial = _plain(who.serial)
    if serial in {_plain(each) for each in (who.manufacturer, who.model, who.hardware, who.firmware)}:
        return False
    serial = _PREFIX.sub("", serial)
    return len(serial) >= SHORTEST and any(each.isdigit() for each in serial) and not _is_pattern(serial)


def _plain(text: str) -> str:
    return _MARKS.sub("", text.casefold())


def _is_pattern(serial: str) -> bool:
    """Return whether a number is one that a person types: 000000, 123456, 987654, 121212, 001122334455."""
    if _BLOCK.fullmatch(serial):
        return True
    doubled = serial[::2] if serial[::2] == serial[1::2] else ""
    for each in filter(None, (serial, doubled)):
        if any(each in order or each[::-1] in order for order in (_ORDER, _TENS)):
            return True
    return False


def same_serial(new: CameraFile, others: Iterable[RegisteredCamera]) -> RegisteredCamera | None:
    """Return the camera at another address with the serial number of a new one; None if that tells nothing.

    At one address, cameras with one serial number are channels of a device. A number that cameras at several addresses
    have already is shared.
    """
    if new.identity is None or not identifies(new.identity):
        return None
    serial, host = _plain(new.identity.serial), canonical_host(new.address)
    same = [
        other
        for other in others
        if other.data.status is not Lifecycle.RETIRED
        and other.data.identity is not None
        and _plain(other.data.identity.serial) == serial
        and canonical_host(other.data.address) != host
    ]
    hosts = {canonical_host(other.data.address) for other in same}
    return same[0] if len(hosts) == 1 else None
