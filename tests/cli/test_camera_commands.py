"""The commands that register, test, import and change cameras, each run in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from tests.conftest import LOGIN
from tests.waiting import AT_MOST_SECONDS, PATIENCE
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.configuration.spreadsheet_columns import COLUMNS
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet

Start = Callable[..., Awaitable[SimulatedFleet]]


class Desk:
    """An installation in a folder, and the command line over it."""

    def __init__(self, folder: Path) -> None:
        self.cameras = folder / "cameras.d"
        self.cameras.mkdir()
        self.settings = folder / "xueliang.yaml"
        self.settings.write_text(
            "listen: 127.0.0.1:1\n" + PATIENCE + "credentials:\n"
            "  district: {username: viewer, password_env: DISTRICT}\n"
            "  other: {username: viewer, password_env: OTHER}\n"
        )

    async def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xueliang_monitor", *arguments,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "DISTRICT": LOGIN.password, "OTHER": "wr0ng-pass", "COLUMNS": "200",
                 "XUELIANG_CONFIG": str(self.settings), **environment},
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 4 * AT_MOST_SECONDS)
        assert "Traceback" not in err.decode()
        assert "wr0ng-pass" not in out.decode() + err.decode()
        assert LOGIN.password not in out.decode() + err.decode()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def add(self, address: str, *arguments: str) -> tuple[int, str, str]:
        return await self.run("camera", "add", address, "--credentials", "district", *arguments)

    def file(self, identity: str) -> dict[str, Any]:
        return dict(yaml.safe_load((self.cameras / f"{identity}.yaml").read_text(encoding="utf-8")))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_add_asks_the_device_tests_it_and_writes_its_file(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(3, onvif_port=8000)
    host = fleet.cameras["cam-002"].target.host
    code, out, err = await desk.add(host, "--site", "柳林社区", "--name", "东门", "--id", "east", "--uplink", "sw1")
    assert (code, err.count("\n")) == (0, 1), err
    for said in ("picture_frozen", "✔ passed 合格", "clock", "parameters", "registered 已登记", "SIM000002"):
        assert said in out
    written = desk.file("east")
    assert written["site"] == "柳林社区"
    assert (written["rtsp_port"], written["rtsp_path"], written["credentials"]) == (8554, "/live/main", "district")
    assert written["identity"]["serial"] == "SIM000002"
    assert written["stream"]["profile"] == "main"
    assert written["main_stream"]["width"] == 640
    assert written["snapshot_path"] == "/snapshot?profile=main"
    assert sorted(path.name for path in desk.cameras.iterdir()) == ["east.yaml"]
    code, out, _ = await desk.run("config", "check")
    assert code == 0
    assert fleet.cameras["cam-002"].open_sessions == 0


async def test_add_gives_json(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(1, onvif_port=8000)
    code, out, err = await desk.add(fleet.cameras["cam-000"].target.host, "--site", "S", "--id", "a", "--json")
    answer = json.loads(out)
    assert (code, err, answer["passed"], answer["faults"]) == (0, "", True, [])
    assert answer["file"] == str(desk.cameras / "a.yaml")
    verdicts = {item["check"]: item["verdict"] for item in answer["checks"]}
    assert verdicts["picture_blurred"] == "unknown"  # there is no past to hold it against
    relative = {"moved", "dirty", "low_contrast", "colour_cast", "colourless", "blurred"}
    assert {name for name, verdict in verdicts.items() if verdict != "passed"} <= {
        f"picture_{name}" for name in relative
    }


@pytest.mark.parametrize("number", [0, 2], ids=["token", "digest"])
async def test_a_wrong_password_is_tried_once_and_said_in_words(simulated: Start, desk: Desk, number: int) -> None:
    fleet = await simulated(3, onvif_port=8000)
    camera = fleet.cameras[f"cam-00{number}"]
    assert camera.onvif is not None
    code, _out, err = await desk.run("camera", "add", camera.target.host, "--site", "S", "--credentials", "other")
    assert code == 1
    assert "the camera refused the user name or the password" in err
    assert "not tried any further" in err
    assert camera.refused_logins + camera.onvif.refused_logins == 1
    assert list(desk.cameras.iterdir()) == []


async def test_a_wrong_password_without_onvif_is_tried_once_too(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(1)
    camera = fleet.cameras["cam-000"]
    code, out, _err = await desk.run(
        "camera", "add", camera.target.host, "--site", "S", "--credentials", "other",
        "--onvif", "none", "--rtsp-port", "8554", "--rtsp-path", "/live/main",
    )  # fmt: skip
    assert code == 1
    assert "auth_failed" in out
    assert "登录失败" in out
    assert camera.refused_logins == 1


async def test_what_a_device_says_of_itself_is_shown_as_it_is(
    simulated: Start, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xueliang_monitor.simulator import onvif_operations

    monkeypatch.setattr(onvif_operations, "MANUFACTURER", "[/bold] [red]")
    fleet = await simulated(1, onvif_port=8000)
    host = fleet.cameras["cam-000"].target.host
    code, out, err = await desk.add(host, "--site", "[/x]", "--name", "[bold]", "--id", "a")
    assert code == 0, err
    assert "[/bold] [red] SIM-360" in out
    assert "[/x]" in (await desk.run("camera", "list"))[1]
    assert "[bold]" in (await desk.run("camera", "show", "a"))[1]
    assert (await desk.run("discover", "--subnet", f"{host}/32", "--timeout", "0.5"))[0] == 0
    said = [(await desk.run("check", "a"))[1] for _ in range(ATTEMPTS)]
    assert any("[/bold] [red]" in each for each in said), said


async def test_a_camera_without_onvif_is_registered_by_its_path(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(1)
    host = fleet.cameras["cam-000"].target.host
    code, _, err = await desk.add(host, "--site", "S", "--id", "plain")
    assert code == 1
    assert "does not speak ONVIF" in err
    assert "--rtsp-path" in err
    code, out, err = await desk.add(
        host, "--site", "S", "--id", "plain", "--rtsp-port", "8554", "--rtsp-path", "/live/main"
    )
    assert code == 0, out + err
    assert desk.file("plain")["onvif"] == "none"


@pytest.mark.parametrize(
    ("fault", "code"), [("black", "picture_black"), ("frozen", "picture_frozen"), ("clock-drift", "clock_drift"),
                        ("no-media", "no_media"), ("refuse", "connection_refused")],
)  # fmt: skip
async def test_what_does_not_pass_is_not_written_unless_asked(
    simulated: Start, desk: Desk, fault: str, code: str
) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    await camera.set_fault(BY_NAME[fault]())
    status, out, _ = await desk.add(camera.target.host, "--site", "S", "--id", "a", "--json")
    answer = json.loads(out)
    assert (status, answer["file"], answer["faults"]) == (1, None, [code])
    assert list(desk.cameras.iterdir()) == []
    if fault == "black":
        status, out, _err = await desk.add(camera.target.host, "--site", "S", "--id", "a", "--as", "commissioning")
        assert (status, desk.file("a")["status"]) == (0, "commissioning")
        assert "picture_black" in out
        assert "check lens and iris" in out.lower()
        await camera.clear_fault()
        status, _, _ = await desk.run("camera", "check", "a", "--accept")
        assert status == 0
        assert "status" not in desk.file("a")


async def test_the_same_stream_serial_or_id_twice_names_the_other(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(2, onvif_port=8000)
    first, second = (camera.target.host for camera in fleet.cameras.values())
    assert (await desk.add(first, "--site", "S", "--id", "gate", "--name", "North gate"))[0] == 0
    code, _, err = await desk.add(first, "--site", "S", "--id", "other")
    assert code == 1
    assert f"the stream rtsp://{first}:8554/live/main is already registered as gate (North gate)" in err
    assert "--channels all" in err
    assert "登记全部通道" in err
    code, _, err = await desk.add(second, "--site", "S", "--id", "gate")
    assert code == 1
    assert "the id gate is taken by gate (North gate" in err
    data = desk.file("gate")
    data["address"] = "127.99.99.99"
    (desk.cameras / "gate.yaml").write_text(yaml.safe_dump(data))
    code, _, err = await desk.add(first, "--site", "S", "--id", "other")
    assert code == 1
    assert "the serial number SIM000000 is already registered as gate (North gate, 127.99.99.99)" in err
    assert "--same-serial" in err
    assert "该序列号已登记为 gate" in err
    code, _, err = await desk.add(first, "--site", "S", "--id", "other", "--same-serial")
    assert code == 0, err
    assert desk.file("other")["identity"]["serial"] == "SIM000000"


async def test_units_that_share_a_serial_number_are_registered(
    simulated: Start, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = await simulated(2, onvif_port=8000)
    for camera in fleet.cameras.values():
        assert camera.onvif is not None
        monkeypatch.setattr(camera.onvif, "_serial", "0123456789")
        code, _, err = await desk.add(camera.target.host, "--site", "S")
        assert code == 0, err
    assert len(list(desk.cameras.iterdir())) == 2


async def test_a_registered_stream_is_said_before_the_device_is_asked(desk: Desk) -> None:
    (desk.cameras / "a.yaml").write_text("site: S\naddress: 127.0.0.9\nrtsp_path: /ch01\nrtsp_port: 8554\n")
    given = ("--site", "S", "--id", "b", "--rtsp-port", "8554", "--rtsp-path")
    code, _, err = await desk.add("127.0.0.9", *given, "/ch01")
    assert code == 1
    assert "is already registered as a (a)" in err
    code, _, err = await desk.add("127.0.0.9", *given, "/ch02", "--onvif", "none")
    assert code == 1
    assert "registered as" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["127.0.0.1"], "--site is missing"),
        (["127.0.0.1", "--site", "S"], "--credentials is missing; use one of district, other"),
        (["127.0.0.1", "--site", "S", "--credentials", "nobody"], "no credentials nobody in the settings"),
        (["rtsp://127.0.0.1/x", "--site", "S", "--credentials", "district"], "address: not an IP address or host name"),
        (["127.0.0.1", "--site", "S", "--credentials", "district", "--id", "A B"], "is not a valid id"),
        (["127.0.0.1", "--site", "S", "--credentials", "district", "--onvif", "x"], "--onvif takes"),
        (["127.0.0.1", "--site", "S", "--credentials", "district", "--as", "x"], "--as takes"),
        (["127.0.0.1", "--site", "S", "--credentials", "district", "--onvif-path", "x"], "--onvif-path: x is no path"),
        (["127.0.0.1", "--site", "S", "--credentials", "district", "--channels", "x"], "write all, 1-16 or 1,3,5-8"),
        (["127.0.0.1", "--site", "S", "--channels", "all", "--profile", "x"], "--channels asks the recorder"),
        (["172.16.010.1", "--site", "S", "--credentials", "district"], "read 010 as octal"),
        (["192.0.2", "--site", "S", "--credentials", "district"], "neither a whole IPv4 address"),
        (["192.0.2.300", "--site", "S", "--credentials", "district"], "300 is above 255"),
        (["3221225994", "--site", "S", "--credentials", "district"], "single number"),
        (["127.0.0.1", "--site", "S", "--credentials", "district", "--rtsp-path", "x"], "rtsp_path: not an RTSP path"),
    ],
)
async def test_wrong_usage_is_said_and_nobody_asked(desk: Desk, arguments: list[str], said: str) -> None:
    code, out, err = await desk.run("camera", "add", *arguments)
    assert (code, out) == (2, "")
    assert said in err


async def test_list_show_edit_retire_and_remove(desk: Desk) -> None:
    (desk.cameras / "a.yaml").write_text("# kept\nsite: North\naddress: 127.0.0.9\nprogramme: p\n")
    (desk.cameras / "b.yaml").write_text("site: South\naddress: 127.0.0.10\n")
    (desk.cameras / "bad.yaml").write_text("site: South\n")
    code, out, err = await desk.run("camera", "list", "--json")
    assert (code, [row["id"] for row in json.loads(out)]) == (0, ["a", "b"])
    assert "bad.yaml:1: address: missing" in err
    _, out, _ = await desk.run("camera", "list", "--site", "South", "--json")
    assert [row["id"] for row in json.loads(out)] == ["b"]
    code, _, err = await desk.run("camera", "list", "--state", "down")
    assert code == 1
    assert "no daemon answers" in err
    assert (await desk.run("camera", "list", "--fault", "nonsense"))[0] == 2
    code, out, _ = await desk.run("camera", "show", "a")
    assert code == 0
    assert "127.0.0.9" in out
    code, _, err = await desk.run("camera", "show", "bad")
    assert code == 2
    assert "address: missing" in err

    code, out, _ = await desk.run("camera", "edit", "a", EDITOR="sed -i s/North/Nord/")
    assert (code, out) == (0, "a: changed\n")
    code, _, err = await desk.run("camera", "edit", "a", EDITOR="sed -i s/address/adress/")
    assert code == 1
    assert 'adress: unknown key; did you mean "address"?' in err
    assert (await desk.run("camera", "edit", "a", EDITOR="false"))[0] == 1
    assert (await desk.run("camera", "edit", "bad", EDITOR="sed -i $a\\address:\\ 127.0.0.11"))[0] == 0
    assert (await desk.run("camera", "retire", "a"))[0] == 0
    text = (desk.cameras / "a.yaml").read_text()
    assert text == "# kept\nsite: Nord\naddress: 127.0.0.9\nprogramme: p\nstatus: retired\n"
    _, out, _ = await desk.run("camera", "list", "--status", "retired", "--json")
    assert [row["id"] for row in json.loads(out)] == ["a"]
    assert (await desk.run("camera", "retire", "a", "--undo"))[0] == 0
    assert "status" not in desk.file("a")
    for number in (1, 2):
        (desk.cameras / "b.yaml").write_text(f"site: South\naddress: 127.0.0.{number}0\n")
        assert (await desk.run("camera", "remove", "b"))[0] == 0
    assert sorted(path.name for path in (desk.cameras / "removed").iterdir()) == ["b.2.yaml", "b.yaml"]
    assert (await desk.run("camera", "remove", "b"))[0] == 2


async def test_what_asks_no_camera_needs_no_password(desk: Desk) -> None:
    (desk.cameras / "a.yaml").write_text("site: S\naddress: 127.0.0.9\ncredentials: away\n")
    desk.settings.write_text("listen: 127.0.0.1:1\ncredentials: {away: {username: v, password_file: not-there}}\n")
    _, out, err = await desk.run("camera", "list", "--json")
    assert ([row["id"] for row in json.loads(out)], err) == (["a"], "")
    for command in (["show", "a"], ["retire", "a"], ["retire", "a", "--undo"], ["export", "-"], ["remove", "a"]):
        code, _, err = await desk.run("camera", *command)
        assert (code, err) == (0, "")


async def test_a_change_is_accepted_and_expected_from_then_on(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    await desk.add(camera.target.host, "--site", "S", "--id", "a")
    await camera.set_fault(BY_NAME["replaced"]())
    code, out, _ = await desk.run("check", "a", "--json")
    assert (code, json.loads(out)["faults"]) == (1, ["device_replaced"])
    spare = "site: S\naddress: 127.99.99.99\nidentity: {serial: SIM000000-B}\n"
    (desk.cameras / "spare.yaml").write_text(spare)
    code, out, _ = await desk.run("camera", "accept-change", "a")
    said = "serial SIM000000 -> SIM000000-B, the serial number is also that of spare at 127.99.99.99"
    assert (code, out) == (0, f"a: accepted {said}\n")
    code, out, _ = await desk.run("check", "a", "--json")
    assert (code, json.loads(out)["faults"]) == (0, [])
    code, out, _ = await desk.run("camera", "accept-change", "a", "--json")
    assert json.loads(out) == [{"id": "a", "outcome": "unchanged", "detail": ""}]
    assert "accepted_at: " in (desk.cameras / "a.yaml").read_text(), "its stream is learned again all the same"
    await camera.set_fault(BY_NAME["onvif-off"]())
    assert (await desk.run("camera", "accept-change", "a"))[0] == 1


async def test_a_change_of_a_camera_without_onvif_is_accepted_too(desk: Desk) -> None:
    file = desk.cameras / "a.yaml"
    file.write_text(
        "site: S\naddress: 127.0.0.9\nstream: {width: 640, height: 360, bits_per_second_range: [1000, 9000]}\n"
    )
    code, out, _ = await desk.run("camera", "accept-change", "a")
    assert (code, out) == (0, "a: accepted width 640 -> ?, height 360 -> ?\n")
    _, shown, _ = await desk.run("camera", "show", "a", "--json")
    stored = json.loads(shown)["file"]
    assert stored["stream"]["bits_per_second_range"] == [1000, 9000]
    assert (stored["stream"]["width"], bool(stored["accepted_at"])) == (0, True)
    assert (await desk.run("camera", "accept-change", "a"))[1] == "a: accepted\n"


async def test_check_names_the_onvif_rung(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(1, onvif_port=8000)
    camera = fleet.cameras["cam-000"]
    code, out, _ = await desk.run(
        "check", camera.target.url, "--username", "viewer", "--onvif-port", "8000", "--json",
        XUELIANG_PASSWORD=LOGIN.password,
    )  # fmt: skip
    answer = json.loads(out)
    assert (code, [item["rung"] for item in answer["rungs"]][-1]) == (0, "onvif")
    assert answer["readings"]["model"] == "SIM-360"


def sheet(path: Path, header: list[str], lines: list[list[object]]) -> Path:
    workbook = openpyxl.Workbook()
    for line in (header, *lines):
        workbook.active.append(line)
    workbook.save(path)
    return path


ATTEMPTS = 3
"""Checks of a camera on a busy machine of which one gets all answers in time."""

CHINESE = ["编号", "名称", "社区", "项目", "交换机", "IP地址", "RTSP 端口", "RTSP路径", "登录凭据", "ONVIF端口"]


async def test_import_of_xlsx_with_chinese_headers_and_export_of_the_same(desk: Desk, tmp_path: Path) -> None:
    lines: list[list[object]] = [
        ["sv-1", "东门", "柳林社区", "safe-village", "sw1", "127.0.0.11", 8554, "/live", "district", 8000],
        [None] * 10,
        ["sv-2", "西门", "柳林社区", "", "", "127.0.0.12", None, None, None, None],
        ["sv-3", "南门", "", "", "", "127.0.0.13", None, None, None, None],
        ["sv-4", "北门", "柳林社区", "", "", "127.0.0.14", "port", None, None, None],
        ["SV 5", "北门", "柳林社区", "", "", "127.0.0.15", None, None, None, None],
        ["sv-6", "北门", "柳林社区", "", "", "127.0.0.11", 8554, "/live", None, None],
    ]
    code, out, _err = await desk.run("camera", "import", str(sheet(tmp_path / "f.xlsx", CHINESE, lines)), "--json")
    assert code == 1
    outcomes = [(row["line"], row["outcome"], row["detail"]) for row in json.loads(out)]
    assert outcomes == [
        (2, "written", ""),
        (4, "written", ""),
        (5, "refused", "社区: missing (cell C5)"),
        (6, "refused", "RTSP 端口: write a number from 1 to 65535 (cell G6)"),
        (
            7,
            "refused",
            "编号: contains other characters than lower-case letters, digits, dot, dash, underscore (cell A7)",
        ),
        (8, "refused", "IP地址: the same address, port and path as sv-1 (line 2) (cell F8)"),
    ]
    assert sorted(path.name for path in desk.cameras.iterdir()) == ["sv-1.yaml", "sv-2.yaml"]
    assert desk.file("sv-1")["onvif_port"] == 8000
    for name, options in (("x.csv", []), ("x.xlsx", []), ("c.csv", ["--chinese"]), ("c.xlsx", ["--chinese"])):
        assert (await desk.run("camera", "export", str(tmp_path / name), *options))[0] == 0
        rows, problems = spreadsheet.read(tmp_path / name)
        assert problems == ()
        assert [row.data.name for row in rows] == ["东门", "西门"]
        code, out, _ = await desk.run("camera", "import", str(tmp_path / name), "--json")
        assert {row["outcome"] for row in json.loads(out)} == {"unchanged"}
    _, out, _ = await desk.run("camera", "export", "-")
    assert out.splitlines()[0] == ",".join(COLUMNS)


async def test_an_import_keeps_what_a_file_says_beyond_its_columns(desk: Desk, tmp_path: Path) -> None:
    (desk.cameras / "a.yaml").write_text("site: S\naddress: 127.0.0.9\nidentity: {serial: '42'}\n")
    (tmp_path / "f.csv").write_text("id,site,address\na,North,127.0.0.9\n")
    code, out, _ = await desk.run("camera", "import", str(tmp_path / "f.csv"), "--json")
    assert (code, [row["outcome"] for row in json.loads(out)]) == (1, ["differs"])
    assert desk.file("a")["site"] == "S"
    _code, out, _ = await desk.run("camera", "import", str(tmp_path / "f.csv"), "--update", "--json")
    assert [row["outcome"] for row in json.loads(out)] == ["updated"]
    assert (desk.file("a")["site"], desk.file("a")["identity"]) == ("North", {"serial": "42"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"id,site\n", "column 'address' is missing"),
        (b"id,site,address,site\n", "column 'site' appears twice"),
        (b"PK\x03\x04 no workbook", "is not a readable XLSX workbook"),
        (b"\xff\xfe\xff\xff\x00", "neither UTF-8 nor GB 18030"),
    ],
)
async def test_files_that_are_no_fleet(desk: Desk, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "f").write_bytes(content)
    code, _, err = await desk.run("camera", "import", str(tmp_path / "f"))
    assert code == 2
    assert said in err
    assert list(desk.cameras.iterdir()) == []


async def test_a_csv_as_spreadsheets_in_china_write_it(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes("编号,地点,地址\r\nsv-1,柳林社区,127.0.0.9\r\n".encode("gb18030"))
    code, _, _ = await desk.run("camera", "import", str(tmp_path / "f.csv"))
    assert (code, desk.file("sv-1")["site"]) == (0, "柳林社区")


async def test_import_with_check_writes_what_passes_and_goes_on_where_it_was(
    simulated: Start, desk: Desk, tmp_path: Path
) -> None:
    fleet = await simulated(12, onvif_port=8000)
    await fleet.cameras["cam-005"].set_fault(BY_NAME["black"]())
    lines = [
        f"{camera.target.id},S,{camera.target.host},8554,/live/main,district,8000" for camera in fleet.cameras.values()
    ]
    file = tmp_path / "f.csv"
    file.write_text("\n".join(["id,site,address,rtsp_port,rtsp_path,credentials,onvif_port", *lines]))
    code, out, err = await desk.run("camera", "import", str(file), "--check")
    assert code == 1
    assert "12 of 12 tested, 1 not passed" in err
    assert "picture_black" in out
    assert len(list(desk.cameras.glob("*.yaml"))) == 11
    assert desk.file("cam-003")["identity"]["serial"] == "SIM000003"
    await fleet.cameras["cam-005"].clear_fault()
    code, out, _ = await desk.run("camera", "import", str(file), "--check", "--json")
    outcomes = {row["id"]: row["outcome"] for row in json.loads(out)}
    assert (code, outcomes.pop("cam-005")) == (0, "written")
    assert set(outcomes.values()) == {"unchanged"}
    assert [camera.open_sessions for camera in fleet.cameras.values()] == [0] * 12


async def test_a_trial_of_an_import_with_check_tests_and_writes_nothing(
    simulated: Start, desk: Desk, tmp_path: Path
) -> None:
    fleet = await simulated(2, onvif_port=8000)
    await fleet.cameras["cam-001"].set_fault(BY_NAME["black"]())
    lines = [f"{name},S,{camera.target.host},8554,/live/main,district,8000" for name, camera in fleet.cameras.items()]
    file = tmp_path / "f.csv"
    file.write_text("\n".join(["id,site,address,rtsp_port,rtsp_path,credentials,onvif_port", *lines]))
    code, out, _ = await desk.run("camera", "import", str(file), "--check", "--dry-run", "--json")
    assert (code, [row["outcome"] for row in json.loads(out)]) == (1, ["new", "not passed"])
    assert list(desk.cameras.iterdir()) == []


async def test_import_with_check_tries_a_refused_login_once_at_each_address(
    simulated: Start, desk: Desk, tmp_path: Path
) -> None:
    camera = (await simulated(1)).cameras["cam-000"]
    lines = [f"ch-{number},S,{camera.target.host},8554,/live/{number},other" for number in range(8)]
    file = tmp_path / "f.csv"
    file.write_text("\n".join(["id,site,address,rtsp_port,rtsp_path,credentials", *lines]))
    code, out, _ = await desk.run("camera", "import", str(file), "--check")
    assert code == 1
    assert out.count("the same login was refused at this address") == 7
    assert camera.refused_logins == 1


async def test_logins_are_tried_by_hand_on_one_camera_then_on_three_more(simulated: Start, desk: Desk) -> None:
    cameras = list((await simulated(8)).cameras.values())
    for camera in cameras[:6]:
        (desk.cameras / f"{camera.target.id}.yaml").write_text(_file(camera.target.host, "district"))
    for camera in cameras[6:]:
        (desk.cameras / f"{camera.target.id}.yaml").write_text(_file(camera.target.host, "other"))
    code, out, _ = await desk.run("config", "check")
    assert (code, "accepted" in out) == (0, False)
    assert sum(camera.refused_logins for camera in cameras) == 0
    code, out, _ = await desk.run("config", "check", "--try-logins")
    assert (code, out.count("accepted"), out.count("refused the user")) == (1, 4, 1)
    assert [camera.refused_logins for camera in cameras] == [0, 0, 0, 0, 0, 0, 1, 0]
    for camera in cameras[6:]:
        (desk.cameras / f"{camera.target.id}.yaml").unlink()
    await cameras[0].set_fault(BY_NAME["refuse"]())
    code, out, _ = await desk.run("config", "check", "--try-logins")
    assert (code, out.count("accepted"), out.count("no answer")) == (0, 4, 1)


def _file(host: str, credentials: str) -> str:
    return f"site: S\naddress: {host}\nrtsp_port: 8554\nrtsp_path: /live/main\ncredentials: {credentials}\n"


async def test_discover_finds_every_camera_once_and_knows_the_registered(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(6, onvif_port=8000)
    hosts = [camera.target.host for camera in fleet.cameras.values()]
    (desk.cameras / "known.yaml").write_text(f"site: S\naddress: {hosts[1]}\n")
    subnet = ".".join(hosts[0].split(".")[:3]) + ".0/24"
    for how in (["--subnet", subnet], ["--interface", "lo"], ["--interface", "127.0.0.1"]):
        code, out, err = await desk.run("discover", *how, "--timeout", "1", "--json")
        assert (code, err) == (0, "")
        found = {row["address"]: row for row in json.loads(out) if row["address"] in hosts}
        assert list(found) == sorted(hosts, key=lambda host: tuple(map(int, host.split("."))))
        assert found[hosts[1]]["registered"] == "known"
        assert found[hosts[0]]["registered"] is None
        # The one behind NAT is shown where it was reached.
        assert found[hosts[4]]["onvif"] == f"http://{hosts[4]}:8000/onvif/device_service"
        assert found[hosts[0]]["model"] == "SIM-360"
    code, _, err = await desk.run("discover", "--subnet", "127.0.0.0/8")
    assert code == 2
    assert "a sweep covers at most 4096" in err
    assert (await desk.run("discover", "--interface", "no-such"))[0] == 2
    assert (await desk.run("discover", "--subnet", "x"))[0] == 2


async def test_discover_registers_the_new_ones(simulated: Start, desk: Desk) -> None:
    fleet = await simulated(2, onvif_port=8000)
    host = fleet.cameras["cam-000"].target.host
    code, out, _ = await desk.run(
        "discover", "--subnet", f"{host}/32", "--timeout", "0.5", "--add", "--site", "S", "--credentials", "district"
    )
    assert code == 0, out
    (file,) = desk.cameras.iterdir()
    assert yaml.safe_load(file.read_text())["address"] == host


async def test_every_command_has_help(desk: Desk) -> None:
    for command in ("add", "list", "show", "check", "edit", "remove", "retire", "accept-change", "import", "export"):
        code, out, _ = await desk.run("camera", command, "--help")
        assert code == 0
        assert f"camera {command} [OPTIONS]" in out
