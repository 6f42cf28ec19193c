"""What becomes of the nodes that are down when the topology changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from xueliang_monitor.judgement.network import View, roots, tallies, unserved_hosts
from xueliang_monitor.judgement.root_causes import Change, Down, code_at
from xueliang_monitor.judgement.transition import TransitionKind
from xueliang_monitor.topology import ROOT


def moved(view: View, downs: Mapping[str, Down]) -> tuple[Mapping[str, Down], tuple[Change, ...]]:
    """Return the nodes that are down in the topology of `view`, given those of the topology before, and the changes.

    A node that keeps enough of the cameras lost with it stays down. The cameras of the others are still lost together:
    the roots of these are down now, since as long as before.
    """
    after: dict[str, Down] = {}
    changes: list[Change] = []
    homeless: list[Down] = []
    for name, down in downs.items():
        watched = down.lost & view.members.keys()
        inside = watched & set(view.topology.below(name)) if down.code == code_at(view, name) else frozenset()
        if name == ROOT or inside == watched:
            after[name] = down
        elif len(inside) >= down.least(view.policy):
            after[name] = replace(down, lost=inside)
            homeless.append(replace(down, lost=watched - inside))
        else:
            changes.append(Change(TransitionKind.CLEARED, down))
            homeless.append(replace(down, lost=watched))
    for found in _roots_of(view, homeless):
        known = after.get(found.name)
        if known is not None:
            after[found.name] = replace(known, lost=known.lost | found.lost)
        elif not any(above in after and found.lost <= after[above].lost for above in view.above(found.name)):
            after[found.name] = found
            changes.append(Change(TransitionKind.RAISED, found))
    return after, tuple(changes)


def _roots_of(view: View, homeless: Iterable[Down]) -> Iterator[Down]:
    """Yield the nodes that are the roots of what is still lost of nodes that are gone."""
    still = frozenset(name for down in homeless for name in down.lost if view.is_back(name, host=down.host) is False)
    if not still:
        return
    for name in (*roots(view, ROOT, tallies(view, still)), *unserved_hosts(view, still)):
        lost = still & set(view.topology.below(name))
        since = min((down.since for down in homeless if down.lost & lost), default=None)
        if since is not None:
            yield Down(name, since, lost, code_at(view, name))
