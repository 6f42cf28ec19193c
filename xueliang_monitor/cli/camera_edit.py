"""`xueliang camera edit`, `remove` and `retire`: the commands that change a camera file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xueliang_monitor.cli.output import (
    CameraArgument,
    ConfigOption,
    camera_of,
    err,
    installation_of,
    on_terminal,
    out,
    refuse,
)

if TYPE_CHECKING:
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.configuration.strict_yaml import Problem


def _problems(loaded: Installation, identity: str, text: str) -> tuple[Problem, ...]:
    """Return the problems that a text would have as the file of a camera."""
    from dataclasses import replace

    from xueliang_monitor.configuration.camera_file import Lifecycle
    from xueliang_monitor.configuration.inventory import read_camera
    from xueliang_monitor.configuration.stream_identity import same_stream
    from xueliang_monitor.configuration.strict_yaml import DocumentError, Problem

    real = loaded.settings.inventory / f"{identity}.yaml"
    with tempfile.TemporaryDirectory(prefix="xueliang-edit-") as folder:
        file = Path(folder) / f"{identity}.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            camera = read_camera(file, loaded.credentials, frozenset(loaded.settings.credentials))
        except DocumentError as error:
            return tuple(replace(problem, file=real) for problem in error.problems)
    others = ((other.id, other.watched) for other in loaded.inventory.cameras if other.id != identity)
    if camera.status is not Lifecycle.RETIRED and (other := same_stream(camera.watched, others)):
        return (Problem(real, 0, f"address: the same address, port and path as {other}"),)
    return ()


def change(loaded: Installation, identity: str, values: Mapping[str, Any]) -> None:
    """Set keys of a camera file; None removes a key. Comments stay. An invalid result is not written."""
    from xueliang_monitor.configuration import camera_file
    from xueliang_monitor.configuration.key_edit import with_keys
    from xueliang_monitor.configuration.yaml_text import YamlTextError

    path = loaded.settings.inventory / f"{identity}.yaml"
    try:
        text = with_keys(path.read_text(encoding="utf-8-sig"), values)
        if problems := _problems(loaded, identity, text):
            refuse(problems, 1)
        camera_file.write_text(loaded.settings.inventory, identity, text)
    except OSError as error:
        refuse([f"{path}: cannot be changed: {error.strerror}"], 1)
    except (YamlTextError, UnicodeDecodeError) as error:
        refuse([f"{path}: cannot be changed: {error}"], 1)


def _editor() -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        if os.environ.get(name):
            return shlex.split(os.environ[name])
    found = next((name for name in ("sensible-editor", "nano", "vi") if shutil.which(name)), None)
    if found is None:
        refuse(["no editor found; set EDITOR"])
    return [found]


def _edit_text(text: str, identity: str) -> str:
    with tempfile.TemporaryDirectory(prefix="xueliang-edit-") as folder:
        file = Path(folder) / f"{identity}.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*_editor(), str(file)], check=False)  # noqa: S603 - the editor that the user chose
        except OSError as error:
            refuse([f"the editor cannot be started: {error.strerror}"], 1)
        if done.returncode:
            refuse([f"the editor exited with status {done.returncode}; nothing was changed"], 1)
        return file.read_text(encoding="utf-8")


def edit(camera: CameraArgument, config: ConfigOption = None) -> None:
    """Open a camera file in $EDITOR. The file is replaced only if the result is valid."""
    from xueliang_monitor.configuration import camera_file
    from xueliang_monitor.configuration.regular_file import UnsuitableFileError, read_bytes
    from xueliang_monitor.configuration.strict_yaml import CAMERA_LIMITS

    loaded = installation_of(config, passwords=False)
    path = loaded.settings.inventory / f"{camera}.yaml"
    try:
        before = read_bytes(path, CAMERA_LIMITS.most_bytes).decode()
    except (OSError, UnicodeDecodeError, UnsuitableFileError):
        camera_of(loaded, camera)
        refuse([f"{path}: cannot be read"], 1)
    text = before
    while True:
        text = _edit_text(text, camera)
        if text == before:
            out.print(f"{camera}: nothing changed", highlight=False)
            return
        problems = _problems(loaded, camera, text)
        if not problems:
            break
        for problem in problems:
            err.print(str(problem), style="red", markup=False, highlight=False)
        if not on_terminal() or not typer.confirm("Edit again?", default=True, err=True):
            refuse([f"{camera}: nothing was changed"], 1)
    try:
        if path.read_text(encoding="utf-8") != before:
            refuse([f"{path} changed while it was being edited; nothing was written"], 1)
        camera_file.write_text(loaded.settings.inventory, camera, text)
    except OSError as error:
        refuse([f"{path}: cannot be written: {error.strerror}"], 1)
    out.print(f"{camera}: changed", highlight=False)


def remove(camera: CameraArgument, config: ConfigOption = None) -> None:
    """Stop monitoring a camera. Its file moves to the folder `removed`."""
    from xueliang_monitor.configuration import camera_file

    loaded = installation_of(config, passwords=False)
    path = loaded.settings.inventory / f"{camera}.yaml"
    if not path.exists():
        camera_of(loaded, camera)
    try:
        kept = camera_file.put_aside(loaded.settings.inventory, camera)
    except OSError as error:
        refuse([f"{path}: cannot be removed: {error.strerror}"], 1)
    out.print(f"{camera}: removed; its file is kept as {kept}", highlight=False)


def retire(
    camera: CameraArgument,
    undo: Annotated[bool, typer.Option("--undo", help="Monitor it again.")] = False,
    config: ConfigOption = None,
) -> None:
    """Stop monitoring a camera that was taken down. Its file and history stay."""
    loaded = installation_of(config, passwords=False)
    known = camera_of(loaded, camera)
    change(loaded, known.id, {"status": None if undo else "retired"})
    out.print(f"{known.id}: {'active again' if undo else 'retired'}", highlight=False)
