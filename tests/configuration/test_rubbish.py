"""What lies in the folders of an administrator by mistake costs its own file only, in bounded time and memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import ROOT
from xueliang_monitor.cli import app
from xueliang_monitor.configuration import camera_folder, file_watcher, installation, inventory
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.regular_file import UnsuitableFileError, read_bytes
from xueliang_monitor.configuration.strict_yaml import DocumentError, Problem
from xueliang_monitor.model import Credentials

RUNNER = CliRunner()
GOOD = "site: depot\naddress: 127.0.0.1\n"
MIB = 1024 * 1024

REFUSED = {
    "nested lists": ("name: " + "[" * 8000, "nesting"),
    "nested lists of 17 levels": ("name: " + "[" * 17 + "]" * 17, "nested more than 16 levels deep"),
    "nested mappings": ("{a: " * 8000, "nest"),
    "nested sequences in lines": ("- " * 8000, "nest"),
    "nested keys": ("? " * 8000, "plain text"),
    "a list as a key": ("? [a]\n: b\n", "plain text"),
    "aliases of aliases": (
        "a: &a [x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(9)),
        "aliases are not allowed",
    ),
    "merge keys": ("<<: {site: depot}\naddress: 127.0.0.1\n", "merge keys are not allowed"),
    "a tag of Python's": ("name: !!python/object/apply:os.system [reboot]\n", "is not allowed"),
    "a tag of its own": ("name: !secret x\n", "tag !secret is not allowed"),
    "many directives": ("%TAG !a! b\n" * 5000, "directives (%) are not allowed"),
    "many documents": ("---\n" * 10_000, "more than one document"),
    "a number of base 60": (f"rtsp_port: {':'.join(['59'] * 1300)}\n", "more than 64 characters"),
    "a huge number": (f"rtsp_port: {'9' * 4000}\n", "more than 64 characters"),
    "a huge value": (f"name: {'x' * 5000}\n", "more than 4096 characters"),
    "an impossible date": ("name: 2026-99-99\n", "looks like a number, date or boolean but is none"),
    "NUL": ("name: a\0b\n", "control characters are not allowed"),
    "an escape sequence": ('name: "\\e[31mred"\n', "control characters"),
    "a line separator": ('name: "a\\u2028event=raised"\n', "control characters"),
    "a reversed text": ('name: "\\u202eevil"\n', "control characters"),
    "a key twice": ("site: a\nsite: b\n", ":2: site: key given twice"),
    "more values than allowed": (f"name: [{'1,' * 2000}]\n", "more than 1000 keys and values"),
    "a text that is too long": (f"# {'x' * 70_000}\n", "is larger than 65536 bytes"),
    "another encoding": ("name: 校门".encode("gb18030"), "is not UTF-8 text"),
    "binary data": (bytes(range(256)) * 10, "is not"),
}


def _problem(folder: Path, name: str = "bad.yaml") -> str:
    loaded = inventory.load(folder, {}, frozenset())
    return next(str(problem) for problem in loaded.problems if problem.file.name == name)


@pytest.mark.parametrize("kind", REFUSED)
def test_odd_yaml_is_refused_in_little_time(kind: str, tmp_path: Path) -> None:
    content, message = REFUSED[kind]
    (tmp_path / "bad.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = time.process_time()
    problem = _problem(tmp_path)
    assert time.process_time() - before < 1
    assert message in problem
    assert len(problem) < 1000


def test_settings_of_one_mebibyte_take_little_time(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    for text in ("clear: " + "[" * MIB, "%TAG !a! b\n" * 90_000, "clear: " + "1:" * 500_000, "---\n" * 250_000):
        file.write_text(text[:MIB])
        before = time.process_time()
        with pytest.raises(DocumentError):
            config.load(file)
        assert time.process_time() - before < 1


def test_ordinary_yaml_stays_valid(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(
        b"\xef\xbb\xbf# with a byte order mark\n---\nsite: !!str 12\nname: |\n  North gate\naddress: 127.0.0.1\n"
        b"rtsp_port: 0x1F90\npicture: {limits: {picture_dirty: off}}\n"
    )
    loaded = inventory.load(tmp_path, {}, frozenset())
    assert loaded.problems == ()
    assert (loaded.cameras[0].site, loaded.cameras[0].name, loaded.cameras[0].target.port) == ("12", "North gate", 8080)


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    """A folder with a good camera, and files of every other kind."""
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    (folder / "good.yaml").write_text(GOOD)
    os.mkfifo(folder / "fifo.yaml")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    (folder / "terminal.yaml").symlink_to("/dev/tty")
    (folder / "folder.yaml").mkdir()
    (folder / "nothing.yaml").symlink_to("nowhere")
    (folder / "circle.yaml").symlink_to("circle.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket.yaml"))
    return folder


def test_a_file_that_cannot_be_read_without_waiting_is_a_problem() -> None:
    log = Path("/proc/kmsg")
    try:
        read_bytes(log, 64 * 1024 * 1024)  # what the kernel's log holds now
    except UnsuitableFileError:
        pass
    except PermissionError:
        pytest.skip("the kernel's log takes root to read")
    with pytest.raises(UnsuitableFileError, match="without waiting"):
        read_bytes(log, 64 * 1024 * 1024)


def test_the_name_of_a_file_forges_no_line() -> None:
    problem = Problem(Path("cameras.d/bad\nERROR \x1b[31mforged.yaml"), 3, "is wrong")
    assert str(problem) == r"cameras.d/bad\nERROR \x1b[31mforged.yaml:3: is wrong"


def test_files_of_other_kinds_are_not_opened(odd_files: Path) -> None:
    (odd_files.parent / "x.yaml").write_text("")
    code = "import sys; from xueliang_monitor.cli import app; app(['config', 'check', '--config', sys.argv[1]])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(odd_files.parent / "x.yaml")],
        capture_output=True, text=True, timeout=60, cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    told = {Path(name).name: text for name, text in (line.split(".yaml: ") for line in done.stderr.splitlines()[:-1])}
    outside = f"is not a valid camera file; {inventory.LINK_OUTSIDE.partition('; ')[2]}"
    assert told == {
        "circle": "cannot be read: Too many levels of symbolic links",
        "fifo": "is a FIFO, not a regular file",
        "folder": "is a folder, not a regular file",
        "nothing": "cannot be read: No such file or directory",
        "socket": "is a socket, not a regular file",
        "terminal": outside,
        "zero": outside,
    }
    assert done.stderr.splitlines()[-1] == "7 errors; 1 cameras are valid"


def test_a_link_to_nothing_hides_no_change(odd_files: Path) -> None:
    before = file_watcher.fingerprint(odd_files)
    assert len(before) == 8
    (odd_files / "good.yaml").write_text(GOOD + "name: changed\n")
    assert file_watcher.fingerprint(odd_files) != before


@pytest.mark.parametrize("key", ["password_file", "web_config", "cert_file"])
def test_other_files_of_other_kinds_are_not_opened(key: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "cameras.d").mkdir()
    web = "web_config: fifo" if key == "web_config" else "web_config: web.yaml"
    (tmp_path / "web.yaml").write_text(
        "tls_server_config: {cert_file: fifo, key_file: fifo}\n" if key == "cert_file" else ""
    )
    login = "credentials: {a: {username: u, password_file: fifo}}\n" if key == "password_file" else ""
    (tmp_path / "x.yaml").write_text(f"{web}\n{login}")
    told: list[str] = []
    checking = threading.Thread(
        target=lambda: told.append(RUNNER.invoke(app, ["config", "check", "-c", str(tmp_path / "x.yaml")]).stderr),
        daemon=True,
    )
    checking.start()
    checking.join(20)
    assert told, "it waits for the FIFO"
    assert "is a FIFO, not a regular file" in told[0]


@pytest.mark.parametrize(
    "text", ["root:x:0:0\nxyzzy: 1\n", "xyzzy: 1\n", "password: xyzzy\n", f"{GOOD}name: xyzzy\nz: 1\n"]
)
def test_a_link_out_of_the_folder_shows_nothing_of_its_target(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    (tmp_path / "elsewhere").write_text(text)
    (folder / "link.yaml").symlink_to(tmp_path / "elsewhere")
    told = _problem(folder, "link.yaml")
    assert "xyzzy" not in told
    assert "a link to a file outside this folder" in told
    (tmp_path / "elsewhere").write_text(GOOD)
    assert [camera.id for camera in inventory.load(folder, {}, frozenset()).cameras] == ["link"]


def test_a_link_within_the_folder_is_an_ordinary_file(tmp_path: Path) -> None:
    """Kubernetes mounts a ConfigMap like this."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "one.yaml").write_text(f"{GOOD}adress: 127.0.0.1\n")
    (tmp_path / "one.yaml").symlink_to("..data/one.yaml")
    assert "one.yaml:3: adress: unknown key" in _problem(tmp_path, "one.yaml")


MEMORY = """
import resource, sys
from pathlib import Path
from xueliang_monitor.configuration import settings, strict_yaml
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    settings.load(Path(sys.argv[1]))
except strict_yaml.DocumentError as error:
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(len(error.problems), taken, error.problems[-1].message)
"""


@pytest.mark.parametrize(("keys", "last"), [(24_000, "23,980 more errors in this file"), (90_000, "more than 50000")])
def test_many_wrong_keys_take_little_memory(keys: int, last: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("".join(f"k{number}: 1\n" for number in range(keys)))
    done = subprocess.run([sys.executable, "-c", MEMORY, str(file)], capture_output=True, text=True, cwd=ROOT)
    problems, mebibytes, message = done.stdout.split(maxsplit=2)
    assert int(problems) <= 21
    assert int(mebibytes) < 60
    assert last in message


def test_a_folder_of_rubbish_is_told_of_in_few_lines(tmp_path: Path) -> None:
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    for number in range(300):
        (folder / f"bad-{number:03d}.yaml").write_text("".join(f"wrong{each}: 1\n" for each in range(30)))
    (folder / "good.yaml").write_text(GOOD)
    (tmp_path / "x.yaml").write_text("")
    done = RUNNER.invoke(app, ["config", "check", "-c", str(tmp_path / "x.yaml")])
    lines = done.stderr.splitlines()
    assert len(lines) == 102
    assert lines[20].endswith("bad-000.yaml: 12 more errors in this file")  # site and address are missing too
    assert lines[100].startswith("… and ")
    assert lines[101].endswith("1 cameras are valid")
    loaded = installation.load(tmp_path / "x.yaml").inventory
    assert loaded.invalid_files == 300
    assert len(loaded.problems) < 1500


def test_one_wrong_name_of_a_login_lists_no_5000_others(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(f"{GOOD}credentials: camera-1x\n")
    names = frozenset(f"camera-{number}" for number in range(5000))
    (problem,) = inventory.load(tmp_path, {}, names).problems
    assert "(5,000 in all)" in problem.message
    assert len(problem.message) < 500


def test_too_many_files_refuse_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_folder, "MAX_FILES", 3)
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text(GOOD)
    inventory.load(tmp_path, {}, frozenset())
    (tmp_path / "more.yaml").write_text(GOOD)
    with pytest.raises(DocumentError, match="the camera folder has more than 3 camera files"):
        inventory.load(tmp_path, {}, frozenset())


def test_only_changed_files_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "UNSETTLED_NS", 0)
    for name in ("a", "b", "bad"):
        (tmp_path / f"{name}.yaml").write_text(f"site: S\naddress: 127.0.0.{len(name)}\nrtsp_path: /{name}\n")
    (tmp_path / "bad.yaml").write_text("sight: S\n")
    read: list[str] = []
    real = inventory.read_camera

    def counted(file: Path, *others: object) -> inventory.Camera:
        read.append(file.stem)
        return real(file, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(inventory, "read_camera", counted)
    first = inventory.load(tmp_path, {}, frozenset())
    assert read == ["a", "b", "bad"]
    read.clear()
    second = inventory.load(tmp_path, {}, frozenset(), before=first)
    assert read == []
    assert second == first
    (tmp_path / "b.yaml").write_text("site: S\naddress: 127.0.0.9\n")
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "c.yaml").write_text("site: S\naddress: 127.0.0.7\n")
    third = inventory.load(tmp_path, {}, frozenset(), before=second)
    assert read == ["b", "c"]
    assert [(camera.id, camera.target.host) for camera in third.cameras] == [("b", "127.0.0.9"), ("c", "127.0.0.7")]
    assert [problem.file.stem for problem in third.problems] == ["bad"] * len(third.problems)
    read.clear()
    inventory.load(tmp_path, {"x": Credentials("u", "p")}, frozenset({"x"}), before=third)
    assert read == ["b", "bad", "c"], "another login may change every target"


def test_a_file_that_has_just_changed_is_read_again(tmp_path: Path) -> None:
    """A second change of the same size within the same tick of the file system's clock leaves the identity as it is."""
    file = tmp_path / "a.yaml"
    file.write_text(f"{GOOD}name: one\n")
    about = file.stat()
    first = inventory.load(tmp_path, {}, frozenset())
    file.write_text(f"{GOOD}name: two\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    second = inventory.load(tmp_path, {}, frozenset(), before=first)
    assert [camera.name for camera in second.cameras] == ["two"]
