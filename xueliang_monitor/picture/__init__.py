"""Judges pictures. `checks` holds one file for each check; this module lists them in the order in which they run."""

from __future__ import annotations

from xueliang_monitor.picture.checks.black import BLACK
from xueliang_monitor.picture.checks.blank import BLANK
from xueliang_monitor.picture.checks.blurred import BLURRED
from xueliang_monitor.picture.checks.colour_cast import COLOUR_CAST
from xueliang_monitor.picture.checks.colourless import COLOURLESS
from xueliang_monitor.picture.checks.corrupted import CORRUPTED
from xueliang_monitor.picture.checks.covered import COVERED
from xueliang_monitor.picture.checks.dirty import DIRTY
from xueliang_monitor.picture.checks.frozen import FROZEN
from xueliang_monitor.picture.checks.low_contrast import LOW_CONTRAST
from xueliang_monitor.picture.checks.moved import MOVED
from xueliang_monitor.picture.checks.noisy import NOISY
from xueliang_monitor.picture.checks.rolling import ROLLING
from xueliang_monitor.picture.checks.shaking import SHAKING
from xueliang_monitor.picture.checks.striped import STRIPED
from xueliang_monitor.picture.checks.too_bright import TOO_BRIGHT
from xueliang_monitor.picture.checks.too_dark import TOO_DARK
from xueliang_monitor.picture.verdict import Check

PICTURE_CHECKS: tuple[Check, ...] = (
    BLACK,
    BLANK,
    TOO_DARK,
    TOO_BRIGHT,
    FROZEN,
    ROLLING,
    NOISY,
    SHAKING,
    LOW_CONTRAST,
    CORRUPTED,
    COVERED,
    STRIPED,
    MOVED,
    COLOUR_CAST,
    COLOURLESS,
    DIRTY,
    BLURRED,
)
"""All checks, in order. A fault that hides others leaves the later checks unknown, so the order matters.

A new check is one file in `checks` and one entry here.
"""
