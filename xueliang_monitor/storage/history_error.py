"""The errors of the history."""

from __future__ import annotations


class HistoryError(Exception):
    """The history cannot be written or read; the text says why.

    `passing` says that the open connection can be used again once the cause is gone. Otherwise the history must be
    reopened.
    """

    passing = False


class PassingError(HistoryError):
    """The history cannot be used now: another process locks it, or the disk is full."""

    passing = True


class UnwritableError(HistoryError):
    """A value cannot be stored at all; other values can."""

    passing = True
