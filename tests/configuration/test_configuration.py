"""Settings and inventory: every rule has an invalid file in `bad_config/` whose first line is the expected message.

`{rungs}` in a message stands for the names of all rungs.
"""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.conftest import ROOT
from xueliang_monitor.cli import app
from xueliang_monitor.configuration import installation, inventory, passwords, spreadsheet
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.model import Credentials, Rung
from xueliang_monitor.probing.rungs import PROBES

BAD = Path(__file__).parent / "bad_config"
GOOD_CAMERA = "site: depot\naddress: 127.0.0.1\n"
RUNNER = CliRunner()
BY_RUNG = ("intervals", "timeouts", "confirm")
SHIPPED = (Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE, Rung.ONVIF)
"""The rungs that the sample of the settings must show; a new rung may be left out."""


def expected(file: Path) -> str:
    match = re.match(r"# error: (\d+): (.*)", file.read_text(encoding="utf-8").splitlines()[0])
    assert match
    text = match[2].replace("{rungs}", ", ".join(probe.rung for probe in PROBES))
    return f":{match[1]}: {text}" if match[1] != "0" else f": {text}"


@pytest.mark.parametrize("file", sorted((BAD / "settings").iterdir()), ids=lambda file: file.stem)
def test_bad_settings(file: Path, tmp_path: Path) -> None:
    (tmp_path / "cameras.d").mkdir()
    settings = tmp_path / file.name
    shutil.copy(file, settings)
    done = RUNNER.invoke(app, ["config", "check", "--config", str(settings)])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == f"{settings}{expected(file)}"
    assert "hunter2" not in done.output


@pytest.mark.parametrize("file", sorted((BAD / "cameras").iterdir()), ids=lambda file: file.stem)
def test_a_bad_camera_is_named_and_stops_no_other(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    shutil.copy(file, folder)
    (folder / "good.yaml").write_text(GOOD_CAMERA)
    settings = tmp_path / "x.yaml"
    settings.write_text("credentials: {main: {username: viewer, password_env: PATH}}\n")
    done = RUNNER.invoke(app, ["config", "check", "--config", str(settings)])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == f"{folder / file.name}{expected(file)}"
    loaded = installation.load(settings)
    assert [camera.id for camera in loaded.inventory.cameras] == ["good"]
    assert loaded.inventory.invalid_files == 1


def test_the_sample_holds_every_key_with_its_default() -> None:
    sample = ROOT / "config" / "xueliang.yaml"
    settings, document = config.load(sample)
    assert settings.model_copy(update={"inventory": Path("cameras.d"), "state": Path("state")}) == config.Settings()

    def keys(model: dict[str, object]) -> set[str]:
        return {
            name if not isinstance(value, dict) else f"{name}.{inner}"
            for name, value in model.items()
            for inner in (value if isinstance(value, dict) and value else [""])
        }

    written, known = keys(document.data), keys(config.Settings().model_dump())
    assert written <= known
    new = {f"{section}.{probe.rung}" for section in BY_RUNG for probe in PROBES if probe.rung not in SHIPPED}
    assert known - written <= new
    lines = sample.read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        if re.match(r"\w", line):
            assert before.startswith("#"), f"{line} has no comment"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("15s", 15.0), ("5m", 300.0), ("1.5h", 5400.0), ("1d", 86400.0)]
)
def test_durations(text: str, seconds: float, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"intervals: {{picture: {text}}}\n")
    assert config.load(tmp_path / "x.yaml")[0].intervals.of("picture") == seconds


def test_passwords_come_from_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from file\n")
    (tmp_path / "secret").chmod(0o600)
    monkeypatch.setenv("CAMERA_PASSWORD", "from environment")
    (tmp_path / "x.yaml").write_text(
        "credentials:\n  a: {username: u, password_file: secret}\n  b: {username: u, password_env: CAMERA_PASSWORD}\n"
    )
    settings, document = config.load(tmp_path / "x.yaml")
    found, problems = passwords.load_credentials(settings, document)
    assert problems == ()
    assert {name: login.password for name, login in found.items()} == {"a": "from file", "b": "from environment"}
    assert "from" not in repr(found)


def test_a_password_of_other_bytes_than_utf8_is_a_problem_of_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "Kept\udcffSecret")
    (tmp_path / "x.yaml").write_text("credentials: {a: {username: u, password_env: CAMERA_PASSWORD}}\n")
    found, problems = passwords.load_credentials(*config.load(tmp_path / "x.yaml"))
    assert not found
    assert ["CAMERA_PASSWORD is not UTF-8 text" in str(problem) for problem in problems] == [True]
    assert "Kept" not in str(problems)


def test_the_sample_fleet_is_as_documented(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["camera", "import", str(ROOT / "config" / "fleet.csv"), "--into", str(tmp_path / "d")])
    assert done.exit_code == 0
    files = list((tmp_path / "d").iterdir())
    assert len(files) == 147
    cameras = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    programmes = [camera["programme"] for camera in cameras]
    assert (programmes.count("safe-village"), programmes.count("supplement")) == (75, 72)
    uplinks = [camera["uplink"] for camera in cameras]
    assert all(6 <= uplinks.count(uplink) <= 12 for uplink in uplinks)
    assert all(camera["address"].startswith("127.20.") for camera in cameras)
    assert len({camera["address"] for camera in cameras}) == 144  # four are channels of a recorder
    login = {"district": Credentials("viewer", "x")}
    loaded = inventory.load(tmp_path / "d", login, frozenset(login))
    assert (len(loaded.cameras), loaded.problems) == (147, ())


def test_bad_rows_are_named_and_the_good_ones_written(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "id,site,address,rtsp_port\na,depot,127.0.0.1,554\nA B,depot,127.0.0.2,\nb,,127.0.0.3,\nc,depot,127.0.0.4,x\n"
        "a,depot,127.0.0.5,\n"
    )
    done = RUNNER.invoke(app, ["camera", "import", str(tmp_path / "f.csv"), "--into", str(tmp_path / "d")])
    assert done.exit_code == 1
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["a.yaml"]
    lines = [line for line in done.stdout.splitlines() if "\trefused\t" in line]
    assert [line.split("\t")[0] for line in lines] == ["3", "4", "5", "6"]
    assert "site: missing" in lines[1]


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("name,adress\nx,127.0.0.1\n")
    with pytest.raises(DocumentError, match="unknown column 'adress'"):
        spreadsheet.read(tmp_path / "f.csv")


def test_where_the_history_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "xueliang.yaml"
    file.write_text("listen: 127.0.0.1:1\n")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert config.load(file)[0].state == tmp_path / "state"
    monkeypatch.setattr(config, "INSTALLED", tmp_path)
    assert config.load(file)[0].state == Path("/var/lib/xueliang-monitor")
    file.write_text("state: elsewhere\n")
    assert config.load(file)[0].state == tmp_path / "elsewhere"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/given:/var/lib/other")
    assert config.load(file)[0].state == Path("/var/lib/given")


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("", "rtsp://127.0.0.1:554/"),
        ("rtsp: tls\n", "rtsps://127.0.0.1:322/"),
        ("rtsp: tls\nrtsp_port: 5554\n", "rtsps://127.0.0.1:5554/"),
    ],
)
def test_rtsp_over_tls_has_a_port_of_its_own(tmp_path: Path, said: str, url: str) -> None:
    (tmp_path / "one.yaml").write_text(GOOD_CAMERA + said)
    loaded = inventory.load(tmp_path, {}, frozenset())
    assert [camera.target.url for camera in loaded.cameras] == [url]
