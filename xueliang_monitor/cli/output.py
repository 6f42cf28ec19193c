"""What the commands share towards the terminal: consoles, refusals, options."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

USAGE = 2
DEFAULT_SETTINGS = Path("/etc/xueliang-monitor/xueliang.yaml")

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def refuse(messages: Iterable[object], code: int = USAGE) -> NoReturn:
    """Print messages to standard error and exit."""
    for message in messages:
        err.print(str(message), style="red", markup=False, highlight=False)
    raise typer.Exit(code)


def settings_file(given: Path | None) -> Path:
    """Return the settings file: the one given, the working folder's, or the installed one."""
    if given is not None:
        return given
    local = Path("config/xueliang.yaml")
    return local if local.exists() and not DEFAULT_SETTINGS.exists() else DEFAULT_SETTINGS


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="XUELIANG_CONFIG", help="Settings file.", show_default=str(DEFAULT_SETTINGS)),
]


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the log to standard error, one line an event."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
