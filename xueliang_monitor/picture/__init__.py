"""Judging pictures: one file a check in `checks`, in the order in which they are asked."""

from __future__ import annotations

from xueliang_monitor.picture.checks.black import BLACK
from xueliang_monitor.picture.checks.blank import BLANK
from xueliang_monitor.picture.checks.blurred import BLURRED
from xueliang_monitor.picture.checks.covered import COVERED
from xueliang_monitor.picture.checks.frozen import FROZEN
from xueliang_monitor.picture.checks.too_bright import TOO_BRIGHT
from xueliang_monitor.picture.verdict import Check

PICTURE_CHECKS: tuple[Check, ...] = (BLACK, TOO_BRIGHT, BLANK, FROZEN, COVERED, BLURRED)
