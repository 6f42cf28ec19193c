"""Serves the web application on the configured address, and on a Unix socket in the state folder for commands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

from xueliang_monitor.configuration.settings import SOCKET, Settings
from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.web import web_config
from xueliang_monitor.web.access import Access, is_open_to_all
from xueliang_monitor.web.application import application
from xueliang_monitor.web.connections import Listener, server_of
from xueliang_monitor.web.keys import AcceptChange
from xueliang_monitor.web.renderer import prepare
from xueliang_monitor.web.web_config import Protection

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""How often the web configuration and the certificate are examined for changes."""

SHUTDOWN_SECONDS = 2.0
MOST_CONNECTIONS = 512


class Server:
    """The pages, the API and the metrics of one fleet."""

    def __init__(
        self,
        fleet: Fleet,
        settings: Settings,
        base: Path,
        *,
        check_now: Callable[[str], None] | None = None,
        accept_change: AcceptChange | None = None,
        latest_settings: Callable[[], Settings] | None = None,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        """Read the web configuration that `settings` names; a relative path starts at the folder `base`.

        `check_now` schedules a visit of a camera, `accept_change` accepts what it became. `latest_settings` returns the
        settings as they were last read.
        `most_connections` is how many connections the descriptors of this process allow.

        Raises:
            DocumentError: the web configuration is invalid, so the server must not start without its protection.

        """
        self._fleet = fleet
        self._settings = settings
        self._base = base
        self._check_now = check_now
        self._accept_change = accept_change
        self._latest_settings = latest_settings
        self._most_connections = most_connections
        self._access = Access(Protection(), settings.hosts, settings.proxies)
        self._take(self._read())
        self._runner: web.AppRunner | None = None
        self._commands: web.UnixSite | None = None
        self._socket: tuple[int, int] | None = None
        self._reported_socket = False
        self._listening = self._access.protection.tls
        self._seen = self._fingerprint()
        if is_open_to_all(settings.listen_address[0], self._access.protection):
            log.warning(
                "anyone who reaches %s can read the pages and the metrics, or intercept a login: set web_config to a"
                " file with both TLS and users",
                settings.listen,
            )

    def _read(self) -> Protection:
        place = self._settings.web_config
        return web_config.load(place, self._base) if place is not None else Protection()

    def _take(self, protection: Protection) -> None:
        self._access.protection = protection
        self._fleet.monitor.certificate_ends_at = protection.expires_at

    def _fingerprint(self) -> tuple[tuple[int, int], ...]:
        found = []
        for file in self._access.protection.files:
            try:
                about = file.stat()
                found.append((about.st_ino, about.st_mtime_ns))
            except OSError:
                found.append((0, 0))
        return tuple(found)

    async def follow_files(self) -> None:
        """Apply changes of the certificate and the users until cancelled. Invalid files change nothing."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._keep_listening_for_commands()
            now = self._fingerprint()
            if now == self._seen:
                continue
            # The state before reading, so that a change during reading is noticed next time.
            self._seen = now
            try:
                fresh = self._read()
                if self._listening is not None and fresh.chain is not None:
                    self._listening.load_cert_chain(*fresh.chain, password="")  # for connections from now on
            except (DocumentError, OSError) as error:
                log.error("%s; the last valid version stays in force", error)  # noqa: TRY400
                continue
            if (fresh.tls is None) != (self._listening is None):
                log.warning("turning TLS on or off takes effect after a restart")
            self._take(fresh)
            log.info("reloaded the web configuration")

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[str]:
        """Listen while the context lasts; yield the address of the pages.

        Raises:
            OSError: the address cannot be used.

        """
        await asyncio.to_thread(prepare)
        app = application(
            self._fleet,
            self._settings,
            self._access,
            check_now=self._check_now,
            accept_change=self._accept_change,
            latest_settings=self._latest_settings,
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, auto_decompress=False)
        await runner.setup()
        listener = Listener(
            server_of(runner),
            most=self._most_connections,
            trusted=self._settings.proxies,
            tls=self._listening,
            refuses=self._access.shuns,
        )
        try:
            tls = self._listening
            await listener.start(host, port)
            bound = listener.addresses[0]
            shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            self._runner = runner
            await self._listen_for_commands()
            address = f"{'https' if tls else 'http'}://{shown}:{bound[1]}"
            self._fleet.monitor.page_url = self._settings.page_url or address
            yield address
        finally:
            await listener.close()
            await runner.cleanup()
            self._access.close()

    async def _listen_for_commands(self) -> None:
        """Listen on the socket in the state folder. A failure is logged once and retried."""
        place, runner = self._settings.state / SOCKET, self._runner
        if runner is None:
            return
        if self._commands is not None:
            await self._commands.stop()
            self._commands = None
        try:
            place.unlink(missing_ok=True)
            commands = web.UnixSite(runner, place)
            await commands.start()
            place.chmod(0o600)
            self._commands, self._socket = commands, _identity(place)
        except OSError as error:
            if not self._reported_socket:
                log.warning("%s: commands cannot reach the daemon: %s; retrying", place, error.strerror or error)
            self._reported_socket = True
        else:
            if self._reported_socket:
                log.info("%s: commands can reach the daemon again", place)
            self._reported_socket = False

    async def _keep_listening_for_commands(self) -> None:
        """Listen again if the socket was removed or could not be created before."""
        if self._commands is None or _identity(self._settings.state / SOCKET) != self._socket:
            await self._listen_for_commands()


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        about = place.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino
