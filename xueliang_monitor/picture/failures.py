"""Counts the failures of our own in looks by check, and logs the first of each kind with its traceback."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from xueliang_monitor.model import CheckFailure

log = logging.getLogger(__name__)


class Failures:
    """What failed since the start: a count by check, and the kinds that were logged."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()

    def copy(self) -> Failures:
        """Return an independent copy."""
        copied = Failures()
        copied._counts, copied._told = self._counts.copy(), set(self._told)
        return copied

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each check or step failed."""
        return dict(self._counts)

    def take(self, camera: str, failures: Sequence[CheckFailure]) -> None:
        """Count the failures of one look, and log those of a kind that was not logged yet."""
        for failure in failures:
            self._counts[failure.check] += 1
            kind = failure.check, failure.kind
            if kind not in self._told:
                self._told.add(kind)
                log.error(
                    "camera %s: %s itself failed with %s, and tells nothing of this picture; counted from now on\n%s",
                    camera, failure.check, failure.kind, failure.trace,
                )  # fmt: skip
