"""`xueliang relay`: sends alerts to robots of groups, by mail and by other services."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import log_to_stderr, refuse

if TYPE_CHECKING:
    from xueliang_monitor.relay.settings import Relay

DEFAULT_SETTINGS = Path("/etc/xueliang-monitor/relay.yaml")

RelayOption = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="XUELIANG_RELAY_CONFIG", help="Settings file of the relay."),
]


def relay(config: RelayOption = DEFAULT_SETTINGS) -> None:
    """Send what Alertmanager tells to DingTalk, Feishu, WeCom, by e-mail and by other services, until stopped."""
    log_to_stderr()
    loaded = loaded_relay(config)
    try:
        asyncio.run(_serve(loaded))
    except OSError as error:
        refuse([f"cannot serve on {loaded.host}:{loaded.port} with {loaded.state}: {error.strerror}"], 1)


def loaded_relay(config: Path) -> Relay:
    """Read the settings of the relay with their secrets, or exit with an error."""
    from xueliang_monitor.configuration.strict_yaml import DocumentError, listed
    from xueliang_monitor.relay.settings import load

    try:
        return load(config)
    except DocumentError as error:
        refuse(listed(error.problems))


async def _serve(loaded: Relay) -> None:
    import logging

    from xueliang_monitor.net.notify import ServiceManager
    from xueliang_monitor.relay.server import Service
    from xueliang_monitor.service import until_signalled

    manager = ServiceManager.of(os.environ)
    with until_signalled(signal.SIGTERM, signal.SIGINT) as stopped:
        async with Service(loaded).serving() as address:
            logging.getLogger(__name__).info("relaying %s/NAME to %s", address, ", ".join(loaded.receivers))
            manager.notify("READY=1")
            await stopped.wait()
            manager.notify("STOPPING=1")
