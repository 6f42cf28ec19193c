"""Asks a camera over ONVIF how it keeps its time. Nothing is set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.onvif_time_keeping import NtpSettings, TimeKeeping, read_ntp, read_time_keeping
from xueliang_monitor.wire.service_address import ServiceAddress

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

MAX_ZONE_CHARACTERS = 60
MAX_SERVER_CHARACTERS = 80


async def time_keeping(client: OnvifClient, place: ServiceAddress, gate: Gate) -> TimeKeeping:
    """Request where the camera takes its time from, and its time zone (GetSystemDateAndTime)."""
    told = await client.call("devicemgmt", "GetSystemDateAndTime", place, read_time_keeping)
    return replace(told, zone=gate.text(told.zone, MAX_ZONE_CHARACTERS))


async def ntp_settings(client: OnvifClient, place: ServiceAddress, gate: Gate) -> NtpSettings:
    """Request the NTP servers that the camera is set to (GetNTP)."""
    told = await client.call("devicemgmt", "GetNTP", place, read_ntp)
    servers = tuple(gate.address(server, MAX_SERVER_CHARACTERS) for server in told.servers)
    return replace(told, servers=servers)
