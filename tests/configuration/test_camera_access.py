"""Camera files are read by their owner and the daemon, and by nobody else."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
from pathlib import Path

import pytest

from xueliang_monitor.configuration import camera_access, camera_file
from xueliang_monitor.configuration.camera_file import CameraFile

DATA = CameraFile(site="S", address="192.0.2.7")
OTHER_USER, OTHER_GROUP, DAEMON = 65530, 65531, 65532
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other users")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def can_read(path: Path, *, group: int) -> bool:
    """Return whether a process of another user in that group reads a file."""
    for folder in list(path.parents)[1:]:
        if folder.stat().st_uid == os.geteuid() and not mode_of(folder) & 0o001:
            folder.chmod(mode_of(folder) | 0o011)
    command = ["setpriv", f"--reuid={DAEMON}", f"--regid={group}", "--clear-groups", "cat", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_file_is_closed_to_others_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = camera_file.write(tmp_path, "a", DATA, new=True)
        kept = camera_file.put_aside(tmp_path, "a")
    finally:
        os.umask(before)
    assert mode_of(kept) == 0o640
    assert not mode_of(kept.parent) & 0o007
    assert not path.exists()


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o664, 0o660), (0o600, 0o640), (0o666, 0o660)])
def test_a_file_that_is_written_again_is_closed_to_others(tmp_path: Path, before: int, after: int) -> None:
    path = camera_file.write(tmp_path, "a", DATA)
    path.chmod(before)
    camera_file.write_text(tmp_path, "a", "site: T\naddress: 192.0.2.7\n")
    assert mode_of(path) == after


@needs_root
@pytest.mark.parametrize("new", [True, False])
def test_the_daemon_reads_what_root_writes_in_its_folder(tmp_path: Path, *, new: bool) -> None:
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    if not new:
        (folder / "a.yaml").write_text("site: S\naddress: 192.0.2.7\n")
    os.chown(folder, 0, OTHER_GROUP)
    folder.chmod(0o2750)
    path = camera_file.write(folder, "a", DATA, new=new)
    assert (path.stat().st_uid, path.stat().st_gid, mode_of(path)) == (0, OTHER_GROUP, 0o640)
    assert can_read(path, group=OTHER_GROUP)
    assert not can_read(path, group=DAEMON)


@needs_root
def test_the_group_of_the_service_reads_where_the_folder_is_still_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older installation, or a package, may have made the folder with the group of root."""
    entry = grp.struct_group((camera_access.SERVICE_GROUP, "x", OTHER_GROUP, []))
    monkeypatch.setattr(grp, "getgrnam", lambda _name: entry)
    folder = tmp_path / "cameras.d"
    folder.mkdir(mode=0o755)
    path = camera_file.write(folder, "a", DATA)
    assert can_read(path, group=OTHER_GROUP)
    assert not can_read(path, group=DAEMON)


@needs_root
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = camera_file.write(tmp_path, "a", DATA)
    os.chown(path, OTHER_USER, OTHER_GROUP)
    camera_file.write_text(tmp_path, "a", "site: T\naddress: 192.0.2.7\n")
    assert (path.stat().st_uid, path.stat().st_gid) == (OTHER_USER, OTHER_GROUP)


def test_a_folder_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        camera_file.write(tmp_path / "gone", "a", DATA)
