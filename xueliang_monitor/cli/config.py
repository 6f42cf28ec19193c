"""`xueliang config`: check settings and camera files, and hash passwords."""

from __future__ import annotations

import typer

from xueliang_monitor.cli.output import ConfigOption, err, out, refuse, settings_file

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


@app.command("check")
def check(config: ConfigOption = None) -> None:
    """Validate the settings, the passwords, all camera files and uplinks.yaml; print errors with file and line.

    Warnings about uplinks, such as one that no camera hangs on, are printed but are not errors.
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
