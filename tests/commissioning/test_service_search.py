"""Where the ONVIF service of a device is looked for, and in which order."""

from __future__ import annotations

import pytest

from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.commissioning.service_search import SeveralDevicesError, meant_devices, places
from xueliang_monitor.net.discovered_devices import DiscoveredDevice, device_of
from xueliang_monitor.wire.discovery import ProbeMatch

HOST = "192.0.2.7"
USUAL = "/onvif/device_service"


def device(*addresses: str, name: str = "", endpoint: str = "a") -> DiscoveredDevice:
    return device_of(HOST, ProbeMatch(endpoint, name, "", "", addresses))


def request(**values: object) -> RegistrationRequest:
    return RegistrationRequest(HOST, "S", **values)  # type: ignore[arg-type]


def looked_at(wish: RegistrationRequest, *devices: DiscoveredDevice, ports: tuple[int, ...] = ()) -> list[str]:
    meant = meant_devices(wish, devices)
    return [f"{'s' if each.secure else ''}{each.port}{each.path}" for each in places(wish, meant, ports)]


DOORS = (
    device(f"http://{HOST}:8081/cam1/device", name="Door1"),
    device(f"http://{HOST}:8082/cam2/device", name="Door2", endpoint="b"),
)
BESIDE = (
    device(f"http://{HOST}:8081/cam1/device", name="Door1"),
    device(f"http://{HOST}:8081/cam2/device", name="Door2", endpoint="b"),
)


def test_the_announced_place_comes_first_and_every_port_before_another_path() -> None:
    found = looked_at(request(), device(f"http://{HOST}/onvif/device"), ports=(80, 8000))
    assert found[:5] == [
        "80/onvif/device",
        f"80{USUAL}",
        f"8000{USUAL}",
        "8000/onvif/device",
        "80/onvif/services",
    ]
    assert len(found) == len(set(found))


def test_other_announced_addresses_are_tried_too() -> None:
    both = device(f"https://{HOST}/onvif/device", f"http://{HOST}:8000/onvif/device")
    assert looked_at(request(), both)[:2] == ["s443/onvif/device", "8000/onvif/device"]
    assert looked_at(request(onvif="https"), both, ports=(443,))[0] == "s443/onvif/device"
    assert all(place.startswith("s") for place in looked_at(request(onvif="https"), both, ports=(443,)))


def test_a_port_alone_is_asked_by_the_announced_path_and_then_by_the_usual_ones() -> None:
    here = device(f"http://{HOST}/onvif/device")
    assert looked_at(request(onvif_port=8081), here, ports=(8081,))[:3] == [
        "8081/onvif/device",
        f"8081{USUAL}",
        "8081/onvif/services",
    ]
    assert looked_at(request(onvif_port=8081), ports=(8081,))[0] == f"8081{USUAL}"
    assert looked_at(request(onvif_port=443), ports=(443,))[:2] == [f"s443{USUAL}", f"443{USUAL}"]


def test_a_path_alone_is_asked_at_the_announced_port_and_at_the_usual_ones() -> None:
    here = device(f"http://{HOST}:8081/onvif/device")
    assert looked_at(request(onvif_path="/x"), here, ports=(80, 8000)) == ["8081/x", "80/x", "8000/x"]


@pytest.mark.parametrize(
    ("wish", "devices", "first"),
    [
        (request(onvif_port=8082), DOORS, "8082/cam2/device"),
        (request(onvif_path="/cam1/device"), DOORS, "8081/cam1/device"),
        (request(onvif_port=8081, onvif_path="/cam2/device"), BESIDE, "8081/cam2/device"),
        (request(onvif_port=9000), DOORS, "9000/cam1/device"),
    ],
)
def test_one_of_several_devices_is_chosen(
    wish: RegistrationRequest, devices: tuple[DiscoveredDevice, ...], first: str
) -> None:
    assert looked_at(wish, *devices, ports=(wish.onvif_port or 80,))[0] == first


@pytest.mark.parametrize(
    ("wish", "devices", "said"),
    [
        (request(), DOORS, "2 devices answer at 192.0.2.7: port 8081, path /cam1/device (Door1), port 8082"),
        (request(), DOORS, "指定其中一台"),
        (request(), DOORS, "with --onvif-port."),
        (request(), BESIDE, "with --onvif-port and --onvif-path."),
        (request(onvif_port=8081), BESIDE, "2 devices answer"),
        (request(rtsp_path="/live"), DOORS, "2 devices answer"),
    ],
)
def test_several_devices_are_named_and_none_is_guessed(
    wish: RegistrationRequest, devices: tuple[DiscoveredDevice, ...], said: str
) -> None:
    with pytest.raises(SeveralDevicesError) as caught:
        meant_devices(wish, devices)
    assert said in str(caught.value)
    assert caught.value.devices == devices


def test_a_login_in_the_path_of_a_device_is_not_shown() -> None:
    devices = (device(f"http://{HOST}:8081/odd?pwd=CanaryQ1"), device(f"http://{HOST}:8082/even?token=CanaryQ2"))
    with pytest.raises(SeveralDevicesError) as caught:
        meant_devices(request(), devices)
    assert "path /odd?… (" in str(caught.value)
    assert "Canary" not in str(caught.value)
