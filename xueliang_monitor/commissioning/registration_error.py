"""The error that ends a registration."""

from __future__ import annotations

from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.model import Credentials
from xueliang_monitor.net.login_rules import why_not_in_path


class RegistrationError(Exception):
    """A camera cannot be registered. `messages` say why; `usage` is True if the command itself was wrong.

    `login_refused` says that the camera refused the login.
    """

    def __init__(self, *messages: str, usage: bool = False, login_refused: bool = False) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.usage = usage
        self.login_refused = login_refused


def login_of(installation: Installation, name: str | None, option: str = "--credentials") -> Credentials | None:
    """Return the credentials with that name in the settings; `option` is named in the error.

    Raises:
        RegistrationError: the settings have no such credentials, or their password cannot be read.

    """
    if name is None:
        return None
    if name in installation.credentials:
        return installation.credentials[name]
    if name in installation.settings.credentials:
        problems = [str(problem) for problem in installation.problems]
        raise RegistrationError(f"the password of credentials {name} cannot be read", *problems, usage=True)
    known = ", ".join(sorted(installation.settings.credentials)) or "none"
    raise RegistrationError(f"{option}: no credentials {name} in the settings; there are: {known}", usage=True)


def check_path(data: CameraFile, login: Credentials | None) -> None:
    """Check that the path may be used with the login.

    Raises:
        RegistrationError: the login may only be sent by Digest, and the path sends the password.

    """
    if reason := why_not_in_path(data.rtsp_path, data.auth, login):
        raise RegistrationError(reason)
