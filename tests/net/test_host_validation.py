"""Accepted forms of a host: none that two programs read as different devices."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from xueliang_monitor.cli import app
from xueliang_monitor.configuration import inventory
from xueliang_monitor.configuration.spreadsheet import read
from xueliang_monitor.net.host_validation import check_host

REFUSED = (
    ("127.0.1.022", "some programs read 022 as octal"),
    ("010.0.0.1", "some programs read 010 as octal"),
    ("192.0.2", "192.0.2 is neither a whole IPv4 address nor a host name"),
    ("127.1", "neither a whole IPv4 address nor a host name"),
    ("3221225994", "3221225994 is a single number"),
    ("0", "0 is a single number"),
    ("192.0.2.300", "300 is above 255"),
    ("1.2.3.4.5", "neither a whole IPv4 address"),
    ("192.0.2.18.", "neither a whole IPv4 address"),
    ("0x7f000001", "hexadecimal spelling"),
    ("0x7f.1", "hexadecimal spelling"),
    ("127.0.0.0X1", "hexadecimal spelling"),
    ("cam.7", "neither a whole IPv4 address"),
    ("99999999999999999999999.1.1.1", "is above 255"),
    ("1:2", "not an IP address or host name"),
    ("\uff11\uff12\uff17.0.0.1", "not an IP address or host name"),
    ("摄像机.example", "write a name with other letters as xn--"),
    ("rtsp://192.0.2.1/", "without rtsp://, port or path"),
    ("", "not an IP address or host name"),
)
TAKEN = (
    *("192.0.2.18", "0.0.0.0", "2001:db8::18", "::ffff:192.0.2.18", "localhost", "7a", "cam-7.example", "7gate.local"),
    *("10-0-0-7.cameras.example", "xn--fsq.cn", "0x.example", "cam.example.", "1.2.3.4.example"),
)


@pytest.mark.parametrize(("host", "why"), REFUSED)
def test_ambiguous_addresses_are_rejected(host: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        check_host(host)


@pytest.mark.parametrize("host", TAKEN)
def test_plain_addresses_and_names_are_accepted(host: str) -> None:
    assert check_host(host) == host


@given(st.ip_addresses(v=4), st.integers(0, 3), st.integers(1, 3))
def test_leading_zeros_are_rejected_in_every_part(address: ipaddress.IPv4Address, place: int, zeros: int) -> None:
    assert check_host(str(address)) == str(address)
    parts = str(address).split(".")
    parts[place] = "0" * zeros + parts[place]
    with pytest.raises(ValueError, match="octal"):
        check_host(".".join(parts))


@given(st.text("0123456789.xXaf", max_size=20))
def test_an_accepted_number_is_a_plain_address(host: str) -> None:
    """A value that inet_aton accepts is valid only where Python's strict parser agrees."""
    try:
        check_host(host)
    except ValueError:
        return
    last = host.rstrip(".").rsplit(".", 1)[-1]
    if last.isdecimal() or re.fullmatch("0[xX][0-9A-Fa-f]*", last):
        assert str(ipaddress.IPv4Address(host)) == host


@pytest.mark.parametrize("host", ["127.0.1.022", "192.0.2", "3221225994", "192.0.2.300", "0x7f000001"])
def test_every_input_rejects_an_ambiguous_address(host: str, tmp_path: Path) -> None:
    folder = tmp_path / "cameras.d"
    folder.mkdir()
    (folder / "cam-1.yaml").write_text(f"site: S\naddress: '{host}'\n")
    (tmp_path / "xueliang.yaml").write_text("inventory: cameras.d\n")
    assert inventory.load(folder, {}, frozenset()).problems[0].message.startswith(f"address: {host} ")
    csv = tmp_path / "fleet.csv"
    csv.write_text(f"id,site,address\ncam-1,S,{host}\n")
    assert read(csv)[1][0].message.startswith(f"address: {host} ")
    workbook = openpyxl.Workbook()
    workbook.active.append(["id", "site", "address"])
    workbook.active.append(["cam-1", "S", int(host) if host.isdecimal() else host])
    workbook.save(tmp_path / "fleet.xlsx")
    assert read(tmp_path / "fleet.xlsx")[1][0].message.startswith(f"address: {host} ")
    at = ["--config", str(tmp_path / "xueliang.yaml")]
    for command in (
        ["check", f"rtsp://{host}/live", *at],
        ["capture", f"rtsp://{host}/live", *at],
        ["camera", "add", host, "--site", "S", *at],
        ["discover", "--subnet", host, *at],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2, (command, result.output)
        assert host in result.output
