"""How a camera keeps its time, as cameras write it."""

from __future__ import annotations

import time

import pytest

from tests.odd_device import date_and_time, moment
from xueliang_monitor.simulator.soap_messages import envelope
from xueliang_monitor.wire import soap
from xueliang_monitor.wire.onvif import read_hostname
from xueliang_monitor.wire.onvif_time_keeping import NtpSettings, TimeKeeping, read_ntp, read_time_keeping

NOW = 1_790_000_000.0
HOUR = 3600.0


def keeping(*clocks: str, source: str = "NTP", zone: str = "CST-8") -> TimeKeeping:
    return read_time_keeping(soap.read(envelope(date_and_time(*clocks, source=source, zone=zone))))


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("CST-8", 8.0), ("CST-08:00:00", 8.0), ("UTC5:0", -5.0), ("UTC-8:0", 8.0), ("<+08>-8", 8.0), ("GMT", 0.0),
        ("China Standard Time", 8.0), ("Asia/Shanghai", 8.0), ("(UTC+08:00) Beijing, Chongqing", 8.0), ("UTC+0", 0.0),
        ("+08:00", 8.0), ("-03:30", -3.5), ("IST-5:30", 5.5), ("", None), ("?", None), ("(GMT-05:00)", -5.0),
    ],
)  # fmt: skip
def test_zones(zone: str, hours: float | None) -> None:
    assert keeping(moment(NOW), zone=zone).offset_seconds == (None if hours is None else hours * HOUR)


def test_the_two_clocks_decide_the_sign_of_a_zone() -> None:
    both = moment(NOW), moment(NOW + 8 * HOUR + 1, "LocalDateTime")
    assert keeping(*both, zone="CST+8:00:00") == TimeKeeping("ntp", "CST+8:00:00", 8 * HOUR, both_told=True)
    same = moment(NOW), moment(NOW, "LocalDateTime")
    assert keeping(*same, source="Manual") == TimeKeeping("manual", "CST-8", 8 * HOUR, same_clocks=True)
    assert keeping(*same, zone="GMT0") == TimeKeeping("ntp", "GMT0", 0.0, both_told=True)
    assert keeping(moment(NOW), moment(NOW + 700, "LocalDateTime")).offset_seconds == 8 * HOUR
    assert keeping(source="??", zone="") == TimeKeeping()


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        (("<tt:FromDHCP>true</tt:FromDHCP><tt:NTPFromDHCP><tt:Type>DNS</tt:Type><tt:DNSname>time.example.org</tt:DNSname>"
         "</tt:NTPFromDHCP>"), NtpSettings(by_dhcp=True, servers=("time.example.org",))),
        ("<tt:FromDHCP>true</tt:FromDHCP>", NtpSettings(by_dhcp=True)),
        (("<tt:FromDHCP>false</tt:FromDHCP><tt:NTPManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>192.0.2.7"
         "</tt:IPv4Address></tt:NTPManual>"), NtpSettings(servers=("192.0.2.7",))),
        ("<tt:NTPManual><tt:Type>IPv6</tt:Type><tt:IPv6Address>2001:db8::7</tt:IPv6Address></tt:NTPManual>",
         NtpSettings(servers=("2001:db8::7",))),
        (("<tt:NTPManual><tt:Type>DNS</tt:Type><tt:IPv4Address>192.0.2.8</tt:IPv4Address></tt:NTPManual>"
         "<tt:NTPManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:NTPManual>"),
         NtpSettings(servers=("192.0.2.8",))),
        ("", NtpSettings()),
    ],
)  # fmt: skip
def test_ntp_servers(inner: str, found: NtpSettings) -> None:
    body = f"<tds:GetNTPResponse><tds:NTPInformation>{inner}</tds:NTPInformation></tds:GetNTPResponse>"
    assert read_ntp(soap.read(envelope(body))) == found


def test_a_zone_with_summer_time_has_its_present_offset() -> None:
    rules = "EST5EDT,M3.2.0,M11.1.0"
    july = time.mktime((2026, 7, 1, 12, 0, 0, 0, 0, 0))
    assert keeping(moment(july, "LocalDateTime"), zone=rules).offset_seconds == -4 * HOUR
    assert keeping(moment(july + 180 * 86_400, "LocalDateTime"), zone=rules).offset_seconds == -5 * HOUR


@pytest.mark.parametrize(("name", "read"), [("cam-7", "cam-7"), ("admin:CanaryZ2@cam-7", "cam-7"), ("", "")])
def test_a_host_name_has_no_login(name: str, read: str) -> None:
    answer = f"<r><HostnameInformation><Name>{name}</Name></HostnameInformation></r>"
    assert read_hostname(soap.read(envelope(answer))) == read
