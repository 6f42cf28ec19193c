"""`--profile` is completed from what the daemon knows of the device."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from xueliang_monitor.cli import daemon_state
from xueliang_monitor.cli.profile_completion import complete_profile


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "cameras.d/a.yaml").write_text("site: S\naddress: 127.0.0.9\ncredentials: x\n")
    file = tmp_path / "xueliang.yaml"
    file.write_text("credentials: {x: {username: u, password_env: NOWHERE}}\n")
    return file


def completed(settings: Path, address: str, incomplete: str) -> list[str]:
    context = cast("typer.Context", SimpleNamespace(params={"address": address, "config": settings}))
    return [token for token, _ in complete_profile(context, incomplete)]


def test_profiles_of_a_watched_device_are_offered(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = [{"token": f"c{number}sub", "name": "Gate"} for number in (1, 2, 13)]
    live: dict[str, Any] = {"/api/v1/cameras/a": {"told": {"profiles": profiles}}}
    monkeypatch.setattr(daemon_state, "ask", lambda _settings, path: live.get(path))
    assert completed(settings, "127.0.0.9", "") == ["list", "c1sub", "c2sub", "c13sub"]
    assert completed(settings, "127.0.0.9", "c1") == ["c1sub", "c13sub"]
    assert completed(settings, "127.0.0.10", "") == ["list"]
    live["/api/v1/cameras/a"]["told"]["profiles"] = None
    assert completed(settings, "127.0.0.9", "") == ["list"]


def test_nothing_is_said_where_nothing_is_known(settings: Path) -> None:
    assert completed(settings, "127.0.0.9", "") == ["list"]
    assert completed(settings.parent / "none.yaml", "127.0.0.9", "li") == ["list"]
