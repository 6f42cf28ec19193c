"""The availability report: figures compared with the raw visits, and the output formats compared with each other."""

from __future__ import annotations

import csv
import io
import itertools
import random
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.conftest import ROOT
from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.availability_report import forms
from xueliang_monitor.availability_report.figures import Figures, Period, _percentile_90, build
from xueliang_monitor.availability_report.tables import Table, tables
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.changes import Changes
from xueliang_monitor.fleet.planning import Intervals
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay, day_of
from xueliang_monitor.judgement.episodes import Episode, outages_of
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Rung, State
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History
from xueliang_monitor.topology import Node, NodeKind, Topology

CAMERAS = tuple(
    replace(made, data=made.data.model_copy(update={"programme": "p1" if number % 2 else "p2", "name": f"N{number}"}))
    for number, made in enumerate(
        camera(f"cam-{number:02d}", f"sw{number % 3}", site=f"site-{number % 4}") for number in range(12)
    )
)
NODES = (
    Node("line", title="East line", place="town hall", circuit="GX-17"),
    *(Node(f"sw{number}", "line", title=f"Switch {number}", place=f"tower {number}") for number in range(3)),
)

SELDOM = Intervals({**Intervals().seconds, Rung.REACH: 40.0, Rung.RTSP: 40.0})


class Month:
    """Three simulated days of twelve cameras, their history, and the raw visits beside it."""

    def __init__(self, folder: Path) -> None:
        chance = random.Random(11)
        outages = {
            item.id: [(start, start + chance.uniform(120, 7000)) for start in
                      (START + day * 86_400 + chance.uniform(0, 70_000) for day in range(3))]
            for item in CAMERAS[1:]
        }  # fmt: skip
        switch = (START + 100_000, START + 103_000)

        def truth(name: str, at: float) -> str | None:
            if name in {item.id for item in CAMERAS if item.uplink == "sw0"} and switch[0] <= at < switch[1]:
                return "connect_timeout"
            return "rtsp_timeout" if any(a <= at < b for a, b in outages.get(name, ())) else None

        self.days = SimulatedDays(CAMERAS, truth, SELDOM, nodes=NODES)
        self.visits: dict[str, list[tuple[float, State, str]]] = defaultdict(list)
        apply = self.days.fleet.apply

        def spy(made: Any, memory: Memory, lateness: float) -> Any:
            before = self.days.fleet.status_of(made.camera)
            self.visits[made.camera].append((made.at, before.state, before.cause))
            return apply(made, memory, lateness)

        self.days.fleet.apply = spy  # type: ignore[method-assign]
        self.history = History(folder)
        for _ in range(72):
            self.days.run(3600)
            self.history.write(self.days.fleet.collect())

    def recomputed(self, names: set[str], period: Period) -> dict[str, float]:
        """Add up by brute force: second by visit, as the README defines it."""
        total: dict[str, float] = defaultdict(float)
        for name in names:
            for (start, _, _), (end, state, cause) in itertools.pairwise(self.visits[name]):
                seconds = max(0.0, min(end, period.end) - max(start, period.start))
                if state is State.UNKNOWN and cause != "uplink_down":
                    continue
                total["observed"] += seconds
                total["online"] += seconds * (state in (State.UP, State.DEGRADED))
                total["uplink"] += seconds * (cause == "uplink_down")
        return total


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return Month(tmp_path_factory.mktemp("history"))


def whole(month: Month) -> Period:
    return Period(date.fromisoformat(day_of(START)), date.fromisoformat(day_of(START + 3 * 86_400)))


def figures(month: Month, period: Period, **options: Any) -> Figures:
    seconds = month.history.seconds(period.first.isoformat(), period.last.isoformat())
    episodes = month.history.episodes(period.start, period.end)
    outages = month.history.outages(period.start, period.end)
    return build(
        period,
        CAMERAS,
        seconds,
        episodes=episodes,
        outages=outages,
        root_seconds=month.history.root_seconds(period.first.isoformat(), period.last.isoformat()),
        topology=Topology.of(NODES, CAMERAS),
        now=START + 3 * 86_400,
        **options,
    )


@pytest.mark.parametrize("days", [(0, 3), (1, 1)])
def test_figures_agree_with_the_raw_visits(month: Month, days: tuple[int, int]) -> None:
    first, last = (date.fromisoformat(day_of(START + each * 86_400)) for each in days)
    period = Period(first, last)
    built = figures(month, period)
    for rate, names in [
        (built.fleet, {item.id for item in CAMERAS}),
        *((rate, {item.id for item in CAMERAS if item.site == rate.name}) for rate in built.sites),
        *((rate, {item.id for item in CAMERAS if item.programme == rate.name}) for rate in built.programmes),
        *((rate, {rate.name}) for rate in built.worst),
    ]:
        expected = month.recomputed(names, period)
        assert rate.seconds.observed == pytest.approx(expected["observed"])
        assert rate.seconds.online == pytest.approx(expected["online"])
        assert rate.seconds.uplink == pytest.approx(expected["uplink"])
        assert rate.seconds.online_ratio == pytest.approx(expected["online"] / expected["observed"])
    assert sum(rate.seconds.observed for rate in built.days) == pytest.approx(built.fleet.seconds.observed)
    assert built.fleet.seconds.online_ratio is not None
    assert 0.8 < built.fleet.seconds.online_ratio < 1


def test_outages_repair_times_and_uplinks(month: Month) -> None:
    built = figures(month, whole(month))
    raised = month.days.said("raised")
    assert len(built.outages) == len(raised) > 20
    ended = [item.ended - item.began for item in built.outages if item.ended is not None]
    assert built.repair_mean == pytest.approx(sum(ended) / len(ended))
    assert built.repair_90 in ended
    assert sum(value <= (built.repair_90 or 0) for value in ended) >= 0.9 * len(ended)
    (switch,) = built.uplinks
    assert (switch.name, switch.title, round(switch.seconds, -2)) == ("sw0", "Switch 0", 3000)
    assert {item.fault: item.episodes for item in built.faults} == {"rtsp_timeout": len(raised)}
    only = figures(month, whole(month), site="site-1")
    assert {item.site for item in only.outages} == {"site-1"}
    assert [rate.name for rate in only.sites] == ["site-1"]


def test_unavailable_time_by_root_cause_adds_up(month: Month) -> None:
    for options in ({}, {"site": "site-1"}, {"programme": "p1"}):
        built = figures(month, whole(month), **options)
        spent, causes = built.fleet.seconds, built.unavailable
        assert causes.total == pytest.approx(spent.counted - spent.online)
        assert sum(root.lost for root in causes.roots) == pytest.approx(spent.uplink)
        assert causes.unnamed == 0.0
    built = figures(month, whole(month))
    (root,) = built.unavailable.roots
    assert (root.node, root.outages, round(root.seconds, -2)) == (Topology.of(NODES, CAMERAS).nodes["sw0"], 1, 3000)
    assert root.lost == pytest.approx(4 * 3000, rel=0.03)
    (table,) = (each for each in tables(built, {each.id: each for each in CAMERAS}, "en") if each.key == "roots")
    assert [row[0] for row in table.rows] == ["Switch 0", "the cameras themselves", "total"]
    assert table.rows[0][1:5] == ("uplink", "tower 0", "", 1)
    *parts, total = (row[6] for row in table.rows)
    assert isinstance(total, int)
    assert abs(sum(part for part in parts if isinstance(part, int)) - total) <= 2


def test_time_of_before_names_were_stored_and_of_a_monitor_that_was_cut_off_is_shown_apart() -> None:
    period = Period.parse("2026-10-05")
    cameras = (camera("one", "sw0"), camera("two", "gone"))
    seconds = {each.id: {"2026-10-05": AvailabilitySeconds(80_000, 70_000, 70_000, 6_000)} for each in cameras}
    at = period.start + 1000
    episodes = [
        Episode("", "", "monitor_isolated", at, at, at + 7200, "no route"),
        Episode("", "", "clock_wrong", at, at, at + 7200, ""),
        Episode("", "gone", "host_down", at, at, at + 600, ""),
        Episode("", "elsewhere", "uplink_down", at, at, at + 600, ""),
    ]
    built = build(
        period,
        cameras,
        seconds,
        episodes=episodes,
        outages=(),
        root_seconds={
            RootDay("two", "gone", NodeKind.HOST, "2026-10-05"): 6_000.0,
            RootDay("one", "withdrawn", NodeKind.UPLINK, "2026-10-05"): 0.01,
            RootDay("other", "elsewhere", NodeKind.UPLINK, "2026-10-05"): 500.0,
        },
        topology=Topology.of(NODES, cameras),
        now=period.end,
    )
    known = built.unavailable
    assert [(root.node.name, root.outages, root.seconds, root.lost) for root in known.roots] == [
        ("gone", 1, 600.0, 6_000.0)
    ]
    assert known.roots[0].node.kind is NodeKind.HOST, "as it was, although the name is an uplink's now"
    assert (known.unnamed, known.own, known.total) == (pytest.approx(6_000.0), 8_000.0, 20_000.0)
    assert (known.isolated, known.isolated_seconds) == (1, 7200.0)
    (table,) = (each for each in tables(built, {each.id: each for each in cameras}, "zh") if each.key == "roots")
    assert [row[0] for row in table.rows] == [
        "gone",
        "未记录名称的上联",
        "摄像机自身",
        "监控程序断网（不计入）",
        "合计",
    ]


def test_percentiles_by_nearest_rank() -> None:
    assert _percentile_90([5.0]) == 5.0
    assert _percentile_90([float(n) for n in range(1, 11)]) == 9.0
    assert _percentile_90([float(n) for n in range(1, 21)]) == 18.0


class _Cells(HTMLParser):
    """Collects the tables of a page by their key, and every address in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self._key = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "xlink:href"}]
        if tag == "table":
            self._key = values.get("data-key") or ""
            self.tables[self._key] = []
        elif tag == "tr" and self._key:
            self.tables[self._key].append([])
        elif tag == "td" and self._key:
            self.tables[self._key][-1].append(values.get("data-value") or "")


def as_text(table: Table) -> list[list[str]]:
    return [["" if value is None else str(value) for value in row] for row in table.rows]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_three_forms_say_the_same(month: Month, language: str) -> None:
    built = figures(month, whole(month))
    made = tables(built, {item.id: item for item in CAMERAS}, language)
    page = _Cells()
    page.feed(forms.html(built, made, language, title="title", made_at="now").decode())
    assert page.addresses == []
    workbook = openpyxl.load_workbook(io.BytesIO(forms.workbook(made, language)))
    lines = list(csv.reader(io.StringIO(forms.comma_separated(made, language).decode("utf-8-sig"), newline="")))
    assert len(workbook.sheetnames) == len(made) == 12
    for table, sheet in zip(made, workbook.worksheets, strict=True):
        expected = as_text(table)
        assert [row for row in page.tables.get(table.key, []) if row] == expected
        assert [
            ["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(2, values_only=True)
        ] == expected
        title = getattr(table.title, language)
        assert [line[1:] for line in lines if line[0] == title][1:] == expected
    assert any("\u4e00" <= letter <= "\u9fff" for letter in made[0].title.zh)


def test_what_is_new_retired_and_never_seen_and_a_formula_is_a_name() -> None:
    def of(identity: str, **values: Any) -> Camera:
        made = camera(identity, site="S")
        return replace(made, data=made.data.model_copy(update=values))

    cameras = (
        of("new", registered="2026-10-05T08:00:00+08:00", name="=1+1"),
        of("old", registered="2025-10-05T08:00:00+08:00"),
        of("gone", status=Lifecycle.RETIRED),
        of("trial", status=Lifecycle.COMMISSIONING),
    )
    period = Period.parse("2026-10")
    seconds = {
        "old": {"2026-10-07": AvailabilitySeconds(1000, 900, 800)},
        "trial": {"2026-10-07": AvailabilitySeconds(1000)},
    }
    lasting = Episode("old", "", "rtsp_timeout", period.end - 100, period.end - 90, None, "")
    built = build(
        period,
        cameras,
        seconds,
        episodes=[lasting],
        outages=outages_of([lasting]),
        root_seconds={},
        topology=Topology(),
        now=period.end + 5000,
    )
    assert [item.id for item in built.registered] == ["new"]
    assert [item.id for item in built.retired] == ["gone"]
    assert [item.id for item in built.never_seen] == ["new"]
    assert (built.fleet.cameras, built.fleet.seconds.observed) == (2, 1000)
    assert (built.outages[0].seconds, built.repair_mean) == (100, None)
    made = tables(built, {item.id: item for item in cameras}, "en")
    sheet = openpyxl.load_workbook(io.BytesIO(forms.workbook(made, "en")))["Newly registered"]
    assert (sheet["B2"].value, sheet["B2"].data_type) == ("=1+1", "s")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026-10-05", "2026-10-05", "2026-10-05"),
        ("2026-09-28..2026-10-02", "2026-09-28", "2026-10-02"),
    ],
)
def test_periods(text: str, first: str, last: str) -> None:
    assert Period.parse(text) == Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-02-30", "2026-10-02..2026-10-01", "x..y", "2026-10..2026-11"]
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="is not a period"):
        Period.parse(text)


def test_the_command_writes_every_form(tmp_path: Path) -> None:
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    (folder / "a.yaml").write_text("site: S\naddress: 127.0.0.9\n")
    settings = tmp_path / "x.yaml"
    settings.write_text("listen: 127.0.0.1:1\n")
    xueliang = [sys.executable, "-m", "xueliang_monitor", "report"]

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*xueliang, *arguments, "-c", str(settings)], capture_output=True, check=False)

    assert run("2026-10").returncode == 1  # no history yet
    history = History(tmp_path / "state")
    today = day_of(time.time())
    history.write(
        Changes(
            (Transition("a", time.time(), TransitionKind.RAISED, "no_media"),),
            seconds=(("a", today, AvailabilitySeconds(100, 50, 25)),),
        )
    )
    history.close()
    page = run(today, "--lang", "en").stdout.decode()
    assert "50.00%" in page
    assert "No video data" in page
    assert re.search(r"https?://|src=|@import|url\(", page) is None
    for form, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        done = run(today, "--format", form, "-o", str(tmp_path / f"r.{form}"))
        assert done.returncode == 0
        assert (tmp_path / f"r.{form}").read_bytes().startswith(start)
    for wrong in (["2026"], [today, "--format", "pdf"], [today, "--site", "nowhere"]):
        assert run(*wrong).returncode == 2


def test_the_recording_rules_are_valid() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    rules = ROOT / "deploy" / "prometheus" / "availability.rules.yml"
    done = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 rules found" in done.stdout
