"""`xueliang check`: visit a camera once and explain what is wrong."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli.output import (
    AuthOption,
    ConfigOption,
    err,
    out,
    print_fault,
    print_json,
    refuse,
    settings_file,
)
from xueliang_monitor.model import Transport

if TYPE_CHECKING:
    from xueliang_monitor.model import AuthPolicy, Credentials, Target, VisitResult
    from xueliang_monitor.probing.camera_lock import CameraLocks

CLIMB_SECONDS = 12.5
TOTAL_SECONDS = 13.8
EXIT_HEALTHY, EXIT_FAULTS = 0, 1


def credentials_of(username: str | None, password_file: Path | None) -> Credentials | None:
    """Return the login from options and environment, or exit with an error."""
    from xueliang_monitor.model import Credentials

    password = _password_of_environment()
    if password_file is not None:
        try:
            password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            refuse([f"{password_file}: the password file cannot be read: {type(error).__name__}"])
    if username is not None and not _is_unicode(username):
        refuse(["the user name is not UTF-8"])
    return Credentials(username, password) if username else None


def _password_of_environment() -> str:
    """Return the password from XUELIANG_PASSWORD, or exit with an error if its bytes are not UTF-8."""
    password = os.environ.get("XUELIANG_PASSWORD", "")
    if not _is_unicode(password):
        refuse(["XUELIANG_PASSWORD is not UTF-8; cameras are sent passwords in UTF-8"])
    return password


def _is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: Python reads other bytes than UTF-8 as surrogates (PEP 383)."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _target_of_url(written: str, credentials: Credentials | None) -> Target:
    from xueliang_monitor.model import Credentials, Target, redact_path
    from xueliang_monitor.net.rtsp_url import RtspUrlError, read_rtsp_url

    try:
        url = read_rtsp_url(written)
    except RtspUrlError as error:
        refuse([str(error)])
    if url.username is not None:
        credentials = Credentials(url.username, url.password or _password_of_environment())
    name = url.without_login(redact_path(url.path))
    return Target(name, url.host, url.port, url.path, credentials, secure=url.secure)


def _target_of_camera(name: str, config: Path | None, credentials: Credentials | None) -> Target:
    from dataclasses import replace

    from xueliang_monitor.cli.offered_logins import guarded
    from xueliang_monitor.configuration import installation
    from xueliang_monitor.configuration.strict_yaml import DocumentError

    try:
        loaded = installation.load(settings_file(config))
    except DocumentError as error:
        refuse(error.problems)
    found = next((camera.target for camera in loaded.inventory.cameras if camera.id == name), None)
    if found is None:
        broken = [problem for problem in loaded.inventory.problems if problem.file.stem == name]
        refuse(broken or [f"there is no camera with the id {name}; give a known id or an rtsp:// URL"])
    found = guarded(found, loaded.settings.state)
    return replace(found, credentials=credentials) if credentials else found


def target_of(named: str, config: Path | None, credentials: Credentials | None) -> Target:
    """Return the target that a URL or a camera id names, or exit with an error."""
    return _target_of_url(named, credentials) if "://" in named else _target_of_camera(named, config, credentials)


def with_auth(target: Target, auth: AuthPolicy | None) -> Target:
    """Return a target with the policy of `--auth`, or exit with an error if its path sends the password against it."""
    from dataclasses import replace

    from xueliang_monitor.net.login_rules import why_not_in_path

    if auth is None:
        return target
    if reason := why_not_in_path(target.path, auth, target.credentials):
        refuse([f"{target.id}: {reason}"])
    return replace(target, auth=auth)


def _with_onvif(target: Target, port: int) -> Target:
    from dataclasses import replace

    from xueliang_monitor.model import OnvifTarget

    return replace(target, onvif=OnvifTarget(port, credentials=target.credentials))


def way_of(config: Path | None) -> tuple[CameraLocks, tuple[str, ...]]:
    """Return the turns that are shared with the daemon, and the name servers, as far as there are settings."""
    from xueliang_monitor.configuration import installation, settings
    from xueliang_monitor.configuration.strict_yaml import DocumentError
    from xueliang_monitor.probing.camera_lock import CameraLocks

    try:
        loaded, _ = settings.load(settings_file(config))
    except DocumentError:
        return CameraLocks(waiting=tell_waiting), ()
    try:
        sessions = installation.sessions_at_hosts(installation.load(settings_file(config), passwords=False))
    except DocumentError:
        sessions = {}
    return CameraLocks(loaded.state, sessions, waiting=tell_waiting), loaded.name_servers


def tell_waiting(what: str) -> None:
    """Print what a camera's turn is waited for."""
    err.print(what, style="dim", highlight=False)


async def _visit(target: Target, locks: CameraLocks, name_servers: tuple[str, ...]) -> VisitResult:
    import asyncio

    from xueliang_monitor.model import Timeouts
    from xueliang_monitor.net.names import NameResolver
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.probing.memory import Memory
    from xueliang_monitor.probing.rungs import BESIDE_RUNGS, LADDER
    from xueliang_monitor.probing.visit import visit
    from xueliang_monitor.process.pauses import Pauses

    workers, pauses = Workers(1), Pauses()
    warming = asyncio.create_task(workers.warm())
    try:
        with err.status(f"checking {target.id} …"):
            async with (
                locks.hold(target.host),
                NameResolver(name_servers) as names,
                pauses.watched(),
                asyncio.timeout(TOTAL_SECONDS),
            ):
                visited, _ = await visit(
                    target,
                    LADDER[-1].rung,
                    Memory(),
                    timeouts=Timeouts(),
                    workers=workers,
                    now=time.time(),
                    total_seconds=CLIMB_SECONDS,
                    beside=BESIDE_RUNGS,
                    names=names,
                    pauses=pauses,
                )
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
    return visited


def _as_json(target: Target, visited: VisitResult) -> dict[str, Any]:
    return {
        "target": target.id,
        "online": bool(visited.online),
        "faults": [finding.code for finding in visited.seen],
        "rungs": [
            {
                "rung": result.rung,
                "ok": result.ok,
                "seconds": round(result.seconds, 4),
                "fault": result.fault,
                "detail": result.detail,
            }
            for result in visited.rungs
        ],
        "readings": {
            key: round(value, 6) if isinstance(value, float) else value for key, value in visited.readings.items()
        },
    }


def _print_table(target: Target, visited: VisitResult) -> None:
    from rich.markup import escape
    from rich.table import Table

    from xueliang_monitor.judgement.catalogue import fault
    from xueliang_monitor.probing.rungs import PROBES

    table = Table("Rung", "Result", "Time", "Detail", title=escape(target.id), title_justify="left")
    for result in visited.rungs:
        outcome = "[green]ok[/]" if result.ok else f"[red]{result.fault}[/]"
        table.add_row(result.rung, outcome, f"{result.seconds * 1000:.0f} ms", escape(result.detail))
    climbed = {result.rung for result in visited.rungs}
    for probe in PROBES:
        if probe.rung not in climbed and probe.applies(target):
            table.add_row(probe.rung, "[dim]not reached[/]", "", "")
    out.print(table)
    readings = Table("Reading", "Value", show_header=False, box=None)
    for key, value in visited.readings.items():
        readings.add_row(key, f"{value:.4g}" if isinstance(value, float) else escape(value))
    out.print(readings)
    _print_oddities(visited)
    for finding in visited.seen:
        print_fault(fault(finding.code), finding.reason)
    if not visited.seen:
        out.print("\n[bold green]healthy[/]  正常")


def _print_oddities(visited: VisitResult) -> None:
    from xueliang_monitor.probing.oddity_texts import ODDITY_TEXTS
    from xueliang_monitor.wire import oddities

    for oddity, count in oddities.read(visited.readings.oddities or ""):
        text = ODDITY_TEXTS[oddity]
        out.print(f"[yellow]note[/] {oddity.value} × {count}  {text.en} {text.zh}", highlight=False)


def check(
    target: Annotated[str, typer.Argument(help="A camera's id, or an rtsp:// URL.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    username: Annotated[str | None, typer.Option(envvar="XUELIANG_USERNAME", help="User name for the login.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password.")] = None,
    password: Annotated[
        str | None,
        typer.Option(help="Password; it is removed from the process list at once. Prefer XUELIANG_PASSWORD."),
    ] = None,
    onvif_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="With a URL: also check ONVIF, on this port.")
    ] = None,
    transport: Annotated[
        Transport | None, typer.Option(help="Transport of the media. auto tries tcp first, then udp.")
    ] = None,
    tls: Annotated[
        str | None, typer.Option(help="With rtsps://: verify, insecure, legacy, or a file with trusted certificates.")
    ] = None,
    auth: AuthOption = None,
    config: ConfigOption = None,
) -> None:
    """Check a camera once: reach, rtsp, stream, picture, onvif.

    Exit status: 0 healthy, 1 faults, 2 usage.
    """
    import asyncio
    import logging
    from dataclasses import replace

    from xueliang_monitor.net.login_rules import path_note
    from xueliang_monitor.probing.camera_lock import CameraBusyError

    logging.disable(logging.WARNING)
    if password is not None:
        os.environ["XUELIANG_PASSWORD"] = password
    credentials = credentials_of(username, password_file)
    chosen = target_of(target, config, credentials)
    if onvif_port is not None:
        chosen = _with_onvif(chosen, onvif_port)
    chosen = replace(chosen, transport=transport or chosen.transport, tls=tls or chosen.tls)
    chosen = with_auth(chosen, auth)
    if note := path_note(chosen):
        err.print(note, style="yellow", highlight=False)
    try:
        visited = asyncio.run(_visit(chosen, *way_of(config)))
    except CameraBusyError as error:
        refuse([f"{chosen.id}: {error}"], EXIT_FAULTS)
    except TimeoutError:
        refuse([f"{chosen.id}: the check did not finish within {TOTAL_SECONDS:.0f} s"], EXIT_FAULTS)
    if as_json:
        print_json(_as_json(chosen, visited))
    else:
        _print_table(chosen, visited)
    sys.stdout.flush()
    raise typer.Exit(EXIT_FAULTS if visited.seen else EXIT_HEALTHY)
