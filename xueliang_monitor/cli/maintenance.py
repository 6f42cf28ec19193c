"""`xueliang maintenance`: windows in which cameras are visited but neither judged nor counted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import ConfigOption, JsonOption, installation_of, out, print_json, refuse
from xueliang_monitor.time_format import to_the_minute

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.storage.history import History

app = typer.Typer(no_args_is_help=True)


@contextlib.contextmanager
def opened(loaded: Installation) -> Iterator[History]:
    """Open the history, also while the daemon runs, or exit with an error."""
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError

    try:
        history = History(loaded.settings.state)
        try:
            yield history
        finally:
            history.close()
    except HistoryError as error:
        refuse([error], 1)


def _seconds(text: str) -> float:
    from xueliang_monitor.configuration.strict_yaml import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        refuse([f"--for: {error}"])
    if not isinstance(seconds, float) or not 60 <= seconds <= 400 * 86_400:
        refuse(["--for: must be between 1m and 400d"])
    return seconds


def _subject(loaded: Installation, camera: str | None, site: str | None, uplink: str | None) -> tuple[str, str]:
    given = [(kind, name) for kind, name in (("camera", camera), ("site", site), ("uplink", uplink)) if name]
    if len(given) != 1:
        refuse(["give one of --camera, --site and --uplink"])
    from xueliang_monitor.topology import Topology

    kind, name = given[0]
    known = {item.id if kind == "camera" else item.site for item in loaded.inventory.known}
    if kind == "uplink":
        known = set(Topology.of(loaded.topology_nodes, loaded.inventory.known).nodes)
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, 1, 0.5)
        refuse([f"there is no {kind} {name}" + (f"; did you mean {near[0]}?" if near else "")])
    return kind, name


@app.command("start")
def start(
    *,
    camera: Annotated[str | None, typer.Option(help="Id of a camera.")] = None,
    site: Annotated[str | None, typer.Option(help="All cameras of a site.")] = None,
    uplink: Annotated[str | None, typer.Option(help="All cameras below an uplink, a line or a recorder.")] = None,
    duration: Annotated[str, typer.Option("--for", help="Duration, for example 2h.")] = "2h",
    reason: Annotated[str, typer.Option(help="Reason, shown to other users.")] = "",
    config: ConfigOption = None,
) -> None:
    """Start maintenance, which ends after its duration. The daemon need not run."""
    from xueliang_monitor.judgement.maintenance import WindowKind

    loaded = installation_of(config, passwords=False)
    kind, name = _subject(loaded, camera, site, uplink)
    now, seconds = time.time(), _seconds(duration)
    with opened(loaded) as history:
        number = history.start_maintenance(WindowKind(kind), name, began=now, ends=now + seconds, reason=reason[:200])
    out.print(
        f"maintenance {number}: {kind} {name} until {to_the_minute(now + seconds)}", markup=False, highlight=False
    )


@app.command("stop")
def stop(
    number: Annotated[int, typer.Argument(help="Number of the maintenance, from the list.")],
    config: ConfigOption = None,
) -> None:
    """End maintenance early."""
    loaded = installation_of(config, passwords=False)
    with opened(loaded) as history:
        if not history.stop_maintenance(number, time.time()):
            refuse([f"maintenance {number} is not in force; list those in force with: xueliang maintenance list"], 1)
    out.print(f"maintenance {number}: ended", highlight=False)


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also list maintenance that has ended.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List maintenance in force."""
    from rich.markup import escape
    from rich.table import Table

    loaded, now = installation_of(config, passwords=False), time.time()
    with opened(loaded) as history:
        windows = [item for item in history.windows(0.0) if every or item.active(now)]
    if as_json:
        print_json(
            [
                {
                    "number": item.id,
                    "kind": item.kind,
                    "name": item.name,
                    "began": item.began,
                    "ends": item.ends if item.stopped is None else min(item.stopped, item.ends),
                    "active": item.active(now),
                    "reason": item.reason,
                }
                for item in windows
            ]
        )
        return
    table = Table("Number", "Kind", "Name", "From", "To", "Reason")
    for item in windows:
        ends = item.ends if item.stopped is None else min(item.stopped, item.ends)
        table.add_row(
            str(item.id),
            item.kind,
            escape(item.name),
            to_the_minute(item.began),
            to_the_minute(ends),
            escape(item.reason),
        )
    out.print(table)
