"""The `xueliang` command."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from xueliang_monitor.net.rtsp_url import RtspUrlError, holds_login_without_url, looks_like_rtsp_url, read_rtsp_url

PASSWORD_ENV = "XUELIANG_PASSWORD"  # noqa: S105 - the variable's name
USERNAME_ENV = "XUELIANG_USERNAME"
CLEANED_ENV = "XUELIANG_ARGUMENTS_CLEANED"
"""Set for the process that replaces this one, so that no command line is replaced twice."""

READ_LOGINS = ("check", "capture")
"""The commands that take a login from a URL."""

USAGE = 2


def without_secrets(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Move logins from the arguments to environment variables; return both.

    Raises:
        RtspUrlError: the login in a URL cannot be read, or the command takes none.

    """
    cleaned: list[str] = []
    moved: dict[str, str] = {}
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if argument == "--password":
            moved[PASSWORD_ENV] = next(waiting, "")
        elif name == "--password" and equals:
            moved[PASSWORD_ENV] = value
        else:
            option = argument.startswith("-") and equals
            cleaned.append(_without_login(argument, value if option else argument, command, moved))
    return cleaned, moved


def _without_login(argument: str, text: str, command: str, moved: dict[str, str]) -> str:
    """Return an argument without the login of the URL in it. The command itself reports other errors of the URL."""
    if holds_login_without_url(text):
        raise RtspUrlError(
            "an argument looks like a login before an address; write rtsp:// before it for "
            f"{' and '.join(READ_LOGINS)}, or the address alone and name the login by its credentials"
        )
    if "@" not in text or not looks_like_rtsp_url(text):
        return argument
    url = read_rtsp_url(text)
    if url.username is None:
        return argument
    if text is not argument or command not in READ_LOGINS:
        raise RtspUrlError(
            f"a login in an address is read by {' and '.join(READ_LOGINS)} only; write the address without it, and "
            "name the login by its credentials"
        )
    moved[USERNAME_ENV] = url.username
    if url.password is not None:
        moved[PASSWORD_ENV] = url.password
    return url.without_login()


def _tolerate_other_encodings() -> None:
    """Write codes for what the terminal's encoding lacks, such as Chinese characters in an ASCII one."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line. A login in the arguments moves to the environment first, as others can list arguments."""
    _tolerate_other_encodings()
    if os.environ.pop(CLEANED_ENV, None) is None:
        try:
            cleaned, moved = without_secrets(sys.argv[1:])
        except RtspUrlError as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(USAGE) from None
        if moved:
            environment = {**os.environ, **moved, CLEANED_ENV: "1"}
            os.execve(sys.executable, [sys.executable, "-m", "xueliang_monitor", *cleaned], environment)  # noqa: S606
    from xueliang_monitor.cli import app

    app()


if __name__ == "__main__":
    main()
