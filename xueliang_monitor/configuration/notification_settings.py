"""The settings of those who are told of problems: Alertmanager and webhooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from xueliang_monitor.configuration.strict_yaml import Strict

_URL = re.compile(r"https?://[^\s@#'\"<>]{1,1000}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")


def _check_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("not a URL; write it like https://tickets.example.org/hooks/cameras, without a login")
    return value


def _check_label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError("not the name of a label; write it like instance")
    return value


class AlertmanagerLogin(Strict):
    """The login of Alertmanager, or of the proxy before it."""

    username: Annotated[str, Field(min_length=1, max_length=128, pattern="^[^:]+$")]
    """User name at Alertmanager."""

    password_file: Path
    """File with the password. The path is relative to this file."""


class WebhookSettings(Strict):
    """A receiver of webhooks."""

    url: Annotated[str, AfterValidator(_check_url)]
    """Address that events on problems are posted to. It is not shown on pages, as it may contain a token."""

    secret_file: Path
    """File with the secret that signs the events: at least 24 random bytes in base64, with or without `whsec_` before
    them, for example from `openssl rand -base64 32`. The path is relative to this file.
    """


Label = Annotated[str, AfterValidator(_check_label)]
WebhookName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
