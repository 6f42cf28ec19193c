"""Why a camera is not registered, in words."""

from __future__ import annotations

from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.model import Credentials


class RegistrationError(Exception):
    """A camera is not registered; the messages say why, and `usage` whether the command was wrong."""

    def __init__(self, *messages: str, usage: bool = False) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.usage = usage


def login_of(installation: Installation, name: str | None, option: str = "--credentials") -> Credentials | None:
    """Return a login by the name that the settings give it.

    Raises:
        ConnectRefusedError: the settings do not know it, or its password is not to be had.

    """
    if name is None:
        return None
    if name in installation.credentials:
        return installation.credentials[name]
    if name in installation.settings.credentials:
        said = [str(problem) for problem in installation.problems]
        raise RegistrationError(f"the password of credentials {name} is not to be had", *said, usage=True)
    known = ", ".join(sorted(installation.settings.credentials)) or "none"
    raise RegistrationError(f"{option}: the settings know no credentials {name}; known: {known}", usage=True)
