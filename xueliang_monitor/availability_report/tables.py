"""The figures of a report as tables in Chinese or English, the same for all output formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xueliang_monitor.availability_report.figures import Figures, Lost, Rate
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Text
from xueliang_monitor.time_format import to_the_minute
from xueliang_monitor.topology import NodeKind

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and its kind, which is text, number, ratio or duration (seconds)."""

    name: Text
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """One table. A row holds one value per column."""

    key: str
    title: Text
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


_NAME = Column(Text("Name", "名称"))
_ID = Column(Text("Camera", "摄像机"))
_SITE = Column(Text("Site", "地点"))
_FAULT = Column(Text("Cause", "故障原因"))
_BEGAN, _ENDED = Column(Text("From", "开始时间")), Column(Text("To", "结束时间"))
_LASTED = Column(Text("Duration", "持续时间"), "duration")
_RATES = (
    Column(Text("Cameras", "摄像机数"), "number"),
    Column(Text("Online rate", "在线率"), "ratio"),
    Column(Text("Healthy rate", "完好率"), "ratio"),
    Column(Text("Monitored", "监测时长"), "duration"),
    Column(Text("Maintenance", "维护时长"), "duration"),
    Column(Text("Uplink down", "上联中断时长"), "duration"),
)


_NODES = {
    NodeKind.UPLINK: Text("uplink", "上联"),
    NodeKind.HOST: Text("recorder or encoder", "录像机或编码器"),
}


def moment(seconds: float | None) -> str:
    """Return a moment in local time to the minute; empty for None."""
    return "" if seconds is None else to_the_minute(seconds)


def _ratio(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _rate(rate: Rate) -> tuple[Cell, ...]:
    seconds = rate.seconds
    return (
        rate.cameras,
        _ratio(seconds.online_ratio),
        _ratio(seconds.healthy_ratio),
        round(seconds.observed),
        round(seconds.maintenance),
        round(seconds.uplink),
    )


def _fault_name(code: str, language: str) -> str:
    declared = FAULTS.get(code)
    return getattr(declared.name, language) if declared else code


def _outage(outage: Lost, language: str) -> tuple[Cell, ...]:
    lasted = round(outage.seconds)
    causes = ("、" if language == "zh" else ", ").join(_fault_name(code, language) for code in outage.causes)
    return (causes, moment(outage.began), moment(outage.ended), lasted)


def _cameras(key: str, title: Text, cameras: Iterable[Camera]) -> Table:
    rows = tuple((camera.id, camera.name, camera.site, camera.data.registered or "") for camera in cameras)
    return Table(key, title, (_ID, _NAME, _SITE, Column(Text("Registered", "登记时间"))), rows)


def _rated(figures: Figures, language: str) -> tuple[Table, ...]:
    """Return the tables of rates with the target: summary, programmes, sites."""
    target = Text("met", "达标"), Text("missed", "未达标")

    def row(name: str, rate: Rate) -> tuple[Cell, ...]:
        ratio = rate.seconds.online_ratio
        met = "" if ratio is None else getattr(target[ratio < figures.target], language)
        return (name, *_rate(rate), met)

    columns = (_NAME, *_RATES, Column(Text(f"Target {figures.target:.1%}", f"目标 {figures.target:.1%}")))
    repair = (
        Column(Text("Outages", "离线次数"), "number"),
        Column(Text("Mean time to repair", "平均修复时间"), "duration"),
        Column(Text("Time to repair, 90th percentile", "修复时间（90 分位）"), "duration"),
    )
    summary = (
        *row(getattr(Text("all cameras", "全部摄像机"), language), figures.fleet),
        len(figures.outages),
        None if figures.repair_mean is None else round(figures.repair_mean),
        None if figures.repair_90 is None else round(figures.repair_90),
    )
    programmes = tuple(row(rate.name or "-", rate) for rate in figures.programmes)
    return (
        Table("summary", Text("Summary", "总览"), (*columns, *repair), (summary,)),
        Table("programmes", Text("Programmes", "项目批次"), columns, programmes),
        Table("sites", Text("Sites", "地点"), columns, tuple(row(rate.name, rate) for rate in figures.sites)),
    )


def _days(figures: Figures) -> Table:
    columns = (Column(Text("Day", "日期")), *_RATES)
    return Table(
        "days", Text("Daily figures", "每日明细"), columns, tuple((rate.name, *_rate(rate)) for rate in figures.days)
    )


def _worst(figures: Figures, cameras: dict[str, Camera]) -> Table:
    rows = tuple(
        (rate.name, cameras[rate.name].name, cameras[rate.name].site, *_rate(rate)[1:]) for rate in figures.worst
    )
    title = Text("Cameras with the lowest online rate", "在线率最低的摄像机")
    return Table("worst", title, (_ID, _NAME, _SITE, *_RATES[1:]), rows)


def _outages(figures: Figures, language: str) -> Table:
    rows = tuple((item.name, item.title, item.site, *_outage(item, language)) for item in figures.outages)
    columns = (_ID, _NAME, _SITE, _FAULT, _BEGAN, _ENDED, _LASTED)
    return Table("outages", Text("Outages", "离线记录"), columns, rows)


def _faults(figures: Figures, language: str) -> Table:
    columns = (
        _FAULT,
        Column(Text("Code", "故障代码")),
        Column(Text("Count", "次数"), "number"),
        Column(Text("Cameras", "摄像机数"), "number"),
        _LASTED,
    )
    rows = tuple(
        (_fault_name(item.fault, language), item.fault, item.episodes, item.cameras, round(item.seconds))
        for item in figures.faults
    )
    return Table("faults", Text("Faults by type", "故障分类统计"), columns, rows)


def _uplinks(figures: Figures, language: str) -> Table:
    columns = (Column(Text("Uplink", "上联")), _FAULT, _BEGAN, _ENDED, _LASTED)
    rows = tuple((item.title, *_outage(item, language)) for item in figures.uplinks)
    return Table("uplinks", Text("Uplink outages", "上联中断"), columns, rows)


def _roots(figures: Figures, language: str) -> Table:
    """Return the unavailable time of all cameras by its cause; the last row is the sum of the others."""
    known = figures.unavailable

    def row(name: Text, count: int | None, seconds: float | None, lost: float | None) -> tuple[Cell, ...]:
        lasted = None if seconds is None else round(seconds)
        return (getattr(name, language), "", "", "", count, lasted, None if lost is None else round(lost))

    rows: list[tuple[Cell, ...]] = [
        (
            root.node.shown,
            getattr(_NODES[root.node.kind], language),
            root.node.place,
            root.node.circuit,
            root.outages,
            round(root.seconds),
            round(root.lost),
        )
        for root in known.roots
    ]
    if known.unnamed:
        rows.append(row(Text("uplinks whose names were not stored", "未记录名称的上联"), None, None, known.unnamed))
    own = sum(item.seconds for item in figures.outages)
    rows.append(row(Text("the cameras themselves", "摄像机自身"), len(figures.outages), own, known.own))
    if known.isolated:
        cut = Text("monitor cut off; not counted", "监控程序断网（不计入）")
        rows.append(row(cut, known.isolated, known.isolated_seconds, None))
    rows.append(row(Text("total", "合计"), None, None, known.total))
    columns = (
        Column(Text("Root cause", "根本原因")),
        Column(Text("Kind", "类型")),
        Column(Text("Place", "位置")),
        Column(Text("Circuit number", "电路编号")),
        Column(Text("Outages", "中断次数"), "number"),
        Column(Text("Total duration", "累计时长"), "duration"),
        Column(Text("Camera time lost", "影响摄像机时长"), "duration"),
    )
    return Table("roots", Text("Unavailability by root cause", "不可用时长（按根本原因）"), columns, tuple(rows))


def tables(figures: Figures, cameras: dict[str, Camera], language: str) -> tuple[Table, ...]:
    """Return the tables of a report; `language` is zh or en."""
    return (
        *_rated(figures, language),
        _days(figures),
        _worst(figures, cameras),
        _roots(figures, language),
        _outages(figures, language),
        _faults(figures, language),
        _uplinks(figures, language),
        _cameras("registered", Text("Newly registered", "新登记"), figures.registered),
        _cameras("retired", Text("Retired", "已停用"), figures.retired),
        _cameras("never-seen", Text("Never online", "从未在线"), figures.never_seen),
    )
