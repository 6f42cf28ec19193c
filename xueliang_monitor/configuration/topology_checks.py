"""What is wrong between the nodes of a topology: unknown parents, circles, one address twice. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from xueliang_monitor.configuration.yaml_text import shown
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.topology import Node, NodeKind

Contradiction = tuple[str, str, str]
"""The name of a node, its key that is wrong, and why."""

SHOWN_NAMES = 20


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of the known names; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f'; did you mean "{shown(near[0])}"?' if near else ""


def resolve(nodes: dict[str, Node], known: Mapping[str, Node]) -> Iterator[Contradiction]:
    """Yield every contradiction, and take it out of `nodes`: a key is as it was in `known`, else left out."""
    yield from _addresses(nodes, known)
    yield from _parents(nodes, known)
    yield from _circles(nodes, known)


def _addresses(nodes: dict[str, Node], known: Mapping[str, Node]) -> Iterator[Contradiction]:
    def had(node: Node) -> bool:
        return node.name in known and known[node.name].address == node.address

    owners: dict[str, str] = {}
    for node in sorted((node for node in nodes.values() if node.address), key=lambda node: not had(node)):
        address = canonical_host(node.address)
        owner = owners.setdefault(address, node.name)
        if owner == node.name:
            continue
        last = known.get(node.name, Node(node.name)).address
        if last and canonical_host(last) not in owners:
            owners[canonical_host(last)] = node.name
            nodes[node.name] = replace(node, address=last)
        else:
            nodes[node.name] = replace(node, address="", sessions=None, kind=NodeKind.UPLINK)
        yield node.name, "address", f'"{shown(owner)}" has the same address'


def _last_parent(name: str, nodes: Mapping[str, Node], known: Mapping[str, Node]) -> str:
    parent = known[name].parent if name in known else ""
    return parent if parent in nodes else ""


def _parents(nodes: dict[str, Node], known: Mapping[str, Node]) -> Iterator[Contradiction]:
    for name, node in list(nodes.items()):
        if node.parent and node.parent not in nodes:
            nodes[name] = replace(node, parent=_last_parent(name, nodes, known))
            others = [each for each in nodes if each != name]
            yield name, "uplink", f'no uplink "{shown(node.parent)}" is declared{nearest(node.parent, others)}'


def _circles(nodes: dict[str, Node], known: Mapping[str, Node]) -> Iterator[Contradiction]:
    found = list(_members(nodes))
    for circle in found:
        names = ", ".join(shown(name) for name in circle[:SHOWN_NAMES])
        more = f", … ({len(circle):,} in all)" if len(circle) > SHOWN_NAMES else ""
        message = "it hangs on itself" if len(circle) == 1 else f"these hang on each other in a circle: {names}{more}"
        yield circle[0], "uplink", message
        for name in circle:
            nodes[name] = replace(nodes[name], parent=_last_parent(name, nodes, known))
    if found:  # what was before can close another circle with what is new
        for circle in list(_members(nodes)):
            for name in circle:
                nodes[name] = replace(nodes[name], parent="")


def _members(nodes: Mapping[str, Node]) -> Iterator[list[str]]:
    """Yield the members of each circle, each circle once, beginning with the member that is declared first."""
    order = {name: number for number, name in enumerate(nodes)}
    seen: dict[str, str] = {}
    for start in nodes:
        at, path = start, []
        while at in nodes and at not in seen:
            seen[at] = start
            path.append(at)
            at = nodes[at].parent
        if at in nodes and seen[at] == start and at in path:
            circle = path[path.index(at) :]
            first = circle.index(min(circle, key=order.__getitem__))
            yield [*circle[first:], *circle[:first]]
