"""The media services of one camera: Media2 (Profile T) where it lists it or hides encoders, Media otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from xueliang_monitor.net.errors import LoginError, NetError, UnansweredError
from xueliang_monitor.net.onvif_caller import OnvifCaller
from xueliang_monitor.net.onvif_exchange import Content, Read
from xueliang_monitor.wire import onvif
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import EmptyResponseError, OnvifResponseError
from xueliang_monitor.wire.media_profiles import (
    Profile,
    has_every_encoder,
    merge,
    read_media2_profiles,
    read_profiles,
)
from xueliang_monitor.wire.printable import shorten
from xueliang_monitor.wire.service_address import ServiceAddress

MAX_CODEC_CHARACTERS = 20

USUAL_MEDIA2_PATHS = ("/onvif/media2_service", "/onvif/Media2", "/onvif/media2")
"""Where Media2 is looked for on a camera that does not answer GetServices and hides encoders from Media."""

_TYPES: tuple[tuple[str, ...], ...] = (("All",), (), ("VideoSource", "VideoEncoder"))
"""What GetProfiles of Media2 is asked for, in turn: some cameras fault on All, or leave the encoder out without it."""

_STREAM_SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
_PROTOCOLS = ("RTSP", "RtspUnicast")


def profile_through(gate: Gate, profile: Profile) -> Profile:
    """Return a profile whose texts have passed a gate, with its codec in lower case only then."""
    codec = shorten(gate.text(profile.stream.codec).lower(), MAX_CODEC_CHARACTERS)
    return replace(profile, name=gate.text(profile.name), stream=replace(profile.stream, codec=codec))


def _known_encoders(profiles: tuple[Profile, ...]) -> tuple[int, int]:
    return sum(bool(item.stream.codec and item.stream.width) for item in profiles), len(profiles)


class MediaServices:
    """Asks the media services through a client. A failing service is no error while the other one answers."""

    def __init__(self, client: OnvifCaller, gate: Gate, own_address: ServiceAddress) -> None:
        self._client = client
        self._gate = gate
        self._own_address = own_address

    async def profiles(self) -> tuple[Profile, ...]:
        """Request the profiles of both services, merged, and remember which of them Media2 has to be asked for.

        Raises:
            OnvifResponseError: no service answers with profiles, and one of them failed.
            NetError: as above.

        """
        services = await self._client.services()
        failures: list[NetError | OnvifResponseError] = []
        found: dict[str, tuple[Profile, ...]] = {}
        for service in self._in_order(services):
            known = merge(found.get(onvif.MEDIA, ()), found.get(onvif.MEDIA2, ()))
            if service not in self._client.hints.silent_services or not has_every_encoder(known):
                found[service] = await self._profiles_of(service, failures)
        media, media2 = found.get(onvif.MEDIA, ()), found.get(onvif.MEDIA2, ())
        if onvif.MEDIA2 not in services and not has_every_encoder(media):
            media2 = await self._hidden_media2() if self._client.is_answered_by_capabilities_alone else ()
        elif not media2 and onvif.MEDIA not in found:
            media = await self._profiles_of(onvif.MEDIA, failures)
        merged = merge(media, media2)
        if not merged and failures:
            raise failures[0]
        shown = await self._through_the_gate(merged)
        by_media2 = frozenset(item.token for item in shown if item.by_media2)
        self._client.hints = replace(self._client.hints, media2_profiles=by_media2)
        return shown

    def _in_order(self, services: Mapping[str, ServiceAddress]) -> tuple[str, ...]:
        """Return the services to ask, those that never answered before last."""
        listed = tuple(name for name in (onvif.MEDIA, onvif.MEDIA2) if name in services) or (onvif.MEDIA,)
        return tuple(sorted(listed, key=lambda name: name in self._client.hints.silent_services))

    async def _profiles_of(self, service: str, failures: list[NetError | OnvifResponseError]) -> tuple[Profile, ...]:
        """Return the profiles of a service, none if it fails; a service that does not answer is remembered.

        It is taken to be silent until it answers, as the visit may end before.
        """
        self._remember_silence(service, silent=True)
        before = len(failures)
        if service == onvif.MEDIA2:
            found = await self._media2_profiles(self._client.hints.services[service], failures)
        else:
            found = await self._media_profiles(failures)
        silent = any(isinstance(error, UnansweredError) for error in failures[before:])
        self._remember_silence(service, silent=silent)
        return found

    def _remember_silence(self, service: str, *, silent: bool) -> None:
        others = self._client.hints.silent_services - {service}
        self._client.hints = replace(self._client.hints, silent_services=others | ({service} if silent else set()))

    async def _media_profiles(self, failures: list[NetError | OnvifResponseError]) -> tuple[Profile, ...]:
        try:
            return await self._media("GetProfiles", read_profiles)
        except LoginError:
            raise
        except (NetError, OnvifResponseError) as error:
            failures.append(error)
            return ()

    async def _media2_profiles(
        self, where: ServiceAddress, failures: list[NetError | OnvifResponseError]
    ) -> tuple[Profile, ...]:
        best: tuple[Profile, ...] = ()
        for types in _TYPES:
            arguments: dict[str, Any] = {"Type": list(types)} if types else {}
            try:
                found = await self._client.call("media2", "GetProfiles", where, read_media2_profiles, **arguments)
            except LoginError:
                raise
            except OnvifResponseError as error:
                failures.append(error)
                continue
            except NetError as error:
                failures.append(error)
                break
            best = max(best, found, key=_known_encoders)
            if has_every_encoder(found):
                break
        return best

    async def _hidden_media2(self) -> tuple[Profile, ...]:
        """Return the profiles of a Media2 service that is not listed, and remember where it is."""
        listed = self._client.hints.services.get(onvif.MEDIA, self._own_address)
        paths = dict.fromkeys((*USUAL_MEDIA2_PATHS, listed.path))
        for where in (replace(listed, path=path) for path in paths):
            failures: list[NetError | OnvifResponseError] = []
            if found := await self._media2_profiles(where, failures):
                services = {**self._client.hints.services, onvif.MEDIA2: where}
                self._client.hints = replace(self._client.hints, services=MappingProxyType(services))
                return found
            if any(isinstance(error, UnansweredError) for error in failures):
                break
        return ()

    async def _through_the_gate(self, profiles: tuple[Profile, ...]) -> tuple[Profile, ...]:
        """Return the profiles with their texts passed through the gate, without those whose token holds a login."""
        shown = []
        for item in profiles:
            if not self._gate.holds_secret(f"{item.token} {item.source}"):
                shown.append(profile_through(self._gate, item))
            await asyncio.sleep(0)  # the texts of all profiles together would hold the event loop
        return tuple(shown)

    async def stream_uri(self, token: str) -> str:
        """Request the RTSP URI of a profile; behind NAT its host is wrong."""
        return await self._either(
            token,
            "GetStreamUri",
            onvif.read_uri,
            media={"StreamSetup": _STREAM_SETUP},
            media2=tuple({"Protocol": protocol} for protocol in _PROTOCOLS),
        )

    async def snapshot_uri(self, token: str) -> str:
        """Request the snapshot URI of a profile; behind NAT its host is wrong."""
        return await self._either(token, "GetSnapshotUri", onvif.read_uri, optional=True)

    async def request_keyframe(self, token: str) -> None:
        """Request a keyframe (ONVIF Media 5.18, Media2 5.9); this changes no setting."""
        await self._either(token, "SetSynchronizationPoint", onvif.name, optional=True)

    async def _either(
        self,
        token: str,
        operation: str,
        read: Read[Content],
        *,
        media: Mapping[str, Any] = MappingProxyType({}),
        media2: tuple[Mapping[str, Any], ...] = (MappingProxyType({}),),
        optional: bool = False,
    ) -> Content:
        """Ask the service that knows the profile; if it fails, the other one if it is listed."""
        services = await self._client.services()
        attempts = [(onvif.MEDIA2, arguments) for arguments in media2 if onvif.MEDIA2 in services]
        if onvif.MEDIA in services or not attempts:
            last = token in self._client.hints.media2_profiles
            attempts.insert(len(attempts) if last else 0, (onvif.MEDIA, media))
        first: NetError | OnvifResponseError | None = None
        for service, arguments in attempts:
            try:
                if service == onvif.MEDIA:
                    return await self._media(operation, read, optional=optional, ProfileToken=token, **arguments)
                where, seconds = services[service], self._client.seconds(optional=optional)
                return await self._client.call(
                    "media2", operation, where, read, seconds=seconds, ProfileToken=token, **arguments
                )
            except LoginError:
                raise
            except (NetError, OnvifResponseError) as error:
                first = first or error
                if isinstance(error, NetError) and optional:
                    break
        raise first or EmptyResponseError(f"{operation}: no media service")

    async def _media(self, operation: str, read: Read[Content], *, optional: bool = False, **arguments: Any) -> Content:
        address = (await self._client.services()).get(onvif.MEDIA, self._own_address)
        seconds = self._client.seconds(optional=optional)
        return await self._client.call("media", operation, address, read, seconds=seconds, **arguments)
