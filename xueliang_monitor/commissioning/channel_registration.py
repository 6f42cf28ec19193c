"""Registers the channels of a recorder: one interview, then the acceptance test of each, one after the other."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from xueliang_monitor.commissioning.acceptance import (
    LOW_RATE_SHARE,
    AcceptanceResult,
    device_part,
    run_acceptance_test,
    turns_of,
)
from xueliang_monitor.commissioning.channel_choice import shown_numbers
from xueliang_monitor.commissioning.channel_names import group_by_paths, group_channels
from xueliang_monitor.commissioning.conflicts import (
    SerialTakenError,
    check_serial,
    default_id,
    taken_streams,
)
from xueliang_monitor.commissioning.device_answers import Progress
from xueliang_monitor.commissioning.device_query import DeviceDetails
from xueliang_monitor.commissioning.recorder_query import (
    Recorder,
    channel_details,
    query_recorder,
    recorder_client,
)
from xueliang_monitor.commissioning.registration import NewCamera, camera_file_of, checked_camera
from xueliang_monitor.commissioning.registration_error import RegistrationError, login_of
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration import camera_file
from xueliang_monitor.configuration.camera_file import ID, ID_RULE, Lifecycle
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.configuration.stream_identity import StreamIdentity, TakenStreams, WatchedStream
from xueliang_monitor.model import StreamParameters, Target, VisitResult
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.login_book import LoginBook
from xueliang_monitor.probing.rungs.onvif import ONVIF_AUTH_FAILED
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED, AUTH_LOCKED, STREAM_NOT_FOUND
from xueliang_monitor.probing.stream_faults import NO_MEDIA
from xueliang_monitor.wire.media_profiles import Channel

LISTEN_TOGETHER_SECONDS = 20.0
"""How long all channels are listened to together, if each is listened to for at least `SHORTEST_LISTEN_SECONDS`."""

SHORTEST_LISTEN_SECONDS = 0.5
TEST_SECONDS = 14.0
MOST_PATHS = 64
"""Of how many profiles the paths are asked, where neither sources nor names tell the channels apart."""

_LOGIN_FAULTS = frozenset({AUTH_FAILED.code, AUTH_LOCKED.code, ONVIF_AUTH_FAILED.code})
_NO_VIDEO = frozenset({STREAM_NOT_FOUND.code, NO_MEDIA.code})
_UNLINKED = "no video; is a camera linked to this channel? 无视频，该通道是否已接入摄像机？"


def _may_be_slow(test: AcceptanceResult, expected: StreamParameters | None) -> bool:
    """Return whether the frame rate by timestamps is low, or unknown, so that a longer test has to tell."""
    rate = test.visited.readings.frame_rate_hertz
    usual = expected.frame_rate_hertz if expected is not None else None
    return rate is None or (usual is not None and rate < LOW_RATE_SHARE * usual)


class ChannelResult(enum.StrEnum):
    """What became of one channel; the values are printed as JSON."""

    REGISTERED = "registered"
    COMMISSIONING = "in commissioning"
    KNOWN = "already registered"
    NOT_PASSED = "not passed"
    NOT_TRIED = "not tried"
    NO_CHANNEL = "no such channel"
    NOT_WRITTEN = "not written"


_GOOD = frozenset({ChannelResult.REGISTERED, ChannelResult.COMMISSIONING, ChannelResult.KNOWN})


@dataclass(frozen=True, slots=True)
class ChannelOutcome:
    """What became of one channel: the camera that it is or would be, why, and its file if one was written."""

    number: int
    id: str
    name: str
    result: ChannelResult
    detail: str = ""
    file: Path | None = None

    @property
    def good(self) -> bool:
        """Whether the channel is monitored."""
        return self.result in _GOOD


@dataclass(frozen=True, slots=True)
class FoundRecorder:
    """A recorder with the stream of each chosen channel, or why it does not tell it."""

    recorder: Recorder
    channels: tuple[Channel, ...]
    details: tuple[tuple[Channel, DeviceDetails | RegistrationError], ...]


async def find_channels(
    request: RegistrationRequest, installation: Installation, chosen: tuple[int, ...] | None, progress: Progress
) -> FoundRecorder:
    """Ask a recorder for its channels and for the streams of the chosen ones, None for all, in one conversation.

    Raises:
        RegistrationError: the device has no ONVIF service, refuses the login or does not tell its channels.

    """
    recorder = await query_recorder(request, installation, progress)
    async with recorder_client(request, recorder) as client:
        channels = await _grouped(client, recorder)
        progress(f"{len(channels)} channels: {shown_numbers(channel.number for channel in channels)}")
        wanted = [channel for channel in channels if chosen is None or channel.number in chosen]
        details = [(channel, await _details_of(client, recorder, channel)) for channel in wanted]
    return FoundRecorder(recorder, channels, tuple(details))


async def _details_of(
    client: OnvifClient, recorder: Recorder, channel: Channel, profile: str | None = None
) -> DeviceDetails | RegistrationError:
    """Return the streams of a channel, or why the recorder does not tell them; a refused login ends the interview."""
    try:
        return await channel_details(client, recorder, channel, profile)
    except RegistrationError as error:
        if error.login_refused:
            raise
        return error


async def _grouped(client: OnvifClient, recorder: Recorder) -> tuple[Channel, ...]:
    """Return the channels by sources, by names, or else by the paths of the streams."""
    profiles = tuple(profile for channel in recorder.channels for profile in channel.profiles)
    channels = group_channels(profiles)
    if len(channels) != 1 or not 2 < len(profiles) <= MOST_PATHS:
        return channels
    paths = []
    for profile in profiles:
        details = await _details_of(client, recorder, channels[0], profile.token)
        paths.append("" if isinstance(details, RegistrationError) else details.rtsp_path)
    return group_by_paths(profiles, paths) or channels


class ChannelRegistration:
    """One registration of a recorder's channels. `outcomes` grows channel by channel; files that are written stay."""

    def __init__(self, request: RegistrationRequest, installation: Installation, found: FoundRecorder) -> None:
        self._request = request
        self._installation = installation
        self._found = found
        self._base = request.id or default_id(request.name, request.address)
        self._digits = max(2, len(str(max((channel.number for channel in found.channels), default=1))))
        self._login = login_of(installation, request.credentials)
        self._device: VisitResult | None = None
        self._logged_in = False
        self._logins = LoginBook()
        self._known = taken_streams(installation.inventory.known)
        self._streams: TakenStreams[int] = TakenStreams()
        self._paths: dict[StreamIdentity, int] = {}
        self._refusal = ""
        self.outcomes: list[ChannelOutcome] = []
        if not ID.fullmatch(self._id(1)):
            raise RegistrationError(f"--id: {self._base!r} is not a valid id; use {ID_RULE}", usage=True)

    def check_device(self, confirm: Callable[[SerialTakenError], bool]) -> None:
        """Check that the recorder is not registered at another address; `confirm` is asked if it is another device.

        Raises:
            SerialTakenError: it may be registered there.

        """
        details = next((item for _, item in self._found.details if isinstance(item, DeviceDetails)), None)
        if details is None or self._request.same_serial:
            return
        try:
            check_serial(self._installation, camera_file_of(self._request, details))
        except SerialTakenError as error:
            if not confirm(error):
                raise

    def note_missing(self, chosen: Iterable[int]) -> None:
        """Note the chosen channels that the recorder does not have."""
        has = {channel.number for channel in self._found.channels}
        detail = f"the device has the channels {shown_numbers(has)}"
        for number in chosen:
            if number not in has:
                self._settle(Channel(number, "", "", ()), ChannelResult.NO_CHANNEL, detail)

    async def test_all(
        self, workers: Workers, waiting: Callable[[str], None], settled: Callable[[ChannelOutcome], None]
    ) -> None:
        """Test each channel and write those that pass, one after the other; `settled` is called after each one."""
        cameras: list[tuple[Channel, NewCamera]] = []
        for channel, details in self._found.details:
            camera = self._prepare(channel, details)
            if camera is not None:
                cameras.append((channel, camera))
        for outcome in self.outcomes:
            settled(outcome)
        locks = turns_of(self._installation, [camera.target for _, camera in cameras], waiting)
        listen = max(SHORTEST_LISTEN_SECONDS, LISTEN_TOGETHER_SECONDS / max(1, len(cameras)))
        for channel, camera in cameras:
            if self._refusal:
                self._settle(channel, ChannelResult.NOT_TRIED, self._refusal)
            else:
                test = await self._test(camera, listen, workers, locks)
                self._conclude(channel, camera, test)
            settled(self.outcomes[-1])
        self.outcomes.sort(key=lambda outcome: outcome.number)

    async def _test(
        self, camera: NewCamera, listen_seconds: float, workers: Workers, locks: CameraLocks
    ) -> AcceptanceResult:
        """Run the acceptance test of one channel; one that may be too slow is listened to as long as a camera alone."""
        expected = camera.data.stream.value() if camera.data.stream else None

        async def run(target: Target) -> AcceptanceResult:
            return await run_acceptance_test(
                target,
                self._installation,
                workers,
                expected,
                ends_after=TEST_SECONDS,
                locks=locks,
                device=self._device,
                logins=self._logins,
            )

        if listen_seconds >= camera.target.listen_seconds:
            return await run(camera.target)
        test = await run(replace(camera.target, listen_seconds=listen_seconds, waits_for_packets=False))
        return await run(camera.target) if test.passed and _may_be_slow(test, expected) else test

    def _id(self, number: int) -> str:
        return f"{self._base}-ch{number:0{self._digits}d}"

    def _name(self, channel: Channel) -> str | None:
        return f"{self._request.name} {channel.number}" if self._request.name else channel.name or None

    def _settle(
        self, channel: Channel, result: ChannelResult, detail: str = "", *, known: str = "", file: Path | None = None
    ) -> None:
        identity = known or self._id(channel.number)
        self.outcomes.append(ChannelOutcome(channel.number, identity, self._name(channel) or "", result, detail, file))

    def _prepare(self, channel: Channel, details: DeviceDetails | RegistrationError) -> NewCamera | None:
        """Return the camera of a channel, or None if it is settled already."""
        if isinstance(details, RegistrationError):
            self._settle(channel, ChannelResult.NOT_PASSED, details.messages[0])
            return None
        request = replace(self._request, name=self._name(channel))
        try:
            data = camera_file_of(request, details)
            stream = WatchedStream.of(data, self._login)
            if (other := self._known.owner(stream)) is not None:
                self._settle(channel, ChannelResult.KNOWN, f"as {other.id}", known=other.id)
                return None
            self._paths.setdefault(stream.identity, channel.number)
            first = self._streams.take(stream, channel.number)
            if first != channel.number:
                self._settle(
                    channel, ChannelResult.NOT_PASSED, f"the device names the stream of channel {first} for it"
                )
                return None
            # The serial number is that of the whole device, and was checked once.
            return checked_camera(self._id(channel.number), data, self._installation, self._login, same_serial=True)
        except RegistrationError as error:
            self._settle(channel, ChannelResult.NOT_PASSED, error.messages[0])
            return None

    def _conclude(self, channel: Channel, camera: NewCamera, test: AcceptanceResult) -> None:
        """Write the file of a channel that passed, and remember what its test says of the whole device."""
        self._device = self._device or device_part(test.visited)
        faults = set(test.faults)
        failed = "; ".join(
            f"{item.subject}: {item.detail or item.fault}" for item in test.items if item.passed is False
        )
        if faults & _LOGIN_FAULTS and not self._logged_in:
            self._refusal = f"the login was refused at channel {channel.number}; it was not tried again"
        self._logged_in = self._logged_in or bool(test.visited.online)
        first = self._paths[WatchedStream.of(camera.data, self._login).identity]
        note = (
            "" if first == channel.number else f"its stream has the path of channel {first} 码流路径与通道 {first} 相同"
        )
        if faults & _NO_VIDEO:
            failed = f"{_UNLINKED} ({failed})"
        if failed and self._request.status is not Lifecycle.COMMISSIONING:
            self._settle(channel, ChannelResult.NOT_PASSED, failed)
            return
        try:
            file = camera_file.write(self._installation.settings.inventory, camera.id, camera.data, new=True)
        except FileExistsError:
            self._settle(channel, ChannelResult.NOT_WRITTEN, f"the id {camera.id} was registered in the meantime")
            return
        except OSError as error:
            self._settle(channel, ChannelResult.NOT_WRITTEN, error.strerror or type(error).__name__)
            return
        commissioning = camera.data.status is Lifecycle.COMMISSIONING
        result = ChannelResult.COMMISSIONING if commissioning else ChannelResult.REGISTERED
        self._settle(channel, result, "; ".join(filter(None, (failed, note))), file=file)
