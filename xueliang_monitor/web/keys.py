"""Keys of the values that the application and its requests carry. Handlers take every key from here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.storage.audit_log import Audit
from xueliang_monitor.web.checks import Checks
from xueliang_monitor.web.documentation import Documentation
from xueliang_monitor.web.live import Wall
from xueliang_monitor.web.live_streams import LiveStreams
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.problem_list import ProblemList
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.shared_work import SharedWork

FLEET = web.AppKey("fleet", Fleet)
SETTINGS = web.AppKey("settings", Settings)
"""The settings that the daemon was started with."""

LATEST_SETTINGS: web.AppKey[Callable[[], Settings]] = web.AppKey("latest_settings")
"""Returns the settings as they were last read."""

STATE_FOLDER = web.AppKey("state_folder", Path)
AUDIT = web.AppKey("audit", Audit)
PAGES: web.AppKey[tuple[Page, ...]] = web.AppKey("pages")
LINKED: web.AppKey[frozenset[str]] = web.AppKey("linked")
"""Paths that pages of other sites may link to: pages, and addresses that a browser shows and that change nothing."""

RENDERER = web.AppKey("renderer", Renderer)
WALL = web.AppKey("wall", Wall)
PROBLEMS = web.AppKey("problems", ProblemList)
CHECKS = web.AppKey("checks", Checks)
CHECK_NOW: web.AppKey[Callable[[str], None]] = web.AppKey("check_now")
"""Schedules a visit of a camera at once, by its id."""

AcceptChange = Callable[[str, str], Awaitable[bool]]
ACCEPT_CHANGE: web.AppKey[AcceptChange] = web.AppKey("accept_change")
"""Accepts that a camera, given by its id, is now as the page showed it; returns False if it is another way by now."""

DOCUMENTATION = web.AppKey("documentation", Documentation)
LIVE_STREAMS = web.AppKey("live_streams", LiveStreams)
METRICS: web.AppKey[SharedWork[tuple[bytes, str]]] = web.AppKey("metrics")
REPORTS: web.AppKey[SharedWork[bytes | None]] = web.AppKey("reports")
LISTS: web.AppKey[SharedWork[bytes]] = web.AppKey("lists")
"""Lists of all cameras, as JSON or HTML."""

CLOSING = web.AppKey("closing", asyncio.Event)
"""Set when the server shuts down, so that live streams end."""

CLIENT = web.RequestKey("client", str)
"""Who sent the request: an address, told by trusted proxies; `SOCKET_CLIENT` for commands of this machine."""

SOCKET_CLIENT = "(socket)"

USER = web.RequestKey("user", str)
"""Name of the user who logged in; absent when no login is required."""

HEADERS = web.RequestKey("headers", dict[str, str])
"""Security headers of the answer, for handlers that send their headers themselves."""
