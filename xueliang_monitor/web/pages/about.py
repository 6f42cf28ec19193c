"""`/about`: the version, what is stored for how long, and the settings in force."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from xueliang_monitor import __version__
from xueliang_monitor.configuration.settings import AT_START, Settings
from xueliang_monitor.web.keys import FLEET, LATEST_SETTINGS, SETTINGS
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.responses import respond


async def show(request: web.Request) -> web.Response:
    """Answer with the page. Secrets and folders are not shown."""
    started, latest = request.app[SETTINGS], request.app[LATEST_SETTINGS]()
    flat = _flat(latest)
    pending = {key: flat.get(key, "") for key in AT_START if getattr(started, key) != getattr(latest, key)}
    flat |= {key: value for key, value in _flat(started).items() if key in AT_START}
    flat |= {key: "–" for key in pending if key not in flat}  # the value is a folder
    told = request.app[FLEET].monitor.notifications
    return respond(
        request, "about.html", settings=flat, pending=pending, keep=latest.keep, release=__version__, told=told
    )


_HIDDEN = {"credentials", "webhooks", "alertmanager_login", "web_config", "inventory", "state"}
"""Settings with folders, names of secret files, and addresses that may contain a token."""


def _flat(settings: Settings) -> dict[str, Any]:
    """Return settings by their dotted keys, without secrets and folders."""
    shown = settings.model_dump(mode="json", exclude=_HIDDEN)
    shown["hosts"] = ", ".join(sorted(settings.hosts)) or "–"
    shown["credentials"] = sorted(settings.credentials)
    shown["webhooks"] = ", ".join(sorted(settings.webhooks)) or "–"
    return {
        (f"{key}.{inner}" if inner else key): value
        for key, known in shown.items()
        for inner, value in (known.items() if isinstance(known, dict) else [("", known)])
    }


PAGE = Page((web.get("/about", show),), "/about", "About")
