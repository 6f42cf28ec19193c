"""Whether a login that many cameras share is good: proven on one device first, judged by all of them. Pure.

A device is an address. A login that changed is tried on one device, then on three, then on all. A login that was good
and is refused by several devices, with none accepting it meanwhile, is itself in question: no camera is blamed, and the
same trial begins.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.model import Fault, Rung, Severity, Text

CREDENTIALS_REFUSED = Fault(
    "credentials_refused",
    Rung.FLEET,
    Severity.CRITICAL,
    name=Text("Shared login refused", "共用账号被拒绝"),
    cause=Text(
        "Several devices refuse the same login. Its password file is wrong, or the password was changed on them.",
        "多台设备拒绝同一账号：密码文件有误，或设备上的密码已被更改。",
    ),
    advice=Text(
        "Correct the password of these credentials in the settings, and test it with "
        "xueliang config check --try-logins. The cameras need no visit. The monitor tries the login on one device at a "
        "time until it is accepted.",
        "更正配置中该账号的密码，并用 xueliang config check --try-logins 测试；无需前往摄像机。"
        "在账号被接受之前，程序每次只在一台设备上尝试登录。",
    ),
)


class Stage(enum.Enum):
    """On how many devices a login may be tried."""

    ONE = "one"
    FEW = "few"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CredentialsPolicy:
    """How a shared login is judged.

    Attributes:
        devices: this many devices must refuse it, or all if fewer use it, for it to be in question.
        window: seconds within which they must refuse it.
        patience: seconds that a camera's own alarm waits at most for other devices to accept or refuse the login.
        answer: seconds after which a device that was chosen for a trial and gave no answer is passed over.
        few: the number of devices of the second stage.
        first_back_off: seconds between two attempts with a login in question; they double up to `longest_back_off`.
        longest_back_off: seconds. Another device is tried each time, so no device sees more than a few attempts.
        round_pause: seconds before devices that gave no answer are tried again.

    """

    devices: int = 3
    window: float = 60.0
    patience: float = 20.0
    answer: float = 10.0
    few: int = 3
    first_back_off: float = 300.0
    longest_back_off: float = 1800.0
    round_pause: float = 60.0


POLICY = CredentialsPolicy()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last refusal of a login by a device. `in_doubt` says that it may have another cause, as a session limit."""

    at: float
    camera: str
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class SharedLogin:
    """The state of one named login. Times are seconds since the epoch.

    Attributes:
        name: the name of the credentials.
        users: the number of cameras with this login, by device.
        stage: on how many devices it may be tried.
        chosen: the devices that may try it now in a trial, with the time since when.
        passed: the devices that had their turn in this round of the trial.
        proved: the devices that accepted it in this trial.
        trying: the devices with an attempt under way while the login is suspected.
        refused: the devices that refused it and did not accept it since.
        accepted_at: when a device last accepted it.
        refused_since: since when it is refused by many; None while it is not.
        failures: refused attempts since it came into question.
        held_until: when the next attempt of a trial may be made.

    """

    name: str
    users: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    stage: Stage = Stage.ALL
    chosen: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    passed: frozenset[str] = frozenset()
    proved: frozenset[str] = frozenset()
    trying: frozenset[str] = frozenset()
    refused: Mapping[str, Refusal] = field(default_factory=lambda: MappingProxyType({}))
    accepted_at: float = -math.inf
    refused_since: float | None = None
    failures: int = 0
    held_until: float = 0.0

    @property
    def shared(self) -> bool:
        """Whether more than one camera uses it."""
        return sum(self.users.values()) > 1

    @property
    def in_question(self) -> bool:
        """Whether it is refused by many, so that no device of it is blamed."""
        return self.refused_since is not None and self.stage is not Stage.ALL

    def _refuses_all_its_cameras(self, device: str) -> bool:
        refusal = self.refused.get(device)
        return refusal is not None and not refusal.in_doubt and self.users.get(device, 0) > 1

    def affects(self, device: str) -> bool:
        """Return whether the open event covers a device, so that none of its cameras is blamed."""
        return self.refused_since is not None and (self.in_question or self._refuses_all_its_cameras(device))

    @property
    def cameras(self) -> int:
        """The number of cameras that the open event covers."""
        return sum(count for device, count in self.users.items() if self.affects(device))

    @property
    def detail(self) -> str:
        """What was observed, without anything of the login itself."""
        witnesses = sorted(refusal.camera for refusal in self.refused.values() if refusal.camera)
        shown = ", ".join(witnesses[:4]) + (" and others" if len(witnesses) > 4 else "")
        count = len(witnesses)
        devices = f"{count} device{'' if count == 1 else 's'}"
        return f"{devices} refused it ({shown}); {sum(self.users.values())} cameras use it" if witnesses else ""

    def moved(self, change: Callable[[float], float]) -> SharedLogin:
        """Return a copy with `change` applied to every time."""
        return replace(
            self,
            chosen=MappingProxyType({device: change(at) for device, at in self.chosen.items()}),
            refused=MappingProxyType({name: replace(each, at=change(each.at)) for name, each in self.refused.items()}),
            accepted_at=change(self.accepted_at),
            refused_since=None if self.refused_since is None else change(self.refused_since),
            held_until=change(self.held_until) if self.held_until else 0.0,
        )


def _open(login: SharedLogin, now: float, policy: CredentialsPolicy) -> list[Refusal]:
    """Return the refusals that no acceptance followed: those of the trial, or else of the last minute."""
    return [
        each
        for each in login.refused.values()
        if each.at > login.accepted_at and (login.stage is not Stage.ALL or now - each.at <= policy.window)
    ]


def _without(chosen: Mapping[str, float], device: str) -> Mapping[str, float]:
    return MappingProxyType({name: at for name, at in chosen.items() if name != device})


def begun(login: SharedLogin) -> SharedLogin:
    """Return a login whose trial begins, as it changed or was never accepted. An open event lasts until its end."""
    if len(login.users) < 2:
        refused = login.refused if login.refused_since is not None else MappingProxyType({})
        return _settled(SharedLogin(login.name, login.users, refused=refused, refused_since=login.refused_since))
    return SharedLogin(login.name, login.users, Stage.ONE, refused_since=login.refused_since)


def resumed(
    login: SharedLogin, since: float, refusals: Mapping[str, Refusal], policy: CredentialsPolicy = POLICY
) -> SharedLogin:
    """Return a login whose event goes on after a restart; `refusals` are what is known of the login as it is now.

    The devices that were tried are not tried again before the others, and the pause lasts. Only an acceptance ends it.
    """
    known = {device: replace(each, in_doubt=False) for device, each in refusals.items() if device in login.users}
    if len(login.users) < 2:
        known = known or {device: Refusal(since, "") for device in login.users}
    after = replace(begun(login), refused=MappingProxyType(known), refused_since=since)
    needed = min(policy.devices, len(login.users))
    if len(login.users) < 2 or (len(known) < needed and any(login.users[device] > 1 for device in known)):
        return replace(after, stage=Stage.ALL)
    if len(known) < needed:
        return after
    failures = len(known) - needed + 1
    held_until = max(each.at for each in known.values()) + _pause(failures, policy)
    return replace(after, passed=frozenset(known), failures=failures, held_until=held_until)


def _pause(failures: int, policy: CredentialsPolicy) -> float:
    """Return the seconds before the next attempt with a login in question."""
    return min(policy.longest_back_off, policy.first_back_off * 2.0 ** min(failures - 1, 20))


def may_try(login: SharedLogin, device: str, now: float, policy: CredentialsPolicy = POLICY) -> SharedLogin | None:
    """Return the login with an attempt by a device under way; None if the device may not try it now."""
    if login.stage is not Stage.ALL:
        return login if device in login.chosen else None
    if len(login.users) < 2 or not _open(login, now, policy):
        return login
    if len(login.trying - {device}) >= policy.devices - 1:
        return None
    return replace(login, trying=login.trying | {device})


def accepted(login: SharedLogin, device: str, at: float, policy: CredentialsPolicy = POLICY) -> SharedLogin:
    """Return the login after a device accepted it."""
    refused = {name: each for name, each in login.refused.items() if name != device}
    after = replace(
        login,
        refused=MappingProxyType(refused),
        chosen=_without(login.chosen, device),
        trying=login.trying - {device},
        accepted_at=max(at, login.accepted_at),
    )
    if login.stage is Stage.ONE:
        after = replace(after, stage=Stage.FEW, chosen=MappingProxyType({}), passed=frozenset({device}))
        return _advanced(replace(after, proved=frozenset({device})), policy)
    if login.stage is Stage.FEW:
        return _advanced(replace(after, passed=after.passed | {device}, proved=after.proved | {device}), policy)
    return _settled(after)


def refused(login: SharedLogin, device: str, refusal: Refusal, policy: CredentialsPolicy = POLICY) -> SharedLogin:
    """Return the login after a device refused it: in question if enough devices did and none accepted it since."""
    after = replace(
        login,
        refused=MappingProxyType({**login.refused, device: refusal}),
        chosen=_without(login.chosen, device),
        passed=login.passed | {device},
        trying=login.trying - {device},
    )
    if not after.shared:
        return after
    since = after.refused_since
    if since is None and after._refuses_all_its_cameras(device):
        after = replace(after, refused_since=refusal.at)
    if len(after.users) < 2:
        return after
    against = _open(after, refusal.at, policy)
    needed = min(policy.devices, len(after.users))
    certain = needed >= policy.devices or any(not each.in_doubt for each in against)
    if len(against) >= needed and certain:
        failures = after.failures + 1
        return replace(
            after,
            stage=Stage.ONE,
            chosen=MappingProxyType({}),
            proved=frozenset(),
            trying=frozenset(),
            refused_since=min(each.at for each in against) if since is None else since,
            failures=failures,
            held_until=refusal.at + _pause(failures, policy),
        )
    return _advanced(after, policy) if after.stage is Stage.FEW else after


def unanswered(login: SharedLogin, device: str, policy: CredentialsPolicy = POLICY) -> SharedLogin:
    """Return the login after an attempt or a visit of a device that says nothing of the login."""
    after = replace(login, trying=login.trying - {device})
    if device not in login.chosen:
        return after
    after = replace(after, chosen=_without(login.chosen, device), passed=login.passed | {device})
    return _advanced(after, policy) if after.stage is Stage.FEW else after


def wants_choice(login: SharedLogin, now: float, policy: CredentialsPolicy = POLICY) -> bool:
    """Return whether a trial goes on now with another device, or one that was chosen has not answered in time."""
    if login.stage is not Stage.ONE:
        return login.stage is Stage.FEW
    if login.chosen:
        return any(now - since > policy.answer for since in login.chosen.values())
    return now >= login.held_until


def chosen(
    login: SharedLogin, candidates: Iterable[str], now: float, policy: CredentialsPolicy = POLICY
) -> SharedLogin:
    """Return the login with the devices chosen that try it next; `candidates` are the best devices first."""
    if login.stage is Stage.ALL:
        return login
    for device, since in login.chosen.items():
        if now - since > policy.answer:
            login = unanswered(login, device, policy)
    if login.stage is Stage.ALL or (login.stage is Stage.ONE and (login.chosen or now < login.held_until)):
        return login
    free = [device for device in candidates if device not in login.passed and device not in login.chosen]
    if login.stage is Stage.ONE:
        if not free:
            return replace(login, passed=frozenset(), held_until=now + policy.round_pause)
        return replace(login, chosen=MappingProxyType({free[0]: now}))
    room = policy.few - _answers(login) - len(login.chosen)
    picked = {**login.chosen, **dict.fromkeys(free[: max(0, room)], now)}
    after = replace(login, chosen=MappingProxyType(picked))
    return after if picked else _free(after)


def _answers(login: SharedLogin) -> int:
    """Return how many devices have answered in the second stage."""
    return len(login.proved) - 1 + sum(each.at > login.accepted_at for each in login.refused.values())


def _advanced(login: SharedLogin, policy: CredentialsPolicy) -> SharedLogin:
    """Return a login in its second stage, free for all if enough devices answered or none is left."""
    left = login.users.keys() - login.passed - login.chosen.keys()
    return _free(login) if _answers(login) >= policy.few or not (left or login.chosen) else login


def _free(login: SharedLogin) -> SharedLogin:
    """Return the login free for all devices."""
    return _settled(SharedLogin(login.name, login.users, refused=login.refused, accepted_at=login.accepted_at,
                                refused_since=login.refused_since))  # fmt: skip


def _settled(login: SharedLogin) -> SharedLogin:
    """Return a login without an event that is over."""
    if login.stage is not Stage.ALL or login.refused_since is None or login.cameras:
        return login
    return replace(login, refused_since=None)


def undecided(login: SharedLogin, device: str, now: float, policy: CredentialsPolicy = POLICY) -> bool:
    """Return whether it is open if a device that refuses the login is to blame, or the login."""
    refusal = login.refused.get(device)
    if refusal is None or len(login.users) < 2 or login.affects(device):
        return False
    return refusal.at > login.accepted_at and now - refusal.at < policy.patience


def with_users(login: SharedLogin, users: Mapping[str, int]) -> SharedLogin:
    """Return the login with other users. An event without users, or a trial with one device, is over."""
    after = replace(
        login,
        users=MappingProxyType(dict(users)),
        chosen=MappingProxyType({device: at for device, at in login.chosen.items() if device in users}),
        refused=MappingProxyType({device: each for device, each in login.refused.items() if device in users}),
        passed=login.passed & users.keys(),
        proved=login.proved & users.keys(),
        trying=login.trying & users.keys(),
    )
    if len(users) < 2 and after.stage is not Stage.ALL:
        return _free(after)
    return _settled(after)
