"""The simulated fleet, and the HTTP endpoint on loopback that sets faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.faults import FAULTS, SimulatedFault, build
from xueliang_monitor.simulator.onvif import join_group


class SimulatedFleet:
    """Every camera of a spreadsheet, each on its own loopback address; `faults` are those that can be set."""

    def __init__(
        self,
        rows: tuple[Row, ...],
        credentials: Credentials,
        tls: ssl.SSLContext | None = None,
        *,
        faults: Sequence[type[SimulatedFault]] = FAULTS,
    ) -> None:
        self.faults = faults
        self.cameras: Mapping[str, SimulatedCamera] = {
            row.id: SimulatedCamera(
                Target(row.id, row.data.address, row.data.rtsp_port, row.data.rtsp_path),
                number,
                credentials,
                onvif_port=row.data.onvif_port,
                tls=tls,
            )
            for number, row in enumerate(rows)
        }
        self.uplinks: dict[str, tuple[str, ...]] = {}
        for row in rows:
            if row.data.uplink:
                self.uplinks[row.data.uplink] = (*self.uplinks.get(row.data.uplink, ()), row.id)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve every camera within the context.

        Raises:
            OSError: an address is not available.

        """
        group: asyncio.DatagramTransport | None = None
        try:
            for camera in self.cameras.values():
                await camera.start()
            group = await join_group(tuple(camera.onvif for camera in self.cameras.values() if camera.onvif))
            yield
        finally:
            if group is not None:
                group.close()
            await asyncio.gather(*(camera.stop() for camera in self.cameras.values()))

    def describe(self) -> list[dict[str, Any]]:
        """Return a JSON object for each camera: its stream, its faults and its counters."""
        return [
            {
                "camera": camera.target.id,
                "url": camera.target.url,
                "scene": camera.scene,
                "codec": camera.codec.value,
                "faults": sorted(camera.faults),
                "open_sessions": camera.open_sessions,
                "refused_logins": camera.refused_logins + (camera.onvif.refused_logins if camera.onvif else 0),
                "onvif_port": camera.onvif.port if camera.onvif else None,
                "onvif_calls": camera.onvif.calls if camera.onvif else {},
                "keyframe_requests": camera.keyframe_requests,
            }
            for camera in self.cameras.values()
        ]


_FLEET = web.AppKey("fleet", SimulatedFleet)


def _camera(request: web.Request) -> SimulatedCamera:
    name = request.match_info["camera"]
    camera = request.app[_FLEET].cameras.get(name)
    if camera is None:
        raise web.HTTPNotFound(text=f"unknown camera {name!r}")
    return camera


async def _list(request: web.Request) -> web.Response:
    return web.json_response(request.app[_FLEET].describe())


async def _faults(request: web.Request) -> web.Response:
    return web.json_response(
        [
            {"fault": fault.name, "code": fault.code, "about": fault.about, "settings": fault.settings()}
            for fault in request.app[_FLEET].faults
        ]
    )


async def _set(request: web.Request) -> web.Response:
    camera = _camera(request)
    try:
        settings = await request.json() if request.can_read_body else {}
        if not isinstance(settings, dict):
            raise ValueError("settings must be a JSON object")  # noqa: TRY004 - becomes 400 below
        fault = build(request.match_info["fault"], settings, request.app[_FLEET].faults)
    except json.JSONDecodeError as error:
        raise web.HTTPBadRequest(text="the settings are not JSON") from error
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    try:
        await camera.set_fault(fault)
    except FileNotFoundError as error:
        raise web.HTTPConflict(text=f"{fault.name} cannot be set on {camera.target.id}: {error}") from error
    return web.json_response({"camera": camera.target.id, "faults": sorted(camera.faults)})


async def _clear(request: web.Request) -> web.Response:
    camera = _camera(request)
    await camera.clear_fault(request.match_info.get("fault"))
    return web.json_response({"camera": camera.target.id, "faults": sorted(camera.faults)})


def control_application(fleet: SimulatedFleet) -> web.Application:
    """Return the control endpoint.

    GET /cameras and GET /faults; PUT and DELETE /cameras/{camera}/faults/{fault}; DELETE /cameras/{camera}/faults.
    """
    application = web.Application(client_max_size=64 * 1024)
    application[_FLEET] = fleet
    application.add_routes(
        [
            web.get("/cameras", _list),
            web.get("/faults", _faults),
            web.put("/cameras/{camera}/faults/{fault}", _set),
            web.delete("/cameras/{camera}/faults/{fault}", _clear),
            web.delete("/cameras/{camera}/faults", _clear),
        ]
    )
    return application


@contextlib.asynccontextmanager
async def control_endpoint(fleet: SimulatedFleet, host: str, port: int) -> AsyncIterator[str]:
    """Serve the control endpoint; yield its address.

    Raises:
        OSError: the port is not available.

    """
    runner = web.AppRunner(control_application(fleet), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
