"""The Media2 operations of a simulated camera: those of H.265 have this service, and hide their encoders from Media."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from xueliang_monitor.simulator.clips import RATE
from xueliang_monitor.simulator.onvif_operations import SimulatedDevice
from xueliang_monitor.simulator.soap_messages import SoapRequest


def _profile(device: SimulatedDevice, token: str, name: str) -> str:
    return (
        f'<tr2:Profiles token="{token}" fixed="true"><tr2:Name>{name}</tr2:Name><tr2:Configurations>'
        '<tr2:VideoSource token="source"><tt:Name>source</tt:Name><tt:UseCount>2</tt:UseCount>'
        '<tt:SourceToken>sensor</tt:SourceToken><tt:Bounds x="0" y="0" width="640" height="360"/></tr2:VideoSource>'
        f'<tr2:VideoEncoder token="{token}-encoder" GovLength="{device.pictures_between_keyframes}" Profile="Main">'
        f"<tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H265</tt:Encoding>"
        "<tt:Resolution><tt:Width>640</tt:Width><tt:Height>360</tt:Height></tt:Resolution>"
        f'<tt:RateControl ConstantBitRate="false"><tt:FrameRateLimit>{RATE}</tt:FrameRateLimit>'
        "<tt:BitrateLimit>2048</tt:BitrateLimit></tt:RateControl><tt:Quality>5</tt:Quality></tr2:VideoEncoder>"
        "</tr2:Configurations></tr2:Profiles>"
    )


def _profiles(device: SimulatedDevice, _request: SoapRequest) -> str:
    found = _profile(device, "main", "mainStream") + _profile(device, "sub", "subStream")
    return f"<tr2:GetProfilesResponse>{found}</tr2:GetProfilesResponse>"


def _stream_uri(device: SimulatedDevice, request: SoapRequest) -> str:
    suffix = "-sub" if request.values.get("ProfileToken") == "sub" else ""
    uri = escape(f"{device.stream_url}{suffix}")
    return f"<tr2:GetStreamUriResponse><tr2:Uri>{uri}</tr2:Uri></tr2:GetStreamUriResponse>"


def _snapshot_uri(device: SimulatedDevice, request: SoapRequest) -> str:
    uri = escape(f"{device.base_url}/snapshot?profile={request.values.get('ProfileToken', '')}")
    return f"<tr2:GetSnapshotUriResponse><tr2:Uri>{uri}</tr2:Uri></tr2:GetSnapshotUriResponse>"


def _synchronize(_device: SimulatedDevice, _request: SoapRequest) -> str:
    return "<tr2:SetSynchronizationPointResponse/>"


MEDIA2_OPERATIONS: dict[str, Callable[[SimulatedDevice, SoapRequest], str]] = {
    "GetProfiles": _profiles,
    "GetStreamUri": _stream_uri,
    "GetSnapshotUri": _snapshot_uri,
    "SetSynchronizationPoint": _synchronize,
}
