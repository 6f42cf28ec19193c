"""One place to add a check or rung: the files of a folder and the tuple that lists them agree."""

from __future__ import annotations

import graphlib
import importlib
from collections.abc import Iterable
from pathlib import Path

import grimp
import pytest

import xueliang_monitor
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Rung
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.probing.rungs import BESIDE, LADDER, PROBES

PACKAGE = Path(xueliang_monitor.__file__).parent


def test_every_picture_check_is_listed_and_named_after_its_file() -> None:
    files = {path.stem for path in (PACKAGE / "picture" / "checks").glob("*.py")} - {"__init__"}
    assert {f"picture_{stem}" for stem in files} == {check.fault.code for check in PICTURE_CHECKS}


def test_every_rung_is_listed_once_in_order() -> None:
    names = [probe.rung for probe in PROBES]
    assert len(names) == len(set(names))
    assert (*LADDER, *BESIDE) == PROBES
    climbed = [Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE]
    assert [probe.rung for probe in LADDER if probe.rung in climbed] == climbed
    files = {path.stem for path in (PACKAGE / "probing" / "rungs").glob("*.py")} - {"__init__"}
    assert files == set(names)


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


def test_few_modules_lie_beside_the_packages() -> None:
    assert len(sorted(PACKAGE.glob("*.py"))) <= 12


def test_no_module_and_no_package_imports_itself_by_way_of_others() -> None:
    """Imports for type checking and imports inside functions count too."""
    graph = grimp.build_graph("xueliang_monitor", exclude_type_checking_imports=False)
    _order(graph, graph.modules)
    packages = {name for name in graph.find_children("xueliang_monitor") if graph.find_children(name)}
    for name in packages:
        graph.squash_module(name)
    _order(graph, graph.find_children("xueliang_monitor"))


def _order(graph: grimp.ImportGraph, modules: Iterable[str]) -> None:
    """Sort modules by their imports.

    Raises:
        graphlib.CycleError: some import each other in a circle; its second argument names them.

    """
    wanted = set(modules)
    imports = {module: (graph.find_modules_directly_imported_by(module) & wanted) - {module} for module in wanted}
    graphlib.TopologicalSorter(imports).prepare()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_opens_with_its_job(path: Path) -> None:
    name = ".".join(("xueliang_monitor", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    assert importlib.import_module(name).__doc__
