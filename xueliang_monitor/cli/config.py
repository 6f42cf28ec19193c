"""`xueliang config`: check settings and camera files, and hash passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import ConfigOption, err, out, refuse, settings_file

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation

app = typer.Typer(no_args_is_help=True)


@app.command("hash-password")
def hash_password() -> None:
    """Prompt for a password and print its bcrypt hash, for basic_auth_users in the web configuration."""
    import sys

    import bcrypt

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not 8 <= len(password.encode()) <= 72:
        refuse(["the password must have 8 to 72 bytes"])
    typer.echo(bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode())


def _try_logins(loaded: Installation) -> bool:
    """Try each login, and print what came of it; return whether no camera refused one."""
    import asyncio
    import logging

    from rich.markup import escape
    from rich.table import Table

    from xueliang_monitor.cli.offered_logins import guarded, known_logins
    from xueliang_monitor.commissioning.login_trial import try_logins

    logging.disable(logging.WARNING)
    state = loaded.settings.state
    with err.status("trying the logins …"):
        attempts = asyncio.run(try_logins(loaded, known_logins(state), lambda target: guarded(target, state)))
    table = Table("Login", "Camera", "Result")
    words = {True: "[green]accepted[/]", False: "[red]refused[/]", None: "[yellow]no answer[/]"}
    for each in attempts:
        detail = "" if each.accepted else f" {escape(each.detail)}"
        table.add_row(escape(each.name), each.camera, words[each.accepted] + detail)
    out.print(table)
    return all(each.accepted is not False for each in attempts)


@app.command("check")
def check(
    *,
    try_logins: Annotated[
        bool,
        typer.Option(
            "--try-logins",
            help="Also try each login on one camera, then on three more, over RTSP; stop at the first refusal.",
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Validate the settings, the passwords, all camera files and uplinks.yaml; print errors with file and line.

    Warnings about uplinks, such as one that no camera hangs on, are printed but are not errors.

    Exit status: 0 valid, 1 errors or a refused login.
    """
    from xueliang_monitor.configuration import installation, topology_warnings
    from xueliang_monitor.configuration.strict_yaml import DocumentError, listed

    try:
        loaded = installation.load(settings_file(config))
    except DocumentError as error:
        refuse(listed(error.problems), 1)
    problems = loaded.every_problem
    if loaded.settings.web_config is not None:
        from xueliang_monitor.web import web_config

        try:
            web_config.load(loaded.settings.web_config, settings_file(config).parent)
        except DocumentError as error:
            problems = (*problems, *error.problems)
    known = loaded.inventory.known
    for line in listed(topology_warnings.warnings(loaded.uplinks, known, loaded.settings.inventory), "warnings"):
        err.print(f"warning: {line}", style="yellow", markup=False, highlight=False)
    if problems:
        refuse((*listed(problems), f"{len(problems)} errors; {len(loaded.inventory.cameras)} cameras are valid"), 1)
    nodes = f", {len(loaded.topology_nodes)} uplinks" if loaded.topology_nodes else ""
    out.print(f"{settings_file(config)}: valid; {len(loaded.inventory.cameras)} cameras{nodes}", highlight=False)
    if try_logins and not _try_logins(loaded):
        raise typer.Exit(1)
