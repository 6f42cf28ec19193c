"""`xueliang uplink`: the tree, the path of one node, its outages, and states from the daemon."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from xueliang_monitor.cli import app, daemon_state, output
from xueliang_monitor.storage.history import History

UPLINKS = """\
carrier: {name: 电信, circuit: 0571-0042}
line: {uplink: carrier, name: 镇东线, place: 东门机房, port: 1:24}
sw1: {uplink: line, place: "[red]杆 7"}
sw2: {uplink: line}
nvr: {uplink: sw1, address: 127.9.9.1, sessions: 4}
"""
CAMERAS = {
    "a": "address: 127.9.9.2\nuplink: sw1",
    "b": "address: 127.9.9.1\nrtsp_path: /1",
    "c": "address: 127.9.9.1\nrtsp_path: /2",
    "d": "address: 127.9.9.3\nuplink: sw2",
    "e": "address: 127.9.9.4",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(output.out, "width", 200)
    (tmp_path / "xueliang.yaml").write_text(f"state: {tmp_path / 'state'}\nlisten: 127.0.0.1:1\n", encoding="utf-8")
    (tmp_path / "uplinks.yaml").write_text(UPLINKS, encoding="utf-8")
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "state").mkdir()
    for name, keys in CAMERAS.items():
        (tmp_path / "cameras.d" / f"{name}.yaml").write_text(f"site: village\n{keys}\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    environment = {"NO_COLOR": "1", "XUELIANG_CONFIG": str(folder / "xueliang.yaml")}
    done = CliRunner().invoke(app, ["uplink", *arguments], env=environment)
    return done.exit_code, done.output


def answer(down: dict[str, str], states: dict[str, str], behind: dict[str, str] | None = None) -> Any:
    above = behind or {}
    uplinks = [
        {
            "name": name,
            "up": name not in down and name not in above,
            "behind": above.get(name),
            "since": down.get(name),
        }
        for name in ("line", "sw1")
    ]
    return {"uplinks": uplinks, "cameras": [{"id": name, "state": state} for name, state in states.items()]}


def test_the_list_is_a_tree_and_survives_a_pipe(folder: Path) -> None:
    command = [sys.executable, "-m", "xueliang_monitor", "uplink", "list", "-c", str(folder / "xueliang.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [[cell.strip(" ") for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    assert len(rows) == 6
    told = {row[0]: row[1:] for row in rows}
    assert list(told) == ["carrier", "line", "sw1", "nvr", "sw2", "village"]
    assert told["line"] == ["镇东线", "东门机房", "1:24", "", "4", "-"]
    assert told["sw1"][1] == "[red]杆 7"
    assert "│   line " in done.stdout
    assert "│       nvr " in done.stdout
    assert "6 uplinks, 5 cameras; no daemon answers at" in done.stdout.replace("\n", " ")


def test_json_has_every_key(folder: Path) -> None:
    code, said = run(folder, "list", "--json")
    rows = {row["uplink"]: row for row in json.loads(said)}
    assert code == 0
    assert rows["nvr"] == {
        "uplink": "nvr", "name": "", "kind": "host", "parent": "sw1", "place": "", "port": "", "circuit": "",
        "address": "127.9.9.1", "sessions": 4, "cameras": 2, "state": None, "behind": "", "since": None, "states": None,
    }  # fmt: skip


def test_states_come_from_the_daemon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = {"a": "unknown", "b": "unknown", "c": "unknown", "d": "degraded", "e": "down"}
    monkeypatch.setattr(daemon_state, "ask", lambda *_: answer({"sw1": "2026-11-27T07:17:30+00:00"}, states))
    code, said = run(folder, "list", "--json")
    rows = {row["uplink"]: (row["state"], row["behind"], row["states"]) for row in json.loads(said)}
    assert code == 0
    assert rows == {
        "carrier": ("up", "", {"unknown": 3, "degraded": 1}),
        "line": ("up", "", {"unknown": 3, "degraded": 1}),
        "sw1": ("down", "", {"unknown": 3}),
        "nvr": ("unknown", "sw1", {"unknown": 2}),
        "sw2": ("up", "", {"degraded": 1}),
        "village": ("unknown", "", {"down": 1}),
    }
    said = run(folder, "list")[1]
    assert "down since 2026-11-27T07:17:30+00:00" in said
    assert "unknown behind sw1" in said


def test_what_hangs_below_a_dead_node_is_unknown_and_not_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = dict.fromkeys("abcd", "unknown")
    since = "2026-11-27T07:17:30+00:00"
    monkeypatch.setattr(daemon_state, "ask", lambda *_: answer({"line": since}, states, {"sw1": "line"}))
    rows = {row["uplink"]: (row["state"], row["behind"]) for row in json.loads(run(folder, "list", "--json")[1])}
    assert rows["line"] == ("down", "")
    assert rows["sw1"] == rows["nvr"] == rows["sw2"] == ("unknown", "line")


def test_show_tells_the_path_what_hangs_below_and_the_last_outages(folder: Path) -> None:
    now = time.time()
    with contextlib.closing(History(folder / "state")) as history:
        history._database.executemany(
            "INSERT INTO episodes (camera, uplink, fault, began, confirmed, ended, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                ("", "sw1", "uplink_down", now - 900, now - 890, now - 600, "3 of 3 cameras"),
                ("", "line", "uplink_down", now - 300, now - 290, None, "4 of 4 cameras"),
                ("", "sw2", "uplink_down", now - 200, now - 190, None, "not on the path"),
                ("a", "", "connect_timeout", now - 100, now - 90, None, ""),
            ],
        )
        history._database.commit()
    code, said = run(folder, "show", "nvr")
    assert code == 0
    lines = [line.strip() for line in said.splitlines()]
    path = [line.split("│")[1].strip() for line in lines if "│" in line]
    assert path == ["nvr", "sw1", "line", "carrier"]
    assert "2 cameras hang on nvr:" in lines
    assert [line for line in lines if line.startswith("- ")] == ["- b", "- c"]
    outages = lines[lines.index("last outages:") + 1 :][:2]
    assert "still open  line  uplink_down  4 of 4 cameras" in outages[0]
    assert "sw1  uplink_down  3 of 3 cameras" in outages[1]
    assert "not on the path" not in said
    told = json.loads(run(folder, "show", "line", "--json")[1])
    assert [row["uplink"] for row in told["path"]] == ["line", "carrier"]
    assert [row["uplink"] for row in told["below"]] == ["sw1", "nvr", "sw2"]
    assert told["camera_ids"] == ["a", "b", "c", "d"]
    assert [item["uplink"] for item in told["outages"]] == ["line"]


def test_an_unknown_name_is_refused_with_the_nearest_one(folder: Path) -> None:
    code, said = run(folder, "show", "lime")
    assert (code, said) == (2, 'there is no uplink lime; did you mean "line"?\n')


def test_a_broken_file_is_said_and_the_rest_is_listed(folder: Path) -> None:
    (folder / "uplinks.yaml").write_text("line:\nsw1: {uplink: lime}\n", encoding="utf-8")
    code, said = run(folder, "list")
    assert code == 0
    assert 'sw1.uplink: no uplink "lime" is declared; did you mean "line"?' in said
    assert "127.9.9.1" in said  # cameras at one address are channels of a recorder, also of one that no file declares


def test_maintenance_is_for_any_node_of_the_tree(folder: Path) -> None:
    settings = str(folder / "xueliang.yaml")

    def start(name: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["maintenance", "start", "--uplink", name, "-c", settings])
        return done.exit_code, done.output

    for name in ("carrier", "nvr", "sw2"):
        assert start(name)[0] == 0
    assert start("carier") == (2, "there is no uplink carier; did you mean carrier?\n")
