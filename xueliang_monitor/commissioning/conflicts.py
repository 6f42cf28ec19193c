"""Finds what a new camera has in common with a registered one: its id, its stream or its serial number. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xueliang_monitor.commissioning.channel_names import channel_in_name, channel_in_path
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.commissioning.serial_numbers import RegisteredCamera, same_serial
from xueliang_monitor.configuration.camera_file import CameraFile, Lifecycle
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.configuration.stream_identity import TakenStreams, WatchedStream
from xueliang_monitor.net.host_validation import canonical_host

MAX_ID_CHARACTERS = 60


class SerialTakenError(RegistrationError):
    """Another device with the same serial number is registered. It may be the same device at another address."""


def check_id(installation: Installation, identity: str) -> None:
    """Check that no camera file has an id, not even one that is invalid.

    Raises:
        RegistrationError: one has it.

    """
    if (taken := _with_id(installation, identity)) is not None:
        raise RegistrationError(f"the id {identity} is taken by {taken.id} ({taken.name}, {taken.target.host})")
    invalid = [problem for problem in installation.inventory.problems if problem.file.stem == identity]
    if invalid:
        raise RegistrationError(f"the id {identity} is taken by a camera file that is not valid: {invalid[0]}")


def _with_id(installation: Installation, identity: str) -> Camera | None:
    return next((camera for camera in installation.inventory.known if camera.id == identity), None)


def taken_streams(cameras: Iterable[Camera]) -> TakenStreams[Camera]:
    """Return the streams of cameras. Retired cameras free theirs."""
    taken: TakenStreams[Camera] = TakenStreams()
    for camera in cameras:
        if camera.status is not Lifecycle.RETIRED:
            taken.take(camera.watched, camera)
    return taken


def check_stream(installation: Installation, stream: WatchedStream, shown: str) -> None:
    """Check that no camera has the stream; `shown` is its address for people.

    Raises:
        RegistrationError: one has it.

    """
    if (other := taken_streams(installation.inventory.known).owner(stream)) is not None:
        raise RegistrationError(
            f"the stream {shown} is already registered as {other.id} ({other.name})",
            "For another channel of this device give --profile or --rtsp-path, for all of them --channels all.",
            f"该码流已登记为 {other.id}。登记同一设备的其他通道请用 --profile 或 --rtsp-path，"
            "登记全部通道请用 --channels all。",
        )


def check_serial(installation: Installation, data: CameraFile) -> None:
    """Check that no device at another address has the serial number, if it tells one device from another.

    Raises:
        SerialTakenError: one has it.

    """
    known = {camera.id: camera for camera in installation.inventory.known}
    found = same_serial(data, (RegisteredCamera(camera.id, camera.data) for camera in known.values()))
    if found is None or data.identity is None:
        return
    other = known[found.id]
    raise SerialTakenError(
        f"the serial number {data.identity.serial} is already registered as {other.id} ({other.name}, "
        f"{other.target.host})",
        f"If it is the same device at a new address, change the address: xueliang camera edit {other.id}. If it is "
        "another device whose maker gives all units this number, register it with --same-serial.",
        f"该序列号已登记为 {other.id}。若为同一设备更换了地址，请修改 {other.id} 的地址；"
        "若为另一台序列号相同的设备，请加 --same-serial。",
    )


def default_id(name: str | None, address: str) -> str:
    """Return an id made from the name if that is mostly Latin letters, otherwise from the address."""
    slug = _slug(name or "")
    if name and slug and len(slug) >= len(name) / 2:
        return slug[:MAX_ID_CHARACTERS]
    return "camera-" + re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")[:50]


def free_id(wanted: str, data: CameraFile, taken: Mapping[str, str]) -> str:
    """Return `wanted`, or if a camera at the same address has it, the same with what tells this channel from it.

    `taken` holds the hosts of the cameras by id. What tells it is the channel in its path, else its profile, else a
    number.
    """
    if wanted not in taken or canonical_host(taken[wanted]) != canonical_host(data.address):
        return wanted
    token = data.stream.profile if data.stream is not None else ""
    channel = channel_in_name(token) or channel_in_path(data.rtsp_path)
    endings = [f"ch{channel}" if channel is not None else "", _slug(token)[:20], *map(str, range(2, len(taken) + 3))]
    ids = (f"{wanted[: MAX_ID_CHARACTERS - len(ending) - 1]}-{ending}" for ending in endings if ending)
    return next(each for each in ids if each not in taken)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-._")
