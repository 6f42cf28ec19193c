"""`xueliang simulate`: a fleet of simulated cameras, and the faults set on it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli.output import log_to_stderr, out, refuse

if TYPE_CHECKING:
    from xueliang_monitor.simulator.day import SimulatedDay
    from xueliang_monitor.simulator.fleet import SimulatedFleet

app = typer.Typer(invoke_without_command=True)

DEFAULT_USERNAME = "viewer"
DEFAULT_PASSWORD = "simulated"  # noqa: S105 - the documented login of simulated cameras
Control = Annotated[str, typer.Option(help="Address of the control endpoint of the running simulator.")]


@app.callback()
def simulate(
    context: typer.Context,
    *,
    fleet: Annotated[
        Path | None, typer.Option(help="CSV file of the fleet; default: the packaged one with 147 cameras.")
    ] = None,
    control: Annotated[str, typer.Option(help="Loopback address of the control endpoint.")] = "127.0.0.1:9148",
    username: Annotated[str, typer.Option(help="User name of the cameras.")] = DEFAULT_USERNAME,
    topology: Annotated[
        Path | None,
        typer.Option(help="What the cameras hang on, as uplinks.yaml; default: that of the packaged fleet."),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Let the light of the scenes follow a day that lasts so long, such as 10m; it begins at the present "
            "local hour. Without it, it is always day.",
        ),
    ] = None,
    day_began: Annotated[
        float | None,
        typer.Option(hidden=True, help="When that day began, in seconds since the epoch; the clocks run with it."),
    ] = None,
) -> None:
    """Serve every camera of a fleet on loopback. Cameras with one address and port are channels of a recorder.

    The password is the value of XUELIANG_SIMULATOR_PASSWORD, by default `simulated`.
    """
    if (command := context.invoked_subcommand) is not None:
        sources = {name: context.get_parameter_source(name) for name in context.params}
        if given := [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]:
            refuse([f"write the options of {command} after it; --{given[0]} before it has no effect"])
        return
    import asyncio

    from xueliang_monitor.configuration import spreadsheet, topology_files
    from xueliang_monitor.configuration.strict_yaml import DocumentError, listed
    from xueliang_monitor.model import Credentials
    from xueliang_monitor.simulator.fleet import SimulatedFleet
    from xueliang_monitor.simulator.sample import sample_fleet, sample_topology

    log_to_stderr()
    host, _, port = control.rpartition(":")
    if not port.isdecimal() or not host.startswith("127."):
        refuse(["the control endpoint must be on loopback; write 127.0.0.1:port"])
    try:
        rows, problems = spreadsheet.read(fleet or sample_fleet())
    except DocumentError as error:
        refuse(error.problems)
    outside = [row.id for row in rows if not row.data.address.startswith("127.")]
    if problems or outside:
        refuse([*problems, *(f"{name}: the address is not on loopback" for name in outside)])
    password = os.environ.get("XUELIANG_SIMULATOR_PASSWORD", DEFAULT_PASSWORD)
    if topology is None and fleet is None:
        topology = sample_topology()
    declared = topology_files.read_file(topology) if topology is not None else topology_files.DeclaredNodes()
    if declared.problems:
        refuse(listed(declared.problems))
    simulated = SimulatedFleet(
        rows, Credentials(username, password), declared=declared.nodes, day=simulated_day(day, day_began)
    )
    try:
        asyncio.run(_serve(simulated, host, int(port)))
    except OSError as error:
        refuse([f"cannot listen: {error.strerror}; is another simulator running?"], 1)


def simulated_day(text: str | None, began: float | None = None) -> SimulatedDay | None:
    """Return the day that an option asks for; with `began` the clocks of the cameras follow it."""
    import time

    from xueliang_monitor.configuration.strict_yaml import parse_duration
    from xueliang_monitor.simulator.day import DAY_SECONDS, SHORTEST_SECONDS, SimulatedDay

    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        refuse([f"--day: {error}"])
    if not isinstance(seconds, float) or not SHORTEST_SECONDS <= seconds <= DAY_SECONDS:
        refuse([f"--day: write a duration from {SHORTEST_SECONDS:.0f}s to 24h, such as 10m"])
    return SimulatedDay(seconds, time.time() if began is None else began, clocks_follow=began is not None)


async def _serve(fleet: SimulatedFleet, host: str, port: int) -> None:
    import signal

    from xueliang_monitor.service import until_signalled
    from xueliang_monitor.simulator.control import control_endpoint

    with until_signalled(signal.SIGTERM, signal.SIGINT) as stopped:
        async with fleet.running(), control_endpoint(fleet, host, port) as address:
            first = next(iter(fleet.cameras.values()))
            out.print(
                f"{len(fleet.cameras)} cameras, such as {first.target.url}; control endpoint at {address}",
                highlight=False,
            )
            await stopped.wait()


async def _ask(method: str, control: str, path: str, settings: dict[str, Any] | None = None) -> Any:
    import aiohttp

    address = f"http://{control.removeprefix('http://')}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.request(method, address, json=settings) as response,
        ):
            if response.status != 200:
                refuse([await response.text()])
            return await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        refuse([f"no simulator answers at {control} ({type(error).__name__}); start one with: xueliang simulate"], 1)


def _setting(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        refuse([f"{text!r} is not a setting; write name=number"])
    if not equals:
        refuse([f"{text!r} is not a setting; write name=number"])
    return name, int(number) if number.is_integer() else number


@app.command("fault")
def fault(
    camera: Annotated[str, typer.Argument(help="The camera's id.")],
    name: Annotated[str, typer.Argument(metavar="FAULT", help="A fault from `xueliang simulate faults`, or `none`.")],
    *,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A setting of the fault, as name=number.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the fault instead.")] = False,
    control: Control = "127.0.0.1:9148",
) -> None:
    """Set a fault on a camera of the running simulator; `none` removes all faults."""
    import asyncio

    if name == "none":
        answer = asyncio.run(_ask("DELETE", control, f"/cameras/{camera}/faults"))
    elif clear:
        answer = asyncio.run(_ask("DELETE", control, f"/cameras/{camera}/faults/{name}"))
    else:
        settings = dict(_setting(text) for text in setting or [])
        answer = asyncio.run(_ask("PUT", control, f"/cameras/{camera}/faults/{name}", settings))
    out.print(f"{answer['camera']}: {', '.join(answer['faults']) or 'no fault'}", highlight=False)


@app.command("node-fault")
def node_fault(
    node: Annotated[str, typer.Argument(help="The node's name.")],
    name: Annotated[str, typer.Argument(metavar="FAULT", help="A fault from `xueliang simulate faults`, or `none`.")],
    *,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A setting of the fault, as name=number.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the fault instead.")] = False,
    spread_seconds: Annotated[
        float, typer.Option(min=0, max=86_400, help="Change the cameras at random within this time.")
    ] = 0.0,
    control: Control = "127.0.0.1:9148",
) -> None:
    """Set a fault on every camera below a node of the running simulator; `none` removes all faults of the node."""
    import asyncio
    from urllib.parse import quote

    path, spread = f"/nodes/{quote(node, safe='')}/faults", {"spread_seconds": spread_seconds}
    if name == "none":
        answer = asyncio.run(_ask("DELETE", control, path, spread))
    elif clear:
        answer = asyncio.run(_ask("DELETE", control, f"{path}/{name}", spread))
    else:
        answer = asyncio.run(_ask("PUT", control, f"{path}/{name}", dict(map(_setting, setting or [])) | spread))
    out.print(f"{answer['node']}: {', '.join(answer['faults']) or 'no fault'}", markup=False, highlight=False)


@app.command("nodes")
def nodes(
    control: Control = "127.0.0.1:9148",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what the simulated cameras hang on, and the faults set on it."""
    import asyncio

    from rich.markup import escape
    from rich.table import Column, Table

    rows = asyncio.run(_ask("GET", control, "/nodes"))
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table(*(Column(head, overflow="fold") for head in ("Node", "Name", "Hangs on", "Cameras", "Faults")))
    for row in rows:
        cells = [escape(row[key]) for key in ("node", "name", "parent")]
        table.add_row(*cells, str(len(row["cameras"])), ", ".join(row["faults"]))
    out.print(table)


@app.command("faults")
def faults(control: Control = "127.0.0.1:9148") -> None:
    """List the faults and the manners of devices that can be set, and what the monitor finds with each."""
    import asyncio

    from rich.table import Table

    table = Table("Fault", "Found as", "What happens", "Settings")
    for row in asyncio.run(_ask("GET", control, "/faults")):
        # Older simulators send neither "about" nor "settings".
        table.add_row(row["fault"], row["code"] or "healthy", row.get("about", ""), ", ".join(row.get("settings", ())))
    out.print(table)


@app.command("list")
def list_(
    control: Control = "127.0.0.1:9148",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the simulated cameras and their faults."""
    import asyncio

    from rich.table import Table

    rows = asyncio.run(_ask("GET", control, "/cameras"))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("Camera", "URL", "Scene", "Codec", "Faults")
    for row in rows:
        table.add_row(row["camera"], row["url"], row["scene"], row["codec"], ", ".join(row["faults"]))
    out.print(table)
