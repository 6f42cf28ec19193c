"""147 healthy cameras, watched by a daemon whose name servers fail: no camera and no uplink is blamed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.blamed_fleet import COUNT, ISOLATED, NAMED, addresses_of, watched
from tests.net.dns_server import DnsServer, dns_server

OFTEN = "intervals: {reach: 5s, rtsp: 5s}"
HOLD_SECONDS = 11.0
"""Longer than two rounds of visits."""

pytestmark = [pytest.mark.timed, pytest.mark.timeout(400)]


async def test_a_dead_name_server_from_the_start_and_one_that_dies(tmp_path: Path) -> None:
    async with dns_server(DnsServer(silent=True, ttl_seconds=1)) as server:
        settings = f"name_servers: ['{server.place}']\n{OFTEN}"
        async with watched(tmp_path, named=COUNT, settings=settings) as (daemon, fleet):
            await daemon.until(lambda: len(daemon.states) == COUNT, 30)
            await daemon.until(lambda: "lacks name_server" in daemon.log.read_text(), 60)
            ends = time.monotonic() + HOLD_SECONDS
            while time.monotonic() < ends:
                await daemon.look()
                assert set(daemon.states.values()) == {"unknown"}
                await asyncio.sleep(1)
            (event,) = daemon.raised()
            assert f"fault={ISOLATED}" in event
            assert f"no name server answers ({server.place})" in event
            server.addresses, server.silent = addresses_of(fleet), False
            await daemon.until(lambda: daemon.all_are("up"), 120)
            # Resolved names are still used during the next failure, although every TTL has expired.
            server.silent = True
            ends = time.monotonic() + HOLD_SECONDS
            while time.monotonic() < ends:
                await daemon.look()
                assert daemon.all_are("up"), daemon.states
                await asyncio.sleep(1)
            assert not daemon.blamed
            assert daemon.said() == [event]
            assert f"event=cleared fault={ISOLATED}" in daemon.log.read_text()


async def test_a_name_server_that_some_cameras_need(tmp_path: Path) -> None:
    async with dns_server(DnsServer(silent=True)) as server:
        settings = f"name_servers: ['{server.place}']\n{OFTEN}"
        async with watched(tmp_path, named=NAMED, settings=settings) as (daemon, fleet):
            names, others = {row.id for row in fleet[:NAMED]}, {row.id for row in fleet[NAMED:]}
            await daemon.until(lambda: bool(daemon.said()), 120)
            await daemon.until(lambda: {daemon.states.get(name) for name in others} == {"up"}, 120)
            ends = time.monotonic() + HOLD_SECONDS
            while time.monotonic() < ends:
                await daemon.look()
                assert {daemon.states[name] for name in names} == {"unknown"}
                assert {daemon.states[name] for name in others} == {"up"}
                await asyncio.sleep(1)
            server.addresses, server.silent = addresses_of(fleet), False
            await daemon.until(lambda: daemon.all_are("up"), 120)
            (event,) = daemon.said()
            assert f"fault={ISOLATED}" in event
            assert not daemon.blamed


async def test_a_slow_name_server(tmp_path: Path) -> None:
    async with dns_server(DnsServer(delay_seconds=0.4, ttl_seconds=1)) as server:
        settings = f"name_servers: ['{server.place}']\n{OFTEN}"
        async with watched(tmp_path, named=COUNT, settings=settings) as (daemon, fleet):
            server.addresses = addresses_of(fleet)
            await daemon.until(lambda: daemon.all_are("up"), 120)
            ends = time.monotonic() + HOLD_SECONDS
            while time.monotonic() < ends:
                await daemon.look()
                assert daemon.all_are("up"), daemon.states
                await asyncio.sleep(1)
            assert not daemon.blamed
            assert not daemon.said()
