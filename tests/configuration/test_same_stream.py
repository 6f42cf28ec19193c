"""No stream of a device is taken twice, however its address is spelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from xueliang_monitor.cli import app
from xueliang_monitor.configuration import installation
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.inventory import Inventory, keep_last_good, load
from xueliang_monitor.configuration.stream_identity import StreamIdentity

FIRST, OTHER = "address: 192.0.2.1", "address: 192.0.2.2"
SPELLINGS = [
    ("address: cam-1.example", "address: CAM-1.Example"),
    ("address: cam-1.example", "address: cam-1.example."),
    ("address: 2001:db8::1", "address: 2001:DB8:0:0:0:0:0:1"),
    ("address: 192.0.2.1", "address: ::ffff:192.0.2.1"),
    ("address: 192.0.2.1", "address: 192.0.2.1\nrtsp_port: 554\nrtsp_path: /"),
    ("address: 192.0.2.1\nrtsp: tls", "address: 192.0.2.1\nrtsp: tls\nrtsp_port: 322"),
    ("address: 192.0.2.1\nrtsp_path: /live-1%2f", "address: 192.0.2.1\nrtsp_path: /%6Cive%2D1%2F"),
    ("address: 192.0.2.1\nrtsp_path: /live", "address: 192.0.2.1\nrtsp_path: /live?"),
]


def write(folder: Path, **files: str) -> Inventory:
    folder.mkdir(exist_ok=True)
    for file in folder.glob("*.yaml"):
        file.unlink()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(f"site: S\n{text}\n")
    return load(folder, {}, frozenset())


def watched(inventory: Inventory) -> dict[str, tuple[str, bool]]:
    return {camera.id: (camera.target.host, camera.outdated) for camera in inventory.cameras}


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_every_spelling_of_a_stream_is_found(tmp_path: Path, one: str, other: str) -> None:
    inventory = write(tmp_path / "cameras.d", a=one, b=other)
    assert [camera.id for camera in inventory.cameras] == ["a"]
    (problem,) = inventory.problems
    assert (problem.file.name, problem.message) == ("b.yaml", "same address, port and path as a.yaml")
    (tmp_path / "xueliang.yaml").touch()
    checked = CliRunner().invoke(app, ["config", "check", "--config", str(tmp_path / "xueliang.yaml")])
    assert checked.exit_code == 1
    assert "b.yaml: same address, port and path as a.yaml" in checked.output


def test_placeholders_stand_for_the_login(tmp_path: Path) -> None:
    folder, (settings, login) = tmp_path / "cameras.d", (tmp_path / "xueliang.yaml", tmp_path / "password")
    login.write_text("p&ss")
    settings.write_text(f"credentials: {{main: {{username: viewer, password_file: {login}}}}}\n")
    login.chmod(0o600)
    own = f"{FIRST}\ncredentials: main\nrtsp_path: "
    write(folder, a=own + "/{username}/{password}/x", b=own + "/viewer/p%26ss/x", c=own + "/viewer/other/x")
    loaded = installation.load(settings)
    assert [camera.id for camera in loaded.inventory.cameras] == ["a", "c"]
    assert "p%26ss" not in repr([camera.stream for camera in loaded.inventory.cameras])
    cameras = installation.load(settings, passwords=False).inventory.cameras
    assert [camera.id for camera in cameras] == ["a", "b", "c"], "an unknown password is like no other"


def test_a_fragment_is_refused_as_it_is_never_sent(tmp_path: Path) -> None:
    inventory = write(tmp_path / "cameras.d", a=f"{FIRST}\nrtsp_path: /live#x")
    assert [problem.message for problem in inventory.problems] == [
        "rtsp_path: not an RTSP path; a fragment is never sent, so write # as %23"
    ]


def test_streams_that_differ_stay_apart() -> None:
    plain = CameraFile(site="S", address="192.0.2.1")
    others = (
        plain.model_copy(update={"address": "192.0.2.10"}),
        plain.model_copy(update={"rtsp_port": 555}),
        plain.model_copy(update={"rtsp_path": "/live"}),
        plain.model_copy(update={"rtsp_path": "/Live"}),
        plain.model_copy(update={"rtsp_path": "/li/ve"}),
        plain.model_copy(update={"rtsp_path": "/li%2Fve"}),
        plain.model_copy(update={"rtsp_path": "//live"}),
        plain.model_copy(update={"rtsp_path": "/a/../live"}),
    )
    assert len({StreamIdentity.of(each) for each in (plain, *others)}) == 9


@pytest.mark.parametrize("name", ["a", "z"])
def test_a_file_that_takes_the_stream_of_a_camera_is_left_out(tmp_path: Path, name: str) -> None:
    """Also one that comes first by name: the camera that had the stream keeps it, and no stream is visited twice."""
    before = write(tmp_path, m=FIRST)
    kept = keep_last_good(before, write(tmp_path, m=FIRST, **{name: FIRST}))
    assert set(watched(kept)) == {"m"}
    assert kept.problems
    assert all(problem.message.startswith("same address, port and path as ") for problem in kept.problems)


def test_a_camera_that_is_changed_to_the_stream_of_another_keeps_its_own(tmp_path: Path) -> None:
    before = write(tmp_path, a=OTHER, m=FIRST)
    kept = keep_last_good(before, write(tmp_path, a=FIRST, m=FIRST))
    assert watched(kept) == {"a": ("192.0.2.2", True), "m": ("192.0.2.1", True)}
    assert {problem.file.name for problem in kept.problems} == {"a.yaml", "m.yaml"}


def test_a_file_that_takes_the_stream_of_an_invalid_one_waits(tmp_path: Path) -> None:
    before = write(tmp_path, m=FIRST)
    kept = keep_last_good(before, write(tmp_path, a=FIRST, m="address: ''"))
    assert watched(kept) == {"m": ("192.0.2.1", True)}
    assert any(problem.message == "same address, port and path as m" for problem in kept.problems)
    assert watched(keep_last_good(kept, write(tmp_path, a=FIRST))) == {"a": ("192.0.2.1", False)}


def test_cameras_that_exchange_their_streams_are_valid(tmp_path: Path) -> None:
    before = write(tmp_path, a=OTHER, m=FIRST)
    kept = keep_last_good(before, write(tmp_path, a=FIRST, m=OTHER))
    assert watched(kept) == {"a": ("192.0.2.1", False), "m": ("192.0.2.2", False)}
    assert kept.problems == ()


def test_two_that_an_earlier_version_took_become_one(tmp_path: Path) -> None:
    one = write(tmp_path, a=FIRST).cameras
    two = write(tmp_path, m=FIRST).cameras
    kept = keep_last_good(Inventory((*one, *two), ()), write(tmp_path, a=FIRST, m=FIRST))
    assert watched(kept) == {"a": ("192.0.2.1", False)}


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments, "--config", str(folder / "xueliang.yaml")], env=environment)
    return done.exit_code, done.output


def test_commands_refuse_a_stream_that_another_camera_has(tmp_path: Path) -> None:
    (tmp_path / "xueliang.yaml").touch()
    folder = tmp_path / "cameras.d"
    write(folder, gate="address: cam-1.example", old=f"{FIRST}\nstatus: retired", new=FIRST)
    code, said = run(tmp_path, "camera", "add", "CAM-1.example.", "--site", "S", "--onvif", "none")
    assert (code, "already registered as gate" in said) == (1, True)
    code, said = run(tmp_path, "camera", "retire", "old", "--undo")
    assert (code, "the same address, port and path as new" in said) == (1, True)
    table = tmp_path / "fleet.csv"
    table.write_text("id,site,address,rtsp_port\nb,S,Cam-1.Example,554\nc,S,192.0.2.1,\nd,S,192.0.2.3,\n")
    code, said = run(tmp_path, "camera", "import", str(table), "--json")
    assert "same address, port and path as gate" in said
    assert "same address, port and path as new" in said
    assert {file.stem for file in folder.glob("*.yaml")} == {"gate", "old", "new", "d"}
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/192.0.2.3/CAM-1.EXAMPLE/" "$1"\n')
    editor.chmod(0o755)
    code, said = run(tmp_path, "camera", "edit", "d", EDITOR=str(editor), VISUAL="")
    assert (code, "the same address, port and path as gate" in said) == (1, True)
    assert "192.0.2.3" in (folder / "d.yaml").read_text()


def test_channels_with_one_path_are_told_apart_by_their_profiles(tmp_path: Path) -> None:
    """A recorder may name one path for all channels, and play what its session was opened for."""
    at = "address: 192.0.2.7\nonvif_port: 80\nstream: {profile: "
    inventory = write(tmp_path, a=at + "c1}", b=at + "c2}")
    assert [camera.id for camera in inventory.cameras] == ["a", "b"]
    for other in (at + "c1}", "address: 192.0.2.7", "address: 192.0.2.7\nstream: {profile: c2}"):
        doubled = write(tmp_path / str(len(other)), a=at + "c1}", b=other)
        assert [camera.id for camera in doubled.cameras] == ["a"]
        assert "same address, port and path as a.yaml" in str(doubled.problems[0])


def test_channels_with_one_path_go_through_a_table(tmp_path: Path) -> None:
    (tmp_path / "xueliang.yaml").touch()
    at = "address: 192.0.2.7\nonvif_port: 80\nstream: {profile: "
    write(tmp_path / "cameras.d", a=at + "c1}", b=at + "c2}")
    table = tmp_path / "fleet.csv"
    assert run(tmp_path, "camera", "export", str(table))[0] == 0
    code, said = run(tmp_path, "camera", "import", str(table), "--json")
    assert (code, said.count('"unchanged"')) == (0, 2), said
