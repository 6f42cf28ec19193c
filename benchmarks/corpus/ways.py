"""The ways in which faults and healthy changes are made, by name."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.corpus.faults import FAULTS, Maker
from benchmarks.corpus.negatives import NEGATIVES
from benchmarks.corpus.other_faults import OTHER_FAULTS
from benchmarks.corpus.third_faults import THIRD_FAULTS
from benchmarks.corpus.third_negatives import THIRD_NEGATIVES

WAYS: dict[str, tuple[Mapping[str, Maker], Mapping[str, Maker]]] = {
    "first": (FAULTS, NEGATIVES),
    "other": (OTHER_FAULTS, NEGATIVES),
    "third": (THIRD_FAULTS, THIRD_NEGATIVES),
}
