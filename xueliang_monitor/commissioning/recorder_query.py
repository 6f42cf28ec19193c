"""Queries the channels of a recorder over ONVIF, in one conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xueliang_monitor.commissioning.device_answers import (
    Progress,
    ask_identity,
    ask_profiles,
    ask_stream,
    conversation,
    errors_translated,
)
from xueliang_monitor.commissioning.device_query import DeviceDetails, details_of, find_service
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.commissioning.service_search import addresses_of_host
from xueliang_monitor.configuration.camera_sections import IdentitySection
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.onvif_hints import OnvifHints
from xueliang_monitor.probing.device_memory import main_profile
from xueliang_monitor.wire.media_profiles import Channel, channels_of

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient


@dataclass(frozen=True, slots=True)
class Recorder:
    """A device with its channels: where its ONVIF service was found, its identity if it tells it, its channels.

    `addresses` are those of its host; `hints` spare the next conversation some requests.
    """

    service: OnvifTarget
    identity: IdentitySection | None
    channels: tuple[Channel, ...]
    addresses: tuple[str, ...] = ()
    hints: OnvifHints = field(default_factory=OnvifHints)


async def query_recorder(request: RegistrationRequest, installation: Installation, progress: Progress) -> Recorder:
    """Find the device's ONVIF service and query its identity and its channels.

    Raises:
        RegistrationError: the device has no ONVIF service, or does not report what is needed.

    """
    if request.onvif == "none":
        raise RegistrationError("the channels of a recorder can be listed over ONVIF only", usage=True)
    addresses = await addresses_of_host(request.address, installation)

    async def query(client: OnvifClient, service: OnvifTarget) -> Recorder:
        async with errors_translated():
            identity = await ask_identity(client, progress)
            await client.ask_clock()
            profiles = await ask_profiles(client, progress, needed=True)
        return Recorder(service, identity, channels_of(profiles), addresses, client.hints)

    found = await find_service(request, installation, progress, query)
    if found is None:
        raise RegistrationError(f"{request.address} has no ONVIF service; its channels cannot be listed")
    return found


def recorder_client(request: RegistrationRequest, recorder: Recorder) -> OnvifClient:
    """Return a conversation with the recorder, to be used as an async context manager for all of its channels."""
    return conversation(request.address, recorder.service, request.tls, recorder.addresses, hints=recorder.hints)


async def channel_details(
    client: OnvifClient, recorder: Recorder, channel: Channel, profile: str | None = None
) -> DeviceDetails:
    """Query the stream and snapshot address of one channel; `profile` is a token or a name, None for the best one.

    Raises:
        RegistrationError: the channel has no such profile, or the recorder does not report what is needed.

    """
    async with errors_translated():
        stream = await ask_stream(client, channel.profiles, profile, recorder.service.credentials)
        main = main_profile(channel.profiles)
        return await details_of(client, recorder.service, recorder.identity, stream, main=main)
