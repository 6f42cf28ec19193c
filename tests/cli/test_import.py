"""`xueliang camera import`: what is written, what is refused before it is written, and what a trial shows."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.configuration.tables import workbook
from xueliang_monitor.cli import app
from xueliang_monitor.configuration import camera_file, installation

PASSWORD = "S3cret!pw"
SETTINGS = (
    "listen: 127.0.0.1:1\ncredentials:\n  district: {username: viewer, password_file: district}\n"
    "  digest: {username: viewer, password_file: district, auth: digest}\n"
    "  lost: {username: viewer, password_file: nowhere}\n  daemon: {username: viewer, password_env: ONLY_THE_DAEMON}\n"
)


class Office:
    """An installation in a folder, and the import into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cameras = folder / "cameras.d"
        self.settings = folder / "xueliang.yaml"
        self.settings.write_text(SETTINGS)
        (folder / "district").write_text(PASSWORD)
        (folder / "district").chmod(0o600)

    def run(self, table: str, *options: str) -> Result:
        file = self.folder / "fleet.csv"
        file.write_text(table, encoding="utf-8")
        done = CliRunner().invoke(app, ["camera", "import", str(file), "--config", str(self.settings), *options])
        assert PASSWORD not in done.output + done.stderr
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    def rows(self, table: str, *options: str) -> list[dict[str, Any]]:
        return list(json.loads(self.run(table, "--json", *options).stdout))

    def outcomes(self, table: str, *options: str) -> list[tuple[str, str]]:
        return [(row["outcome"], row["detail"]) for row in self.rows(table, *options)]

    def write(self, identity: str, text: str) -> Path:
        self.cameras.mkdir(exist_ok=True)
        (self.cameras / f"{identity}.yaml").write_text(text)
        return self.cameras / f"{identity}.yaml"

    def invalid_files(self) -> int:
        return installation.load(self.settings).inventory.invalid_files


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


HEAD = "编号,社区,IP地址,端口,凭据\n"


def test_a_registered_camera_is_changed_only_when_told(office: Office) -> None:
    file = office.write("a", "# by hand\nsite: S # the old one\naddress: 192.0.2.1\nonvif_port: 80\n")
    before = file.read_text()
    table = f"{HEAD}a,柳林,192.0.2.1,8554,\nb,S,192.0.2.2,,\n"
    done = office.run(table)
    assert done.exit_code == 1
    assert file.read_text() == before
    differs = "社区: S → 柳林; 端口: 554 → 8554; give --update to change the camera"
    assert office.outcomes(table) == [("differs", differs), ("unchanged", "")]
    row = office.rows(table, "--update")[0]
    assert (row["outcome"], row["changes"]) == ("updated", {"site": ["S", "柳林"], "rtsp_port": ["554", "8554"]})
    assert file.read_text() == (
        "# by hand\nsite: 柳林 # the old one\naddress: 192.0.2.1\nonvif_port: 80\nrtsp_port: 8554\n"
    )
    assert office.outcomes(table) == [("unchanged", ""), ("unchanged", "")]


def test_a_trial_shows_everything_and_writes_nothing(office: Office) -> None:
    office.write("a", "site: S\naddress: 192.0.2.1\n")
    office.write("b", "site: S\naddress: 192.0.2.2\n")
    table = f"{HEAD}a,S,192.0.2.1,,\nb,T,192.0.2.2,,\nc,S,192.0.2.3,,\nd,S,192.0.2.4,,nobody\ne,S,192.0.2.300,,\n"
    for options in ((), ("--update",)):
        found = office.outcomes(table, "--dry-run", *options)
        assert [outcome for outcome, _ in found] == ["unchanged", "changed", "new", "refused", "refused"]
        assert "社区: S → T" in found[1][1]
        assert ("give --update" in found[1][1]) == (not options)
    done = office.run(table, "--dry-run")
    assert done.exit_code == 1
    assert "1 unchanged, 1 changed, 1 new, 2 refused; 0 cameras written" in done.stdout
    assert sorted(file.name for file in office.cameras.iterdir()) == ["a.yaml", "b.yaml"]
    assert office.run(f"{HEAD}a,T,192.0.2.1,,\n", "--dry-run").exit_code == 0


def test_a_trial_does_not_make_the_folder(office: Office) -> None:
    assert office.outcomes(f"{HEAD}a,S,192.0.2.1,,\n", "--dry-run") == [("new", "")]
    assert not office.cameras.exists()


def test_what_the_daemon_would_refuse_is_not_written(office: Office) -> None:
    office.write("known", "site: S\naddress: 192.0.2.9\n")
    office.write("broken", "site: [\n")
    table = (
        "id,site,address,rtsp_path,credentials\n"
        "a,S,192.0.2.1,,nobody\nb,S,192.0.2.2,,lost\nc,S,192.0.2.3,/u={username}&p={password},digest\n"
        f"d,S,192.0.2.4,,{PASSWORD}\ne,S,192.0.2.09,,\nf,S,192.0.2.9,,\ng,S,192.0.2.7,live,\n"
        "broken,S,192.0.2.8,,\nh,S,192.0.2.10,,district\ni,S,192.0.2.10,,\nj,S,192.0.2.11,,daemon\n"
    )
    found = {row["line"]: (row["outcome"], row["detail"]) for row in office.rows(table)}
    assert {line for line, (outcome, _) in found.items() if outcome == "written"} == {10, 12}
    told = {
        2: "credentials: no login of this name is in the settings; known: daemon, digest, district, lost (cell E2)",
        3: 'credentials: the password of credentials "lost" cannot be read (cell E3)',
        4: "rtsp_path: auth: digest, but rtsp_path sends the password unencrypted; leave one of them out (cell D4)",
        7: "address: the same address, port and path as known (cell C7)",
        8: "rtsp_path: not an RTSP path; it must begin with / (cell D8)",
        9: "broken.yaml is not a valid camera file; correct it or remove it",
        11: "address: the same address, port and path as h (line 10) (cell C11)",
    }
    assert {line: found[line][1] for line in told} == told
    assert "192.0.2.09 is not a plain IPv4 address" in found[6][1]
    (office.cameras / "broken.yaml").unlink()
    (office.cameras / "j.yaml").unlink()
    assert office.invalid_files() == 0


def test_a_row_that_is_not_applied_keeps_its_stream(office: Office) -> None:
    office.write("a", "site: S\naddress: 192.0.2.1\n")
    table = f"{HEAD}a,S,192.0.2.2,,\nb,S,192.0.2.1,,\n"
    assert [outcome for outcome, _ in office.outcomes(table)] == ["differs", "refused"]
    assert [outcome for outcome, _ in office.outcomes(table, "--update")] == ["updated", "written"]
    assert office.invalid_files() == 0


def test_an_empty_cell_changes_nothing(office: Office) -> None:
    office.write("a", "site: S\naddress: 192.0.2.1\nrtsp: tls\nrtsp_path: /live\nuplink: sw1\nonvif_port: 80\n")
    table = "id,site,address,rtsp_port,rtsp_path,uplink,onvif_port\na,S,192.0.2.1,,,-,无\n"
    assert office.outcomes(table, "--update") == [("unchanged", "")]


def test_a_password_in_a_path_is_not_shown(office: Office) -> None:
    office.write("a", f"site: S\naddress: 192.0.2.1\nrtsp_path: /user=x&password={PASSWORD}&ch=1\n")
    found = office.outcomes("id,site,address,rtsp_path\na,S,192.0.2.1,/live\n", "--dry-run")
    assert "rtsp_path: /user=x&password=*** → /live" in found[0][1].replace("***&ch=1", "***")


def test_notices_tell_of_columns_codes_and_uplinks(office: Office) -> None:
    (office.folder / "uplinks.yaml").write_text("liulin-sw1: {}\n")
    code = "42010600001320000001"
    office.write("old", f"site: S\naddress: 192.0.2.1\ngb_code: '{code}'\n")
    table = f"编号,社区,IP,国标编码,上联,密码\na,S,192.0.2.2,{code},liulin-sw2,{PASSWORD}\n"
    done = office.run(table)
    assert done.exit_code == 0
    lines = [line.partition("notice: ")[2] for line in done.stderr.splitlines() if line.startswith("notice: ")]
    assert "column '密码' is not read" in lines[0]
    assert lines[1] == f"{office.folder / 'fleet.csv'}:2: 国标编码: old has the same code (cell D2)"
    assert 'uplink: "liulin-sw2" of 1 rows is declared nowhere; did you mean "liulin-sw1"?' in lines[2]
    strict = office.run(table, "--strict")
    assert (strict.exit_code, "column '密码' is not read" in strict.stderr) == (2, True)


def test_notices_tell_of_places_and_dates_that_cannot_be(office: Office) -> None:
    done = office.run(
        "编号,社区,IP,纬度,经度,安装日期\na,S,192.0.2.1,0,0,2099-01-01\nb,S,192.0.2.2,114.3,30.5,2024-01-01\n"
    )
    assert "fleet.csv:2: 纬度: the position 0, 0 is no place of a camera (cell D2)" in done.stderr
    assert "fleet.csv:2: 安装日期: the date is in the future (cell F2)" in done.stderr
    assert "latitude (纬度) and longitude (经度) are swapped (cell D3)" in done.stdout


def test_a_table_in_a_pipe_is_not_folded(office: Office) -> None:
    name = "b" * 60
    done = office.run(f"{HEAD}a,S,192.0.2.1,,\n{name},S,192.0.2.1,,\n")
    assert f"3\t{name}\trefused\tIP地址: the same address, port and path as a (line 2) (cell C3)" in done.stdout
    assert "1 rows skipped" in done.stderr


def test_a_list_in_a_pipe_is_not_folded(office: Office) -> None:
    name, words = "b" * 60, ["camera", "list", "--config", str(office.settings)]
    office.run(f"{HEAD}{name},柳林社区,192.0.2.1,,\n")
    listed = CliRunner().invoke(app, words).stdout.splitlines()
    assert listed[0].startswith(f"{name}\t{name}\t柳林社区\t\t192.0.2.1")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "xueliang_monitor", "faults"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"\\u" in done.stdout


def test_a_long_import_tells_in_a_pipe_how_far_it_is(office: Office) -> None:
    rows = "".join(f"c{number},S,10.0.{number // 200}.{number % 200 + 1},,\n" for number in range(1000))
    done = office.run(HEAD + rows, "--dry-run")
    assert (done.exit_code, "1000 of 1000 checked" in done.stderr) == (0, True)
    assert "1000 new" in done.stdout


def test_rows_are_counted_and_each_message_stands_once(office: Office) -> None:
    table = f"{HEAD}a b,,192.0.2.300,99999,\nc,S,192.0.2.3,,nobody\nd,S,192.0.2.4,,\n"
    done = office.run(table)
    assert "2 refused" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "2 rows skipped"
    for text in ("192.0.2.300 is not an IPv4", "from 1 to 65535", "lower-case letters", "no login of this name"):
        assert (done.stdout.count(text), done.stderr.count(text)) == (1, 0)
    assert [row["line"] for row in office.rows(table)] == [2, 3, 4]


def test_all_that_the_settings_refuse_is_told_at_once(office: Office) -> None:
    (detail,) = [
        detail
        for _, detail in office.outcomes(
            f"id,site,address,rtsp_path,credentials\na,S,192.0.2.1,/viewer/{PASSWORD}/1,district\n"
        )
    ]
    assert detail == "rtsp_path: holds the login; write {username} and {password} in its place (cell D2)"


def test_a_password_in_a_path_is_neither_written_nor_exported(office: Office) -> None:
    table = (
        "id,site,address,rtsp_path,credentials\n"
        f"a,S,192.0.2.1,/user=viewer&password={PASSWORD}&channel=1,district\n"
        "b,S,192.0.2.2,/a?user=admin&password=CanaryK2,\n"
    )
    found = office.outcomes(table)
    assert [outcome for outcome, _ in found] == ["written", "refused"]
    assert "write {username} and {password} in its place" in found[1][1]
    assert "CanaryK2" not in found[1][1]
    assert "rtsp_path: /user={username}&password={password}&channel=1\n" in (office.cameras / "a.yaml").read_text()
    office.write("c", "site: S\naddress: 192.0.2.3\nrtsp_path: /user=admin&password=CanaryK3&channel=1\n")
    exported = CliRunner().invoke(app, ["camera", "export", "-", "--config", str(office.settings)]).stdout
    assert "CanaryK3" not in exported
    assert {outcome for outcome, _ in office.outcomes(exported)} == {"unchanged"}


def test_standard_input_is_read(office: Office) -> None:
    def run(content: bytes) -> Result:
        words = ["camera", "import", "-", "--config", str(office.settings)]
        return CliRunner().invoke(app, words, input=content)

    assert run(f"{HEAD}a,S,192.0.2.1,,\n".encode()).exit_code == 0
    assert run(workbook(["编号", "社区", "IP地址"], ["b", "S", "192.0.2.2"])).exit_code == 0
    assert {file.stem for file in office.cameras.glob("*.yaml")} == {"a", "b"}
    exported = CliRunner().invoke(app, ["camera", "export", "-", "--config", str(office.settings)])
    assert "2 unchanged" in run(exported.stdout_bytes).stdout
    assert "standard input" in run(b"x").stderr


def test_the_folder_can_be_read_by_the_daemon_whatever_the_umask_is(office: Office) -> None:
    before = os.umask(0o077)
    try:
        assert office.run(f"{HEAD}a,S,192.0.2.1,,\n").exit_code == 0
        camera_file.put_aside(office.cameras, "a")
    finally:
        os.umask(before)
    for folder in (office.cameras, office.cameras / "removed"):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o777 == 0o750


def test_another_folder_may_have_other_logins(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    (office.folder / "config").mkdir()
    office.settings.rename(office.folder / "config" / "xueliang.yaml")
    (office.folder / "fleet.csv").write_text(f"{HEAD}a,S,192.0.2.1,,elsewhere\n")
    done = CliRunner().invoke(app, ["camera", "import", "fleet.csv", "--into", "new"])
    assert done.exit_code == 0
    assert "notice: logins are not checked" in done.stderr
    assert (office.folder / "new" / "a.yaml").exists()
