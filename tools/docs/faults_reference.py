"""The fault catalogue in both languages."""

from __future__ import annotations

from itertools import groupby

from tools.docs.markdown import page, table
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.status import CAUSES
from xueliang_monitor.model import Fault, Rung, Severity
from xueliang_monitor.probing.oddity_texts import ODDITY_TEXTS
from xueliang_monitor.probing.rungs import PROBES

_EN = {
    **{probe.rung: (probe.rung, probe.summary.en) for probe in PROBES},
    Rung.FLEET: ("fleet", "These faults follow from many visits or many cameras."),
    Rung.MONITOR: ("monitor", "These faults are the monitor's own. They are never blamed on a camera."),
}
_ZH = {
    **{probe.rung: (f"{probe.title.zh}（{probe.rung}）", probe.summary.zh) for probe in PROBES},
    Rung.FLEET: ("整体（fleet）", "由多次检测或多台摄像机综合判定。"),
    Rung.MONITOR: ("监控程序（monitor）", "监控程序自身的问题，不归咎于摄像机。"),
}
_SEVERITIES = {Severity.CRITICAL: "严重", Severity.WARNING: "警告"}


def _by_rung() -> list[tuple[Rung, list[Fault]]]:
    order = [*(probe.rung for probe in PROBES), Rung.FLEET, Rung.MONITOR]
    ordered = sorted(FAULTS.values(), key=lambda fault: order.index(fault.rung))
    return [(rung, list(group)) for rung, group in groupby(ordered, key=lambda fault: fault.rung)]


def _reasons(faults: list[Fault], language: str) -> str:
    """Return the table of the faults' own reasons, empty if none has one."""
    rows = [
        (f"`{fault.code}`", f"`{each.key}`", getattr(each.cause, language), getattr(each.advice, language))
        for fault in faults
        for each in fault.reasons
    ]
    if not rows:
        return ""
    names = ("code", "reason", "cause", "what to do") if language == "en" else ("代码", "依据", "原因", "处理方法")
    said = (
        "Where more is known, the reason is shown in place of the likely cause:"
        if language == "en"
        else "若能进一步判断，则以下列具体原因代替“可能原因”："
    )
    return f"{said}\n\n{table(names, rows)}"


def _oddities(language: str) -> str:
    names = ("oddity", "meaning") if language == "en" else ("代码", "含义")
    return table(names, [(f"`{oddity}`", getattr(text, language)) for oddity, text in ODDITY_TEXTS.items()])


def english() -> str:
    """Return the English catalogue."""
    parts: list[str] = []
    for rung, faults in _by_rung():
        rows = [
            (f"`{fault.code}`", fault.name.en, fault.severity.value, fault.cause.en, fault.advice.en)
            for fault in faults
        ]
        title, what = _EN[rung]
        parts += [f"## {title}", what, table(("code", "name", "severity", "likely cause", "what to do"), rows)]
        parts += [reasons] if (reasons := _reasons(faults, "en")) else []
    causes = [(f"`{code}`", text.en) for code, text in CAUSES.items()]
    return page(
        "Fault catalogue",
        "`critical` means that no usable video arrives. `warning` means that the camera is online with a fault."
        " `xueliang faults` prints the same catalogue. [How pictures are judged](picture-judgement.md) explains the"
        " picture faults.",
        *parts,
        "## Peculiarities that are no fault",
        "Many cameras depart from RFC 2326, 3550, 6184, 7798 or 2435 and can be read all the same. Each departure is"
        " counted in the reading `oddities`, shown by `xueliang check` and on the camera's page, and exported as"
        " `xueliang_camera_stream_oddities`.",
        _oddities("en"),
        "## Why a state is unknown",
        "A camera is `unknown` if the monitor cannot tell its state. `xueliang_camera_online` is then absent.",
        table(("cause", "meaning"), causes),
    )


def chinese() -> str:
    """Return the Chinese catalogue."""
    parts: list[str] = []
    for rung, faults in _by_rung():
        rows = [
            (f"`{fault.code}`", fault.name.zh, _SEVERITIES[fault.severity], fault.cause.zh, fault.advice.zh)
            for fault in faults
        ]
        title, what = _ZH[rung]
        parts += [f"## {title}", what, table(("代码", "名称", "级别", "可能原因", "处理方法"), rows)]
        parts += [reasons] if (reasons := _reasons(faults, "zh")) else []
    causes = [(f"`{code}`", text.zh) for code, text in CAUSES.items()]
    return page(
        "故障目录",
        "“严重”表示没有可用视频；“警告”表示摄像机在线但存在故障。`xueliang faults` 输出同一目录。",
        *parts,
        "## 不构成故障的特殊行为",
        "许多摄像机并不完全符合 RFC 2326、3550、6184、7798 或 2435，但仍可正常读取。每种情况都计入读数 `oddities`，"
        "由 `xueliang check` 和摄像机页面显示，并输出为 `xueliang_camera_stream_oddities` 指标。",
        _oddities("zh"),
        "## 状态未知的原因",
        "无法判定摄像机状态时显示“未知”，此时不输出 `xueliang_camera_online` 指标。",
        table(("原因", "含义"), causes),
    )
