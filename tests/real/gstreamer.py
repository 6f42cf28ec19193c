"""Starts GStreamer's RTSP server on access units made from footage by ffmpeg's encoders."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

DEBIAN_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gst_server.py")
ENCODERS = {
    "h264": ["-c:v", "libx264", "-preset", "veryfast", "-x264-params", "aud=1:scenecut=0", "-f", "h264"],
    "h265": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "aud=1:log-level=none", "-f", "hevc"],
    "mjpeg": ["-c:v", "mjpeg", "-q:v", "6", "-huffman", "default", "-pix_fmt", "yuvj420p", "-f", "mjpeg"],
}
_STARTS = {
    "h264": rb"(?=\x00\x00\x00\x01\x09)",
    "h265": rb"(?=\x00\x00\x00\x01\x46\x01)",
    "mjpeg": rb"(?=\xff\xd8\xff)",
}


def missing() -> str:
    """Return what is not installed, for a skip; empty where all is there."""
    if shutil.which("ffmpeg") is None:
        return "ffmpeg is not installed (apt-get install ffmpeg)"
    code = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    if subprocess.run([DEBIAN_PYTHON, "-c", code], capture_output=True, check=False).returncode:
        return "GStreamer's RTSP server is not installed (apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi)"
    return ""


def encode(source: list[str], codec: str, folder: Path, *, keyframe_interval: int = 50, extra: str = "") -> Path:
    """Encode ffmpeg's input `source` into one file an access unit; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "all"
    filters = ["-vf", extra] if extra else []
    pixels = [] if codec == "mjpeg" else ["-pix_fmt", "yuv420p", "-bf", "0"]
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            *source,
            *filters,
            "-g",
            str(keyframe_interval),
            *pixels,
            *ENCODERS[codec],
            str(raw),
        ],
        check=True,
    )
    units = [unit for unit in re.split(_STARTS[codec], raw.read_bytes()) if unit]
    raw.unlink()
    for number, unit in enumerate(units):
        (folder / f"{number:05d}.bin").write_bytes(unit)
    return folder


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_ports = itertools.count(random.randrange(1000))


def free_port() -> int:
    """Return a port that is free, and that no connection and no other worker of the tests will take.

    Connections take theirs from 32768 on (Linux, `ip_local_port_range`). Each worker has a thousand below.
    """
    while True:
        port = 12_000 + 1000 * (_WORKER % 20) + next(_ports) % 1000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def server(
    codec: str, rate: int, folder: Path, login: tuple[str, str] | None = None, port: int = 0, **options: str
) -> Iterator[str]:
    """Serve a folder of access units; yield the stream's URL. Options are those of the server's environment."""
    port = port or free_port()
    process = subprocess.Popen(
        [DEBIAN_PYTHON, str(SERVER), str(port), codec, str(rate), str(folder), *(login or ())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **options},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"{'rtsps' if 'GST_TLS' in options else 'rtsp'}://127.0.0.1:{port}/video"
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
