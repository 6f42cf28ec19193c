"""The `xueliang` command."""

from __future__ import annotations

import os
import sys
from urllib.parse import unquote, urlsplit, urlunsplit

PASSWORD_ENV = "XUELIANG_PASSWORD"  # noqa: S105 - the variable's name
USERNAME_ENV = "XUELIANG_USERNAME"


def _without_secrets(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Move logins from the arguments to environment variables; return both."""
    cleaned: list[str] = []
    moved: dict[str, str] = {}
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--password":
            moved[PASSWORD_ENV] = next(waiting, "")
        elif argument.startswith("--password="):
            moved[PASSWORD_ENV] = argument.partition("=")[2]
        elif argument.lower().startswith(("rtsp://", "rtsps://")) and "@" in argument:
            parts = urlsplit(argument)
            userinfo, _, host = parts.netloc.rpartition("@")
            username, _, password = userinfo.partition(":")
            moved |= {USERNAME_ENV: unquote(username), PASSWORD_ENV: unquote(password)}
            cleaned.append(urlunsplit(parts._replace(netloc=host)))
        else:
            cleaned.append(argument)
    return cleaned, moved


def main() -> None:
    """Run the command line. A login in the arguments moves to the environment first, as others can list arguments."""
    cleaned, moved = _without_secrets(sys.argv[1:])
    if moved:
        os.execve(  # noqa: S606
            sys.executable, [sys.executable, "-m", "xueliang_monitor", *cleaned], {**os.environ, **moved}
        )
    from xueliang_monitor.cli import app

    app()


if __name__ == "__main__":
    main()
