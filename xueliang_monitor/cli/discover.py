"""`xueliang discover`: the devices in the network, and which of them are registered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli.output import (
    ConfigOption,
    JsonOption,
    err,
    installation_of,
    on_terminal,
    out,
    print_json,
    refuse,
    settings_file,
)

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.net.discovered_devices import DiscoveredDevice
    from xueliang_monitor.wire.device_text import Gate

LISTEN_SECONDS = 3.0
SHOWN_IDS = 4
"""How many of a device's cameras the table names."""


async def _find(
    own: tuple[str, ...], hosts: tuple[str, ...], seconds: float, gate: Gate
) -> tuple[DiscoveredDevice, ...]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from xueliang_monitor.net import discovered_devices, discovery

    columns = (TextColumn("searching 搜索"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        bar = progress.add_task("", total=len(hosts) or 1, note="")
        found = discovered_devices.FoundDevices()

        def heard(device: DiscoveredDevice) -> None:
            found.add(device)
            progress.update(bar, note=f"{len(found.all)} found")

        async with asyncio.TaskGroup() as group:
            if own:
                group.create_task(discovery.probe_multicast(own, seconds, heard, gate=gate))
            if hosts:
                group.create_task(
                    discovery.probe_addresses(hosts, seconds, heard, lambda: progress.advance(bar), gate=gate)
                )
    return discovered_devices.in_order(found.all)


@dataclass(frozen=True, slots=True)
class _Found:
    """A device, and the ids of the cameras that it serves."""

    device: DiscoveredDevice
    registered: tuple[str, ...]

    @property
    def url(self) -> str:
        """The address of its ONVIF service."""
        device = self.device
        return f"{'https' if device.secure else 'http'}://{device.host}:{device.port}{device.path}"

    @property
    def shown_ids(self) -> str:
        """The ids for a table: the first ones, and how many more there are."""
        more = f" and {len(self.registered) - SHOWN_IDS} more" if len(self.registered) > SHOWN_IDS else ""
        return ", ".join(self.registered[:SHOWN_IDS]) + more


def _with_cameras(devices: tuple[DiscoveredDevice, ...], loaded: Installation) -> tuple[_Found, ...]:
    from xueliang_monitor.net.discovered_devices import registered_as
    from xueliang_monitor.net.host_validation import canonical_host

    known: dict[str, list[tuple[str, int, str]]] = {}
    for camera in loaded.inventory.known:
        onvif = camera.target.onvif
        place = (camera.id, onvif.port, onvif.path) if onvif is not None else (camera.id, 0, "")
        known.setdefault(canonical_host(camera.target.host), []).append(place)
    at_host: dict[str, list[DiscoveredDevice]] = {}
    for device in devices:
        at_host.setdefault(device.host, []).append(device)
    return tuple(
        _Found(device, registered_as(device, at_host[device.host], known.get(device.host, []))) for device in devices
    )


def _gate(config: Path | None) -> Gate:
    """Return a gate that knows the logins of the settings, as far as this user may read them."""
    from xueliang_monitor.configuration import passwords, settings
    from xueliang_monitor.wire.device_text import Gate

    logging.disable(logging.WARNING)
    logins, _ = passwords.load_credentials(*settings.load(settings_file(config)))
    return Gate.of(*logins.values())


def _through(gate: Gate, device: DiscoveredDevice) -> DiscoveredDevice:
    from xueliang_monitor.net.discovered_devices import USUAL_PATH
    from xueliang_monitor.wire.device_address import service_path

    return replace(
        device,
        path=service_path(device.path, gate) or USUAL_PATH,
        endpoint=gate.text(device.endpoint),
        name=gate.text(device.name),
        hardware=gate.text(device.hardware),
        location=gate.text(device.location),
    )


def discover(
    *,
    interface: Annotated[str | None, typer.Option(help="Only this network interface, by name or address.")] = None,
    subnet: Annotated[
        str | None,
        typer.Option(help="Probe each address of a network such as 192.0.2.0/24, not by multicast."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--timeout", min=0.2, max=60, help="Seconds to wait for answers.")
    ] = LISTEN_SECONDS,
    add: Annotated[bool, typer.Option("--add", help="Register the new devices one by one.")] = False,
    site: Annotated[str, typer.Option(help="With --add: site of the cameras.")] = "",
    credentials: Annotated[str | None, typer.Option(help="With --add: name of the login in the settings.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find devices by WS-Discovery: address, make, model, and whether each is registered."""
    from xueliang_monitor.net import discovery

    loaded = installation_of(config, passwords=False)
    hosts: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    try:
        hosts = discovery.addresses_of(subnet) if subnet else ()
        own = discovery.interfaces(interface) if interface or not subnet else ()
    except ValueError as error:
        refuse([str(error)])
    gate = _gate(config)
    try:
        devices = asyncio.run(_find(own, hosts, seconds, gate))
    except* OSError as group:
        refuse([f"discovery failed: {group.exceptions[0]}"], 1)
    found = _with_cameras(tuple(_through(gate, device) for device in devices), loaded)
    if as_json:
        print_json([_plain(each) for each in found])
    else:
        _show(found)
    if add:
        failed = sum(not _add(each.device, site, credentials, config) for each in found if not each.registered)
        raise typer.Exit(1 if failed else 0)


def _plain(found: _Found) -> dict[str, Any]:
    device = found.device
    return {
        "address": device.host,
        "name": device.name,
        "model": device.hardware,
        "location": device.location,
        "onvif": found.url,
        "endpoint": device.endpoint,
        "registered": found.registered[0] if found.registered else None,
        "cameras": list(found.registered),
    }


def _show(found: tuple[_Found, ...]) -> None:
    from rich.markup import escape
    from rich.table import Column, Table

    heads = ("Address", "Make", "Model", "ONVIF", "Registered as")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for each in found:
        device = each.device
        shown = f"[green]{each.shown_ids}[/]" if each.registered else "[yellow]new 未登记[/]"
        table.add_row(device.host, escape(device.name), escape(device.hardware), escape(each.url), shown)
    out.print(table)
    new = sum(not each.registered for each in found)
    out.print(f"{len(found)} devices, {new} new", highlight=False)


def _add(device: DiscoveredDevice, site: str, credentials: str | None, config: ConfigOption) -> bool:
    """Register one device; return True if it was registered or skipped on purpose."""
    from xueliang_monitor.cli.camera_add import add_one, complete
    from xueliang_monitor.commissioning.registration_request import RegistrationRequest

    out.print(f"\n{device.host}  {device.name} {device.hardware}", markup=False, highlight=False)
    if on_terminal() and not typer.confirm("Register it?", default=True, err=True):
        return True
    loaded = installation_of(config)
    wish = RegistrationRequest(
        device.host,
        site,
        credentials=credentials,
        onvif="https" if device.secure else "http",
        onvif_port=device.port,
        onvif_path=device.path,
    )
    with contextlib.suppress(typer.Exit):
        return add_one(complete(wish, loaded), loaded, as_json=False)
    return False
