"""Recognises the same stream of the same device in two camera files, however its address is spelled. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.net.host_validation import canonical_host

_UNRESERVED = re.compile(r"%(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE)


class StreamIdentity(NamedTuple):
    """Host, port and path of a stream, each in one spelling."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, data: CameraFile) -> StreamIdentity:
        """Return the identity of the stream that a camera file names."""
        return _identity(data.address, data.rtsp_port, data.rtsp_path)


@functools.lru_cache(maxsize=16_384)
def _identity(address: str, port: int, path: str) -> StreamIdentity:
    """Return the identity of a stream; each reload asks for that of every camera, mostly unchanged."""
    # Unreserved characters mean the same with and without percent-encoding (RFC 3986, 6.2.2.2).
    path = _UNRESERVED.sub(lambda match: unquote(match[0]), path)
    path = re.sub(r"%[0-9a-f]{2}", lambda match: match[0].upper(), path)
    return StreamIdentity(canonical_host(address), port, path)


def same_stream(data: CameraFile, others: Iterable[tuple[str, CameraFile]]) -> str | None:
    """Return the id of the first other camera with the same stream, None if there is none."""
    own = StreamIdentity.of(data)
    return next((name for name, other in others if StreamIdentity.of(other) == own), None)
