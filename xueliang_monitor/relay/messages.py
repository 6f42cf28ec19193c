"""Writes a message about alerts, in English, Chinese or both, within the bytes that a service takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xueliang_monitor.relay.alerts import Alert, Spoken
from xueliang_monitor.time_format import iso_local
from xueliang_monitor.wire.printable import shorten

Language = Literal["en", "zh", "both"]

MOST_IN_FULL = 5
"""Up to so many alerts are told with cause and advice. More have a line each."""

TITLE_CHARACTERS = 120

_LANGUAGES: Mapping[Language, tuple[str, ...]] = {"en": ("en",), "zh": ("zh",), "both": ("zh", "en")}
_RANKS = {"critical": 0, "warning": 1}

_FIRING = Spoken("Alert", "告警")
_RESOLVED = Spoken("Resolved", "恢复")
_SEVERITIES = {
    "critical": Spoken("critical", "严重"),
    "warning": Spoken("warning", "警告"),
    "info": Spoken("info", "提示"),
}
_SITE = Spoken("Site: ", "地点：")
_WHERE = Spoken("Where: ", "位置：")
_SINCE = Spoken("Since: ", "发生时间：")
_ENDED = Spoken("Resolved: ", "恢复时间：")
_CAUSE = Spoken("Likely cause: ", "可能原因：")
_ADVICE = Spoken("What to do: ", "处理建议：")
_PAGE = Spoken("Page: ", "页面：")
_OPEN = Spoken("open the page", "打开页面")
_MORE = Spoken("… and {} more; see the page of the monitor", "……另有 {} 条，请查看监控页面")
_LOST = Spoken("{} more could not be sent in time", "另有 {} 条未能及时发送")

_MARKS = str.maketrans(
    {"<": "＜", ">": "＞", "[": "［", "]": "］", "*": "＊", "`": "｀", "#": "＃", "~": "～", "|": "｜", "\\": "＼"}
)
"""Characters that markdown obeys, and what looks like them."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a service takes: the largest number of bytes of the text in UTF-8, and how a line ends.

    `marked` allows markdown. `short` makes lines without cause and advice, for text messages.
    """

    most_bytes: int
    line_end: str = "\n"
    marked: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message: a title on one line, and the text. `level` is `critical`, `warning` or `resolved`."""

    title: str
    text: str
    level: str


def message(alerts: Sequence[Alert], language: Language, form: Form, lost: int = 0) -> Message:
    """Return the message about alerts, those that fire first and the most serious of them first.

    `lost` is the number of alerts that were given up before. What does not fit is told as a number.
    """
    ranked = sorted(alerts, key=lambda alert: (not alert.firing, _RANKS.get(alert.severity, 2), alert.begun, alert.key))
    languages = _LANGUAGES[language]
    firing = [alert for alert in ranked if alert.firing]
    level = "resolved" if not firing else "critical" if firing[0].severity == "critical" else "warning"
    title = shorten(" / ".join(_title(ranked, len(firing), spoken) for spoken in languages), TITLE_CHARACTERS)
    return Message(_plain(title, form), _text(ranked, languages, form, lost), level)


def _title(ranked: Sequence[Alert], firing: int, language: str) -> str:
    if len(ranked) == 1:
        return f"[{_state(ranked[0], language)}] {ranked[0].summary.of(language)}"
    counts = ((_FIRING, firing), (_RESOLVED, len(ranked) - firing))
    told = " ".join(f"[{name.of(language)} {count}]" for name, count in counts if count)
    sites = list(dict.fromkeys(alert.site for alert in ranked if alert.site))
    return " ".join(
        (told, ("、" if language == "zh" else ", ").join(sites[:3]) + (" …" if len(sites) > 3 else ""))
    ).strip()


def _state(alert: Alert, language: str) -> str:
    return (_FIRING if alert.firing else _RESOLVED).of(language)


def _text(ranked: Sequence[Alert], languages: Sequence[str], form: Form, lost: int) -> str:
    full = len(ranked) <= MOST_IN_FULL and not form.short
    gap = form.line_end * 2 if full else form.line_end
    tail = gap.join(_LOST.of(spoken).format(lost) for spoken in languages) if lost else ""
    kept: list[str] = []
    left = form.most_bytes - _size(tail + gap)
    for at, alert in enumerate(ranked):
        entry = form.line_end.join(
            line for spoken in languages for line in (_lines if full else _line)(alert, spoken, form)
        )
        rest = gap.join(_MORE.of(spoken).format(len(ranked) - at) for spoken in languages)
        last = at == len(ranked) - 1
        if _size(entry + gap) + (0 if last else _size(rest + gap)) > left:
            kept.append(rest)
            break
        kept.append(entry)
        left -= _size(entry + gap)
    return gap.join([*kept, tail] if tail else kept)


def _line(alert: Alert, language: str, form: Form) -> Iterator[str]:
    head = f"[{_state(alert, language)}] {alert.summary.of(language)}"
    began = alert.since or _moment(alert.begun)
    ended = f" – {_moment(alert.ended)}" if alert.ended is not None else ""
    yield f"{_plain(f'{head} {began}{ended}', form)} {_link(alert.page, language, form)}".rstrip()


def _lines(alert: Alert, language: str, form: Form) -> Iterator[str]:
    severity = _SEVERITIES.get(alert.severity, Spoken(alert.severity)).of(language) if alert.firing else ""
    head = f"{_state(alert, language)}{' ' if severity else ''}{severity}"
    summary = alert.summary.of(language)
    yield f"**{head}** {_plain(summary, form)}" if form.marked else f"[{head}] {summary}"
    told = [
        (_SITE, alert.site),
        (_WHERE, alert.where.of(language)),
        (_SINCE, alert.since or _moment(alert.begun)),
        (_ENDED, _moment(alert.ended) if alert.ended is not None else ""),
    ]
    if alert.firing:
        told += [(_CAUSE, alert.cause.of(language)), (_ADVICE, alert.advice.of(language))]
    for name, value in told:
        if value:
            yield f"{name.of(language)}{_plain(value, form)}"
    if alert.page:
        yield _link(alert.page, language, form) if form.marked else f"{_PAGE.of(language)}{alert.page}"


def _link(page: str, language: str, form: Form) -> str:
    if not page or not form.marked:
        return page
    return f"[{_OPEN.of(language)}]({page.replace('(', '%28').replace(')', '%29')})"


def _moment(seconds: float) -> str:
    """Return a local time as the alert rules write it, such as `2026-11-28 07:15:30 UTC+08:00`."""
    day, _, rest = iso_local(seconds).partition("T")
    return f"{day} {rest[:8]} UTC{rest[8:]}"


def _plain(text: str, form: Form) -> str:
    return text.translate(_MARKS) if form.marked else text


def _size(text: str) -> int:
    return len(text.encode())
