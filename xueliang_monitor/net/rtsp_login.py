"""The login over one RTSP connection: answers challenges as the rules allow, and tells when it is refused."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from xueliang_monitor.model import Credentials
from xueliang_monitor.net.account_locks import says_locked
from xueliang_monitor.net.errors import LoginError, LoginInsecureError, LoginLockedError
from xueliang_monitor.net.login_rules import Channel, LoginRules
from xueliang_monitor.net.rtsp_status import status_line
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.messages import Response


class RtspLogin:
    """What is known of the login: `tried` and `accepted` say how it went, `offered` what the camera offered.

    `sent` counts the requests with a login before one was accepted.

    A camera may ask again after it accepted the login, with a fresh nonce. That is no refusal.
    """

    def __init__(self, gate: Gate) -> None:
        self.credentials: Credentials | None = None
        self.rules = LoginRules()
        self.offered: tuple[auth.Challenge, ...] = ()
        self.tried = False
        self.accepted = False
        self.sent = 0
        self._gate = gate
        self._challenge: auth.Challenge | None = None
        self._nonce_uses = 0
        self._paused = False

    @property
    def authorizes(self) -> bool:
        """Whether requests carry a login."""
        return self._challenge is not None and self.credentials is not None and not self._paused

    @property
    def reuses_nonce(self) -> bool:
        """Whether the nonce was used before the last request."""
        return self._nonce_uses > 1

    def pause(self) -> None:
        """Send requests without a login until the camera asks for one."""
        self._paused = True

    def headers(self, method: str, url: str) -> tuple[tuple[str, str], ...]:
        """Return the Authorization header of the next request, none before a challenge.

        Raises:
            ValueError: a value of the challenge cannot be sent back.

        """
        if self._challenge is None or self.credentials is None or self._paused:
            return ()
        self._nonce_uses += 1
        self.sent += not self.accepted
        cnonce = secrets.token_hex(8)
        sent = auth.authorize(self._challenge, self.credentials, method, url, count=self._nonce_uses, cnonce=cnonce)
        return (("Authorization", sent),)

    def renews(self, response: Response, channel: Channel) -> bool:
        """Take the challenge of a response that refuses only the nonce, of a login that it had accepted."""
        if response.status != 401 or self.credentials is None:
            return False
        challenge = auth.choose(auth.parse_challenges(response.headers.all("www-authenticate")), self._challenge)
        if challenge is None or not (challenge.stale or self._is_renewed(challenge)):
            return False
        if self.rules.why_not(challenge, channel):
            return False
        self._take(challenge)
        return True

    def _is_renewed(self, challenge: auth.Challenge) -> bool:
        """Return whether a challenge has another nonce than the one that the camera had accepted a login with."""
        if not self.accepted or self._challenge is None or challenge.scheme != "digest":
            return False
        return challenge.parameters.get("nonce") != self._challenge.parameters.get("nonce")

    def answer(self, response: Response, method: str, channel: Channel, *, authorized: bool, again: bool) -> bool:
        """Take the challenge of a 401; return whether it renews a nonce without saying that the last one is stale.

        `authorized` says that the request had a login, `again` that its nonce was renewed already for this request.

        Raises:
            LoginError: the login is missing or refused, or must not be sent.

        """
        values = response.headers.all("www-authenticate")
        challenge = self._chosen(values, response, method, authorized=authorized)
        renewed = authorized and not challenge.stale
        if renewed and (again or not self._is_renewed(challenge)):
            raise self._refused(method)
        if why := self.rules.why_not(challenge, channel):
            raise LoginInsecureError(f"{method}: {why}")
        self._take(challenge)
        self.tried = True
        return renewed

    def _chosen(self, values: tuple[str, ...], response: Response, method: str, *, authorized: bool) -> auth.Challenge:
        offered = auth.parse_challenges(values)
        self._note(offered)
        if says_locked(response):
            raise LoginLockedError(f"{method}: {status_line(response)}", tried=authorized)
        if self.credentials is None:
            raise LoginError(f"{method}: the camera requires a login", tried=False, reason="held_back")
        challenge = auth.choose(offered, self._challenge)
        if challenge is None and self.accepted and not values:
            raise self._refused(method)
        if challenge is None:
            names = auth.names(values, self._gate)
            detail = f"{method}: the camera offers no supported login method: {names}"
            raise LoginError(detail, tried=authorized, reason="no_supported_method")
        return challenge

    def _refused(self, method: str) -> LoginError:
        """Return the error of a login that the camera refuses."""
        if self.accepted:
            detail = f"{method}: the camera accepted the login before, and refuses it now"
            return LoginError(detail, tried=True, reason="revoked")
        return LoginError(f"{method}: the camera refused the user name or the password", tried=True)

    def _note(self, offered: Iterable[auth.Challenge]) -> None:
        if not auth.offers_digest(self.offered):
            self.offered = tuple(offered) or self.offered

    def _take(self, challenge: auth.Challenge) -> None:
        self._challenge, self._nonce_uses, self._paused = challenge, 0, False
