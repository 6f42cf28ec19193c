"""One parser under libFuzzer: python -m tests.fuzz_one PARSER CORPUS [libFuzzer's options]; started by tests.fuzz."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["xueliang_monitor.wire"]):
    from tests import fuzz

if __name__ == "__main__":
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: fuzz.try_one(name, data))
    atheris.Fuzz()
