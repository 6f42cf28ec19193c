"""What people read: both languages, firing and resolved, within what a service takes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest

from tests.relay.calls import BEGAN, call, told
from xueliang_monitor.relay.alerts import WebhookError, parse
from xueliang_monitor.relay.messages import Form, message
from xueliang_monitor.relay.robots import ROBOTS

PLAIN = Form(10_000)


@pytest.fixture(autouse=True)
def in_china(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


(OFFLINE,) = parse(call(told()))
(BACK,) = parse(call(told(over=True)))


def test_an_alert_in_chinese() -> None:
    told_ = message([OFFLINE], "zh", PLAIN)
    assert told_.title == "[告警] 大门 1 liulin-1（柳林社区）：离线，无响应"
    assert told_.text.splitlines() == [
        "[告警 严重] 大门 1 liulin-1（柳林社区）：离线，无响应",
        "地点：柳林社区",
        "发生时间：2026-11-28 07:15:30 UTC+08",
        "可能原因：断电或网线断开。",
        "处理建议：检查供电与网线。",
        "页面：https://cameras.example.org:9147/cameras/liulin-1",
    ]
    assert told_.level == "critical"


def test_its_end_in_english() -> None:
    told_ = message([BACK], "en", PLAIN)
    assert told_.title == "[Resolved] Gate 1 liulin-1 (柳林社区): offline, no answer"
    assert told_.text.splitlines() == [
        "[Resolved] Gate 1 liulin-1 (柳林社区): offline, no answer",
        "Site: 柳林社区",
        "Since: 2026-11-28 07:15:30 UTC+08",
        "Resolved: 2026-11-28 08:02:00 UTC+08:00",
        "Page: https://cameras.example.org:9147/cameras/liulin-1",
    ]
    assert told_.level == "resolved"


def test_both_languages() -> None:
    text = message([OFFLINE], "both", PLAIN).text
    assert text.index("处理建议：检查供电与网线。") < text.index("What to do: Check power and cable.")


def test_many_have_a_line_each_the_most_serious_first() -> None:
    many = parse(call(*(told(number, severity="warning") for number in range(5)), told(8), told(9, over=True)))
    told_ = message(many, "zh", PLAIN)
    assert told_.title == "[告警 6] [恢复 1] 柳林社区"
    lines = told_.text.splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("[告警] 大门 8")
    assert lines[0].endswith(" 2026-11-28 07:15:30 UTC+08 https://cameras.example.org:9147/cameras/liulin-8")
    assert lines[-1].startswith("[恢复] 大门 9")


@pytest.mark.parametrize("language", ["zh", "en", "both"])
@pytest.mark.parametrize("kind", list(ROBOTS))
def test_what_does_not_fit_is_counted(kind: str, language: str) -> None:
    many = parse(call(*(told(number) for number in range(900))))
    form = ROBOTS[kind].form
    text = message(many, language, form, lost=7).text  # type: ignore[arg-type]
    assert len(text.encode()) <= form.most_bytes
    shown = text.count("打开页面") or text.count("open the page")
    assert shown > 5
    assert ("另有 7 条未能及时发送" in text) == (language != "en")
    assert str(900 - shown) in text


def test_a_name_is_no_markup() -> None:
    odd = dataclasses.replace(OFFLINE.summary, zh="[x](http://example.org) <at id=all></at> **a** `b`")
    told_ = message([dataclasses.replace(OFFLINE, summary=odd)], "zh", ROBOTS["feishu"].form)
    assert "<at" not in told_.text + told_.title
    assert "[x]" not in told_.text + told_.title
    assert "[打开页面](https://cameras.example.org:9147/cameras/liulin-1)" in told_.text


def test_a_text_message_is_short() -> None:
    text = message([OFFLINE], "zh", Form(500, short=True)).text
    assert len(text.splitlines()) == 1
    assert "处理建议" not in text


def test_what_alertmanager_tells_is_made_safe() -> None:
    odd = told()
    odd["annotations"] |= {"summary_zh": "门\u202e\n\x1b[31m" + "长" * 999, "page": "javascript:alert(1)"}
    (alert,) = parse(call(odd))
    assert len(alert.summary.zh) <= 300
    assert alert.summary.zh.isprintable()
    assert alert.page == ""


def test_alerts_for_alertmanager_alone_are_left_out() -> None:
    assert parse(call(told(severity="none"))) == ()


def test_an_alert_without_annotations_is_named_by_its_labels() -> None:
    bare = told() | {"annotations": {}, "fingerprint": ""}
    (alert,) = parse(call(bare))
    assert alert.summary.of("zh") == "CameraOffline 127.0.0.1:9147 柳林社区 liulin-1"
    assert "发生时间：2026-11-28 07:15:30 UTC+08:00" in message([alert], "zh", PLAIN).text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"alerts": 1}',
        b"\xff",
        call(told() | {"startsAt": "yesterday"}),
        call({"status": "firing"}),
    ],
)
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError, match="not the webhook of Alertmanager"):
        parse(body)


def test_the_beginning_is_that_of_alertmanager() -> None:
    assert OFFLINE.begun == 1_795_821_330.123456, BEGAN
