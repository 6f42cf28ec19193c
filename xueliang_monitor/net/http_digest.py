"""The HTTP Digest login of one conversation with one server: its challenge, and how often the nonce was used."""

from __future__ import annotations

import collections
import secrets
from collections.abc import Mapping
from dataclasses import replace

from xueliang_monitor.model import Credentials
from xueliang_monitor.net.http import HttpResponse
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.errors import MalformedResponseError

MAX_SERVERS = 4096
"""Of how many servers it is remembered that their nonces are good once."""


class UsedUpNonces:
    """The servers whose nonces are good once. All channels of a recorder learn it from one refused login."""

    def __init__(self) -> None:
        self._servers: collections.OrderedDict[str, None] = collections.OrderedDict()

    def __contains__(self, server: str) -> bool:
        return server in self._servers

    def note(self, server: str, *, good_once: bool) -> None:
        """Note what a server's nonces are good for."""
        self._servers.pop(server, None)
        if good_once:
            self._servers[server] = None
        if len(self._servers) > MAX_SERVERS:
            self._servers.popitem(last=False)


USED_UP_NONCES = UsedUpNonces()
"""Of this process."""


def offered_digests(response: HttpResponse) -> tuple[auth.Challenge, ...]:
    """Return the Digest challenges of a response, with those that we do not support."""
    offered = auth.parse_challenges(response.headers.getall("WWW-Authenticate", ()))
    return tuple(item for item in offered if item.scheme == "digest")


class DigestLogin:
    """Answers the challenges of one server (RFC 7616).

    `uses` counts how often the nonce was sent, `accepted_uses` how often it was accepted. `was_told_ahead` says that it
    was named as the next one, and not in a challenge.
    """

    def __init__(self) -> None:
        self.challenge: auth.Challenge | None = None
        self.uses = self.accepted_uses = 0
        self.was_told_ahead = False

    @property
    def may_be_outdated(self) -> bool:
        """Whether a refusal may mean the nonce: one that was just given in a challenge is good."""
        return self.accepted_uses > 0 or self.was_told_ahead

    def renew(self, challenge: auth.Challenge | None, *, told_ahead: bool = False) -> None:
        """Take a challenge, or none; its nonce counts as new, even if it is the one before."""
        self.challenge, self.uses, self.accepted_uses, self.was_told_ahead = challenge, 0, 0, told_ahead

    def authorization(self, credentials: Credentials, method: str, path: str) -> str:
        """Return the Authorization header of the next request, with a cnonce and a count of its own.

        Raises:
            MalformedResponseError: the challenge cannot be answered.

        """
        if self.challenge is None:
            raise AssertionError("there is no challenge")
        self.uses += 1
        cnonce = secrets.token_hex(8)
        try:
            return auth.authorize(self.challenge, credentials, method, path, count=self.uses, cnonce=cnonce)
        except ValueError as error:
            raise MalformedResponseError(f"the camera cannot be answered: {error}") from error

    def accepted(self, response: HttpResponse) -> None:
        """Note an accepted login, and take the nonce that the server wants next (RFC 7616, 3.5)."""
        self.accepted_uses += 1
        (info,) = auth.parse_challenges([f"Digest {response.headers.get('Authentication-Info', '')}"])
        if self.challenge is not None and (following := info.parameters.get("nextnonce")):
            parameters: Mapping[str, str] = {**self.challenge.parameters, "nonce": following}
            self.renew(replace(self.challenge, parameters=parameters), told_ahead=True)
