"""`auth: digest` also keeps the password out of the path, wherever it is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xueliang_monitor.cli import app
from xueliang_monitor.commissioning.acceptance import _items as items_of
from xueliang_monitor.commissioning.registration import prepare_registration
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration import installation
from xueliang_monitor.model import Credentials, Rung, RungResult, Target, VisitResult

SENDS = "auth: digest, but rtsp_path sends the password unencrypted; leave one of them out"
LOGIN = Credentials("viewer", "s3cret-word")


def folder_with(tmp_path: Path, camera: str, *, auth: str = "digest") -> Path:
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "cameras.d" / "gate.yaml").write_text(f"site: S\naddress: 127.0.0.1\ncredentials: main\n{camera}\n")
    settings = tmp_path / "xueliang.yaml"
    settings.write_text(f"credentials: {{main: {{username: viewer, password_env: PATH, auth: {auth}}}}}\n")
    return settings


@pytest.mark.parametrize("path", ["/{password}/live", "/live?pwd={password}", "/user=viewer&password=s3cret-word"])
def test_credentials_with_digest_take_no_path_with_the_password(tmp_path: Path, path: str) -> None:
    settings = folder_with(tmp_path, f'rtsp_path: "{path}"')
    done = CliRunner().invoke(app, ["config", "check", "--config", str(settings)])
    assert done.exit_code == 1
    assert f'gate.yaml:4: rtsp_path: credentials "main" have {SENDS}' in done.output
    assert installation.load(settings).inventory.cameras == ()
    assert "s3cret-word" not in done.output
    done = CliRunner().invoke(app, ["check", "gate", "--config", str(settings)])
    assert (done.exit_code, SENDS in done.output) == (2, True)


@pytest.mark.parametrize("camera", ["auth: auto", "auth: basic"])
def test_the_file_of_the_camera_decides_before_its_credentials(tmp_path: Path, camera: str) -> None:
    settings = folder_with(tmp_path, f'rtsp_path: "/{{password}}"\n{camera}')
    assert [each.id for each in installation.load(settings).inventory.cameras] == ["gate"]


def test_a_registration_and_a_command_are_refused_before_the_device_is_contacted(tmp_path: Path) -> None:
    loaded = installation.load(folder_with(tmp_path, ""))
    wish = RegistrationRequest("192.0.2.7", "S", credentials="main", rtsp_path="/{password}", onvif="none")
    with pytest.raises(RegistrationError, match=SENDS):
        asyncio.run(prepare_registration(wish, loaded, lambda _text: None))
    for command in ("check", "capture"):
        done = CliRunner().invoke(app, [command, "rtsp://192.0.2.7/{password}", "--auth", "digest"])
        assert (done.exit_code, SENDS in done.output) == (2, True)


@pytest.mark.parametrize(
    ("target", "noted"),
    [
        (Target("x", "h", path="/{password}", credentials=LOGIN), "; the password is sent unencrypted, as"),
        (Target("x", "h", path="/{password}", credentials=LOGIN, secure=True, tls="insecure"), "unchecked certificate"),
        (Target("x", "h", path="/{password}", credentials=LOGIN, secure=True), ""),
        (Target("x", "h", path="/{username}", credentials=LOGIN), ""),
    ],
)
def test_the_acceptance_test_says_that_the_path_sends_the_password(target: Target, noted: str) -> None:
    visited = VisitResult("x", 0.0, (RungResult(Rung.RTSP, ok=False, seconds=0.1, fault=None, detail="said"),))
    (detail,) = (item.detail for item in items_of(visited, target, None) if item.subject == Rung.RTSP)
    assert noted in detail
    assert bool(noted) == ("password" in detail)
