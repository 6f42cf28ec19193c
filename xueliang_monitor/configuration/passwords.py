"""The passwords of named logins, from files or environment variables, as systemd hands them over."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from xueliang_monitor.configuration.regular_file import UnsuitableFileError, read_bytes
from xueliang_monitor.configuration.settings import CredentialSettings, Settings
from xueliang_monitor.configuration.strict_yaml import Document, Problem
from xueliang_monitor.model import Credentials

log = logging.getLogger(__name__)

MAX_PASSWORD_BYTES = 4096


def handed_over(file: Path, base: Path) -> Path:
    """Return the path of a file with a secret: where systemd hands it over, else relative to the settings' folder.

    With `LoadCredential=secrets:FOLDER`, systemd hands over `secrets/name` as `secrets_name`.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and not file.is_absolute():
        handed = Path(folder) / str(file).replace("/", "_")
        if handed.exists():
            return handed
    return base / file


def _read_password(name: str, entry: CredentialSettings, base: Path) -> str:
    if entry.password_env is not None:
        password = os.environ.get(entry.password_env)
        if password is None:
            raise ValueError(f"password_env: the environment variable {entry.password_env} is not set")
        if any("\ud800" <= letter <= "\udfff" for letter in password):  # what Python makes of other bytes (PEP 383)
            raise ValueError(f"password_env: the environment variable {entry.password_env} is not UTF-8 text")
        return password
    path = handed_over(entry.password_file or Path(), base)
    try:
        mode = path.stat().st_mode
        password = read_bytes(path, MAX_PASSWORD_BYTES).decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"password_file: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"password_file: {path} is not UTF-8 text") from error
    except UnsuitableFileError as error:
        raise ValueError(f"password_file: {path} {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not os.environ.get("CREDENTIALS_DIRECTORY"):
        log.warning("credentials %s: other users can read %s; run chmod 600 on it", name, path)
    return password


def load_credentials(settings: Settings, document: Document) -> tuple[Mapping[str, Credentials], tuple[Problem, ...]]:
    """Read the passwords; return the logins by name, and a problem for each password that cannot be read."""
    found: dict[str, Credentials] = {}
    problems: list[Problem] = []
    for name, entry in settings.credentials.items():
        try:
            found[name] = Credentials(entry.username, _read_password(name, entry, document.file.parent), entry.auth)
        except ValueError as error:
            problems.append(document.problem(("credentials", name), str(error)))
    return MappingProxyType(found), tuple(problems)
