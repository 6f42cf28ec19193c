"""What a camera file records of a camera is shown on its page and told by the API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.simulated_time import START, camera
from tests.web.served import served
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.camera_sections import PositionSection
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy

CODE = "42010600001320000001"
RECORDED = {
    "gb_code": CODE,
    "position": PositionSection(latitude=30.5928, longitude=114.3055),
    "contractor": "某某智能",
    "installed": "2024-03-05",
}


async def test_what_a_file_records_is_shown_and_told(tmp_path: Path) -> None:
    plain = camera("gate")
    recorded = replace(camera("door"), data=camera("door").data.model_copy(update=RECORDED))
    fleet = Fleet(ManualClock(START), Policy(), (plain, recorded))
    async with served(tmp_path, fleet=fleet) as session:
        async with session.get("/cameras/door", headers={"Accept-Language": "zh"}) as answer:
            page = await answer.text()
        async with session.get("/cameras/gate", headers={"Accept-Language": "zh"}) as answer:
            bare = await answer.text()
        async with session.get("/api/v1/cameras/door") as answer:
            told = await answer.json()
        async with session.get("/api/v1/cameras/gate") as answer:
            untold = await answer.json()
    facts = (
        ("国标编码", CODE),
        ("纬度、经度", "30.5928, 114.3055"),
        ("施工单位", "某某智能"),
        ("安装日期", "2024-03-05"),
    )
    for label, value in facts:
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page
        assert label not in bare
    place = {"latitude": 30.5928, "longitude": 114.3055}
    assert {key: told[key] for key in RECORDED} == {**RECORDED, "position": place}
    assert {key: untold[key] for key in RECORDED} == dict.fromkeys(RECORDED)
