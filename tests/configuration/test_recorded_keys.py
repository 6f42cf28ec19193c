"""What a camera file records of a camera and nobody judges: its code, its place, who installed it and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from xueliang_monitor.configuration.inventory import read_camera
from xueliang_monitor.configuration.strict_yaml import DocumentError

CAMERA = "site: S\naddress: 192.0.2.9\n"
CODE = "42010600001320000001"


def _read(folder: Path, text: str) -> dict[str, object]:
    file = folder / "a.yaml"
    file.write_text(CAMERA + text)
    data = read_camera(file, {}, frozenset()).data
    return data.model_dump(include={"gb_code", "position", "contractor", "installed"})


@pytest.mark.parametrize("code", [CODE, f"'{CODE}'", CODE[:18]])
@pytest.mark.parametrize("day", ["2024-03-05", "'2024-03-05'", "2024-03-05 08:30:00"])
def test_what_is_recorded(tmp_path: Path, code: str, day: str) -> None:
    said = f"gb_code: {code}\nposition: {{latitude: 30.5, longitude: 114}}\ncontractor: 建工\ninstalled: {day}\n"
    assert _read(tmp_path, said) == {
        "gb_code": code.strip("'"),
        "position": {"latitude": 30.5, "longitude": 114.0},
        "contractor": "建工",
        "installed": "2024-03-05",
    }


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("gb_code: '123'", "gb_code: write the code of GB/T 28181 as 20 digits"),
        ("gb_code: 4.20106e+19", "gb_code: "),
        ("gb_code: ４２０１０６００００１３２０００００01", "gb_code: write the code"),
        ("position: {latitude: 114.3, longitude: 30.5}", "position.latitude: "),
        ("position: {latitude: .nan, longitude: 30.5}", "position.latitude: "),
        ("position: {latitude: 30.5}", "position.longitude: missing"),
        ("installed: March", "installed: write a date"),
        ("installed: '2024-02-30'", "installed: write a date"),
        ("installed: '1900-01-01'", "installed: write a date"),
        ("installed: 20240305", "installed: "),
    ],
)
def test_what_is_no_code_place_or_date(tmp_path: Path, said: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        _read(tmp_path, said)
    assert told in caught.value.problems[0].message
