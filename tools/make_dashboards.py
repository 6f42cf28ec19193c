"""Writes the Grafana dashboards from dashboards.yaml to deploy/grafana. `--check` lists those that are out of date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
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

SOURCES = yaml.safe_load(Path(__file__).with_name("dashboards.yaml").read_text(encoding="utf-8"))
FOLDER = Path(__file__).parent.parent / "deploy/grafana/dashboards"
SOURCE = DataSourceRef("prometheus", "${datasource}")
KINDS: dict[str, Any] = {
    "stat": stat.Panel,
    "lines": timeseries.Panel,
    "table": table.Panel,
    "timeline": statetimeline.Panel,
    "bars": bargauge.Panel,
}


def _filled(text: str) -> str:
    """Put the selectors into an expression."""
    for name, selector in SOURCES["selectors"].items():
        text = text.replace(f"<{name}>", selector)
    return text


def _panel(view: dict[str, Any]) -> Any:
    """Return a panel's builder."""
    kind = view["kind"]
    made = KINDS[kind]().title(view["title"]).description(view["description"]).unit(view.get("unit", "short"))
    made = made.datasource(SOURCE).span(view.get("width", 6)).height(view.get("height", 6))
    for number, (expression, *legend) in enumerate(view["queries"]):
        query = Dataquery().expr(_filled(expression)).legend_format("".join(legend)).ref_id(chr(65 + number))
        query = query.datasource(SOURCE)
        query = query.instant() if kind in ("stat", "table", "bars") else query.range()
        made = made.with_target(query.format(PromQueryFormat.TABLE) if kind == "table" else query)
    if "steps" in view:
        steps = SOURCES["steps"].get(view["steps"]) if isinstance(view["steps"], str) else view["steps"]
        steps = [Threshold(value, colour) for value, colour in steps]
        made = made.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    if "names" in view:
        names = enumerate(view["names"].items())
        options = {value: ValueMappingResult(text, colour, index=index) for index, (value, (text, colour)) in names}
        made = made.mappings([ValueMap(options)])
    return made


def _variable(name: str, label: str, query: str, *, several: bool) -> QueryVariable:
    made = (
        QueryVariable(name).label(label).datasource(SOURCE).query(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    return made.multi(True).include_all(True).all_value(".*") if several else made


VARIABLES = {
    "monitors": _variable("monitors", "监控程序 Monitors", "label_values(xueliang_build_info, instance)", several=True),
    "monitor": _variable("monitor", "监控程序 Monitor", "label_values(xueliang_build_info, instance)", several=False),
    "programme": _variable(
        "programme", "项目 Programme", "label_values(xueliang_camera_info, programme)", several=True
    ),
    "site": _variable(
        "site", "地点 Site", 'label_values(xueliang_camera_info{programme=~"$programme"}, site)', several=True
    ),
    "camera": _variable(
        "camera",
        "摄像机 Camera",
        'label_values(xueliang_camera_info{programme=~"$programme",site=~"$site"}, camera)',
        several=False,
    ),
    # After the camera: a link to a camera names no monitor, and nearly always one alone knows it.
    "watcher": _variable(
        "monitor", "监控程序 Monitor", 'label_values(xueliang_camera_info{camera="$camera"}, instance)', several=False
    ),
}


def text_of(name: str) -> str:
    """Return a dashboard as Grafana reads it."""
    source = SOURCES["dashboards"][name]
    made = (
        Dashboard(source["title"]).uid(f"xueliang-{name}").tags(["xueliang"])
        .refresh("30s").time("now-24h", "now").timezone("browser")
        .link(
            DashboardLink("摄像机 Cameras").type(DashboardLinkType.DASHBOARDS).tags(["xueliang"]).as_dropdown(True)
            .include_vars(True).keep_time(True)
        )
        .with_variable(DatasourceVariable("datasource").label("数据源 Data source").type("prometheus"))
    )  # fmt: skip
    for variable in source["variables"]:
        made = made.with_variable(VARIABLES[variable])
    for view in source["panels"]:
        made = made.with_panel(_panel(view))
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(made.build()) + "\n"


def main() -> None:
    """Write the files, or with `--check` compare them."""
    stale = []
    for name in SOURCES["dashboards"]:
        file, text = FOLDER / f"{name}.json", text_of(name)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file.name)
            if "--check" not in sys.argv:
                file.write_text(text, encoding="utf-8")
    if "--check" in sys.argv and stale:
        sys.exit(f"not current: {', '.join(stale)}; run python tools/make_dashboards.py")
    print(f"{len(SOURCES['dashboards'])} dashboards, {len(stale)} {'stale' if '--check' in sys.argv else 'written'}")


if __name__ == "__main__":
    main()
