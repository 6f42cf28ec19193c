"""147 cameras and a named user, while strangers do all at once what they can.

Usage: python -m benchmarks.strangers [--seconds N] [--calm N]

The strangers: 1,100 silent sockets, 400 wrong logins a second, 1,000 live streams, 100 scrapes at once, and reports
without end, from many loopback addresses, which count as strangers except 127.0.0.1. The streams, scrapes and reports
have a valid login. Meanwhile a named user opens pages, and new users log in for the first time. The same figures are
taken before without strangers.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import bcrypt
import psutil

from tests.real.gstreamer import free_port
from xueliang_monitor.judgement.health import OWN_ERROR

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
PASSWORD = "of-the-benchmark"
USERS = ("wall", "insider", "prometheus", *(f"fresh-{number}" for number in range(40)))
COST = 10
SILENT, WRONG_A_SECOND, STREAMS, SCRAPES, REPORTS = 1100, 400, 1000, 100, 10
WARM_UP_SECONDS = 60.0
LATE_SECONDS = "1.0"


def _login(name: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


async def _get(port: int, path: str, source: str, login: str, *, keep: bool = False) -> tuple[int, float]:
    """Request a page on a connection of its own; return its status, 0 without one, and the seconds it took.

    With `keep` the answer is a stream, which is read until it ends.
    """
    began = time.monotonic()
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        close = "" if keep else "Connection: close\r\n"
        head = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {login}\r\nAccept-Encoding: gzip\r\n{close}\r\n"
        )
        writer.write(head.encode())
        first = await reader.readline()
        while await reader.read(65536):
            pass
        return int(first.split()[1] if first else 0), time.monotonic() - began
    except (OSError, ValueError, IndexError):
        return 0, time.monotonic() - began
    finally:
        if writer is not None:
            writer.close()


class Strangers:
    """The attack, and what came of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.told: dict[str, Counter[int]] = {kind: Counter() for kind in ("wrong", "streams", "scrapes", "reports")}
        self.silent_closed = 0

    async def _silent(self, number: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                source = f"127.0.1.{number % 10 + 1}"
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(source, 0))
                await reader.read()
                writer.close()
            self.silent_closed += 1
            await asyncio.sleep(5)

    async def _wrong(self) -> None:
        waiting, number = set[asyncio.Task[None]](), 0

        async def guess(number: int) -> None:
            source = f"127.0.2.{number % 50 + 1}"
            status, _ = await _get(self._port, "/", source, _login(random.choice(USERS), f"guess {number}"))
            self.told["wrong"][status] += 1

        while True:
            began = time.monotonic()
            for _ in range(WRONG_A_SECOND // 20):
                number += 1
                task = asyncio.create_task(guess(number))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            await asyncio.sleep(max(0.0, 0.05 - (time.monotonic() - began)))

    async def _again(
        self, kind: str, number: int, path: Callable[[], str], pause: float, *, keep: bool = False
    ) -> None:
        while True:
            status, _ = await _get(self._port, path(), f"127.0.3.{number % 20 + 1}", _login("insider"), keep=keep)
            self.told[kind][status] += 1
            await asyncio.sleep(pause)

    async def _scrapes(self) -> None:
        while True:
            asked = [_get(self._port, "/metrics", f"127.0.4.{number}", _login("insider")) for number in range(SCRAPES)]
            self.told["scrapes"].update(status for status, _ in await asyncio.gather(*asked))
            await asyncio.sleep(2)

    async def run(self) -> None:
        """Attack until cancelled."""
        work: list[Awaitable[None]] = [self._silent(number) for number in range(SILENT)]
        work += [self._wrong()]
        work += [self._again("streams", number, lambda: "/live", 10.0, keep=True) for number in range(STREAMS)]
        work += [self._scrapes()]
        work += [self._again("reports", number, _any_report, 0.1) for number in range(REPORTS)]
        await asyncio.gather(*work)


def _any_report() -> str:
    first = random.randrange(1, 28)
    months = time.strftime("%Y-%m")
    period = random.choice([months, f"{months}-{first:02d}..{months}-28", "0002-01-01..9998-12-31", "9999-12"])
    return f"/report?month={period}&format={random.choice(['csv', 'xlsx', ''])}"


async def _attack(port: int) -> None:
    strangers = Strangers(port)
    attacking = asyncio.create_task(strangers.run())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the benchmark closes it
    attacking.cancel()
    told = {kind: {str(status): count for status, count in found.items()} for kind, found in strangers.told.items()}
    print(json.dumps({**told, "silent_closed": strangers.silent_closed}), flush=True)
    os._exit(0)


async def _be_served(port: int, seconds: float, fresh: Iterator[str]) -> dict[str, float]:
    """Open pages as a named user for a while; return how that went."""
    ended, pages, firsts = time.monotonic() + seconds, list[tuple[int, float]](), list[tuple[int, float]]()
    scrapes: list[tuple[int, float]] = []
    number = 0
    while time.monotonic() < ended:
        number += 1
        for path in ("/", "/events", "/sites", "/api/v1/cameras"):
            pages.append(await _get(port, path, "127.0.9.1", _login("wall")))
        scrapes.append(await _get(port, "/metrics", "127.0.0.1", _login("prometheus")))
        if number % 3 == 0 and (name := next(fresh, None)):
            firsts.append(await _get(port, "/about", f"127.0.8.{number % 250 + 1}", _login(name)))
        await asyncio.sleep(1)
    return {
        "pages": len(pages),
        "pages_not_200": sum(status != 200 for status, _ in pages),
        "slowest_page_seconds": round(max(took for _, took in pages), 3),
        "scrapes": len(scrapes),
        "scrapes_not_200": sum(status != 200 for status, _ in scrapes),
        "slowest_scrape_seconds": round(max(took for _, took in scrapes), 3),
        "first_logins": len(firsts),
        "first_logins_not_200": sum(status != 200 for status, _ in firsts),
        "slowest_first_login_seconds": round(max((took for _, took in firsts), default=0.0), 3),
    }


def _metrics(port: int) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Authorization": _login("prometheus")}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def _visits(metrics: str) -> tuple[float, float]:
    """Return how many visits were made, and how many of them were late by over a second."""
    buckets = dict(re.findall(r'xueliang_visit_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)', metrics))
    return float(buckets["+Inf"]), float(buckets["+Inf"]) - float(buckets[LATE_SECONDS])


def _waited(daemon: psutil.Process) -> float:
    """Return for how many seconds the event loop's thread was ready and had no core: the machine was too small."""
    return int(Path(f"/proc/{daemon.pid}/task/{daemon.pid}/schedstat").read_text().split()[1]) / 1e9


def _stage(port: int, daemon: psutil.Process, seconds: float, fresh: Iterator[str]) -> dict[str, float]:
    before, spent, began = _visits(_metrics(port)), sum(daemon.cpu_times()[:2]), time.monotonic()
    waited = _waited(daemon)
    served = asyncio.run(_be_served(port, seconds, fresh))
    elapsed, after = time.monotonic() - began, _metrics(port)
    visits = _visits(after)
    faults = re.findall(r'^xueliang_camera_fault\{.*fault="([^"]+)"', after, re.MULTILINE)
    return {
        **served,
        "seconds": round(elapsed, 1),
        "visits": visits[0] - before[0],
        "visits_late_by_over_a_second": visits[1] - before[1],
        "cameras_online": len(re.findall(r"^xueliang_camera_online\{.*\} 1\.0$", after, re.MULTILINE)),
        "cameras_blamed": sum(code != OWN_ERROR for code in faults),
        "cameras_check_failed": faults.count(OWN_ERROR),
        "faults_of_the_monitor": len(re.findall(r"^xueliang_monitor_fault\{", after, re.MULTILINE)),
        "daemon_cpu_percent_of_one_core": round(100 * (sum(daemon.cpu_times()[:2]) - spent) / elapsed, 1),
        "daemon_waited_for_a_core_percent": round(100 * (_waited(daemon) - waited) / elapsed, 1),
        "daemon_rss_mb": round(daemon.memory_info().rss / 1e6, 1),
        "descriptors": daemon.num_fds(),
    }


@contextlib.contextmanager
def _daemon(folder: Path, port: int) -> Iterator[psutil.Process]:
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    environment = {**os.environ, "XUELIANG_SIMULATOR_PASSWORD": PASSWORD, "FLEET_PASSWORD": PASSWORD}
    fleet, into = ROOT / "config" / "fleet.csv", str(folder / "cameras.d")
    subprocess.run([*xueliang, "camera", "import", str(fleet), "--into", into], check=True, capture_output=True)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    (folder / "web.yml").write_text("basic_auth_users:\n" + "".join(f"  {name}: {hashed}\n" for name in USERS))
    login = "{district: {username: viewer, password_env: FLEET_PASSWORD}}"
    (folder / "xueliang.yaml").write_text(f"listen: 127.0.0.1:{port}\ncredentials: {login}\nweb_config: web.yml\n")
    simulate = [*xueliang, "simulate", "--fleet", str(fleet), "--control", f"127.0.0.1:{free_port()}"]
    with contextlib.ExitStack() as ending:
        simulator = ending.enter_context(subprocess.Popen(simulate, env=environment, stdout=subprocess.PIPE))
        ending.callback(simulator.terminate)
        if simulator.stdout is None or not simulator.stdout.readline():
            sys.exit("the simulator did not start")
        log = ending.enter_context((folder / "log").open("wb"))
        run = [*xueliang, "run", "--config", str(folder / "xueliang.yaml")]
        daemon = ending.enter_context(subprocess.Popen(run, env=environment, stderr=log))
        ending.callback(daemon.terminate)
        yield psutil.Process(daemon.pid)


def main() -> None:
    """Measure, print, and write results/strangers.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--calm", type=float, default=20.0, help="seconds without strangers before")
    arguments.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if chosen.attack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
        asyncio.run(_attack(chosen.attack))
    port, fresh = free_port(), iter(USERS[3:])
    with tempfile.TemporaryDirectory() as temporary, _daemon(Path(temporary), port) as daemon:
        time.sleep(WARM_UP_SECONDS)
        results: dict[str, dict[str, float]] = {"calm": _stage(port, daemon, chosen.calm, fresh)}
        command = [sys.executable, "-m", "benchmarks.strangers", "--attack", str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as attack:
            time.sleep(5)
            results["strangers"] = _stage(port, daemon, chosen.seconds, fresh)
            told = attack.communicate()[0]
        lines = (Path(temporary) / "log").read_text().count("\n")
    for name, figures in results.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key:34s}{value:10}")
    print(f"what strangers were told, by status: {told.decode().strip()}; {lines} lines in the log")
    RESULTS.mkdir(exist_ok=True)
    written = {"cores": os.cpu_count(), **results, "told": json.loads(told), "log_lines": lines}
    (RESULTS / "strangers.json").write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
