"""Shared by all commands: consoles, errors, options and JSON."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from xueliang_monitor.model import AuthPolicy
from xueliang_monitor.wire.printable import escaped

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.configuration.inventory import Camera
    from xueliang_monitor.model import Fault

USAGE = 2
DEFAULT_SETTINGS = Path("/etc/xueliang-monitor/xueliang.yaml")


class _Printable:
    """A renderable whose text has no character that a terminal obeys or that is invisible."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escaped(segment.text), segment.style)


class _PrintableOnly(RenderHook):
    """Applies `_Printable` to everything that a console prints: names in files and texts of devices alike."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Printable(each) for each in renderables]


out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)
for _console in (out, err):
    _console.push_render_hook(_PrintableOnly())


def refuse(messages: Iterable[object], code: int = USAGE) -> NoReturn:
    """Print messages to standard error and exit."""
    for message in messages:
        err.print(str(message), style="red", markup=False, highlight=False)
    raise typer.Exit(code)


def settings_file(given: Path | None) -> Path:
    """Return the given settings file, else the installed one, else config/xueliang.yaml if that exists."""
    if given is not None:
        return given
    local = Path("config/xueliang.yaml")
    return local if local.exists() and not DEFAULT_SETTINGS.exists() else DEFAULT_SETTINGS


def installation_of(config: Path | None, *, passwords: bool = True) -> Installation:
    """Read settings, logins and cameras, or exit with an error. Without `passwords`, password files are not read."""
    from xueliang_monitor.configuration import installation
    from xueliang_monitor.configuration.strict_yaml import DocumentError, listed

    try:
        return installation.load(settings_file(config), passwords=passwords)
    except DocumentError as error:
        refuse(listed(error.problems))


def camera_of(loaded: Installation, name: str) -> Camera:
    """Return a camera by its id, or exit with the errors of its file."""
    found = next((camera for camera in loaded.inventory.known if camera.id == name), None)
    if found is not None:
        return found
    broken = [problem for problem in loaded.inventory.problems if problem.file.stem == name]
    refuse(broken or [f"there is no camera with the id {name}; list the cameras with: xueliang camera list"])


def on_terminal() -> bool:
    """Return whether questions can be asked on the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value as JSON, by default on several lines."""
    typer.echo(escaped(json.dumps(value, ensure_ascii=False, indent=indent)))


def print_fault(declared: Fault, reason: str = "") -> None:
    """Print a fault with its likely cause and what to do, in both languages; `reason` is the key of its reason."""
    why = declared.explained(reason)
    out.print(f"\n[bold red]{declared.code}[/]  {declared.name.en}  {declared.name.zh}")
    out.print(f"  likely cause: {why.cause.en} {why.cause.zh}", highlight=False)
    out.print(f"  what to do:   {why.advice.en} {why.advice.zh}", highlight=False)


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="XUELIANG_CONFIG", help="Settings file.", show_default=str(DEFAULT_SETTINGS)),
]


def _complete_id(incomplete: str) -> list[str]:
    """Return the ids with a prefix, for shell completion."""
    from xueliang_monitor.configuration import settings as config

    try:
        folder = config.load(settings_file(None))[0].inventory
        return sorted(file.stem for file in folder.glob(f"{incomplete}*.yaml"))
    except Exception:  # noqa: BLE001 - shell completion must not print errors
        return []


AuthOption = Annotated[
    AuthPolicy | None,
    typer.Option(help="How the password may be sent: digest, basic (also unencrypted), or auto (basic over TLS only)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CameraArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the camera.", autocompletion=_complete_id)]


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the log to standard error, one line per event."""
    from xueliang_monitor.event_log import LineFormatter, PriorityFormatter, under_journal

    handler = logging.StreamHandler()
    handler.setFormatter(
        PriorityFormatter("%(message)s") if under_journal() else LineFormatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler])
