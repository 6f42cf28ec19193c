"""What the running daemon says of the cameras, where one runs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xueliang_monitor.config import Settings

SECONDS = 5.0
MAX_BYTES = 64 * 1024 * 1024


def address(settings: Settings) -> str:
    """Return where the daemon of these settings listens, as seen from this machine."""
    host, port = settings.listen_address
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what others listen on
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def ask(settings: Settings, path: str) -> Any | None:
    """Return the daemon's answer; None where none runs, or it does not know."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address(settings)}{path}", timeout=SECONDS) as response:
            return json.loads(response.read(MAX_BYTES))
    except (OSError, ValueError, urllib.error.URLError):
        return None


def states(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """Return what the daemon knows of each camera, by id; None where none runs."""
    answer = ask(settings, "/api/v1/cameras")
    if not isinstance(answer, dict):
        return None
    return {item["id"]: item for item in answer.get("cameras", ())}
