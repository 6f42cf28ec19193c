"""Installed and run under a real systemd, as an administrator does."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.real.nspawn import Machine, machine

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

UNIT = ROOT / "deploy/systemd/xueliang-monitor.service"
PASSWORD = "pw-of-the-district"
SETTINGS = """\
intervals: {reach: 4s, rtsp: 4s, stream: 10s, picture: 10s}
rechecks: {reach: 1s, picture: 2s}
timeouts: {rtsp: 30s, stream: 60s, picture: 60s, onvif: 30s}
credentials:
  district: {username: viewer, password_file: secrets/district.password}
"""
DROP_IN = """\
[Service]
WatchdogSec=10
# Runs in the unit's own sandbox.
ExecStartPost=-/bin/sh -c 'touch /etc/xueliang-monitor/probe; touch /usr/probe; touch /var/probe; \
ls /home/someone; cat /root/probe; cat /etc/xueliang-monitor/secrets/district.password; \
grep -E "NoNewPrivs|CapEff|Seccomp:" /proc/self/status; echo probed; true'
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Boot a machine with the monitor installed, eight simulated cameras, and the daemon started."""
    with machine(tmp_path_factory.mktemp("box"), "make -C /src install") as up:
        up.run("test -x /opt/xueliang-monitor/bin/xueliang && ! systemctl is-active xueliang-monitor")
        up.run("mkdir -p /home/someone && touch /root/probe")
        up.run(f"umask 077; printf '{PASSWORD}' > /etc/xueliang-monitor/secrets/district.password")
        up.run(f"cat > /etc/xueliang-monitor/xueliang.yaml <<'Y'\n{SETTINGS}\nY")
        drop_in = "/etc/systemd/system/xueliang-monitor.service.d"
        up.run(f"mkdir -p {drop_in} && cat > {drop_in}/test.conf <<'Y'\n{DROP_IN}\nY\nsystemctl daemon-reload")
        up.run("head -9 /src/config/fleet.csv > /srv/fleet.csv; head -10 /src/config/fleet.csv > /srv/one-more.csv")
        up.run(
            f"systemd-run -q --unit=simulator -E XUELIANG_SIMULATOR_PASSWORD={PASSWORD} "
            "/opt/xueliang-monitor/bin/xueliang simulate --fleet /srv/one-more.csv"
        )
        up.until("curl -s 127.0.0.1:9148/cameras", "sv-001")
        up.run("xueliang camera import /srv/fleet.csv")
        up.run("systemctl start xueliang-monitor")
        assert up.run("systemctl is-active xueliang-monitor").strip() == "active"
        up.until("systemctl show -P StatusText xueliang-monitor", "8 cameras: 8 up")
        yield up


def _states(box: Machine) -> dict[str, tuple[str, str]]:
    told = json.loads(box.run("curl -s 127.0.0.1:9147/api/v1/cameras"))["cameras"]
    return {item["id"]: (item["state"], item["since"]) for item in told}


def test_exposure_is_at_most_one_and_a_half() -> None:
    """What `systemd-analyze security` says of the unit."""
    try:
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=15", UNIT], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not installed")
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout


def test_reload_takes_up_a_camera(box: Machine) -> None:
    box.run("xueliang camera import /srv/one-more.csv && systemctl reload xueliang-monitor")
    box.until("systemctl show -P StatusText xueliang-monitor", "9 cameras: 9 up")
    assert "reloading on SIGHUP" in box.run("journalctl -u xueliang-monitor")


def test_hardening_is_in_force(box: Machine) -> None:
    told = box.run("journalctl -o cat -u xueliang-monitor")
    assert "touch: cannot touch '/etc/xueliang-monitor/probe'" in told
    assert "touch: cannot touch '/usr/probe': Read-only file system" in told
    assert "touch: cannot touch '/var/probe': Read-only file system" in told
    assert "ls: cannot access '/home/someone'" in told or "ls: cannot open directory '/home" in told
    assert "cat: /root/probe: Permission denied" in told or "cat: /root/probe: No such file" in told
    assert "cat: /etc/xueliang-monitor/secrets/district.password: Permission denied" in told
    assert "NoNewPrivs:\t1" in told
    assert "CapEff:\t0000000000000000" in told
    assert "Seccomp:\t2" in told
    assert "probed" in told
    assert "Operation not permitted" not in told, "the filter of system calls refuses what the daemon needs"


def test_limits_are_in_force(box: Machine) -> None:
    shown = box.run("systemctl show -P MemoryMax -P TasksMax -P LimitNOFILE xueliang-monitor").split()
    assert sorted(shown) == sorted([str(4 * 1024**3), "256", "65536"])
    main = box.run("systemctl show -P MainPID xueliang-monitor").strip()
    threads = [int(line) for line in box.run(f"ps -o nlwp= -p {main} --ppid {main}").split()]
    assert threads[0] <= 40
    assert max(threads[1:]) <= 2


def test_what_builds_the_program_is_not_installed(box: Machine) -> None:
    """The environment has the locked packages only; an outdated one is removed by an upgrade, see the last test."""
    found = box.run("ls /opt/xueliang-monitor/lib/python3*/site-packages").lower()
    assert "aiohttp" in found
    for tool in ("hatchling", "editables", "trove", "setuptools", "pip", "pluggy", "ruamel"):
        assert not re.search(rf"^{tool}", found, re.MULTILINE), tool


def test_secrets_and_state_are_for_nobody_else(box: Machine) -> None:
    nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups"
    for place in (
        "/etc/xueliang-monitor/secrets/district.password",
        "/var/lib/xueliang-monitor/history.db",
        "/run/credentials/xueliang-monitor.service/secrets_district.password",
    ):
        assert "Permission denied" in box.run(f"{nobody} cat {place}", check=False), place
    unit_processes = "cat /proc/$(systemctl show -P MainPID xueliang-monitor)/"
    assert PASSWORD not in box.run(unit_processes + "cmdline | tr '\\0' ' '")
    assert PASSWORD not in box.run(unit_processes + "environ | tr '\\0' ' '")
    assert PASSWORD not in box.run("journalctl -u xueliang-monitor; curl -s 127.0.0.1:9147/metrics 127.0.0.1:9147/")


def test_the_journal_holds_priorities(box: Machine) -> None:
    box.run("xueliang simulate fault sv-002 refuse")
    box.until("journalctl -o json -p 3 -u xueliang-monitor", "connection_refused")
    assert "connection_refused" not in box.run("journalctl -o json -p 2 -u xueliang-monitor")


def test_states_survive_a_kill(box: Machine) -> None:
    box.until("curl -s 127.0.0.1:9147/metrics", 'fault="connection_refused"')
    before = _states(box)
    box.run("systemctl kill --signal=KILL --kill-whom=main xueliang-monitor")
    box.until("systemctl show -P NRestarts xueliang-monitor", "1")
    box.until("curl -s 127.0.0.1:9147/metrics", "xueliang_camera_online")
    after = _states(box)
    assert after["sv-002"] == before["sv-002"]
    assert {name: state for name, (state, _) in after.items()} == {name: state for name, (state, _) in before.items()}


def _until_looks(box: Machine, looks: int) -> None:
    """Wait until every camera's picture was learned from so many times."""
    pictures = "for id in $(seq -f sv-%03g 9); do curl -s 127.0.0.1:9147/api/v1/cameras/$id; echo; done"
    until = time.monotonic() + 90
    while time.monotonic() < until:
        told = [json.loads(line) for line in box.run(pictures, check=False).splitlines() if line.startswith("{")]
        if len(told) == 9 and all(camera.get("reference_pictures", 0) >= looks for camera in told):
            return
        time.sleep(0.5)
    raise AssertionError(f"not {looks} looks at each camera: {told}")


def test_a_restart_after_some_looks_fails_no_check(box: Machine) -> None:
    box.run("xueliang simulate fault sv-002 none")
    for how in ("restart", "kill --signal=KILL --kill-whom=main"):
        _until_looks(box, 6)
        before = box.run("systemctl show -P ExecMainPID xueliang-monitor").strip()
        box.run(f"systemctl {how} xueliang-monitor")
        another = f'test "$(systemctl show -P ExecMainPID xueliang-monitor)" != {before}'
        box.until(f"{another} && systemctl is-active xueliang-monitor", "active", 30)
    _until_looks(box, 6)
    box.until("systemctl show -P StatusText xueliang-monitor", "9 cameras: 9 up", 60)
    assert "check_failed" not in box.run("journalctl -o cat -u xueliang-monitor")
    assert "xueliang_picture_check_errors_total{" not in box.run("curl -s 127.0.0.1:9147/metrics")


def test_a_stalled_loop_trips_the_watchdog(box: Machine) -> None:
    box.until("systemctl is-active xueliang-monitor", "active")
    restarts = int(box.run("systemctl show -P NRestarts xueliang-monitor"))
    box.run("systemctl kill --signal=STOP --kill-whom=main xueliang-monitor")
    box.until("systemctl show -P NRestarts xueliang-monitor", str(restarts + 1))
    box.until("systemctl is-active xueliang-monitor", "active")
    told = box.run("journalctl -o cat -u xueliang-monitor")
    assert "Watchdog timeout" in told
    assert "asyncio/base_events.py" in told, "where the loop stood is not in the log"


def test_stop_ends_in_time_and_leaves_no_session(box: Machine) -> None:
    box.until("systemctl show -P StatusText xueliang-monitor", "9 cameras")
    box.run("systemctl stop xueliang-monitor")  # which kills after 15 s, and that is no success
    assert box.run("systemctl show -P Result xueliang-monitor").strip() == "success"
    sessions = json.loads(box.run("curl -s 127.0.0.1:9148/cameras"))
    assert len(sessions) == 9
    assert [item for item in sessions if item["open_sessions"]] == []


def test_a_root_command_before_the_daemon_leaves_it_its_history(box: Machine) -> None:
    box.run("systemctl stop xueliang-monitor; rm -f /var/lib/xueliang-monitor/history.db*")
    box.run("xueliang maintenance start --camera sv-001 --for 1h --reason test")
    box.run("systemctl start xueliang-monitor")
    box.until("curl -s 127.0.0.1:9147/metrics", "xueliang_history_up 1.0")


def test_bad_settings_are_not_tried_for_ever(box: Machine) -> None:
    box.run("sed -i s/credentials:/credentialz:/ /etc/xueliang-monitor/xueliang.yaml")
    box.run("systemctl restart xueliang-monitor", check=False)
    assert box.run("systemctl is-active xueliang-monitor", check=False).strip() == "failed"
    assert "credentialz" in box.run("journalctl -o cat -u xueliang-monitor")
    box.run("sed -i s/credentialz:/credentials:/ /etc/xueliang-monitor/xueliang.yaml")
    box.run("systemctl start xueliang-monitor")


def test_upgrade_and_uninstall_keep_what_is_the_administrators(box: Machine) -> None:
    box.run("sh /src/deploy/systemd/uninstall.sh")
    assert "could not be found" in box.run("systemctl status xueliang-monitor", check=False)
    assert not box.run("ls -d /opt/xueliang-monitor /usr/local/bin/xueliang 2>/dev/null", check=False)
    assert "credentials" in box.run("cat /etc/xueliang-monitor/xueliang.yaml")
    assert "history.db" in box.run("ls /var/lib/xueliang-monitor")
    box.run("mkdir -p /opt/xueliang-monitor/bin && touch /opt/xueliang-monitor/bin/xueliang")
    box.run("chmod +x /opt/xueliang-monitor/bin/xueliang; PURGE=1 sh /src/deploy/systemd/uninstall.sh")
    assert not box.run("ls -d /etc/xueliang-monitor /var/lib/xueliang-monitor 2>/dev/null", check=False)


def test_a_package_is_staged_and_an_upgrade_overwrites_no_setting(tmp_path: Path) -> None:
    """In a copy without a booted systemd: only files are looked at."""
    settings, packages = "/etc/xueliang-monitor/xueliang.yaml", "/opt/xueliang-monitor/lib/python3*/site-packages"
    outdated = "mkdir old_tool-1.dist-info && printf 'Name: old_tool\\nVersion: 1\\n' > old_tool-1.dist-info/METADATA"
    recorded = (
        "printf 'old_tool-1.dist-info/METADATA,,\\nold_tool-1.dist-info/RECORD,,\\n' > old_tool-1.dist-info/RECORD"
    )
    steps = (
        "set -e; make -C /src install DESTDIR=/srv/stage",
        "if test -e /opt/xueliang-monitor || test -e /etc/xueliang-monitor; then exit 1; fi",
        "if getent passwd xueliang-monitor || grep -rIl /srv/stage /srv/stage; then exit 1; fi",
        "cp -a /srv/stage/. / && cd / && xueliang --version > /srv/version",
        f"echo '# mine' >> {settings}",
        f"cd {packages} && {outdated} && {recorded}",
        "make -C /src install",
    )
    with machine(tmp_path, "; ".join(steps)) as up:
        assert up.run("cat /srv/version").startswith("xueliang_monitor ")
        assert up.run(f"cat {settings}.sample") == (ROOT / "config/xueliang.yaml").read_text()
        assert up.run(f"tail -1 {settings}").strip() == "# mine"
        assert "old_tool" not in up.run(f"ls {packages}")
