"""`xueliang events`: what happened, from the history, whether the daemon runs or not."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import ConfigOption, JsonOption, installation_of, out, refuse

if TYPE_CHECKING:
    from xueliang_monitor.history import Event

LOOK_SECONDS = 1.0


def _print(item: Event, as_json: bool) -> None:
    from rich.markup import escape

    from xueliang_monitor.catalogue import FAULTS
    from xueliang_monitor.web.views import event

    if as_json:
        typer.echo(json.dumps(event(item), ensure_ascii=False))
        sys.stdout.flush()
        return
    at = datetime.fromtimestamp(item.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    declared = FAULTS.get(item.fault)
    name = f"{declared.name.en} {declared.name.zh}" if declared else item.fault
    colour = "green" if item.kind == "cleared" else "red"
    lasted = f" after {item.at - item.since:.0f} s" if item.kind == "cleared" and item.since is not None else ""
    who = escape(item.camera or (f"uplink {item.uplink}" if item.uplink else "the monitor itself"))
    out.print(
        f"{at}  [{colour}]{item.kind}[/]{lasted}  {who}  {item.fault}  {name}  {escape(item.detail)}", highlight=False
    )


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens.")] = False,
    camera: Annotated[str, typer.Option(help="Only those of a camera.")] = "",
    count: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many of the last ones.")] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what happened to cameras and uplinks, one line an event."""
    from xueliang_monitor.history import History, HistoryError

    loaded = installation_of(config, passwords=False)
    try:
        history = History(loaded.settings.state, read_only=True)
        found = history.events(camera=camera, limit=count)
        for item in found:
            _print(item, as_json)
        last = found[-1].id if found else 0
        while follow:
            time.sleep(LOOK_SECONDS)
            for item in history.events(after=last, camera=camera, limit=1000):
                _print(item, as_json)
                last = item.id
    except HistoryError as error:
        refuse([error], 1)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
