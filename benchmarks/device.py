"""CPU of one ONVIF visit and memory of ONVIF for 147 cameras, against onvif-zeep's own client.

Usage: python -m benchmarks.device [--rounds N]

The cameras are simulated (config/fleet.csv) in a separate process that is not counted. Every contender runs warm in
its own process; the contenders take turns, and medians are printed. Memory is the RSS after garbage collection of a
process that has visited every camera once: first up to the RTSP login only, then with ONVIF as well. For onvif-zeep,
ten clients are kept in memory, and the figure for 147 is extrapolated from them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from tests.real.gstreamer import free_port
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.model import Credentials, OnvifTarget, Rung, Target, Timeouts

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
LOGIN = Credentials("viewer", "of-the-benchmark")
NAIVE_CAMERAS = 10
SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


def _targets(*, onvif: bool) -> list[Target]:
    rows, _ = spreadsheet.read(ROOT / "config" / "fleet.csv")
    return [
        Target(
            row.id,
            row.data.address,
            row.data.rtsp_port,
            row.data.rtsp_path,
            LOGIN,
            OnvifTarget(row.data.onvif_port or 80, credentials=LOGIN) if onvif else None,
        )
        for row in rows
    ]


def _token_targets() -> list[Target]:
    """Return cameras that ask for WS-UsernameToken, the only login that onvif-zeep's client supports."""
    return [target for number, target in enumerate(_targets(onvif=True)) if number % 15 == 0]


@contextlib.contextmanager
def _simulator() -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "xueliang_monitor", "simulate", "--fleet", str(ROOT / "config" / "fleet.csv"),
         "--control", f"127.0.0.1:{free_port()}"],
        env={**os.environ, "XUELIANG_SIMULATOR_PASSWORD": LOGIN.password}, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("the simulator did not start")
        yield
    finally:
        process.terminate()
        process.wait()


def _our_calls() -> Callable[[], None]:
    """Make the same calls as the naive client, each time in a new conversation."""
    from xueliang_monitor.net.onvif import OnvifClient

    target = _token_targets()[0]
    runner = asyncio.Runner()

    async def calls() -> None:
        if target.onvif is None:
            raise RuntimeError("no ONVIF")
        async with OnvifClient(target.host, target.onvif, time.time) as talk:
            await talk.time()
            await talk.identity()
            await talk.hostname()
            await talk.profiles()
            await talk.stream_uri("main")

    return lambda: runner.run(calls())


def _our_visit() -> Callable[[], None]:
    """Do what the daemon does every five minutes: log in over RTSP, then read clock, identity and last start."""
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.probing.memory import Memory
    from xueliang_monitor.probing.visit import visit

    target, memory, runner, workers = _token_targets()[0], [Memory()], asyncio.Runner(), Workers(1)

    def once() -> None:
        visited, memory[0] = runner.run(
            visit(
                target,
                Rung.RTSP,
                memory[0],
                timeouts=Timeouts(),
                workers=workers,
                now=time.time(),
                beside={Rung.ONVIF},
            )
        )
        if visited.seen:
            raise RuntimeError(visited.seen[0].detail)

    return once


def _naive_client(host: str) -> Any:
    import onvif

    logging.disable(logging.CRITICAL)
    return onvif.ONVIFCamera(host, 8000, LOGIN.username, LOGIN.password)


def _naive_calls(camera: Any) -> None:
    camera.devicemgmt.GetSystemDateAndTime()
    camera.devicemgmt.GetDeviceInformation()
    camera.devicemgmt.GetHostname()
    media = camera.get_service("media")
    media.GetProfiles()
    media.GetStreamUri({"StreamSetup": SETUP, "ProfileToken": "main"})


def _naive_each_time() -> Callable[[], None]:
    host = _token_targets()[0].host
    return lambda: _naive_calls(_naive_client(host))


def _naive_kept() -> Callable[[], None]:
    camera = _naive_client(_token_targets()[0].host)
    return lambda: _naive_calls(camera)


CONTENDERS: dict[str, Callable[[], Callable[[], None]]] = {
    "xueliang, the same calls": _our_calls,
    "xueliang, the daemon's visit": _our_visit,
    "ONVIFCamera made for each visit": _naive_each_time,
    "ONVIFCamera kept between visits": _naive_kept,
}


def _contend(name: str, link: Connection) -> None:
    work = CONTENDERS[name]()
    for _ in range(3):
        work()
    link.send(None)
    while link.recv():
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        link.send((cpu, time.monotonic() - started))


def _measure_cpu(rounds: int) -> dict[str, dict[str, float]]:
    context = multiprocessing.get_context("spawn")
    links: dict[str, Connection] = {}
    processes = []
    for name in CONTENDERS:
        ours, theirs = context.Pipe()
        process = context.Process(target=_contend, args=(name, theirs), daemon=True)
        process.start()
        processes.append(process)
        links[name] = ours
        ours.recv()
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, link in links.items():
            link.send(True)
            figures[name].append(link.recv())
    for link in links.values():
        link.send(False)
    for process in processes:
        process.join(10)
    ours_ms = statistics.median(cpu for cpu, _ in figures["xueliang, the same calls"]) * 1000
    return {
        name: {
            "cpu_ms": round(statistics.median(cpu for cpu, _ in taken) * 1000, 2),
            "wall_ms": round(statistics.median(wall for _, wall in taken) * 1000, 2),
            "cpu_over_ours": round(statistics.median(cpu for cpu, _ in taken) * 1000 / ours_ms, 2),
        }
        for name, taken in figures.items()
    }


def _rss_mb() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


def _visit_all(link: Connection, onvif: bool) -> None:
    import xueliang_monitor.daemon  # noqa: F401 - every daemon has this loaded
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.probing.memory import Memory
    from xueliang_monitor.probing.visit import visit

    workers, targets, memories = Workers(1), _targets(onvif=onvif), []

    async def every() -> None:
        for target in targets:
            visited, memory = await visit(
                target, Rung.RTSP, Memory(), timeouts=Timeouts(), workers=workers, now=time.time(), beside={Rung.ONVIF}
            )
            if visited.seen:
                raise RuntimeError(f"{target.id}: {visited.seen[0].detail}")
            memories.append(memory)

    asyncio.run(every())
    link.send(_rss_mb())


def _naive_memory(link: Connection, _onvif: bool) -> None:
    hosts = [target.host for target in _token_targets()[:NAIVE_CAMERAS]]
    cameras = [_naive_client(hosts[0])]
    _naive_calls(cameras[0])
    first = _rss_mb()
    for host in hosts[1:]:
        cameras.append(_naive_client(host))
        _naive_calls(cameras[-1])
    link.send((_rss_mb() - first) / (len(hosts) - 1))


def _in_a_process(work: Callable[[Connection, bool], None], onvif: bool = False) -> float:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, onvif))
    process.start()
    value = float(ours.recv())
    process.join(20)
    return value


def _measure_memory() -> dict[str, float]:
    without = statistics.median(_in_a_process(_visit_all, False) for _ in range(3))
    within = statistics.median(_in_a_process(_visit_all, True) for _ in range(3))
    each = statistics.median(_in_a_process(_naive_memory) for _ in range(3))
    return {
        "cameras": len(_targets(onvif=True)),
        "rss_without_onvif_mb": round(without, 1),
        "rss_with_onvif_mb": round(within, 1),
        "onvif_mb": round(within - without, 1),
        "onvif_camera_each_mb": round(each, 2),
        "onvif_camera_147_mb": round(each * 147, 0),
    }


def main() -> None:
    """Measure, print, and write results/device.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    with _simulator():
        cpu, memory = _measure_cpu(rounds), _measure_memory()
    for name, row in cpu.items():
        print(f"{name:36s} {row['cpu_ms']:8.2f} ms CPU {row['wall_ms']:8.2f} ms  {row['cpu_over_ours']:6.2f} x")
    for key, value in memory.items():
        print(f"{key:36s} {value:8.1f}")
    RESULTS.mkdir(exist_ok=True)
    result = {"cores": os.cpu_count(), "rounds": rounds, "cpu": cpu, "memory": memory}
    (RESULTS / "device.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
