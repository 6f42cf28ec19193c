"""What the webhook of Alertmanager or Grafana tells, as frozen values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from xueliang_monitor.wire.printable import clean, shorten

MOST_ALERTS = 20_000
"""Largest number of alerts in one call."""

TEXT_CHARACTERS = 300
_KEY_CHARACTERS = 64
_URL_CHARACTERS = 500
_SILENT = "none"
"""The severity of alerts that are made for Alertmanager alone, such as `CameraHidden`."""


class WebhookError(Exception):
    """The body of a call is not that of Alertmanager's webhook."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text in both languages. Either may be empty."""

    en: str = ""
    zh: str = ""

    def of(self, language: str) -> str:
        """Return the text in `en` or `zh`; the other one if there is none."""
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, safe to show.

    `key` names it over all calls, `begun` and `ended` are seconds since the epoch, `since` is what its rule says of its
    beginning. `ended` is None while it fires.
    """

    key: str
    severity: str
    site: str
    begun: float
    ended: float | None
    since: str
    page: str
    summary: Spoken
    where: Spoken = Spoken()
    cause: Spoken = Spoken()
    advice: Spoken = Spoken()

    @property
    def firing(self) -> bool:
        """Whether it has not ended."""
        return self.ended is None


class _Told(BaseModel):
    status: Literal["firing", "resolved"]
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    begun: AwareDatetime = Field(alias="startsAt")
    ended: AwareDatetime | None = Field(alias="endsAt", default=None)
    fingerprint: str = ""


class _Call(BaseModel):
    alerts: list[_Told] = Field(max_length=MOST_ALERTS)


def parse(body: bytes) -> tuple[Alert, ...]:
    """Return the alerts of a call, without those of severity `none`.

    Raises:
        WebhookError: the body is of another form.

    """
    try:
        call = _Call.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WebhookError(clean(f"not the webhook of Alertmanager: {place}: {first['msg']}")) from error
    return tuple(_alert(told) for told in call.alerts if told.labels.get("severity") != _SILENT)


def _alert(told: _Told) -> Alert:
    labels, notes = told.labels, told.annotations

    def spoken(name: str) -> Spoken:
        return Spoken(clean(notes.get(name, ""), TEXT_CHARACTERS), clean(notes.get(f"{name}_zh", ""), TEXT_CHARACTERS))

    summary = spoken("summary")
    named = clean(" ".join(value for value in _naming(labels) if value), TEXT_CHARACTERS) or "?"
    page = notes.get("page", "")
    ended = told.ended if told.status == "resolved" else None
    return Alert(
        key=shorten(told.fingerprint or named, _KEY_CHARACTERS),
        severity=clean(labels.get("severity", "")),
        site=clean(labels.get("site", "")),
        begun=told.begun.timestamp(),
        ended=(ended or told.begun).timestamp() if told.status == "resolved" else None,
        since=clean(notes.get("since", "")),
        page=page if page.isprintable() and " " not in page and _is_link(page) else "",
        summary=summary if summary.en or summary.zh else Spoken(named),
        where=spoken("where"),
        cause=spoken("cause"),
        advice=spoken("advice"),
    )


def _naming(labels: Mapping[str, str]) -> Iterable[str]:
    return (labels.get(name, "") for name in ("alertname", "instance", "site", "camera", "uplink", "fault"))


def _is_link(page: str) -> bool:
    return page.startswith(("http://", "https://")) and len(page) <= _URL_CHARACTERS


def trial_alert(began: float, ended: float | None) -> Alert:
    """Return an alert that tries a receiver; times are in seconds since the epoch."""
    return Alert(
        key="test",
        severity="warning",
        site="",
        begun=began,
        ended=ended,
        since="",
        page="",
        summary=Spoken("Test of the alerts of xueliang_monitor", "xueliang_monitor 告警测试"),
        advice=Spoken("Nothing. No camera has a fault.", "无需处理，摄像机没有故障。"),
    )
