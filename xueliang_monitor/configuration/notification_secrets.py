"""The secrets of those who are told of problems, read from the files that the settings name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xueliang_monitor.configuration.passwords import read_secret
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.configuration.strict_yaml import Document, Problem

LEAST_KEY_BYTES = 24
"""The shortest key of a signature, as Standard Webhooks has it."""


@dataclass(frozen=True, slots=True)
class NotificationSecrets:
    """The secrets of those who are told; one that cannot be read is absent.

    Attributes:
        alertmanager_password: the password at Alertmanager; None without a login.
        webhook_keys: the key of each webhook's signature, by its name.

    """

    alertmanager_password: str | None = field(default=None, repr=False)
    webhook_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def key_of(secret: str) -> bytes:
    """Return the key of a signature from the text of its file.

    Raises:
        ValueError: it is no base64, or the key is too short; the message does not show it.

    """
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("secret_file: not base64; make a secret with openssl rand -base64 32") from error
    if len(key) < LEAST_KEY_BYTES:
        least = f"less than {LEAST_KEY_BYTES} bytes"
        raise ValueError(f"secret_file: the secret is too short ({least}); make one with openssl rand -base64 32")
    return key


def load_secrets(settings: Settings, document: Document) -> tuple[NotificationSecrets, tuple[Problem, ...]]:
    """Read the secrets; return them, and a problem for each that cannot be read."""
    base, problems = document.file.parent, list[Problem]()
    password: str | None = None
    if (login := settings.alertmanager_login) is not None:
        try:
            password = read_secret(login.password_file, base, key="password_file", of="alertmanager_login")
        except ValueError as error:
            problems.append(document.problem(("alertmanager_login",), str(error)))
    keys: dict[str, bytes] = {}
    for name, entry in settings.webhooks.items():
        try:
            keys[name] = key_of(read_secret(entry.secret_file, base, key="secret_file", of=f"webhook {name}"))
        except ValueError as error:
            problems.append(document.problem(("webhooks", name), str(error)))
    return NotificationSecrets(password, MappingProxyType(keys)), tuple(problems)
