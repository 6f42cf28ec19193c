"""Asks a dome over ONVIF where it looks. Nothing is ever moved: the definition has no operation that moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.dome_position import DomeStatus, Preset
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.onvif import PTZ
from xueliang_monitor.wire.onvif_ptz import read_presets, read_status
from xueliang_monitor.wire.service_address import ServiceAddress

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

MAX_NAME_CHARACTERS = 40


async def has_ptz(client: OnvifClient) -> bool:
    """Return whether the camera lists a PTZ service. Some cameras that cannot turn list one."""
    return PTZ in await client.services()


async def _place(client: OnvifClient) -> ServiceAddress:
    where = (await client.services()).get(PTZ)
    if where is None:
        raise MalformedResponseError("the camera lists no PTZ service")
    return where


async def dome_status(client: OnvifClient, profile: str) -> DomeStatus:
    """Request the position of the dome, and whether it moves (GetStatus).

    Raises:
        MalformedResponseError: it reports no position and does not say that it moves.

    """
    status = await client.call("ptz", "GetStatus", await _place(client), read_status, ProfileToken=profile)
    if status.position is None and not status.moving:
        raise MalformedResponseError("the camera reports no position")
    return status


async def dome_presets(client: OnvifClient, profile: str, gate: Gate) -> tuple[Preset, ...]:
    """Request the stored positions of the dome (GetPresets)."""
    found = await client.call("ptz", "GetPresets", await _place(client), read_presets, ProfileToken=profile)
    shown = (replace(each, name=gate.text(each.name, MAX_NAME_CHARACTERS)) for each in found)
    return tuple(each for each in shown if not gate.holds_secret(each.token))
