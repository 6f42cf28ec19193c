"""The settings file of the relay, and the secrets that it names."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from xueliang_monitor.configuration.address_checks import ListenAddress, split_address
from xueliang_monitor.configuration.passwords import MAX_PASSWORD_BYTES, handed_over
from xueliang_monitor.configuration.regular_file import UnsuitableFileError, read_bytes
from xueliang_monitor.configuration.strict_yaml import (
    Document,
    DocumentError,
    Duration,
    Problem,
    Strict,
    read,
    validate,
)
from xueliang_monitor.relay.messages import Language
from xueliang_monitor.relay.queue import Pace
from xueliang_monitor.relay.robots import ROBOTS

Kind = Literal["dingtalk", "feishu", "wecom", "email", "apprise"]

_LOOPBACK = ("127.", "[::1]", "localhost")


def _check_server(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536) or set(host) & set("/?#@ "):
        raise ValueError("not a mail server; write host:port, such as smtp.example.org:465")
    return value


def _check_mail_address(value: str) -> str:
    if value.count("@") != 1 or not value.isprintable() or set(value) & set(' ,;<>"') or value[0] == "@":
        raise ValueError("not an e-mail address; write it like control-room@example.org")
    return value


_MailAddress = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_check_mail_address)]


class ReceiverSettings(Strict):
    """One receiver: where its messages go, in which language and how often."""

    kind: Kind
    """`dingtalk`, `feishu` and `wecom` are the robots of groups. `email` needs `server`, `sender` and `to`. `apprise`
    is any other service that apprise knows, such as a gateway of text messages. The last two need the extra `relay`.
    """

    url_file: Path | None = None
    """File with the address of the robot, or with apprise's URL of the service, on one line. Who knows the address can
    send, so only the relay's user may read the file. Paths are relative to this file.
    """

    secret_file: Path | None = None
    """File with the secret that signs, of DingTalk (加签) or Feishu (签名校验)."""

    server: Annotated[str, AfterValidator(_check_server)] | None = None
    """Mail server, written as host:port."""

    security: Literal["tls", "starttls", "none"] = "tls"
    """How the connection to the mail server is encrypted: from its start (port 465), later (port 587), or not."""

    sender: _MailAddress | None = None
    """Address that mails come from."""

    to: tuple[_MailAddress, ...] = ()
    """Addresses that mails go to."""

    username: str | None = None
    """Name that logs in to the mail server."""

    password_file: Path | None = None
    """File with the password of the mail server."""

    language: Language | None = None
    """Language of the messages, if it is another than `language` of the whole file."""

    short: bool = False
    """Whether each alert is one line without cause and advice, as for text messages."""

    pause: Annotated[Duration, Field(ge=0, le=3600)] = 10.0
    """Shortest time between two messages. What comes meanwhile is merged into the next one."""

    most_per_hour: Annotated[int, Field(ge=1, le=1000)] = 120
    """Largest number of messages in an hour. Beyond it, alerts wait and are merged."""

    repeat_after: Annotated[Duration, Field(ge=60, le=30 * 86_400)] | None = None
    """An alert that fires on is sent again when Alertmanager repeats it after this time or later. With null, never."""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        mail = ("server", "sender", "to")
        needed = mail if self.kind == "email" else ("url_file",)
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"kind {self.kind} needs {' and '.join(missing)}")
        unused = [name for name in (*mail, "username", "password_file") if getattr(self, name)]
        unused = ["url_file"] * bool(self.url_file) if self.kind == "email" else unused
        signs = self.kind in ROBOTS and ROBOTS[self.kind].signs
        unused += ["secret_file"] * bool(self.secret_file and not signs)
        if unused:
            raise ValueError(f"kind {self.kind} has no {' and no '.join(unused)}")
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together")
        if self.username is not None and self.security == "none":
            raise ValueError("a password needs security: tls or starttls")
        return self


class RelaySettings(Strict):
    """The whole file."""

    listen: ListenAddress = "127.0.0.1:9099"
    """Address and port that Alertmanager calls, written as host:port. Other addresses than those of loopback need
    `token_file`.
    """

    token_file: Path | None = None
    """File with a token of at least 16 characters that callers must send as `Authorization: Bearer …`."""

    state: Path = Path("relay-state")
    """Folder for what is not sent yet and what was told. systemd's `StateDirectory=` overrides it."""

    language: Language = "zh"
    """Language of messages: `zh`, `en` or `both`."""

    receivers: Annotated[
        Mapping[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")], ReceiverSettings], Field(min_length=1)
    ]
    """Receivers by name. Alertmanager calls `/NAME`."""


@dataclass(frozen=True, slots=True)
class Mail:
    """How a mail is sent; `password` is empty without a login."""

    host: str
    port: int
    security: str
    sender: str
    to: tuple[str, ...]
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver with its secrets. `mail` is None but for e-mail, `url` is empty for it."""

    name: str
    kind: str
    language: Language
    pace: Pace
    short: bool = False
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    mail: Mail | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """What a relay does; `token` is empty if callers need none."""

    host: str
    port: int
    state: Path
    receivers: Mapping[str, Receiver]
    token: str = field(default="", repr=False)


def load(file: Path) -> Relay:
    """Read the settings and the secrets that they name.

    Raises:
        DocumentError: something is wrong; it lists every problem of the file, or every secret that cannot be used.

    """
    document = read(file)
    settings = validate(document, RelaySettings)
    secrets = _Secrets(document)
    receivers = {name: _receiver(name, entry, settings, secrets) for name, entry in settings.receivers.items()}
    token = secrets.read(("token_file",), settings.token_file)
    if settings.token_file is not None and len(token) < 16:
        secrets.wrong(("token_file",), "needs at least 16 characters")
    if settings.token_file is None and not settings.listen.startswith(_LOOPBACK):
        secrets.wrong(("listen",), "anyone who reaches this address could send messages; set token_file")
    if secrets.problems:
        raise DocumentError(tuple(secrets.problems))
    host, port = split_address(settings.listen)
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    state = Path(given) if given else file.parent / settings.state
    return Relay(host, port, state, receivers, token)


class _Secrets:
    """Reads secrets and collects what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def wrong(self, path: tuple[str, ...], message: str) -> None:
        self.problems.append(self._document.problem(path, message))

    def read(self, path: tuple[str, ...], file: Path | None) -> str:
        """Return the only line of a file, empty if there is no file or a problem with it."""
        if file is None:
            return ""
        place = handed_over(file, self._document.file.parent)
        try:
            mode = place.stat().st_mode
            text = read_bytes(place, MAX_PASSWORD_BYTES).decode().strip()
        except OSError as error:
            self.wrong(path, f"cannot read {place}: {error.strerror}")
        except UnicodeDecodeError:
            self.wrong(path, f"{place} is not UTF-8 text")
        except UnsuitableFileError as error:
            self.wrong(path, f"{place} {error}")
        else:
            if mode & (stat.S_IRWXG | stat.S_IRWXO) and not os.environ.get("CREDENTIALS_DIRECTORY"):
                self.wrong(path, f"other users can read {place}; run chmod 600 on it")
            elif not text or not text.isprintable():
                self.wrong(path, f"{place} must contain one line")
            else:
                return text
        return ""


def _receiver(name: str, entry: ReceiverSettings, settings: RelaySettings, secrets: _Secrets) -> Receiver:
    at = ("receivers", name)
    url = secrets.read((*at, "url_file"), entry.url_file)
    if url and entry.kind in ROBOTS and not _is_address(url):
        secrets.wrong((*at, "url_file"), f"{entry.url_file} does not contain an address that begins with https://")
    password = secrets.read((*at, "password_file"), entry.password_file)
    mail = None
    if entry.server is not None and entry.sender is not None:
        host, port = split_address(entry.server)
        mail = Mail(host, port, entry.security, entry.sender, entry.to, entry.username or "", password)
    return Receiver(
        name=name,
        kind=entry.kind,
        language=entry.language or settings.language,
        pace=Pace(entry.pause, entry.most_per_hour, entry.repeat_after),
        short=entry.short,
        url=url,
        secret=secrets.read((*at, "secret_file"), entry.secret_file),
        mail=mail,
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in url and parts.port != 0
    except ValueError:
        return False
