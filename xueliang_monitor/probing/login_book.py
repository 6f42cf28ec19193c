"""The logins of the whole process by address and login: refusals add up over all channels of a device.

A recorder has one address, one user database and one lock, however many channels it has. What one channel learns of a
login therefore holds for all channels at that address with that login. An attempt is reserved before it is sent and
counts as a refusal until its outcome is known, so that visits at the same time cannot exceed the limit together.

A channel that refuses a login which other channels of the address accept is held alone, and the others go on.
"""

from __future__ import annotations

import asyncio
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from xueliang_monitor.model import Target
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.probing.login import (
    MAX_REFUSALS,
    RETRY_SECONDS,
    Denial,
    Login,
    LoginHistory,
    LoginOutcome,
    Permission,
    Protocol,
)
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord

WAIT_SECONDS = 2.0
"""How long a visit waits for the outcome of other attempts with the same login at the same address."""

FORGET_SECONDS = 86_400.0
"""A login that was not tried for a day is forgotten. No back-off lasts longer than 6 h."""


class LoginGate(typing.Protocol):
    """Decides whether a camera may try its login at all, and is told how each attempt went."""

    def may_try(self, camera: str, protocol: Protocol) -> bool:
        """Say whether a camera may try its login now; `over` is called later if it may."""
        ...

    def over(
        self, camera: str, protocol: Protocol, outcome: LoginOutcome, *, in_doubt: bool, alone: bool = False
    ) -> None:
        """Take the outcome of an attempt.

        `in_doubt` says that a refusal may have another cause than the login, `alone` that other channels of the device
        accept the login.
        """
        ...


class LoginBook:
    """The records of all logins, and the attempts that are under way. One object of a process."""

    def __init__(self, gate: LoginGate | None = None) -> None:
        self.gate = gate
        self._records: dict[LoginKey, LoginRecord] = {}
        self._changed: set[LoginKey] = set()
        self._trying: dict[LoginKey, int] = {}
        self._released: dict[LoginKey, asyncio.Event] = {}
        self._accepted: dict[LoginKey, dict[str, float]] = {}
        self._shifted = 0.0

    def of_visit(self, target: Target, own: Login) -> VisitLogins:
        """Return the logins of one visit; `own` is what the camera's own memory says of its credentials."""
        address = canonical_host(target.host)
        keys = {
            protocol: LoginKey(address, mark)
            for protocol, mark in ((Protocol.RTSP, own.rtsp.credentials), (Protocol.ONVIF, own.onvif.credentials))
            if mark
        }
        self._learn_from(target.id, own, keys)
        return VisitLogins(self, target.id, own, keys)

    def _learn_from(self, camera: str, own: Login, keys: Mapping[Protocol, LoginKey]) -> None:
        """Take over what a camera remembers of logins that are not in the book, as from an earlier version."""
        refusals = own.refusals
        for protocol, key in keys.items():
            if key in self._records:
                continue
            history = own.rtsp if protocol is Protocol.RTSP else own.onvif
            if refusals or history.failures or history.was_accepted:
                both = own.rtsp.credentials == own.onvif.credentials
                self._records[key] = LoginRecord(
                    own.rtsp if both or protocol is Protocol.RTSP else LoginHistory(key.mark),
                    own.onvif if both or protocol is Protocol.ONVIF else LoginHistory(key.mark),
                    refusals,
                    max((*refusals, history.held_until)),
                    {camera: own.rtsp} if own.rtsp.in_doubt else {},
                )
                refusals = ()

    def record(self, key: LoginKey) -> LoginRecord:
        """Return what is remembered of a login at an address."""
        return self._records.get(key) or LoginRecord(LoginHistory(key.mark), LoginHistory(key.mark))

    def known(self, key: LoginKey) -> LoginRecord | None:
        """Return the record of a login at an address; None without one."""
        return self._records.get(key)

    def settle(self, key: LoginKey) -> None:
        """Take it that a login is to blame for its refusals at an address, and not the address or a channel there."""
        record = self._records.get(key)
        if record is not None and (record.rtsp.in_doubt or record.alone):
            self._records[key] = record.settled()
            self._changed.add(key)

    def ruled(self, key: LoginKey, camera: str, now: float, permission: Permission) -> Permission:
        """Return the permission of a camera over RTSP, as what is known of the login at its address allows."""
        record = self._records.get(key)
        if record is None:
            return permission
        return record.ruled(camera, now, permission, accepted=self._accepted.get(key, {}))

    def view(self, camera: str, own: Login, keys: Mapping[Protocol, LoginKey]) -> Login:
        """Return a camera's login with what is known at its address in place of what the camera remembers."""
        rtsp, onvif = self._record_of(keys.get(Protocol.RTSP)), self._record_of(keys.get(Protocol.ONVIF))
        if rtsp is None and onvif is None:
            return own
        refusals = rtsp.refusals if rtsp is not None else own.refusals
        if onvif is not None and keys.get(Protocol.RTSP) != keys.get(Protocol.ONVIF):
            refusals = tuple(sorted((*refusals, *onvif.refusals)))[-MAX_REFUSALS:]
        over_rtsp = own.rtsp if rtsp is None else rtsp.of_camera(camera)
        over_onvif = own.onvif if onvif is None else onvif.onvif
        if over_rtsp is own.rtsp and over_onvif is own.onvif and refusals == own.refusals:
            return own
        return replace(own, rtsp=over_rtsp, onvif=over_onvif, refusals=refusals)

    def _record_of(self, key: LoginKey | None) -> LoginRecord | None:
        return None if key is None else self._records.get(key)

    def has_room(self, key: LoginKey, protocol: Protocol, now: float) -> bool:
        """Say whether one more attempt stays within the limit, even if every attempt under way is refused."""
        return self._trying.get(key, 0) < self.record(key).room(protocol, now)

    def reserve(self, key: LoginKey) -> None:
        """Count an attempt that is about to be sent."""
        self._trying[key] = self._trying.get(key, 0) + 1

    def free(self, key: LoginKey) -> None:
        """End a reserved attempt that was not made."""
        left = self._trying.pop(key, 0) - 1
        if left > 0:
            self._trying[key] = left

    def release(
        self,
        key: LoginKey,
        protocol: Protocol,
        outcome: LoginOutcome,
        at: float,
        *,
        camera: str,
        more_refused: int = 0,
    ) -> None:
        """Replace a camera's reserved attempt by its outcome; `more_refused` counts refused logins besides."""
        left = self._trying.pop(key, 0) - 1
        if left > 0:
            self._trying[key] = left
        before = self.record(key)
        after = before
        if outcome is not LoginOutcome.OPEN or more_refused:
            after = before.after(protocol, outcome, at, camera=camera, more_refused=more_refused)
        if after is not before and after != before:
            self._records[key] = after
            self._changed.add(key)
        if protocol is Protocol.RTSP and outcome is LoginOutcome.ACCEPTED:
            self._accepted.setdefault(key, {})[camera] = at
        if event := self._released.pop(key, None):
            event.set()

    async def released(self, key: LoginKey) -> None:
        """Wait until an attempt with a login at an address is over."""
        await self._released.setdefault(key, asyncio.Event()).wait()

    @property
    def shifted(self) -> float:
        """By how many seconds all moments were shifted so far."""
        return self._shifted

    def shift(self, seconds: float) -> None:
        """Shift every moment by as much as the wall clock was set."""
        self._shifted += seconds
        self._records = {key: record.moved(lambda at: at + seconds) for key, record in self._records.items()}
        self._changed |= self._records.keys()
        for accepted in self._accepted.values():
            accepted.update({camera: at + seconds for camera, at in accepted.items()})

    def restore(self, records: Iterable[tuple[LoginKey, LoginRecord]], now: float) -> None:
        """Take over stored records of logins that are not known yet. Moments in the future become `now`."""
        for key, record in records:
            self._records.setdefault(key, record.moved(lambda moment: min(moment, now)))

    def changed_all(self) -> None:
        """Include every record in the next `take_changed`, as the history may be a new one."""
        self._changed |= self._records.keys()

    def take_changed(self, now: float) -> tuple[tuple[LoginKey, LoginRecord], ...]:
        """Return the records that changed since the last call, and forget those that were not used for a day."""
        for key in [key for key, record in self._records.items() if now - record.used_at > FORGET_SECONDS]:
            del self._records[key]
            self._accepted.pop(key, None)
        changed, self._changed = self._changed, set()
        return tuple((key, self._records[key]) for key in sorted(changed & self._records.keys()))


class VisitLogins:
    """The logins of one visit: asks before each attempt, and tells its outcome."""

    def __init__(self, book: LoginBook, camera: str, own: Login, keys: Mapping[Protocol, LoginKey]) -> None:
        self._book = book
        self._camera = camera
        self._own = own
        self._keys = keys
        self._reserved: set[Protocol] = set()
        self._spare = 0
        self._refused_at: float | None = None
        self._shifted = book.shifted
        self.permitted = Permission()

    @property
    def login(self) -> Login:
        """What is known now of the camera's logins."""
        return self._book.view(self._camera, self._own, self._keys)

    async def rtsp(self, now: float) -> Permission:
        """Say whether the login may be tried over RTSP, and reserve the attempt if so."""
        self.permitted = await self._permission(Protocol.RTSP, now, lambda: self._before_rtsp(now))
        return self.permitted

    def _before_rtsp(self, now: float) -> Permission:
        permission, key = self.login.before(Protocol.RTSP, now), self._keys.get(Protocol.RTSP)
        return permission if key is None else self._book.ruled(key, self._camera, now, permission)

    async def onvif(self, now: float, rtsp: LoginOutcome | None = None) -> Permission:
        """Say whether the login may be tried over ONVIF, and reserve the attempt if so.

        `rtsp` is how the login over RTSP went in this visit; without it, only what was learned before it counts.
        """
        if rtsp is None:
            return await self._permission(Protocol.ONVIF, now, lambda: self.login.before(Protocol.ONVIF, now))
        return await self._permission(
            Protocol.ONVIF, now, lambda: self._before_this_visit().before_onvif(now, rtsp, self.permitted)
        )

    def _before_this_visit(self) -> Login:
        """Return the login without this visit's refusal over RTSP, which `before_onvif` adds."""
        login = self.login
        if self._refused_at is None or self._refused_at not in login.refusals:
            return login
        refusals = list(login.refusals)
        refusals.remove(self._refused_at)
        return replace(login, refusals=tuple(refusals))

    async def _permission(self, protocol: Protocol, now: float, ask: Callable[[], Permission]) -> Permission:
        key = self._keys.get(protocol)
        permission = ask()
        if key is None or not permission.allowed or protocol in self._reserved:
            return permission
        if not self._book.has_room(key, protocol, now):
            permission = await self._wait_for_room(key, protocol, now, ask)
        gate = self._book.gate
        if permission.allowed and gate is not None and not gate.may_try(self._camera, protocol):
            permission = Permission(Denial.UNPROVEN, RETRY_SECONDS)
        if permission.allowed:
            self._book.reserve(key)
            self._reserved.add(protocol)
            if protocol is Protocol.ONVIF:
                permission = self._with_spare(key, now, permission)
        return permission

    def _with_spare(self, key: LoginKey, now: float, permission: Permission) -> Permission:
        """Reserve one more login over ONVIF if there is room for it, as a token may be signed by either clock."""
        self._spare = int(permission.spare_logins > 0 and self._book.has_room(key, Protocol.ONVIF, now))
        if self._spare:
            self._book.reserve(key)
        return replace(permission, spare_logins=self._spare)

    async def _wait_for_room(
        self, key: LoginKey, protocol: Protocol, now: float, ask: Callable[[], Permission]
    ) -> Permission:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not self._book.has_room(key, protocol, now):
                    await self._book.released(key)
                    if not (permission := ask()).allowed:
                        return permission
        except TimeoutError:
            return Permission(Denial.UNDER_WAY, RETRY_SECONDS)
        return ask()

    def over(
        self, protocol: Protocol, outcome: LoginOutcome, at: float, *, more_refused: int = 0, unanswered: int = 0
    ) -> None:
        """Take the outcome of an attempt in a visit that started at `at`; without an attempt nothing happens.

        `more_refused` counts the logins that were refused besides the outcome, `unanswered` those without an answer.
        The latter count as refused unless RTSP has accepted the login.

        An answer that logins are locked holds for the address even if no attempt was made.
        """
        key = self._keys.get(protocol)
        if protocol not in self._reserved:
            if key is None or not outcome.is_lock:
                return
            self._book.reserve(key)
        self._reserved.discard(protocol)
        if key is None:
            return
        if protocol is Protocol.ONVIF and self._spare:
            self._book.free(key)
            self._spare = 0
        at += self._book.shifted - self._shifted
        record = self._book.record(key)
        more_refused += 0 if record.rtsp.known_good else unanswered
        alone = protocol is Protocol.RTSP and outcome is LoginOutcome.REFUSED and record.refuses_alone(self._camera)
        in_doubt = record.history(protocol).known_good
        if outcome.is_refusal and protocol is Protocol.RTSP:
            self._refused_at = at
        self._book.release(key, protocol, outcome, at, camera=self._camera, more_refused=more_refused)
        if self._book.gate is not None:
            self._book.gate.over(self._camera, protocol, outcome, in_doubt=in_doubt, alone=alone)

    def close(self, at: float) -> None:
        """End attempts whose outcome is not known, as the visit is over."""
        for protocol in tuple(self._reserved):
            self.over(protocol, LoginOutcome.OPEN, at)
