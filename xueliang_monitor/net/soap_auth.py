"""WS-UsernameToken for a SOAP request."""

from __future__ import annotations

import datetime

from zeep.wsse.username import UsernameToken

from xueliang_monitor.model import Credentials

LATEST = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC).timestamp()
"""The latest time that is written, for a camera whose clock is at the end of the calendar."""


class CameraToken(UsernameToken):
    """WS-UsernameToken with a digest over the camera's own time (OASIS WSS UsernameToken Profile 1.1, 3)."""

    def __init__(self, credentials: Credentials, created: float) -> None:
        moment = datetime.datetime.fromtimestamp(min(max(created, 0.0), LATEST), datetime.UTC)
        super().__init__(  # type: ignore[no-untyped-call]
            credentials.username, credentials.password, use_digest=True, created=moment, zulu_timestamp=True
        )
