"""One place to add: the files of a folder and the tuple that lists them agree."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import xueliang_monitor
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.probing.rungs import PROBES

PACKAGE = Path(xueliang_monitor.__file__).parent


def test_every_picture_check_is_listed_and_named_after_its_file() -> None:
    files = {path.stem for path in (PACKAGE / "picture" / "checks").glob("*.py")} - {"__init__"}
    assert files == {probe.rung.value for probe in PROBES}


def test_every_fault_is_declared_once_and_in_both_languages() -> None:
    declared = [fault.code for probe in PROBES for fault in probe.faults]
    assert len(declared) == len(set(declared))
    for fault in FAULTS.values():
        for text in (fault.name, fault.cause, fault.advice):
            assert text.en
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh)


def test_the_daemon_loads_no_decoder() -> None:
    import subprocess
    import sys

    code = "import sys, xueliang_monitor.daemon as d; print({'cv2', 'numpy', 'zeep', 'onvif'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_opens_with_its_job(path: Path) -> None:
    name = ".".join(("xueliang_monitor", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    assert importlib.import_module(name).__doc__
