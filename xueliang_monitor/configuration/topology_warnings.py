"""What is probably a mistake in the files of the topology, although everything in them is valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from xueliang_monitor.configuration.camera_folder import ENDING, place_of
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.configuration.strict_yaml import CAMERA_LIMITS, DocumentError, Problem, read
from xueliang_monitor.configuration.topology_checks import nearest
from xueliang_monitor.configuration.topology_files import DeclaredNodes
from xueliang_monitor.configuration.yaml_text import shown
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.topology import NodeKind, Topology


def warnings(declared: DeclaredNodes, cameras: Iterable[Camera], folder: Path) -> tuple[Problem, ...]:
    """Return nodes that no camera hangs on, uplinks that are declared nowhere, and addresses with several uplinks.

    `folder` is that of the camera files.
    """
    known = tuple(cameras)
    topology = Topology.of(declared.nodes, known)
    found = list(_addresses(topology, known, folder))
    if declared.files and known:
        found += _undeclared(declared, known, folder)
        found += _unused(declared, topology)
    return tuple(found)


def _unused(declared: DeclaredNodes, topology: Topology) -> Iterator[Problem]:
    for node in declared.nodes:
        if not topology.below(node.name):
            yield declared.at(node.name, f"{shown(node.name)}: no camera hangs on it")


def _undeclared(declared: DeclaredNodes, cameras: tuple[Camera, ...], folder: Path) -> Iterator[Problem]:
    names = {node.name for node in declared.nodes}
    behind: dict[str, list[Camera]] = {}
    for camera in cameras:
        if camera.uplink and camera.uplink not in names:
            behind.setdefault(camera.uplink, []).append(camera)
    for name, found in sorted(behind.items()):
        count = f"{len(found):,} cameras" if len(found) > 1 else "1 camera"
        message = f'uplink: "{shown(name)}" of {count} is declared nowhere{nearest(name, names)}'
        file = folder / f"{found[0].id}{ENDING}"
        yield Problem(file, _line(file), message)


def _addresses(topology: Topology, cameras: tuple[Camera, ...], folder: Path) -> Iterator[Problem]:
    sharing: dict[str, list[Camera]] = {}
    for camera in cameras:
        sharing.setdefault(canonical_host(camera.target.host), []).append(camera)
    for address, behind in sorted(sharing.items()):
        host = topology.leaf(behind[0].id)
        if topology.nodes[host].kind is not NodeKind.HOST:
            continue
        path = topology.path(host)
        odd = [camera for camera in behind if camera.uplink and camera.uplink not in path]
        if odd:
            names = ", ".join(f'"{shown(name)}"' for name in sorted({camera.uplink for camera in odd}))
            above = shown(topology.nodes[host].parent)
            file = folder / f"{odd[0].id}{ENDING}"
            message = f'uplink: the device at {address} hangs on "{above}", but cameras with its address name {names}'
            yield Problem(file, _line(file), message)


def _line(file: Path) -> int:
    """Return the line of the uplink in a camera file, 0 if it cannot be found."""
    try:
        place, _ = place_of(file)
        return read(file, CAMERA_LIMITS, place=place).lines.get(("uplink",), 0)
    except DocumentError:
        return 0
