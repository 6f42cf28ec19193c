"""Which serial numbers tell one device from another."""

from __future__ import annotations

import pytest

from xueliang_monitor.commissioning.serial_numbers import RegisteredCamera, identifies, same_serial
from xueliang_monitor.configuration.camera_file import CameraFile, Lifecycle
from xueliang_monitor.configuration.camera_sections import IdentitySection


@pytest.mark.parametrize(
    "serial",
    [
        "", " ", "0", "00000000", "0000-0000-0000", "00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", "0123456789", "123456",
        "1234567890", "12345678901234567890", "9876543210", "987654321", "0123456789ABCDEF", "001122334455",
        "00:11:22:33:44:55", "1111111111", "12121212", "123123123", "none", "None", "null", "(null)", "N/A", "default",
        "Default-SN", "unknown", "SN", "SN:0000000000", "SN123456", "S/N 123456789", "SerialNumber", "1", "1.0", "A123",
        "HIKVISION", "abcdef", "xxxxxxxx", "---", "IPC-HFW2431S", "ipc hfw2431s", "V5.5.0 build 170725", "ACME 3000",
        "00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_a_number_that_a_make_shares_identifies_nothing(serial: str) -> None:
    who = IdentitySection(
        manufacturer="ACME 3000", model="IPC-HFW2431S", firmware="V5.5.0 build 170725", serial=serial, hardware="1.0"
    )
    assert not identifies(who)


@pytest.mark.parametrize(
    "serial",
    [
        "B8A44FA04F26", "044566917926150010", "DS-2CD2012-I20150201CCWR501088621", "192168261", "SIM000000",
        "SIM000002",
        "2G04B4FPAW00123", "210235C2NL3176000123", "5b3e6d1a-7c44-4b0e-9f0e-2f6f2d1f9f10", "AA1234567",
        "10023",
    ],
)  # fmt: skip
def test_a_number_of_a_unit_identifies_it(serial: str) -> None:
    assert identifies(IdentitySection(serial=serial))


def camera(address: str, serial: str = "B8A44FA04F26", status: Lifecycle = Lifecycle.ACTIVE) -> CameraFile:
    return CameraFile(site="S", address=address, identity=IdentitySection(serial=serial), status=status)


@pytest.mark.parametrize(
    ("others", "same"),
    [
        ([], None),
        ([camera("192.0.2.8")], "0"),
        ([camera("192.0.2.8", "b8:a4:4f:a0:4f:26")], "0"),
        ([camera("192.0.2.8", "another-1")], None),
        ([camera("192.0.2.7")], None),
        ([camera("192.0.2.7"), camera("192.0.2.8")], "1"),
        ([camera("192.0.2.8", status=Lifecycle.RETIRED)], None),
        ([camera("192.0.2.8"), camera("192.0.2.8")], "0"),
        ([camera("192.0.2.8"), camera("192.0.2.9")], None),
        ([CameraFile(site="S", address="192.0.2.8")], None),
    ],
)
def test_the_same_serial_number_at_another_address(others: list[CameraFile], same: str | None) -> None:
    known = [RegisteredCamera(str(number), each) for number, each in enumerate(others)]
    found = same_serial(camera("192.0.2.7"), known)
    assert (found.id if found else None) == same
    assert same_serial(CameraFile(site="S", address="192.0.2.7"), known) is None
    assert (
        same_serial(camera("192.0.2.7", "0123456789"), [RegisteredCamera("x", camera("192.0.2.8", "0123456789"))])
        is None
    )
