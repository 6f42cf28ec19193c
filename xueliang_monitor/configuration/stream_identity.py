"""Recognises the same stream of the same device in two camera files, however its address is spelled. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.model import Credentials, path_with_login
from xueliang_monitor.net.host_validation import canonical_host

Owner = TypeVar("Owner")
_UNRESERVED = re.compile(r"%(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE)


class StreamIdentity(NamedTuple):
    """Host, port and path of a stream, each in one spelling."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, data: CameraFile, login: Credentials | None = None) -> StreamIdentity:
        """Return the identity of the stream that a camera file names; `login` is that of its credentials.

        Only what is surely the same is taken as such: the percent-encoding of characters that need none, an empty
        query, and placeholders with the login that stands for them. Paths such as `//live`, `/live/` and `/a/../live`
        may be other streams than `/live`, as cameras compare them as they like.
        """
        # Without its password, a login says nothing of what stands for the placeholders.
        used = login if login is not None and login.password and "{" in data.rtsp_path else None
        return _identity(data.address, data.rtsp_port, data.rtsp_path, used)

    def __repr__(self) -> str:
        """Leave out the path, in which a password may be."""
        return f"StreamIdentity({self.host!r}, {self.port})"


@functools.lru_cache(maxsize=16_384)
def _identity(address: str, port: int, path: str, login: Credentials | None) -> StreamIdentity:
    """Return the identity of a stream; each reload asks for that of every camera, mostly unchanged."""
    if login is not None:
        path = path_with_login(path, login)
    path = path.removesuffix("?")
    # Unreserved characters mean the same with and without percent-encoding (RFC 3986, 6.2.2.2).
    path = _UNRESERVED.sub(lambda match: unquote(match[0]), path)
    path = re.sub(r"%[0-9a-f]{2}", lambda match: match[0].upper(), path)
    return StreamIdentity(canonical_host(address), port, path)


class WatchedStream(NamedTuple):
    """A stream, and the media profile that a device names for it; empty if unknown.

    Some recorders name one path for all channels, so that only the profile tells their cameras apart.
    """

    identity: StreamIdentity
    profile: str = ""

    @classmethod
    def of(cls, data: CameraFile, login: Credentials | None = None) -> WatchedStream:
        """Return the stream that a camera file names; `login` is that of its credentials."""
        known = data.stream is not None and data.onvif_scheme != "none"
        return cls(StreamIdentity.of(data, login), data.stream.profile if known and data.stream is not None else "")


class TakenStreams(Generic[Owner]):
    """Streams and their owners. Streams at one place are told apart only by two different profiles."""

    def __init__(self) -> None:
        self._owners: dict[StreamIdentity, dict[str, Owner]] = {}

    def owner(self, stream: WatchedStream) -> Owner | None:
        """Return the owner of a stream, None if it is free."""
        owners = self._owners.get(stream.identity, {})
        if not stream.profile:
            return next(iter(owners.values()), None)
        return owners.get(stream.profile, owners.get(""))

    def take(self, stream: WatchedStream, owner: Owner) -> Owner:
        """Give a stream to an owner if it is free; return its owner."""
        known = self.owner(stream)
        if known is not None:
            return known
        self._owners.setdefault(stream.identity, {})[stream.profile] = owner
        return owner

    def owners(self) -> Iterator[Owner]:
        """Return every owner."""
        return (owner for owners in self._owners.values() for owner in owners.values())


def same_stream(own: WatchedStream, others: Iterable[tuple[str, WatchedStream]]) -> str | None:
    """Return the id of the first other camera with the same stream, None if there is none."""
    taken: TakenStreams[str] = TakenStreams()
    for name, other in others:
        taken.take(other, name)
    return taken.owner(own)
