"""`xueliang capture`: record the answers of a camera as a test case for its model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from xueliang_monitor.cli.output import AuthOption, ConfigOption, err, refuse


def capture(
    target: Annotated[str, typer.Argument(help="A camera's id, or an rtsp:// URL.")],
    *,
    to: Annotated[Path | None, typer.Option("--to", help="Output file; default: standard output.")] = None,
    username: Annotated[str | None, typer.Option(envvar="XUELIANG_USERNAME", help="User name for the login.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password.")] = None,
    auth: AuthOption = None,
    config: ConfigOption = None,
) -> None:
    """Record one RTSP conversation without login and addresses; XUELIANG_PASSWORD holds the password.

    Review the file before sharing it. In tests/captures/ it becomes a test for that model.
    """
    import asyncio

    from xueliang_monitor.cli.check import credentials_of, target_of, way_of, with_auth
    from xueliang_monitor.net.errors import NetError
    from xueliang_monitor.probing.camera_lock import CameraBusyError
    from xueliang_monitor.probing.capture import record
    from xueliang_monitor.process.shortage import ShortageError
    from xueliang_monitor.wire.transcript import write

    chosen = with_auth(target_of(target, config, credentials_of(username, password_file)), auth)
    try:
        recorded = asyncio.run(record(chosen, *way_of(config)))
    except (NetError, ShortageError, CameraBusyError) as error:
        refuse([f"{chosen.id}: {error}"], 1)
    except TimeoutError:
        refuse([f"{chosen.id}: the camera did not answer in time"], 1)
    text = write(recorded)
    if to is None:
        typer.echo(text, nl=False)
        return
    try:
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        refuse([f"{to}: cannot be written: {error.strerror}"], 1)
    err.print(f"{len(recorded.exchanges)} exchanges written to {to}", highlight=False)
