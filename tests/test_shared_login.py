"""A login that all cameras share: a wrong password file, and passwords changed on the devices, are one event each."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests import waiting
from tests.test_daemon import PASSWORD, Rig, all_up, running, until
from tests.waiting import AT_MOST_SECONDS
from xueliang_monitor.storage.history import History

COUNT = 20
INTERVAL = 5.0
SETTINGS = (
    f"state: STATE\nintervals: {{reach: {INTERVAL}s, rtsp: {INTERVAL}s, stream: 1h, picture: 1h, onvif: 1h}}\n"
    "inventory: cameras.d"
)


def events(folder: Path) -> list[tuple[str, str, str, str]]:
    history = History(folder / "state", read_only=True)
    try:
        return [(item.kind, item.fault, item.camera, item.login) for item in history.events(limit=1000)]
    finally:
        history.close()


async def until_event(folder: Path, wanted: tuple[str, str, str, str], count: int = 1) -> float:
    async def so() -> bool:
        return events(folder).count(wanted) >= count

    return await waiting.until(so, AT_MOST_SECONDS, lambda: f"no event {wanted} in {events(folder)}")


async def use_password(rig: Rig, folder: Path, password: str) -> None:
    """Write the password file and the settings that name it, and wait until the daemon has read them."""
    before = await reloaded_at(rig)
    (folder / "password").write_text(password)
    settings = (folder / "xueliang.yaml").read_text().replace("password_env: FLEET_PASSWORD", "password_file: password")
    (folder / "xueliang.yaml").write_text(settings)
    rig.daemon.send_signal(signal.SIGHUP)

    async def so() -> bool:
        return await reloaded_at(rig) != before

    await waiting.until(so, AT_MOST_SECONDS, "the daemon did not reload")


async def reloaded_at(rig: Rig) -> str:
    metrics = await rig.get("/metrics")
    return next(
        line for line in metrics.splitlines() if line.startswith("xueliang_config_last_reload_timestamp_seconds")
    )


async def refused(rig: Rig) -> list[dict[str, Any]]:
    return list(json.loads(await rig.get("/api/v1/cameras"))["credentials"])


async def shows(rig: Rig, metric: str) -> bool:
    return metric in await rig.get("/metrics")


RAISED = ("raised", "credentials_refused", "", "district")
CLEARED = ("cleared", "credentials_refused", "", "district")


async def test_a_wrong_password_for_all_cameras_is_one_event_and_heals_at_once(tmp_path: Path) -> None:
    settings = SETTINGS.replace("STATE", str(tmp_path / "state"))
    async with running(tmp_path, COUNT, settings) as rig:
        await until(rig, all_up)
        await use_password(rig, tmp_path, "wrong" + PASSWORD)
        await until_event(tmp_path, RAISED)
        states = await rig.states()
        assert all_up(states), "the cameras stay what they were"
        (known,) = await refused(rig)
        assert (known["login"], known["cameras"]) == ("district", COUNT)
        cameras = json.loads(await rig.get("/api/v1/cameras"))["cameras"]
        assert {item["cause"] for item in cameras} == {"credentials_refused"}
        refused_metric = 'xueliang_credentials_refused{credentials="district"} 1.0'
        await waiting.until(lambda: shows(rig, refused_metric), AT_MOST_SECONDS, "no metric")
        assert f'xueliang_credentials_refused_cameras{{credentials="district"}} {COUNT}.0' in await rig.get("/metrics")
        assert "district" in await rig.get("/events")
        await use_password(rig, tmp_path, PASSWORD)
        assert await until_event(tmp_path, CLEARED) < AT_MOST_SECONDS
        assert await refused(rig) == []

        # Now the password is changed on the devices, and the login was good until then.
        for row in rig.cameras:
            await rig.fault(row.id, "wrong-password")
        await until_event(tmp_path, RAISED, 2)
        assert all_up(await rig.states())
        for row in rig.cameras:
            await rig.fault(row.id, None)
        await use_password(rig, tmp_path, "also wrong")
        await use_password(rig, tmp_path, PASSWORD)
        await until_event(tmp_path, CLEARED, 2)

        found = events(tmp_path)
        assert not [item for item in found if item[1] == "auth_failed"], "no camera is blamed alone"
        assert [item for item in found if item[1] == "credentials_refused"] == [RAISED, CLEARED, RAISED, CLEARED]
        log = rig.log.read_text()
        assert "event=raised login=district fault=credentials_refused severity=critical" in log
        assert PASSWORD not in log


async def test_one_camera_that_refuses_the_shared_login_is_to_blame_itself(tmp_path: Path) -> None:
    settings = SETTINGS.replace("STATE", str(tmp_path / "state"))
    async with running(tmp_path, 6, settings) as rig:
        await until(rig, all_up)
        bad = rig.cameras[2].id
        await rig.fault(bad, "wrong-password")
        await until(rig, lambda states: states[bad] == ("down", ("auth_failed",)))
        others = {name: state for name, state in (await rig.states()).items() if name != bad}
        assert all_up(others)
        assert await refused(rig) == []
