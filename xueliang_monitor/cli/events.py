"""`xueliang events`: the events in the history. The daemon need not run."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import ConfigOption, JsonOption, installation_of, out, print_json, refuse
from xueliang_monitor.time_format import to_the_second

if TYPE_CHECKING:
    from xueliang_monitor.storage.history_queries import Event

LOOK_SECONDS = 1.0


def _print(item: Event, as_json: bool) -> None:
    from rich.markup import escape

    from xueliang_monitor.judgement.catalogue import FAULTS
    from xueliang_monitor.web.views import event

    if as_json:
        print_json(event(item), indent=None)
        sys.stdout.flush()
        return
    at = to_the_second(item.at)
    declared = FAULTS.get(item.fault)
    name = f"{declared.name.en} {declared.name.zh}" if declared else item.fault
    colour = {"cleared": "green", "attributed": "yellow"}.get(item.kind, "red")
    lasted = f" after {item.at - item.since:.0f} s" if item.kind == "cleared" and item.since is not None else ""
    shared = f"credentials {item.login}" if item.login else "the monitor itself"
    who = escape(item.camera or (f"uplink {item.uplink}" if item.uplink else shared))
    out.print(
        f"{at}  [{colour}]{item.kind}[/]{lasted}  {who}  {item.fault}  {name}  {escape(item.detail)}", highlight=False
    )


def _print_new(state: Path, last: int, camera: str, as_json: bool) -> int:
    """Print the events after a number; return the number of the last one."""
    from xueliang_monitor.storage.event_filter import EventFilter
    from xueliang_monitor.storage.history import History

    with contextlib.closing(History(state, read_only=True)) as history:
        found = history.events(EventFilter(camera=camera), after=last, limit=1000)
    for item in found:
        _print(item, as_json)
    return found[-1].id if found else last


def events(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new events.")] = False,
    camera: Annotated[str, typer.Option(help="Only events of this camera.")] = "",
    count: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many of the latest events.")] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the events of cameras, uplinks and shared logins, one per line."""
    from xueliang_monitor.storage.event_filter import EventFilter
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError

    loaded = installation_of(config, passwords=False)
    try:
        with contextlib.closing(History(loaded.settings.state, read_only=True)) as history:
            found = history.events(EventFilter(camera=camera), limit=count)
        for item in sorted(found, key=lambda item: (item.at, item.id)):  # a later one may be written first
            _print(item, as_json)
        last = found[-1].id if found else 0
        while follow:
            time.sleep(LOOK_SECONDS)
            # The history is opened each time, as the daemon may repair or replace it; errors are retried.
            with contextlib.suppress(HistoryError):
                last = _print_new(loaded.settings.state, last, camera, as_json)
    except HistoryError as error:
        refuse([error], 1)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
