"""`xueliang uplink`: the switches, lines, routers and recorders that cameras hang on, as a tree."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli.output import ConfigOption, JsonOption, err, installation_of, out, print_json, refuse

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.judgement.episodes import Episode
    from xueliang_monitor.topology import Topology

app = typer.Typer(no_args_is_help=True)

OUTAGES = 10
_STYLES = {"up": "green", "down": "red", "unknown": "dim"}


@dataclass(frozen=True, slots=True)
class _Live:
    """What the daemon says: the state of each camera by id, and since when the root of each event is down by name."""

    states: dict[str, str]
    down: dict[str, str | None]

    def state(self, topology: Topology, name: str) -> tuple[str, str]:
        """Return the state of a node, and the name of the node because of which it is unknown if there is one."""
        if name in self.down:
            return "down", ""
        behind = next((above for above in topology.path(name) if above in self.down), "")
        reached = any(self.states.get(camera) in ("up", "degraded") for camera in topology.below(name))
        return ("up", "") if reached else ("unknown", behind)


def _live(loaded: Installation) -> _Live | None:
    """Return what the daemon says; None if no daemon answers."""
    from xueliang_monitor.cli import daemon_state

    answer = daemon_state.ask(loaded.settings, "/api/v1/cameras")
    if not isinstance(answer, dict):
        return None
    return _Live(
        {item["id"]: item["state"] for item in answer.get("cameras", ())},
        {item["name"]: item["since"] for item in answer.get("uplinks", ()) if not item["up"] and not item["behind"]},
    )


def _row(topology: Topology, name: str, live: _Live | None) -> dict[str, Any]:
    node, below = topology.nodes[name], topology.below(name)
    state, behind = live.state(topology, name) if live is not None else (None, "")
    return {
        "uplink": name,
        "name": node.title,
        "kind": node.kind.value,
        "parent": node.parent,
        "place": node.place,
        "port": node.port,
        "circuit": node.circuit,
        "address": node.address,
        "sessions": node.sessions,
        "cameras": len(below),
        "state": state,
        "behind": behind,
        "since": live.down.get(name) if live is not None else None,
        "states": dict(Counter(live.states.get(camera, "unknown") for camera in below)) if live is not None else None,
    }


def _tree(topology: Topology, name: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    """Yield the nodes below a node with their depth, each before what hangs on it."""
    waiting = [(child, depth) for child in reversed(topology.children(name))]
    while waiting:
        at, level = waiting.pop()
        yield at, level
        waiting += [(child, level + 1) for child in reversed(topology.children(at))]


def _topology(loaded: Installation) -> Topology:
    from xueliang_monitor.configuration.strict_yaml import listed
    from xueliang_monitor.topology import Topology

    for line in listed(loaded.uplinks.problems):
        err.print(line, style="red", markup=False, highlight=False)
    return Topology.of(loaded.topology_nodes, loaded.inventory.cameras)


def _no_daemon(loaded: Installation) -> str:
    from xueliang_monitor.cli import daemon_state

    return f"no daemon answers at {daemon_state.address(loaded.settings)}, so states are unknown"


def _shown_state(row: dict[str, Any]) -> str:
    from rich.markup import escape

    if row["state"] is None:
        return "-"
    since = f" since {row['since']}" if row["since"] else ""
    behind = f" behind {escape(row['behind'])}" if row["behind"] else ""
    return f"[{_STYLES[row['state']]}]{row['state']}[/]{since}{behind}"


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List what cameras hang on as a tree, with states if the daemon runs."""
    from rich.markup import escape
    from rich.table import Column, Table

    loaded = installation_of(config, passwords=False)
    topology, live = _topology(loaded), _live(loaded)
    rows = [(_row(topology, name, live), depth) for name, depth in _tree(topology, "")]
    if as_json:
        print_json([row for row, _ in rows])
        return
    heads = ("Uplink", "Name", "Place", "Port", "Circuit", "Cameras", "State")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for row, depth in rows:
        cells = [escape(row[key]) for key in ("name", "place", "port", "circuit")]
        table.add_row("  " * depth + escape(row["uplink"]), *cells, str(row["cameras"]), _shown_state(row))
    out.print(table)
    note = "" if live is not None else f"; {_no_daemon(loaded)}"
    out.print(f"{len(rows)} uplinks, {len(topology.leaves)} cameras{note}", markup=False, highlight=False)


def _outages(loaded: Installation, names: tuple[str, ...]) -> list[Episode] | None:
    """Return the last outages of nodes, newest first; None if there is no history."""
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError

    try:
        with contextlib.closing(History(loaded.settings.state, read_only=True)) as past:
            found = [item for name in names for item in past.uplink_episodes(name, OUTAGES)]
    except HistoryError:
        return None
    return sorted(found, key=lambda item: item.began, reverse=True)[:OUTAGES]


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the uplink, as camera files name it.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the path from an uplink to the monitor, what hangs on it, and its last outages."""
    from xueliang_monitor.configuration.topology_checks import nearest

    loaded = installation_of(config, passwords=False)
    topology = _topology(loaded)
    if name not in topology.nodes:
        refuse([f"there is no uplink {name}{nearest(name, topology.nodes)}"])
    live, path = _live(loaded), topology.path(name)
    outages = _outages(loaded, path)
    if as_json:
        print_json(
            {
                **_row(topology, name, live),
                "path": [_row(topology, above, live) for above in path],
                "below": [_row(topology, below, live) for below, _ in _tree(topology, name)],
                "camera_ids": list(topology.below(name)),
                "outages": None
                if outages is None
                else [
                    {"uplink": item.uplink, "fault": item.fault, "began": item.began, "ended": item.ended}
                    for item in outages
                ],
            }
        )
        return
    _print_path(topology, path, live)
    _print_below(topology, name, live)
    _print_outages(outages)
    if live is None:
        out.print(_no_daemon(loaded), style="dim", markup=False, highlight=False)


def _print_path(topology: Topology, path: tuple[str, ...], live: _Live | None) -> None:
    from rich.markup import escape
    from rich.table import Column, Table

    heads = ("Path to the monitor", "Name", "Place", "Port", "Circuit", "Address", "State")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for each in path:
        row = _row(topology, each, live)
        cells = [escape(row[key]) for key in ("uplink", "name", "place", "port", "circuit", "address")]
        table.add_row(*cells, _shown_state(row))
    out.print(table)


def _print_below(topology: Topology, name: str, live: _Live | None) -> None:
    out.print(f"{len(topology.below(name))} cameras hang on {name}:", markup=False, highlight=False)
    for at, depth in ((name, 0), *_tree(topology, name, 1)):
        if depth:
            node = topology.nodes[at]
            title = f"  {node.title}" if node.title else ""
            out.print(f"{'  ' * depth}{at}{title}", markup=False, highlight=False)
        for camera in topology.cameras(at):
            state = f"  {live.states.get(camera, 'unknown')}" if live is not None else ""
            out.print(f"{'  ' * (depth + 1)}- {camera}{state}", markup=False, highlight=False)


def _print_outages(outages: list[Episode] | None) -> None:
    from xueliang_monitor.time_format import to_the_second

    if not outages:
        out.print("no outages in the history" if outages is not None else "there is no history to read", style="dim")
        return
    out.print("last outages:")
    for item in outages:
        ended = "still open" if item.ended is None else f"to {to_the_second(item.ended)}"
        line = f"  {to_the_second(item.began)} {ended}  {item.uplink}  {item.fault}  {item.detail}"
        out.print(line.rstrip(), markup=False, highlight=False)
