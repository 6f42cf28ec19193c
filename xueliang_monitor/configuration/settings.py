"""The settings file: every key, its default and its bounds."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, create_model, model_validator

from xueliang_monitor.configuration.address_checks import (
    ListenAddress,
    check_host,
    check_name_server,
    check_network,
    check_url,
    split_address,
)
from xueliang_monitor.configuration.notification_settings import AlertmanagerLogin, Label, WebhookName, WebhookSettings
from xueliang_monitor.configuration.strict_yaml import Document, Duration, Strict, read, validate
from xueliang_monitor.model import AuthPolicy
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.verdict import OFF
from xueliang_monitor.probing.reception import BURST_PICTURES
from xueliang_monitor.probing.rung import Recheck
from xueliang_monitor.probing.rungs import PROBES

INSTALLED = Path("/etc/xueliang-monitor")
SOCKET = "control.sock"
"""Name of the daemon's command socket in the state folder."""

INSTALLED_STATE = Path("/var/lib/xueliang-monitor")
PICTURE_CODES = tuple(check.fault.code for check in PICTURE_CHECKS)
Wait = Annotated[Duration, Field(ge=0.1, le=86400)]
Keep = Annotated[Duration, Field(ge=86400, le=3660 * 86400)]
Times = Annotated[int, Field(ge=1, le=100)]


class RungSeconds(Strict):
    """A time in seconds for each rung, with the rungs' names as keys."""

    def of(self, key: str) -> float:
        """Return the value of a rung."""
        seconds: float = getattr(self, key)
        return seconds


class RungCounts(Strict):
    """A count for each rung, with the rungs' names as keys."""

    def of(self, key: str) -> int:
        """Return the value of a rung."""
        count: int = getattr(self, key)
        return count


Section = TypeVar("Section", bound=Strict)


def _keys(kind: object, described: Mapping[str, tuple[float, str]]) -> Callable[[type[Section]], type[Section]]:
    """Return a decorator that gives a section its keys, each with its default and its description."""
    fields: dict[str, Any] = {
        str(key): (kind, Field(default=default, description=text)) for key, (default, text) in described.items()
    }

    def fill(section: type[Section]) -> type[Section]:
        name, module = section.__name__, section.__module__
        return create_model(name, __base__=section, __doc__=section.__doc__, __module__=module, **fields)

    return fill


def _rechecked(recheck: Recheck) -> str:
    """Return the rungs that share a recheck time, as words."""
    names = [f"`{probe.rung}`" for probe in PROBES if probe.recheck == recheck]
    return f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]


@_keys(
    Wait,
    {probe.rung: (probe.interval_seconds, f"Time between two checks of the `{probe.rung}` rung.") for probe in PROBES},
)
class IntervalSettings(RungSeconds):
    """How often each rung is climbed."""


@_keys(
    Wait,
    {
        each.key: (each.seconds, f"Time before a recheck of the {_rechecked(each)} rungs.")
        for each in (probe.recheck for probe in PROBES)
    },
)
class RecheckSettings(RungSeconds):
    """How soon a camera is visited again while something is undecided."""


@_keys(Wait, {probe.rung: (probe.timeout_seconds, f"Time limit of the `{probe.rung}` rung.") for probe in PROBES})
class TimeoutSettings(RungSeconds):
    """How long each rung may take."""


@_keys(
    Times,
    {
        probe.rung: (probe.confirmations, f"Consecutive visits that must see a fault of the `{probe.rung}` rung.")
        for probe in PROBES
    },
)
class ConfirmSettings(RungCounts):
    """How many visits in a row must see a fault."""


def _check_limits(value: Mapping[str, float]) -> Mapping[str, float]:
    for code, limit in value.items():
        if code not in PICTURE_CODES:
            nearest = difflib.get_close_matches(code, PICTURE_CODES, 1)
            raise ValueError(f"{code} is not a picture fault" + (f"; did you mean {nearest[0]}?" if nearest else ""))
        if limit != OFF and not 0.1 < limit <= 1:
            raise ValueError(f"{code}: write off, or a score above 0.1 and at most 1; the usual limit is 0.5")
    return value


Limits = Annotated[
    Mapping[str, Annotated[float, BeforeValidator(lambda value: OFF if value in ("off", False) else value)]],
    AfterValidator(_check_limits),
]
"""Scores from which picture faults are seen. YAML reads a bare `off` as false."""

PtzAway = Annotated[
    Annotated[Duration, Field(ge=1, le=7 * 86400)] | None,
    BeforeValidator(lambda value: None if value in ("off", False) else value),
]
"""A time in seconds, None for off. YAML reads a bare `off` as false."""

Evidence = Annotated[Literal["never", "faults"], BeforeValidator(str)]


class PictureSettings(Strict):
    """How pictures are judged, unless a camera's file says otherwise."""

    burst: Annotated[int, Field(ge=0, le=BURST_PICTURES)] = BURST_PICTURES
    """Number of pictures after the keyframe that are examined in a burst. Some faults, such as rolling and shaking,
    show in several pictures only.
    """

    evidence: Evidence = "faults"
    """`faults` stores one small copy (320 px wide) when a picture fault is confirmed. `never` stores none and deletes
    existing copies.
    """

    limits: Limits = Field(default_factory=dict)
    """Scores from which a picture fault is seen, by fault code. The usual limit is 0.5. A higher limit raises fewer
    alarms. `off` disables the check. `xueliang picture history CAMERA` shows past scores.
    """


class CredentialSettings(Strict):
    """A named login. Its password is in a file or an environment variable."""

    username: Annotated[str, Field(min_length=1, max_length=128)]
    """User name on the camera."""

    password_file: Path | None = None
    """File with the password. The path is relative to this file. Exactly one of `password_file` and `password_env` is
    required.
    """

    password_env: str | None = None
    """Environment variable with the password."""

    auth: AuthPolicy = AuthPolicy.AUTO
    """How the password may be sent over RTSP: `auto`, `digest` or `basic`. `auto` uses Basic only over TLS with a
    checked certificate. `digest` never uses Basic. `basic` also uses it unencrypted. Digest is used wherever a camera
    offers it, and a camera that offered it is not sent Basic again. A camera file can override this key.
    """

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.password_file is None) == (self.password_env is None):
            raise ValueError("set exactly one of password_file and password_env")
        return self


class KeepSettings(Strict):
    """How long stored data is kept."""

    days: Keep = 400 * 86400.0
    """Retention of the daily availability figures."""

    episodes: Keep = 90 * 86400.0
    """Retention of fault episodes, outages and events."""

    looks: Keep = 7 * 86400.0
    """Retention of picture measures and scores."""

    evidence: Keep = 7 * 86400.0
    """Retention of evidence pictures."""


class Settings(Strict):
    """The whole file."""

    listen: ListenAddress = "127.0.0.1:9147"
    """Address and port of the page, the API and `/metrics`, written as host:port. IPv6 addresses stand in brackets."""

    hosts: frozenset[Annotated[str, AfterValidator(check_host)]] = frozenset()
    """Host names under which the page may be requested. IP addresses, `localhost` and the machine's own name always
    work. Requests for other names are denied.
    """

    trusted_proxies: tuple[Annotated[str, AfterValidator(check_network)], ...] = ()
    """Addresses or networks of reverse proxies, such as `192.0.2.7` or `10.0.0.0/8`. Their `X-Forwarded-For` header
    names the client, to which limits and the audit log then apply. Their own connections have no limits.
    """

    page_url: Annotated[str, AfterValidator(check_url)] | None = None
    """Address of the page as alert recipients reach it, such as `https://cameras.example.org:9147`. Alerts link to it.
    Without it, the links use the `listen` address.
    """

    grafana_url: Annotated[str, AfterValidator(check_url)] | None = None
    """Address of the Grafana server that has the dashboards of `deploy/grafana`. Camera pages link to it."""

    alertmanager_url: Annotated[str, AfterValidator(check_url)] | None = None
    """Address of the Alertmanager that has the alerts of `deploy/prometheus`, such as `http://127.0.0.1:9093`. An
    acknowledgement places a silence there, and lifts it when it is over.
    """

    alertmanager_login: AlertmanagerLogin | None = None
    """Login of Alertmanager. It is used for `alertmanager_url` only."""

    alertmanager_labels: Mapping[Label, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict
    )
    """Labels that silences also match, such as `instance`. They are needed if Alertmanager has the alerts of several
    monitors.
    """

    webhooks: Annotated[Mapping[WebhookName, WebhookSettings], Field(max_length=10)] = Field(default_factory=dict)
    """Receivers of events on problems, such as a ticket system, by name."""

    web_config: Path | None = None
    """File with TLS, users and response headers, in the format of Prometheus's exporter-toolkit. The path is relative
    to this file.
    """

    inventory: Path = Path("cameras.d")
    """Folder with one YAML file for each camera. The path is relative to this file."""

    state: Path = Path("state")
    """Folder for the history database, evidence pictures and the audit log. The path is relative to this file.
    systemd's `StateDirectory=` overrides it.
    """

    keep: KeepSettings = KeepSettings()
    """How long stored data is kept."""

    log: Literal["logfmt", "json"] = "logfmt"
    """Format of the log lines on cameras and uplinks."""

    intervals: IntervalSettings = IntervalSettings()
    """Time between two checks of each rung."""

    rechecks: RecheckSettings = RecheckSettings()
    """Time before a camera is checked again while a fault is not yet confirmed or cleared."""

    timeouts: TimeoutSettings = TimeoutSettings()
    """Time limit of each rung. A rung that takes longer fails with its timeout fault."""

    confirm: ConfirmSettings = ConfirmSettings()
    """Number of consecutive visits that must see a fault before it is confirmed."""

    clear: Times = 2
    """Number of consecutive visits that must rule a fault out before it is cleared."""

    clock_drift: Wait = 5.0
    """Largest tolerated difference between a camera's clock and the monitor's clock."""

    ptz_away_after: PtzAway = 1800.0
    """How long a dome may be away from its presets and usual positions before `ptz_away` is raised. `off` never raises
    it.
    """

    stream_listen: Annotated[Duration, Field(ge=0, le=10)] = 2.0
    """Shortest time for which a stream is received to measure frame rate, bitrate and packet loss. This happens every
    4 minutes or more. With 0s, a visit ends after the first keyframe and a few more pictures. A camera file can
    override it with `listen`.
    """

    picture: PictureSettings = PictureSettings()
    """How pictures are judged. A camera file can override these keys under the same name."""

    name_servers: tuple[Annotated[str, AfterValidator(check_name_server)], ...] = ()
    """Name servers that resolve the cameras' host names, written as an IP address or as address:port. An empty list
    uses the servers in `/etc/resolv.conf`.
    """

    workers: Annotated[
        Annotated[int, Field(ge=1, le=64)] | None, BeforeValidator(lambda value: None if value == "auto" else value)
    ] = None
    """Number of processes that decode and measure pictures. `auto` starts one for each core, at most 8."""

    visits_at_once: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Largest number of cameras that are visited at the same time up to RTSP. As many others may be visited for their
    streams and pictures, so that no camera waits for those.
    """

    recorder_sessions: Annotated[int, Field(ge=1, le=64)] = 4
    """Largest number of cameras at one address that are visited at the same time, as with a recorder or an encoder. It
    is lowered by itself where a device refuses a session because too many are open.
    """

    credentials: Mapping[str, CredentialSettings] = Field(default_factory=dict)
    """Logins by name. Camera files refer to them by this name."""

    @property
    def proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The trusted proxies as networks."""
        return tuple(ipaddress.ip_network(each) for each in self.trusted_proxies)

    @property
    def listen_address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_address(self.listen)


AT_START = (
    "listen",
    "hosts",
    "trusted_proxies",
    "page_url",
    "grafana_url",
    "web_config",
    "workers",
    "visits_at_once",
    "name_servers",
    "inventory",
    "state",
)
"""Settings that take effect after a restart. All others take effect at a reload."""


def load(file: Path) -> tuple[Settings, Document]:
    """Read the settings. Relative paths start at the file's folder.

    Raises:
        DocumentError: with every problem.

    """
    document = read(file)
    settings = validate(document, Settings)
    update = {"inventory": file.parent / settings.inventory, "state": _state(file, settings)}
    return settings.model_copy(update=update), document


def _state(file: Path, settings: Settings) -> Path:
    """Return the state folder. Commands find that of an installed daemon, which systemd chooses."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    installed = settings.state == Settings().state and file.parent == INSTALLED
    return INSTALLED_STATE if installed else file.parent / settings.state
