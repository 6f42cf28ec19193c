"""The wall in Chromium: time to first paint, bytes transferred, time to filter; and 50 browsers at once.

Usage: python -m benchmarks.page [--browsers N]

The peer for the first paint is a plain HTML table with the same number of rows, served by the same server. The 50
browsers watch a daemon with 147 simulated cameras at default intervals while an uplink fails and recovers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from aiohttp import web
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.scrape import _fleet
from tests.real.gstreamer import free_port
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.service import spare_the_collector
from xueliang_monitor.web.server import Server

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
ROUNDS = 7
TICK_SECONDS = 0.01
PASSWORD = "of-the-benchmark"
UPLINK = "liulin-sw1"


async def _serve(count: int) -> None:
    """Serve a healthy fleet and a plain table with as many rows, until terminated."""
    fleet = _fleet(count)
    spare_the_collector()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(listen="127.0.0.1:0", state=Path(folder))
        rows = "".join(
            f"<tr><td>cam-{number:04d}</td><td>site-{number // 8}</td><td>up</td></tr>" for number in range(count)
        )
        plain = f"<!doctype html><title>plain</title><table>{rows}</table>"
        peer = web.Application()

        async def table(_request: web.Request) -> web.Response:
            response = web.Response(text=plain, content_type="text/html")
            response.enable_compression()
            return response

        late = [0.0]

        async def lag(_request: web.Request) -> web.Response:
            worst, late[0] = late[0], 0.0
            return web.Response(text=str(worst))

        async def sample() -> None:
            loop = asyncio.get_running_loop()
            while True:
                due = loop.time() + TICK_SECONDS
                await asyncio.sleep(TICK_SECONDS)
                late[0] = max(late[0], loop.time() - due)

        peer.add_routes([web.get("/", table), web.get("/lag", lag)])
        sampling = asyncio.create_task(sample())
        runner = web.AppRunner(peer)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with Server(fleet, settings, Path(folder)).serving(*settings.listen_address) as address:
            print(f"{address} http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
            await sampling


@contextlib.contextmanager
def _served(count: int) -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "benchmarks.page", "--serve", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("no output")
            own, plain = process.stdout.readline().split()
            yield own, plain
        finally:
            process.terminate()


def _paint(browser: Browser, address: str) -> tuple[float, float, float]:
    """Return first paint and load time of a cold browser in ms, and the KB transferred."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.goto(address, wait_until="load")
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
    found = page.evaluate(
        "() => [performance.getEntriesByName('first-contentful-paint')[0].startTime,"
        " performance.getEntriesByType('navigation')[0].loadEventEnd,"
        " [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, each) => sum + each.transferSize, 0) / 1000]"
    )
    context.close()
    return found[0], found[1], found[2]


def _filter_ms(page: Page, text: str) -> float:
    return float(
        page.evaluate(
            "async (text) => { const field = document.querySelector('[name=q]'); const began = performance.now();"
            " field.value = text; field.dispatchEvent(new Event('input', {bubbles: true}));"
            " document.body.offsetHeight; await new Promise(requestAnimationFrame);"
            " return performance.now() - began; }",
            text,
        )
    )


def _alone(browser: Browser, count: int) -> dict[str, float]:
    with _served(count) as (own, plain):
        _paint(browser, own)
        urllib.request.urlopen(f"{plain}/lag", timeout=10).close()
        rounds = [(_paint(browser, own), _paint(browser, plain)) for _ in range(ROUNDS)]
        ours = [each for each, _ in rounds]
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(own)
        filters = [_filter_ms(page, text) for text in ("cam-0012", "", "site-3", "nothing", "") * 3]
        fits = page.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
        page.close()
        with urllib.request.urlopen(f"{plain}/lag", timeout=10) as answer:
            lag = float(answer.read())
    paint = statistics.median(each[0] for each in ours)
    return {
        "first_paint_ms": round(paint, 1),
        "loaded_ms": round(statistics.median(each[1] for each in ours), 1),
        "transferred_kb": round(ours[0][2], 1),
        "filter_ms": round(statistics.median(filters), 1),
        "filter_worst_ms": round(max(filters), 1),
        "fits_the_screen": fits,
        "worst_loop_lag_ms": round(lag * 1000, 1),
        "plain_table_first_paint_ms": round(statistics.median(each[0] for _, each in rounds), 1),
    }


async def _daemon(settings: Path, told: Path) -> None:
    """Run a daemon; at its end write what it noticed and when, and how late its event loop ran."""
    monitor = Monitor(settings)
    spare_the_collector()
    noticed: list[tuple[float, str, str]] = []
    late: list[float] = []

    def notice(transitions: tuple[Transition, ...]) -> None:
        noticed.extend((time.time(), item.uplink, item.code) for item in transitions if item.uplink)

    monitor.fleet.watch(notice)
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    async with monitor.running():
        print("ready", flush=True)
        while not ended.is_set():
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late.append(loop.time() - due)
    late.sort()
    told.write_text(json.dumps({"noticed": noticed, "p99": late[int(len(late) * 0.99)], "worst": late[-1]}))


WATCH = (
    "(name) => { window.turned = []; const look = () => { const down = [...document.querySelectorAll('.notice.down')]"
    ".some((each) => each.textContent.includes(name)); if (down !== window.was) { window.was = down;"
    " window.turned.push([Date.now() / 1000, down, document.querySelectorAll('.tile.unknown').length]); } };"
    " window.was = false; new MutationObserver(look).observe(document.body, {subtree: true, childList: true}); }"
)


def _set_faults(control: str, cameras: list[str], fault: str | None) -> None:
    for camera in cameras:
        path = f"faults/{fault}" if fault else "faults"
        method = "PUT" if fault else "DELETE"
        request = urllib.request.Request(f"http://{control}/cameras/{camera}/{path}", method=method)
        urllib.request.urlopen(request, timeout=10).close()


def _cpu_seconds(daemon: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in [daemon, *daemon.children(recursive=True)])


def _many(browser: Browser, count: int) -> dict[str, float]:
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    environment = {**os.environ, "XUELIANG_SIMULATOR_PASSWORD": PASSWORD, "FLEET_PASSWORD": PASSWORD}
    fleet, control, page = ROOT / "config" / "fleet.csv", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    rows, _ = spreadsheet.read(fleet)
    behind = [row.id for row in rows if row.data.uplink == UPLINK]
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as ending:
        folder = Path(temporary)
        into = str(folder / "cameras.d")
        subprocess.run([*xueliang, "camera", "import", str(fleet), "--into", into], check=True, capture_output=True)
        login = "{district: {username: viewer, password_env: FLEET_PASSWORD}}"
        settings, told = folder / "xueliang.yaml", folder / "told.json"
        settings.write_text(f"listen: {page}\ncredentials: {login}\n")
        simulate = [*xueliang, "simulate", "--fleet", str(fleet), "--control", control]
        simulator = ending.enter_context(subprocess.Popen(simulate, env=environment, stdout=subprocess.PIPE))
        ending.callback(simulator.terminate)
        if simulator.stdout is None or not simulator.stdout.readline():
            sys.exit("the simulator did not start")
        run = [sys.executable, "-m", "benchmarks.page", "--daemon", str(settings), str(told)]
        daemon = ending.enter_context(
            subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        )
        ending.callback(daemon.terminate)
        if daemon.stdout is None or not daemon.stdout.readline():
            sys.exit("the daemon did not start")
        time.sleep(25)
        # One context per page: a browser opens at most six connections to a server, and each page keeps one open.
        pages = [browser.new_context().new_page() for _ in range(count)]
        for each in pages:
            each.goto(f"http://{page}/")
            each.evaluate(WATCH, UPLINK)
        process = psutil.Process(daemon.pid)
        before, began = _cpu_seconds(process), time.monotonic()
        _set_faults(control, behind, "black-hole")
        time.sleep(45)
        _set_faults(control, behind, None)
        time.sleep(45)
        spent = (_cpu_seconds(process) - before) / (time.monotonic() - began)
        turned = [each.evaluate("() => window.turned") for each in pages]
        daemon.terminate()
        daemon.wait()
        return _summed(json.loads(told.read_text()), turned, spent)


def _summed(told: dict[str, Any], turned: list[list[list[Any]]], spent: float) -> dict[str, float]:
    down = next(at for at, uplink, code in told["noticed"] if uplink == UPLINK and code == "down")
    back = next(at for at, uplink, code in told["noticed"] if uplink == UPLINK and code == "up")
    right = [each for each in turned if [shown for _, shown, _ in each] == [True, False]]
    return {
        "browsers": len(turned),
        "browsers_right": len(right),
        "slowest_down_seconds": round(max(each[0][0] for each in right) - down, 2),
        "slowest_back_seconds": round(max(each[1][0] for each in right) - back, 2),
        "loop_lag_p99_ms": round(told["p99"] * 1000, 1),
        "loop_lag_worst_ms": round(told["worst"] * 1000, 1),
        "cpu_percent_of_one_core": round(100 * spent, 1),
    }


def main() -> None:
    """Measure, print, and write results/page.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--browsers", type=int, default=50)
    arguments.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--daemon", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.serve:
        asyncio.run(_serve(chosen.serve))
    elif chosen.daemon:
        asyncio.run(_daemon(*chosen.daemon))
    else:
        _main(chosen.browsers)


def _main(browsers: int) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        results: dict[str, Any] = {str(count): _alone(browser, count) for count in (147, 5000)}
        results["many"] = _many(browser, browsers)
        browser.close()
    for name, found in results.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "page.json").write_text(json.dumps({"cores": os.cpu_count(), **results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
