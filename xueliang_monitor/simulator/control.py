"""The HTTP endpoint on loopback that sets faults on simulated cameras, and on what they hang on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.faults import SimulatedFault, build
from xueliang_monitor.simulator.fleet import SimulatedFleet

MOST_SPREAD_SECONDS = 86_400.0

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


async def _settings(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body; an empty one if there is no body."""
    try:
        settings = await request.json() if request.can_read_body else {}
    except json.JSONDecodeError as error:
        raise web.HTTPBadRequest(text="the settings are not JSON") from error
    if not isinstance(settings, dict):
        raise web.HTTPBadRequest(text="settings must be a JSON object")
    return settings


def _built(request: web.Request, settings: dict[str, Any]) -> SimulatedFault:
    try:
        return build(request.match_info["fault"], settings, request.app[_FLEET].faults)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


async def _set(request: web.Request) -> web.Response:
    camera = _camera(request)
    fault = _built(request, await _settings(request))
    try:
        await camera.set_fault(fault)
    except FileNotFoundError as error:
        raise web.HTTPConflict(text=f"{fault.name} cannot be set on {camera.target.id}: {error}") from error
    return web.json_response({"camera": camera.target.id, "faults": sorted(camera.faults)})


async def _clear(request: web.Request) -> web.Response:
    camera = _camera(request)
    await camera.clear_fault(request.match_info.get("fault"))
    return web.json_response({"camera": camera.target.id, "faults": sorted(camera.faults)})


async def _nodes(request: web.Request) -> web.Response:
    return web.json_response(request.app[_FLEET].nodes.describe())


def _node(request: web.Request) -> str:
    name = request.match_info["node"]
    if name not in request.app[_FLEET].nodes.topology.nodes:
        raise web.HTTPNotFound(text=f"unknown node {name!r}")
    return name


def _spread(settings: dict[str, Any]) -> float:
    """Take the time over which a change is spread out of the settings."""
    seconds = settings.pop("spread_seconds", 0.0)
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds <= MOST_SPREAD_SECONDS:
        raise web.HTTPBadRequest(text=f"spread_seconds must be a number from 0 to {MOST_SPREAD_SECONDS:.0f}")
    return float(seconds)


async def _set_node(request: web.Request) -> web.Response:
    name, nodes = _node(request), request.app[_FLEET].nodes
    settings = await _settings(request)
    spread_seconds = _spread(settings)
    fault = _built(request, settings)
    try:
        await nodes.set_fault(name, fault, spread_seconds)
    except FileNotFoundError as error:
        raise web.HTTPConflict(text=f"{fault.name} cannot be set below {name}: {error}") from error
    return web.json_response({"node": name, "faults": nodes.faults(name)})


async def _clear_node(request: web.Request) -> web.Response:
    name, nodes = _node(request), request.app[_FLEET].nodes
    settings = await _settings(request)
    await nodes.clear_fault(name, request.match_info.get("fault"), _spread(settings))
    return web.json_response({"node": name, "faults": nodes.faults(name)})


def control_application(fleet: SimulatedFleet) -> web.Application:
    """Return the control endpoint.

    GET /cameras and GET /faults; PUT and DELETE /cameras/{camera}/faults/{fault}; DELETE /cameras/{camera}/faults.
    GET /nodes; PUT and DELETE /nodes/{node}/faults/{fault}; DELETE /nodes/{node}/faults. A fault of a node is that of
    every camera below it; with `{"spread_seconds": 60}`, the addresses get it, or lose it, at random within that time.
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
            web.get("/nodes", _nodes),
            web.put("/nodes/{node:.+}/faults/{fault}", _set_node),
            web.delete("/nodes/{node:.+}/faults/{fault}", _clear_node),
            web.delete("/nodes/{node:.+}/faults", _clear_node),
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
