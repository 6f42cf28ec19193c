"""What only a network of one's own can show: no route, no name, a host that refuses; in a namespace of the test's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

COMMANDS = """
ip link set lo up
ip link add veth0 type veth peer name veth1
ip address add 192.0.2.1/24 dev veth0
ip link set veth0 up
ip route add unreachable 198.51.100.0/24
ip route add prohibit 203.0.113.0/24
exec "$@"
"""


def _missing() -> str:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "unshare and ip are not installed (apt-get install util-linux iproute2)"
    done = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "network namespaces may not be made here"


MISSING = _missing()
pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("rtsp://198.51.100.7/live", "host_unreachable", "cannot be reached: No route to host"),
        ("rtsp://203.0.113.7/live", "check_failed", "does not permit it"),  # our own route says so
        ("rtsp://[2001:db8::7]/live", "host_unreachable", "cannot be reached: Network is unreachable"),
        ("rtsp://127.0.0.1:8554/live", "connection_refused", "refused"),
        ("rtsp://192.0.2.7/live", "connect_timeout", "no answer"),
        ("rtsp://camera.invalid/live", "check_failed", "name server"),  # none is to be reached from here
    ],
)
def test_what_the_network_says_has_its_own_code(url: str, code: str, words: str) -> None:
    done = subprocess.run(
        [
            "unshare",
            "-n",
            "sh",
            "-ec",
            COMMANDS,
            "sh",
            sys.executable,
            "-m",
            "xueliang_monitor",
            "check",
            url,
            "--json",
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "RES_OPTIONS": "timeout:1 attempts:1"},
    )
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["faults"]) == (1, [code]), done.stderr
    assert words in answer["rungs"][0]["detail"]
    assert not answer["online"]
