"""Queries the running daemon, if there is one."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xueliang_monitor.configuration.settings import Settings

SECONDS = 5.0
MAX_BYTES = 64 * 1024 * 1024


class _OverSocket(http.client.HTTPConnection):
    """HTTP over the Unix socket of the daemon. It needs no login, as the permissions of its folder protect it."""

    def __init__(self, place: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._place = place

    def connect(self) -> None:
        """Connect to the socket.

        Raises:
            OSError: no daemon listens, or this user may not connect.

        """
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._place))


def address(settings: Settings) -> str:
    """Return the address of the daemon as seen from this machine."""
    host, port = settings.listen_address
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound  # nosec B104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _connections(settings: Settings) -> list[http.client.HTTPConnection]:
    """Return connections to the daemon: its socket, and its address if no login is required."""
    from xueliang_monitor.configuration.settings import SOCKET

    ways: list[http.client.HTTPConnection] = [_OverSocket(settings.state / SOCKET)]
    if settings.web_config is None:
        ways.append(http.client.HTTPConnection(address(settings).removeprefix("http://"), timeout=SECONDS))
    return ways


def ask(settings: Settings, path: str) -> Any | None:
    """Return the answer of the daemon; None if no daemon runs or it answers with an error."""
    for connection in _connections(settings):
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status == http.client.OK:
                return json.loads(response.read(MAX_BYTES))
        except (OSError, ValueError, http.client.HTTPException):
            continue
        finally:
            connection.close()
    return None


def states(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """Return the state of each camera by id; None if no daemon runs."""
    answer = ask(settings, "/api/v1/cameras")
    if not isinstance(answer, dict):
        return None
    return {item["id"]: item for item in answer.get("cameras", ())}
