"""Writes Grafana's dashboards, as described here, to deploy/grafana/dashboards; `--check` says which are not current."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

FOLDER = Path(__file__).parent.parent / "deploy/grafana/dashboards"
SOURCE = DataSourceRef("prometheus", "${datasource}")
KINDS: dict[str, Any] = {
    "stat": stat.Panel,
    "lines": timeseries.Panel,
    "table": table.Panel,
    "timeline": statetimeline.Panel,
    "bars": bargauge.Panel,
}
GOOD_HIGH = ((None, "red"), (0.95, "orange"), (0.98, "green"))
GOOD_LOW = ((None, "green"), (1.0, "red"))
CHOSEN = 'programme=~"$programme",site=~"$site"'
ONE = 'camera="$camera"'


@dataclass(frozen=True)
class View:
    """One panel: what it shows in PromQL, and how; `width` is of 24 columns, `steps` are a threshold's value and colour."""

    title: str
    kind: str
    queries: tuple[tuple[str, str], ...]
    description: str
    unit: str = "short"
    width: int = 6
    height: int = 6
    steps: tuple[tuple[float | None, str], ...] = ()
    names: tuple[tuple[str, str, str], ...] = ()
    """Value, its text, its colour."""

    def panel(self) -> Any:
        """Return the panel's builder."""
        made = KINDS[self.kind]().title(self.title).description(self.description).unit(self.unit).datasource(SOURCE)
        made = made.span(self.width).height(self.height)
        for number, (expression, legend) in enumerate(self.queries):
            query = Dataquery().expr(expression).legend_format(legend).ref_id(chr(65 + number)).datasource(SOURCE)
            instant = self.kind in ("stat", "table", "bars")
            query = query.instant() if instant else query.range()
            made = made.with_target(query.format(PromQueryFormat.TABLE) if self.kind == "table" else query)
        if self.steps:
            steps = [Threshold(value, colour) for value, colour in self.steps]
            made = made.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        if self.names:
            options = {
                value: ValueMappingResult(text, colour, index=index)
                for index, (value, text, colour) in enumerate(self.names)
            }
            made = made.mappings([ValueMap(options)])
        return made


ONLINE = (("1", "在线 online", "green"), ("0", "离线 offline", "red"))
FLEET = (
    View(
        "在线 Online",
        "stat",
        ((f"sum(xueliang_camera_online{{{CHOSEN}}})", ""),),
        "Cameras whose RTSP is reached.",
        width=3,
        steps=((None, "green"),),
    ),
    *(
        View(
            title,
            "stat",
            ((f'sum(xueliang_camera_state{{{CHOSEN},state="{state}"}})', ""),),
            text,
            width=3,
            steps=((None, "green"), (1, colour)),
        )
        for title, state, text, colour in (
            ("离线 Down", "down", "Confirmed as not reached.", "red"),
            ("异常 Degraded", "degraded", "Online, with a fault that counts.", "orange"),
            ("未知 Unknown", "unknown", "Not visited, stale, or behind a dead uplink.", "purple"),
            ("维护 Maintenance", "maintenance", "In a maintenance window: neither judged nor counted.", "blue"),
        )
    ),
    View(
        "上联中断 Uplinks down",
        "stat",
        (("count(xueliang_uplink_up == 0) or vector(0)", ""),),
        "Switches or lines whose cameras are lost together.",
        width=3,
        steps=GOOD_LOW,
    ),
    View(
        "近一日在线率 Online rate, 1 d",
        "stat",
        ((f'avg(xueliang_camera_availability_ratio{{{CHOSEN},window="1d"}})', ""),),
        "Time online / (time watched - maintenance); target 98 %.",
        "percentunit",
        3,
        steps=GOOD_HIGH,
    ),
    View(
        "近三十日在线率 Online rate, 30 d",
        "stat",
        ((f'avg(xueliang_camera_availability_ratio{{{CHOSEN},window="30d"}})', ""),),
        "Time online / (time watched - maintenance); target 98 %.",
        "percentunit",
        3,
        steps=GOOD_HIGH,
    ),
    View(
        "状态 Cameras by state",
        "lines",
        ((f"sum by (state) (xueliang_camera_state{{{CHOSEN}}})", "{{state}}"),),
        "How many cameras are in each state.",
        width=12,
        height=8,
    ),
    View(
        "未恢复故障 Open faults",
        "bars",
        ((f"sort_desc(count by (fault) (xueliang_camera_fault{{{CHOSEN}}}))", "{{fault}}"),),
        "Faults that count now, by kind; none is good.",
        width=12,
        height=8,
        steps=((None, "orange"),),
    ),
    View(
        "各地点在线率 Sites: online rate, 7 d",
        "bars",
        ((f'sort(avg by (site) (xueliang_camera_availability_ratio{{{CHOSEN},window="7d"}}))', "{{site}}"),),
        "Worst first; target 98 %.",
        "percentunit",
        12,
        10,
        GOOD_HIGH,
    ),
    View(
        "最差摄像机 Worst cameras, 7 d",
        "table",
        ((f'bottomk(15, xueliang_camera_availability_ratio{{{CHOSEN},window="7d"}})', ""),),
        "The 15 cameras with the lowest online rate.",
        "percentunit",
        12,
        10,
        GOOD_HIGH,
    ),
)
SITE = (
    View(
        "摄像机 Cameras",
        "timeline",
        ((f"xueliang_camera_online{{{CHOSEN}}}", "{{camera}}"),),
        "Each camera online or not; a gap is unknown.",
        width=24,
        height=12,
        names=ONLINE,
    ),
    View(
        "在线率 Online rate",
        "lines",
        ((f"avg by (window) (xueliang_camera_availability_ratio{{{CHOSEN}}})", "{{window}}"),),
        "Of the site's cameras, over one, 7 and 30 days.",
        "percentunit",
        12,
        8,
        GOOD_HIGH,
    ),
    View(
        "未恢复故障 Open faults",
        "table",
        ((f"xueliang_camera_fault{{{CHOSEN}}}", ""),),
        "Faults that count now; empty is good.",
        width=12,
        height=8,
    ),
    View(
        "丢包 Packet loss",
        "lines",
        ((f"xueliang_camera_stream_packet_loss_ratio{{{CHOSEN}}}", "{{camera}}"),),
        "Share of RTP packets lost at the last look: a line that is overloaded shows at many cameras.",
        "percentunit",
        12,
        8,
    ),
    View(
        "握手用时 RTSP handshake",
        "lines",
        ((f'xueliang_camera_rung_duration_seconds{{{CHOSEN},rung="rtsp"}}', "{{camera}}"),),
        "How long the last climb of the rtsp rung took.",
        "s",
        12,
        8,
    ),
)
CAMERA = (
    View(
        "状态 State",
        "timeline",
        ((f"xueliang_camera_state{{{ONE}}} == 1", "{{state}}"),),
        "The camera's state over time.",
        width=16,
        height=6,
    ),
    View(
        "在线率 Online rate",
        "stat",
        ((f"xueliang_camera_availability_ratio{{{ONE}}}", "{{window}}"),),
        "Over one, 7 and 30 days; target 98 %.",
        "percentunit",
        8,
        6,
        GOOD_HIGH,
    ),
    View(
        "各级用时 Rungs",
        "lines",
        ((f"xueliang_camera_rung_duration_seconds{{{ONE}}}", "{{rung}}"),),
        "How long the last climb of each rung took.",
        "s",
        12,
        8,
    ),
    View(
        "关键帧等待 Keyframe wait",
        "lines",
        ((f"xueliang_camera_keyframe_wait_seconds{{{ONE}}}", "wait"),),
        "From SETUP to a whole keyframe.",
        "s",
        6,
        8,
    ),
    View(
        "帧率 Frame rate",
        "lines",
        ((f"xueliang_camera_stream_frame_rate_hertz{{{ONE}}}", "rate"),),
        "Pictures a second, by their timestamps.",
        "hertz",
        6,
        8,
    ),
    View(
        "亮度与清晰度 Brightness and sharpness",
        "lines",
        (
            (f"xueliang_camera_picture_brightness_ratio{{{ONE}}}", "brightness"),
            (f"xueliang_camera_picture_sharpness_ratio{{{ONE}}}", "sharpness"),
        ),
        "Measures of the last picture, from 0 to 1.",
        "percentunit",
        12,
        8,
    ),
    View(
        "丢包 Packet loss",
        "lines",
        ((f"xueliang_camera_stream_packet_loss_ratio{{{ONE}}}", "loss"),),
        "Share of RTP packets lost at the last look.",
        "percentunit",
        6,
        8,
    ),
    View(
        "时钟偏差 Clock offset",
        "lines",
        ((f"xueliang_camera_clock_offset_seconds{{{ONE}}}", "offset"),),
        "The camera's clock over the monitor's; over 5 s is a fault.",
        "s",
        6,
        8,
        ((None, "red"), (-5, "green"), (5, "red")),
    ),
    View(
        "未恢复故障 Open faults",
        "table",
        ((f"xueliang_camera_fault{{{ONE}}}", ""),),
        "Faults that count now; empty is good.",
        width=12,
        height=6,
    ),
    View(
        "身份 Identity",
        "table",
        ((f"xueliang_camera_info{{{ONE}}}", ""),),
        "What the camera is, as it says itself.",
        width=12,
        height=6,
    ),
)
MONITOR = (
    View(
        "运行 Up",
        "stat",
        (('up{job="xueliang"}', ""),),
        "Whether Prometheus reaches the monitor.",
        width=4,
        steps=((None, "red"), (1, "green")),
        names=(("1", "运行 up", "green"), ("0", "停止 down", "red")),
    ),
    View("摄像机 Cameras", "stat", (("xueliang_inventory_cameras", ""),), "Cameras under watch that count.", width=4),
    View(
        "无效文件 Invalid files",
        "stat",
        (("xueliang_inventory_invalid_files", ""),),
        "Camera files that cannot be used.",
        width=4,
        steps=GOOD_LOW,
    ),
    View(
        "设置 Settings read",
        "stat",
        (("xueliang_config_last_reload_successful", ""),),
        "Whether the settings were last read without error.",
        width=4,
        steps=((None, "red"), (1, "green")),
    ),
    View(
        "历史 History",
        "stat",
        (("xueliang_history_up", ""),),
        "Whether the history can be written.",
        width=4,
        steps=((None, "red"), (1, "green")),
    ),
    View("版本 Version", "stat", (("xueliang_build_info", "{{version}}"),), "The running version.", width=4),
    View(
        "检测次数 Visits",
        "lines",
        (("sum by (result) (rate(xueliang_visits_total[$__rate_interval]))", "{{result}}"),),
        "Visits a second, by result.",
        "ops",
        12,
        8,
    ),
    View(
        "检测延迟 Lateness",
        "lines",
        (
            (
                "histogram_quantile(0.99, sum by (le) (rate(xueliang_visit_lateness_seconds_bucket[$__rate_interval])))",
                "p99",
            ),
        ),
        "How late visits start: the 99th percentile.",
        "s",
        12,
        8,
    ),
    View(
        "各级用时 Rungs, p95",
        "lines",
        (
            (
                "histogram_quantile(0.95, sum by (rung, le) (rate(xueliang_rung_duration_seconds_bucket[$__rate_interval])))",
                "{{rung}}",
            ),
        ),
        "How long climbing takes: the 95th percentile.",
        "s",
        12,
        8,
    ),
    View(
        "循环卡顿 Loop lag",
        "lines",
        (("xueliang_event_loop_lag_seconds", "lag"),),
        "How late the event loop last woke.",
        "s",
        12,
        8,
    ),
    View(
        "CPU",
        "lines",
        (('rate(process_cpu_seconds_total{job="xueliang"}[$__rate_interval])', "daemon"),),
        "Of the daemon, without its picture workers.",
        "percentunit",
        8,
        8,
    ),
    View(
        "内存 Memory",
        "lines",
        (('process_resident_memory_bytes{job="xueliang"}', "RSS"),),
        "Of the daemon, without its picture workers.",
        "bytes",
        8,
        8,
    ),
    View(
        "图像进程重启 Worker restarts",
        "lines",
        (("increase(xueliang_decoder_restarts_total[1h])", "restarts"),),
        "Picture workers that died or were killed in an hour.",
        width=8,
        height=8,
    ),
)


def _variable(name: str, label: str, query: str, *, several: bool) -> QueryVariable:
    made = (
        QueryVariable(name).label(label).datasource(SOURCE).query(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    return made.multi(True).include_all(True).all_value(".*") if several else made


SITES = (
    _variable("programme", "项目 Programme", "label_values(xueliang_camera_info, programme)", several=True),
    _variable("site", "地点 Site", 'label_values(xueliang_camera_info{programme=~"$programme"}, site)', several=True),
)
ONE_CAMERA = (
    *SITES,
    _variable("camera", "摄像机 Camera", f"label_values(xueliang_camera_info{{{CHOSEN}}}, camera)", several=False),
)
DASHBOARDS = {
    "fleet": ("摄像机网络 Camera fleet", FLEET, SITES),
    "site": ("地点 Site", SITE, SITES),
    "camera": ("摄像机 Camera", CAMERA, ONE_CAMERA),
    "monitor": ("监控程序 Monitor itself", MONITOR, ()),
}


def text_of(name: str) -> str:
    """Return a dashboard as Grafana reads it."""
    title, views, variables = DASHBOARDS[name]
    made = (
        Dashboard(title).uid(f"xueliang-{name}").tags(["xueliang"]).refresh("30s").time("now-24h", "now").timezone("browser")
        .link(
            DashboardLink("摄像机 Cameras").type(DashboardLinkType.DASHBOARDS).tags(["xueliang"]).as_dropdown(True)
            .include_vars(True).keep_time(True)
        )
        .with_variable(DatasourceVariable("datasource").label("数据源 Data source").type("prometheus"))
    )  # fmt: skip
    for variable in variables:
        made = made.with_variable(variable)
    for view in views:
        made = made.with_panel(view.panel())
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(made.build()) + "\n"


def main() -> None:
    """Write the files, or with `--check` compare them."""
    stale = []
    for name in DASHBOARDS:
        file, text = FOLDER / f"{name}.json", text_of(name)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file.name)
            if "--check" not in sys.argv:
                file.write_text(text, encoding="utf-8")
    if "--check" in sys.argv and stale:
        sys.exit(f"not current: {', '.join(stale)}; run python tools/make_dashboards.py")
    print(f"{len(DASHBOARDS)} dashboards, {len(stale)} {'stale' if '--check' in sys.argv else 'written'}")


if __name__ == "__main__":
    main()
