"""Which login each request of one conversation is sent with, as the camera's refusals choose it.

A camera is asked without a login first. It then gets HTTP Digest if it offers that, otherwise WS-UsernameToken, and
both if Digest passes and SOAP refuses nevertheless. A refused nonce that was good before is no refused password: the
login is made anew once for a request. A token is signed once more by the other clock if the camera's contradicts
ours. A password that was refused is not sent again otherwise in the same conversation.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from xueliang_monitor.net.errors import LoginError
from xueliang_monitor.net.http import HttpResponse
from xueliang_monitor.net.http_digest import DigestLogin, offered_digests
from xueliang_monitor.net.onvif_hints import LoginKind, OnvifHints
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedResponseError, SoapFaultError
from xueliang_monitor.wire.soap_answer import SoapAnswer

MAX_REQUESTS_OF_A_CALL = 6
"""A token that is unknown, no login, Digest, its challenge asked anew, Digest, and Digest with the token."""

_WITH_DIGEST = frozenset({LoginKind.DIGEST, LoginKind.BOTH})
_WITH_TOKEN = frozenset({LoginKind.TOKEN, LoginKind.BOTH})


@dataclass(slots=True)
class Turn:
    """The requests of one call so far: the operation, the login of the last one, and those of all."""

    operation: str
    login: LoginKind
    tried: set[LoginKind] = field(default_factory=set)
    requests: int = 0
    renewed: bool = False


class OnvifLogin:
    """Chooses the login of each request; `has_credentials` and `may_log_in` say what may be sent at all.

    After `max_refused` logins that were refused or not answered, and none that was accepted, no more are sent.
    `refused` and `unanswered` count them.
    """

    def __init__(
        self, hints: OnvifHints, gate: Gate, *, has_credentials: bool, may_log_in: bool, max_refused: int
    ) -> None:
        self.kind = hints.login
        self.nonce_is_good_once = hints.nonce_is_good_once
        self.tried = self.accepted = False
        self._gate = gate
        self._has_credentials = has_credentials
        self._may_log_in = may_log_in and has_credentials
        self._renewed_in_vain = False
        self._max_refused = max_refused
        self.refused = self.unanswered = 0
        self._clocks = hints.token_offsets()
        self._clock = 0
        self._accepted_clock: float | None = None
        self._digests: dict[Hashable, DigestLogin] = {}

    def digest(self, place: Hashable) -> DigestLogin:
        """Return the Digest login at one server of the camera."""
        return self._digests.setdefault(place, DigestLogin())

    @property
    def token_offset(self) -> float:
        """The clock that a token is signed by, minus ours, in seconds."""
        return self._clocks[min(self._clock, len(self._clocks) - 1)]

    def begin(self, operation: str, place: Hashable, clocks: tuple[float, ...]) -> Turn:
        """Begin a call: choose the login of its first request. `clocks` are those that a token may be signed by."""
        self._clocks = clocks
        login = LoginKind.NONE
        if self._may_log_in and self.may_send_another:
            if self.kind is LoginKind.TOKEN:
                login = LoginKind.TOKEN
            elif self._has_nonce(self.digest(place)):
                login = self.kind if self.kind in _WITH_DIGEST else LoginKind.DIGEST
        return Turn(operation, login)

    def _has_nonce(self, digest: DigestLogin) -> bool:
        return digest.challenge is not None and not (self.nonce_is_good_once and digest.uses)

    @property
    def may_send_another(self) -> bool:
        """Whether one more login stays within the limit: cameras also count those that they do not answer."""
        return self.accepted or self.refused + self.unanswered < self._max_refused

    def sending(self, login: LoginKind) -> None:
        """Note that a request is about to be sent, whose outcome is not known before `over`."""
        self.unanswered += login is not LoginKind.NONE

    def over(self, login: LoginKind) -> None:
        """Note that a request was answered, or could not be sent."""
        self.unanswered -= login is not LoginKind.NONE

    def sent(self, turn: Turn, login: LoginKind) -> None:
        """Note with which login the last request was sent."""
        turn.login = login
        turn.requests += 1
        turn.tried.add(login)
        self.tried = self.tried or login is not LoginKind.NONE

    def is_settled(self, turn: Turn, answer: SoapAnswer[Any], response: HttpResponse, place: Hashable) -> bool:
        """Return whether an answer is the one to the call, and note an accepted login."""
        if answer.login_refused or self._is_token_unknown(turn, answer):
            return False
        if turn.login in _WITH_DIGEST:
            self.digest(place).accepted(response)
        if turn.login in _WITH_TOKEN:
            self._accepted_clock, self._clocks, self._clock = self.token_offset, (self.token_offset,), 0
        if turn.login is not LoginKind.NONE:
            self.accepted, self.kind = True, turn.login
        return True

    def _is_token_unknown(self, turn: Turn, answer: SoapAnswer[Any]) -> bool:
        """Return whether a camera that wanted a token does not know it any more."""
        error = answer.error
        unknown = isinstance(error, SoapFaultError) and any("MustUnderstand" in code for code in error.fault.codes)
        return unknown and turn.login in _WITH_TOKEN and LoginKind.NONE not in turn.tried

    def next(self, turn: Turn, answer: SoapAnswer[Any], response: HttpResponse, place: Hashable) -> LoginKind:
        """Return the login of the next request of a call, after a refusal.

        Raises:
            LoginError: a login is missing, held back or refused.
            MalformedResponseError: the user lacks the permission.

        """
        if not self._has_credentials:
            raise LoginError(f"{turn.operation}: the camera requires a login", tried=False)
        if not self._may_log_in or (turn.login is LoginKind.NONE and not self.may_send_another):
            why = "was refused before" if self.tried else "is held back"
            why = "was sent before and not answered" if self.unanswered and not self.tried else why
            raise LoginError(f"{turn.operation}: the login {why}", tried=False)
        offered = offered_digests(response)
        challenge = auth.choose(offered)
        if self._is_token_unknown(turn, answer):
            return LoginKind.NONE
        if turn.login is LoginKind.NONE:
            following = self._after_none(turn, response, challenge, place)
        elif turn.login is LoginKind.TOKEN:
            following = LoginKind.DIGEST if challenge is not None and not turn.tried & _WITH_DIGEST else None
            if following is not None and challenge is not None:
                self.digest(place).renew(challenge)
        else:
            following = self._after_digest(turn, answer, response, place)
        other_clock = turn.login in _WITH_TOKEN and not self.accepted and self._clock + 1 < len(self._clocks)
        if following is None and other_clock:
            self._clock += 1
            following = turn.login
        half_sent = turn.login is LoginKind.DIGEST and following is LoginKind.BOTH
        if turn.login is not LoginKind.NONE and not half_sent and not self.accepted:  # even if it calls the nonce stale
            self.refused += 1
            following = following if self.may_send_another else None
        if following is None or turn.requests >= MAX_REQUESTS_OF_A_CALL:
            raise self._refusal(turn, answer, response, place)
        return following

    def _after_none(
        self, turn: Turn, response: HttpResponse, challenge: auth.Challenge | None, place: Hashable
    ) -> LoginKind | None:
        if challenge is not None:
            self.digest(place).renew(challenge)
            return LoginKind.BOTH if LoginKind.BOTH in (*turn.tried, self.kind) else LoginKind.DIGEST
        if offered_digests(response):
            values = response.headers.getall("WWW-Authenticate", ())
            raise LoginError(
                f"{turn.operation}: the camera offers no supported login method: {auth.names(values, self._gate)}",
                tried=False,
            )
        return None if turn.renewed or LoginKind.TOKEN in turn.tried else LoginKind.TOKEN

    def _after_digest(
        self, turn: Turn, answer: SoapAnswer[Any], response: HttpResponse, place: Hashable
    ) -> LoginKind | None:
        if answer.is_soap and response.status not in (401, 403):  # Digest passed, and SOAP refuses
            self.digest(place).accepted(response)
            return None if LoginKind.BOTH in turn.tried else LoginKind.BOTH
        digest, challenge = self.digest(place), auth.choose(offered_digests(response))
        stale = challenge is not None and challenge.stale
        outdated = digest.may_be_outdated and not self._renewed_in_vain
        if turn.renewed or not (outdated or stale):
            return None
        turn.renewed = True
        if digest.accepted_uses == 1 and not stale:
            self.nonce_is_good_once = True
        digest.renew(challenge)
        return LoginKind.NONE if challenge is None else turn.login

    def _refusal(
        self, turn: Turn, answer: SoapAnswer[Any], response: HttpResponse, place: Hashable
    ) -> LoginError | MalformedResponseError:
        reason, challenge = answer.login_refused, auth.choose(offered_digests(response))
        if self.accepted:
            if turn.renewed:
                self._renewed_in_vain, self.nonce_is_good_once = True, False
            return MalformedResponseError(f"{turn.operation}: the user lacks the permission ({reason})")
        login = LoginKind.BOTH if LoginKind.BOTH in turn.tried else turn.login
        self.digest(place).renew(None)
        self.kind, self._may_log_in = LoginKind.UNKNOWN, False
        if turn.renewed and challenge is not None and challenge.stale:
            return LoginError(f"{turn.operation}: the camera calls each new nonce stale ({reason})", tried=True)
        values = response.headers.getall("WWW-Authenticate", ())
        if values and challenge is None:
            reason += f"; it offers {auth.names(values, self._gate)}"
        return LoginError(
            f"{turn.operation}: the camera refused the user name or the password by {login.value} ({reason})",
            tried=True,
        )

    def hints_after(self, hints: OnvifHints) -> OnvifHints:
        """Return what is to be remembered."""
        if self._accepted_clock is not None:
            hints = hints.with_token_accepted(self._accepted_clock)
        elif self.refused:
            hints = hints.with_token_refused()
        if (hints.login, hints.nonce_is_good_once) == (self.kind, self.nonce_is_good_once):
            return hints
        return replace(hints, login=self.kind, nonce_is_good_once=self.nonce_is_good_once)
