"""Starts VLC's RTSP server, which serves by UDP only, on a file made by ffmpeg."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

NOBODY = "65534"


def missing() -> str:
    """Return what is not installed, for a skip; empty where all is there."""
    wanted = {"cvlc": "vlc-bin vlc-plugin-base", "ffmpeg": "ffmpeg", "setpriv": "util-linux"}
    for program, package in wanted.items():
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install {package})"
    return ""


@contextlib.contextmanager
def server(source: list[str], codec: str, port: int, login: tuple[str, str]) -> Iterator[str]:
    """Serve ffmpeg's input `source`, encoded as `codec` with a keyframe a second; yield the stream's URL."""
    with (
        tempfile.TemporaryDirectory() as folder,  # not pytest's own, which is root's alone
        _serving(source, codec, Path(folder), port, login) as url,
    ):
        yield url


@contextlib.contextmanager
def _serving(source: list[str], codec: str, folder: Path, port: int, login: tuple[str, str]) -> Iterator[str]:
    encoder = {
        "h264": ["libx264", "-preset", "veryfast"],
        "h265": ["libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"],
    }[codec]
    file = folder / "video.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *source, "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p", "-c:v", *encoder, file],
        check=True,
    )
    folder.chmod(0o755)
    file.chmod(0o644)
    command = ["cvlc", "-I", "dummy", str(file), "--loop", "--sout-keep"]
    command += ["--sout", f"#rtp{{sdp=rtsp://127.0.0.1:{port}/stream}}"]
    command += ["--sout-rtsp-user", login[0], "--sout-rtsp-pwd", login[1]]
    if os.geteuid() == 0:  # VLC does not run as root
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)}
    )
    try:
        url = f"rtsp://127.0.0.1:{port}/stream"
        _wait_for(url, login, process)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, login: tuple[str, str], process: subprocess.Popen[bytes]) -> None:
    """Wait until ffprobe finds a video there: VLC listens, and asks for a login, before it has its stream ready."""
    until = time.monotonic() + 240
    with_login = url.replace("://", f"://{login[0]}:{login[1]}@", 1)
    command = ["ffprobe", "-v", "error", "-rtsp_transport", "udp", "-show_entries", "stream=codec_type", with_login]
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            found = subprocess.run(command, capture_output=True, timeout=60, check=False)
            if found.returncode == 0 and b"codec_type=video" in found.stdout:
                return
        time.sleep(0.2)
    raise RuntimeError("VLC does not serve the stream")
