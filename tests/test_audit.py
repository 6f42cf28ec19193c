"""The scan for secrets finds a key that is committed, and the audit tells a missing database from a clean answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("detect_secrets", reason="the development environment is older than requirements-dev.lock")

from tools import audit


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one file, and nothing accepted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    monkeypatch.setattr(audit, "ACCEPTED", tmp_path / "accepted-secrets.json")
    (tmp_path / "accepted-secrets.json").write_text("{}")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "one.py").write_text('password = "invented"\n')
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "tests"], check=True)
    return tmp_path


@pytest.mark.parametrize("secret", ["AKIA" + "Z7QX4NWB2RTYUIOP", "-----BEGIN RSA " + "PRIVATE KEY-----"])
def test_a_committed_key_is_found_until_it_is_accepted(
    secret: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not audit._new_secrets(accept=False), "passwords in tests are invented"
    (checkout / "tests" / "one.py").write_text(f'x = 1\nkey = "{secret}"\n')
    assert audit._new_secrets(accept=False)
    told = capsys.readouterr().out
    assert told.startswith("tests/one.py:2: possible secret (")
    assert secret not in told
    audit._new_secrets(accept=True)
    assert secret not in (checkout / "accepted-secrets.json").read_text()
    assert not audit._new_secrets(accept=False)


FOUND = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
CLEAN = {"name": "b", "version": "1", "vulns": []}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("out", "error", "failed", "told"),
    [
        (json.dumps({"dependencies": [FOUND, CLEAN]}), "", True, "a 1: PYSEC-1, fixed in 2"),
        (json.dumps({"dependencies": [CLEAN, UNKNOWN]}), "", False, "1 packages audited, 1 not known"),
        (json.dumps({"dependencies": [UNKNOWN]}), "", False, "could not reach the advisory database"),
        ("", "requests.exceptions.ConnectionError: no route", False, "could not reach the advisory database"),
        ("", "ValueError: a defect", True, "failed: ValueError: a defect"),
    ],
)
def test_what_pip_audit_tells(
    out: str, error: str, failed: bool, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[:3] == [sys.executable, "-m", "pip_audit"]
        return subprocess.CompletedProcess(command, 1, out, error)

    monkeypatch.setattr(subprocess, "run", run)
    assert audit._has_known_vulnerabilities("x.lock") is failed
    assert told in capsys.readouterr().out
