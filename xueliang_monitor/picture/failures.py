"""Counts exceptions in checks and steps of looks, and logs the first of each kind with its traceback."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from xueliang_monitor.model import CheckFailure

log = logging.getLogger(__name__)


class Failures:
    """The failures since the start: a count by check, and the kinds already logged."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._logged: set[tuple[str, str]] = set()

    def copy(self) -> Failures:
        """Return an independent copy."""
        copied = Failures()
        copied._counts, copied._logged = self._counts.copy(), set(self._logged)
        return copied

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each check or step failed."""
        return dict(self._counts)

    def take(self, camera: str, failures: Sequence[CheckFailure]) -> None:
        """Count the failures of one look, and log each kind that was not logged before."""
        for failure in failures:
            self._counts[failure.check] += 1
            kind = failure.check, failure.kind
            if kind not in self._logged:
                self._logged.add(kind)
                log.error(
                    "camera %s: %s failed with %s and judges nothing in this picture; later ones are only counted\n%s",
                    camera, failure.check, failure.kind, failure.trace,
                )  # fmt: skip
