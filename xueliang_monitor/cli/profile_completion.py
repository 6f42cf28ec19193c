"""Completes `--profile` from what the daemon knows of the device. No login is sent for it."""

from __future__ import annotations

import contextlib
from typing import Any

import typer

from xueliang_monitor.cli.output import settings_file


def complete_profile(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return `list`, and the profiles of the device at the address if cameras there are watched, each with its name."""
    offered = {"list": "all profiles by channel"}
    with contextlib.suppress(Exception):  # shell completion must not print errors
        offered |= _profiles(str(context.params.get("address") or ""), context.params.get("config"))
    return [(token, name) for token, name in offered.items() if token.startswith(incomplete)]


def _profiles(address: str, config: Any) -> dict[str, str]:
    from xueliang_monitor.cli import daemon_state
    from xueliang_monitor.configuration import installation
    from xueliang_monitor.net.host_validation import canonical_host

    loaded = installation.load(settings_file(config), passwords=False)
    found: dict[str, str] = {}
    for camera in loaded.inventory.cameras:
        if canonical_host(camera.target.host) != canonical_host(address):
            continue
        live = daemon_state.ask(loaded.settings, f"/api/v1/cameras/{camera.id}")
        device = live.get("told") if isinstance(live, dict) else None
        for profile in (device or {}).get("profiles") or ():
            found[str(profile["token"])] = str(profile["name"])
        if device:
            break  # all channels of a device name the same profiles
    return found
