"""`xueliang camera list` and `show`; the other camera commands have modules of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli import camera_accept, camera_add, camera_edit, camera_import
from xueliang_monitor.cli.output import (
    CameraArgument,
    ConfigOption,
    JsonOption,
    camera_of,
    err,
    installation_of,
    out,
    print_json,
    refuse,
)
from xueliang_monitor.wire.printable import escaped

if TYPE_CHECKING:
    from xueliang_monitor.configuration.inventory import Camera

app = typer.Typer(no_args_is_help=True)
app.command("add")(camera_add.add)

_STYLES = {"up": "green", "degraded": "yellow", "down": "red", "unknown": "dim"}


def _row(camera: Camera, live: dict[str, Any] | None) -> dict[str, Any]:
    identity = camera.data.identity
    return {
        "id": camera.id,
        "name": camera.name,
        "site": camera.site,
        "programme": camera.programme,
        "uplink": camera.uplink,
        "address": camera.target.host,
        "model": f"{identity.manufacturer} {identity.model}".strip() if identity else "",
        "status": camera.status.value,
        "state": live["state"] if live else None,
        "faults": [item["code"] for item in live["faults"]] if live else None,
        "since": live["since"] if live else None,
    }


@app.command("list")
def list_(
    *,
    site: Annotated[str | None, typer.Option(help="Only cameras of this site.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only cameras in this state: up, degraded, down, unknown or maintenance.")
    ] = None,
    fault: Annotated[str | None, typer.Option(help="Only cameras with this fault code.")] = None,
    programme: Annotated[str | None, typer.Option(help="Only cameras of this programme.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only cameras with this status: active, commissioning or retired.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List cameras, with their states if the daemon runs."""
    from rich.markup import escape
    from rich.table import Column, Table

    from xueliang_monitor.cli import daemon_state
    from xueliang_monitor.configuration.camera_file import Lifecycle
    from xueliang_monitor.configuration.strict_yaml import listed
    from xueliang_monitor.judgement.catalogue import FAULTS
    from xueliang_monitor.model import State

    for name, given, known in (
        ("--state", state, [item.value for item in State]),
        ("--fault", fault, list(FAULTS)),
        ("--status", status, [item.value for item in Lifecycle]),
    ):
        if given is not None and given not in known:
            refuse([f"{name}: unknown value {given}; use one of {', '.join(known)}"])
    loaded = installation_of(config, passwords=False)
    live = daemon_state.states(loaded.settings)
    if live is None and (state or fault):
        refuse([f"no daemon answers at {daemon_state.address(loaded.settings)}, so states and faults are unknown"], 1)
    wanted = {"site": site, "state": state, "programme": programme, "status": status}
    rows = [_row(camera, (live or {}).get(camera.id)) for camera in loaded.inventory.known]
    rows = [row for row in rows if all(value is None or row[key] == value for key, value in wanted.items())]
    rows = [row for row in rows if fault is None or fault in (row["faults"] or ())]
    if as_json:
        print_json(rows)
    else:
        heads = ("Camera", "Name", "Site", "Programme", "Address", "Model", "State", "Faults")
        table = Table(*(Column(head, overflow="fold") for head in heads))
        for row in rows:
            shown = row["status"] if row["status"] != "active" else (row["state"] or "-")
            style = _STYLES.get(shown, "dim")
            cells = [row[key] for key in ("id", "name", "site", "programme", "address", "model")]
            faults = ", ".join(row["faults"] or ())
            table.add_row(*map(escape, cells), f"[{style}]{shown}[/]", faults)
            if not out.is_terminal:  # lines with tabs, which no width folds
                typer.echo("\t".join(map(escaped, (*cells, shown, faults))).rstrip())
        if out.is_terminal:
            out.print(table)
        note = "" if live is not None else "; no daemon answers, so states are unknown"
        out.print(f"{len(rows)} of {len(loaded.inventory.known)} cameras{note}", highlight=False)
    for line in listed(loaded.inventory.problems):
        err.print(line, style="red", markup=False, highlight=False)


@app.command("show")
def show(camera: CameraArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show the file of a camera, and its state if the daemon runs."""
    from rich.markup import escape
    from rich.table import Table

    from xueliang_monitor.cli import daemon_state

    loaded = installation_of(config, passwords=False)
    known = camera_of(loaded, camera)
    live = daemon_state.ask(loaded.settings, f"/api/v1/cameras/{known.id}")
    stored = known.data.model_dump(mode="json", exclude_none=True)
    if as_json:
        print_json({"id": known.id, "file": stored, "live": live})
        return
    table = Table("Key", "Value", title=escape(f"{known.id}  {known.name}"), title_justify="left")
    for key, value in stored.items():
        pairs = value.items() if isinstance(value, dict) else [("", value)]
        for inner, text in pairs:
            if text not in ("", None):
                table.add_row(f"{key}.{inner}" if inner else key, escape(str(text)))
    out.print(table)
    if not isinstance(live, dict):
        out.print(f"no daemon answers at {daemon_state.address(loaded.settings)}", style="dim", highlight=False)
        return
    state = live["state"]
    out.print(
        f"[{_STYLES.get(state, '')}]{state}[/] since {live['since']}; last visit {live['last_visit']}", highlight=False
    )
    if live.get("diagnosis"):
        out.print(f"  {live['diagnosis']['en']} {live['diagnosis']['zh']}", markup=False, highlight=False)
    for item in live["faults"]:
        out.print(f"  [red]{item['code']}[/] {item['name']['en']} {item['name']['zh']}: ", end="")
        out.print(item["detail"], markup=False, highlight=False)
        out.print(f"    {item['advice']['en']} {item['advice']['zh']}", markup=False, highlight=False)


app.command("check")(camera_add.check)
app.command("edit")(camera_edit.edit)
app.command("remove")(camera_edit.remove)
app.command("retire")(camera_edit.retire)
app.command("accept-change")(camera_accept.accept_change)
app.command("import")(camera_import.import_)
app.command("export")(camera_import.export)
