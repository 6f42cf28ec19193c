"""`xueliang camera accept-change`: what a camera is now becomes what its file expects."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli.output import (
    ConfigOption,
    JsonOption,
    camera_of,
    installation_of,
    out,
    print_json,
)
from xueliang_monitor.time_format import iso_local

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.configuration.inventory import Camera

KEPT = ("profile", "bits_per_second_range")
"""Keys of `stream` that a person chose; no device reports them as its own."""


def _plain(section: Any) -> dict[str, Any]:
    return {} if section is None else section.model_dump(mode="json", exclude_defaults=True, exclude_none=True)


def _reported(camera: Camera, loaded: Installation) -> dict[str, dict[str, Any]]:
    """Return the sections of the file as the device reports them now.

    Without ONVIF nothing is reported. What the file says of the stream is then dropped: its next readings count.
    """
    from xueliang_monitor.commissioning.device_query import query_identity

    if camera.target.onvif is None:
        return {"stream": {}} if camera.data.stream is not None else {}
    who, stream = asyncio.run(query_identity(camera, loaded))
    return {"identity": _plain(who)} | ({"stream": _plain(stream)} if stream is not None else {})


def _accept(camera: Camera, loaded: Installation) -> list[str]:
    """Write the file of a camera as it is now; return what differs from before."""
    from xueliang_monitor.cli.camera_edit import change

    differences: list[str] = []
    changes: dict[str, Any] = {"accepted_at": iso_local(time.time())}
    for section, now in _reported(camera, loaded).items():
        before = _plain(getattr(camera.data, section))
        after = {**{key: before[key] for key in KEPT if key in before}, **now}
        if after != before:
            changes[section] = after or None
            differences += [
                f"{key} {before.get(key, '?')} -> {after.get(key, '?')}"
                for key in dict.fromkeys((*after, *before))
                if before.get(key) != after.get(key) and (key in now or not now)
            ]
    change(loaded, camera.id, changes)
    return [*differences, *_same_serial(camera, loaded, changes.get("identity"))]


def _same_serial(camera: Camera, loaded: Installation, identity: dict[str, Any] | None) -> list[str]:
    """Return a note if the new serial number is also that of a camera at another address."""
    from xueliang_monitor.commissioning.serial_numbers import RegisteredCamera, same_serial
    from xueliang_monitor.configuration.camera_sections import IdentitySection

    if not identity:
        return []
    now = camera.data.model_copy(update={"identity": IdentitySection(**identity)})
    others = (RegisteredCamera(other.id, other.data) for other in loaded.inventory.known if other.id != camera.id)
    other = same_serial(now, others)
    return [f"the serial number is also that of {other.id} at {other.data.address}"] if other is not None else []


def accept_change(
    cameras: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of the cameras.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Accept that a camera was replaced, updated or reconfigured.

    Its current identity and stream become the expected ones. Of a camera without ONVIF, the stream is learned again.
    """
    from xueliang_monitor.commissioning.registration_error import RegistrationError

    loaded = installation_of(config)
    rows, failed = [], False
    for camera in [camera_of(loaded, name) for name in cameras]:
        try:
            differences = _accept(camera, loaded)
        except RegistrationError as error:
            rows.append({"id": camera.id, "outcome": "failed", "detail": "; ".join(error.messages)})
            failed = True
            continue
        outcome = "accepted" if differences or camera.target.onvif is None else "unchanged"
        rows.append({"id": camera.id, "outcome": outcome, "detail": ", ".join(differences)})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            style = {"failed": "red", "accepted": "green"}.get(row["outcome"], "")
            out.print(
                f"{row['id']}: {row['outcome']} {row['detail']}".rstrip(), style=style, markup=False, highlight=False
            )
    raise typer.Exit(1 if failed else 0)
