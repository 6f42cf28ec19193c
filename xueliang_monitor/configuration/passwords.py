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
    return read_secret(entry.password_file or Path(), base, key="password_file", of=f"credentials {name}")


def read_secret(file: Path, base: Path, *, key: str, of: str) -> str:
    """Return the text of a file with a secret, without the ends of its last line.

    `key` names the file in the settings, and `of` says whose secret it is.

    Raises:
        ValueError: the file cannot be read, or is no text.

    """
    path = handed_over(file, base)
    try:
        mode = path.stat().st_mode
        secret = read_bytes(path, MAX_PASSWORD_BYTES).decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{key}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{key}: {path} is not UTF-8 text") from error
    except UnsuitableFileError as error:
        raise ValueError(f"{key}: {path} {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not os.environ.get("CREDENTIALS_DIRECTORY"):
        log.warning("%s: other users can read %s; run chmod 600 on it", of, path)
    return secret


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


def _is_hidden(path: Path) -> bool:
    """Return whether a file may exist and be readable for others than this user."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(path, os.R_OK)


def named_logins(settings: Settings, document: Document) -> tuple[Mapping[str, Credentials], frozenset[str]]:
    """Return every login by name, and the names of those whose passwords cannot be read by anybody.

    A password that this user may not read, or whose environment variable only the daemon has, is empty.
    """
    found, _ = load_credentials(settings, document)
    missing = {
        name
        for name, entry in settings.credentials.items()
        if name not in found
        and entry.password_env is None
        and not _is_hidden(handed_over(entry.password_file or Path(), document.file.parent))
    }
    unread = {
        name: Credentials(entry.username, "", entry.auth)
        for name, entry in settings.credentials.items()
        if name not in found
    }
    return {**found, **unread}, frozenset(missing)
