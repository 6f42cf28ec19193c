"""The named logins of a fleet: which cameras share one, and which may try it. Judged by `judgement.credentials`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.snapshot import CredentialsTrouble, Entry
from xueliang_monitor.judgement import credentials
from xueliang_monitor.judgement.credentials import CREDENTIALS_REFUSED, Refusal, SharedLogin, Stage
from xueliang_monitor.judgement.debounce import attributed_to_login
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Finding, State, VisitResult
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.probing.login import LoginOutcome, Protocol
from xueliang_monitor.probing.login_book import LoginBook, LoginKey
from xueliang_monitor.probing.login_marks import OF_THIS_PROCESS, UNKNOWN
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED

WITHDRAWN_SECONDS = 60.0
"""A camera's own alarm that is at most so old is withdrawn when its login turns out to be refused by many."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a camera uses a login over RTSP: its name, the address of the device, and the mark of the login."""

    name: str
    device: str
    mark: str


class FleetCredentials:
    """The state of every named login, and the book of what each address says of it. The gate of the book."""

    def __init__(self, now: Callable[[], float], happened: Callable[[tuple[Transition, ...]], None]) -> None:
        """Start with no cameras; `happened` is called at once with the begin and the end of each event."""
        self.book = LoginBook(self)
        self.marks = OF_THIS_PROCESS
        self._now = now
        self._happened = happened
        self._logins: dict[str, SharedLogin] = {}
        self._uses: dict[str, Use] = {}
        self._users: dict[str, Counter[str]] = {}
        self._marks_of: dict[str, str] = {}
        self._told: dict[str, LoginOutcome] = {}
        self._waiting: dict[str, Finding] = {}
        self._held: set[str] = set()

    # Which cameras share a login

    def join(self, camera: Camera) -> None:
        """Add a camera, or replace it by another version of its file. A changed login is proven first."""
        self._remove(camera.id)
        name, mark = camera.data.credentials, OF_THIS_PROCESS.of(camera.target.credentials)
        if not name or mark is None:
            return
        use = self._uses[camera.id] = Use(name, canonical_host(camera.target.host), mark)
        users = self._users.setdefault(name, Counter())
        users[use.device] += 1
        self._take(credentials.with_users(self._login(name), users))
        known = self._marks_of.get(name)
        if not camera.outdated and known != mark:
            self._marks_of[name] = mark
            if known is not None:
                self._take(credentials.begun(self._login(name)))

    def leave(self, camera: str) -> None:
        """Remove a camera that is no longer watched."""
        use = self._uses.get(camera)
        self._remove(camera)
        if use is not None:
            self._take(credentials.with_users(self._login(use.name), self._users.get(use.name, {})))
            if use.name not in self._users:
                self._logins.pop(use.name, None)
                self._marks_of.pop(use.name, None)

    def _remove(self, camera: str) -> None:
        self._told.pop(camera, None)
        self._waiting.pop(camera, None)
        self._held.discard(camera)
        use = self._uses.pop(camera, None)
        if use is None:
            return
        users = self._users[use.name]
        users[use.device] -= 1
        if users[use.device] <= 0:
            del users[use.device]
        if not users:
            del self._users[use.name]

    def _login(self, name: str) -> SharedLogin:
        return self._logins.get(name) or SharedLogin(name)

    def _of(self, camera: str) -> tuple[SharedLogin, str] | None:
        """Return the login of a camera and its device; None without a named login."""
        use = self._uses.get(camera)
        return None if use is None else (self._login(use.name), use.device)

    def begin(self, entries: Mapping[str, Entry]) -> None:
        """Begin the trial of each login that no device is known to accept: before the first visits of a start."""
        proven = {
            use.name
            for name, entry in entries.items()
            if (use := self._uses.get(name)) is not None and self._is_proven(entry)
        }
        for name, login in tuple(self._logins.items()):
            if name not in proven or login.refused_since is not None:
                self._take(credentials.begun(login))

    def _is_proven(self, entry: Entry) -> bool:
        """Return whether a camera is known to accept the login that it has now."""
        mark = self.marks.of(entry.camera.target.credentials)
        known = entry.memory.login.rtsp
        if mark is None:
            return False
        record = self.book.known(LoginKey(canonical_host(entry.camera.target.host), mark))
        if record is not None:
            return record.rtsp.known_good
        return known.credentials in (mark, UNKNOWN) and known.known_good

    # The gate of the book of logins

    def may_try(self, camera: str, protocol: Protocol) -> bool:
        """Say whether a camera may try its login. Over ONVIF, the same login follows RTSP in each visit."""
        found = self._of(camera)
        if found is None or protocol is not Protocol.RTSP:
            return True
        after = credentials.may_try(*found, self._now())
        if after is None:
            self._held.add(camera)
            return False
        self._held.discard(camera)
        self._take(after)
        return True

    def over(self, camera: str, protocol: Protocol, outcome: LoginOutcome, *, in_doubt: bool) -> None:
        """Take the outcome of an attempt."""
        found = self._of(camera)
        if found is None or protocol is not Protocol.RTSP:
            return
        self._told[camera] = outcome
        login, device = found
        if outcome in (LoginOutcome.ACCEPTED, LoginOutcome.REVOKED):
            self._take(credentials.accepted(login, device, self._now()))
        elif outcome is LoginOutcome.REFUSED:
            self._take(credentials.refused(login, device, Refusal(self._now(), camera, in_doubt)))
        else:
            self._take(credentials.unanswered(login, device))

    def _take(self, after: SharedLogin) -> None:
        before = self._login(after.name)
        self._logins[after.name] = after
        if before.refused_since is None and after.refused_since is not None:
            self._happened((self._raised(after, self._now()),))
        elif before.refused_since is not None and after.refused_since is None:
            cleared = TransitionKind.CLEARED
            self._happened(
                (
                    Transition(
                        "", self._now(), cleared, CREDENTIALS_REFUSED.code, since=before.refused_since, login=after.name
                    ),
                )
            )

    @staticmethod
    def _raised(login: SharedLogin, at: float) -> Transition:
        return Transition(
            "",
            at,
            TransitionKind.RAISED,
            CREDENTIALS_REFUSED.code,
            detail=login.detail,
            since=login.refused_since,
            login=login.name,
        )

    # Trials

    def due(self, entries: Mapping[str, Entry]) -> frozenset[str]:
        """Choose the devices that try a login next; return the cameras to visit up to RTSP at once."""
        wanted = self._decided()
        for name, login in tuple(self._logins.items()):
            if login.stage is Stage.ALL:
                continue
            best = self._candidates(name, entries)
            after = credentials.chosen(login, best, self._now())
            self._take(after)
            wanted |= {best[device] for device in after.chosen.keys() - login.chosen.keys() if device in best}
        free = {camera for camera in self._held if self._is_free(camera)}
        self._held -= free
        return frozenset(wanted | free)

    def _is_free(self, camera: str) -> bool:
        found = self._of(camera)
        return found is None or found[0].stage is Stage.ALL

    def _decided(self) -> set[str]:
        """Return the cameras that are to blame themselves for a refusal that was undecided."""
        return {
            camera
            for camera in self._waiting
            if (found := self._of(camera)) is not None and not credentials.undecided(*found, self._now())
        }

    def _candidates(self, name: str, entries: Mapping[str, Entry]) -> dict[str, str]:
        """Return the best camera of each device that may try a login, those first that were healthy last."""
        now = self._now()
        ranked: list[tuple[bool, float, str]] = []
        for camera, use in self._uses.items():
            entry = entries.get(camera)
            if use.name != name or entry is None:
                continue
            mark = self.marks.of(entry.camera.target.credentials) or ""
            record = self.book.record(LoginKey(use.device, mark))
            if record.rtsp.may_try(now):
                ranked.append((entry.health.state is State.DOWN, -(entry.health.online_at or 0.0), camera))
        found: dict[str, str] = {}
        for _, _, camera in sorted(ranked):
            found.setdefault(self._uses[camera].device, camera)
        return found

    # Judgement of visits

    def judged(self, visited: VisitResult) -> VisitResult:
        """Return a visit without a refused login that is not the camera's own fault, or is not known to be."""
        found, outcome = self._of(visited.camera), self._told.pop(visited.camera, None)
        if found is None:
            return visited
        login, device = found
        if outcome is None and visited.at >= login.chosen.get(device, visited.at + 1):
            self._take(credentials.unanswered(login, device))
        if not any(result.fault == AUTH_FAILED.code for result in visited.rungs):
            self._waiting.pop(visited.camera, None)
            return visited
        seen = next((finding for finding in visited.seen if finding.code == AUTH_FAILED.code), None)
        if login.affects(device):
            self._waiting.pop(visited.camera, None)
            return _withheld(visited, f"credentials {login.name} are refused by many devices")
        if credentials.undecided(login, device, self._now()):
            if seen is None:
                return visited
            self._waiting[visited.camera] = seen
            return _withheld(visited, f"credentials {login.name} are tried on other devices first")
        known = self._waiting.pop(visited.camera, None)
        if known is None or seen is not None:
            return visited
        return replace(visited, seen=(*visited.seen, known), online=False)

    def withdrawn(self, name: str, entries: Mapping[str, Entry], now: float) -> dict[str, Entry]:
        """Return the entries whose own alarm of the last minute is withdrawn, as their login is refused by many."""
        found = {}
        for camera, use in self._uses.items():
            entry = entries.get(camera)
            fault = entry.health.faults.get(AUTH_FAILED.code) if entry is not None else None
            if entry is None or fault is None or use.name != name or not self.affects(camera):
                continue
            if fault.confirmed_at is None or now - fault.confirmed_at <= WITHDRAWN_SECONDS:
                found[camera] = replace(entry, health=attributed_to_login(entry.health, AUTH_FAILED.code, now))
        return found

    # State

    def affects(self, camera: str) -> bool:
        """Return whether an open event covers a camera."""
        found = self._of(camera)
        return found is not None and found[0].affects(found[1])

    @property
    def troubles(self) -> tuple[CredentialsTrouble, ...]:
        """The logins that are refused by many now."""
        return tuple(
            CredentialsTrouble(login.name, login.refused_since, login.cameras, login.detail)
            for login in self._logins.values()
            if login.refused_since is not None
        )

    def open_transitions(self) -> tuple[Transition, ...]:
        """Return the transition that raised each open event."""
        return tuple(
            self._raised(login, login.refused_since)
            for login in self._logins.values()
            if login.refused_since is not None
        )

    def restore(self, refused: Mapping[str, float]) -> tuple[Transition, ...]:
        """Take over open events, by login, with the time since when; return the end of those without cameras."""
        ended = []
        for name, since in refused.items():
            if name in self._logins:
                self._logins[name] = replace(credentials.begun(self._logins[name]), refused_since=since)
            else:
                code, cleared = CREDENTIALS_REFUSED.code, TransitionKind.CLEARED
                ended.append(Transition("", self._now(), cleared, code, since=since, login=name))
        return tuple(ended)

    def shift(self, seconds: float) -> None:
        """Shift every time by as much as the wall clock was set."""
        self.book.shift(seconds)
        self._logins = {name: login.moved(lambda at: at + seconds) for name, login in self._logins.items()}


def _withheld(visited: VisitResult, why: str) -> VisitResult:
    """Return a visit that cannot tell whether the camera is online, as its login is not judged."""
    return replace(
        visited,
        seen=tuple(finding for finding in visited.seen if finding.code != AUTH_FAILED.code),
        ruled_out=visited.ruled_out - {AUTH_FAILED.code},
        online=None,
        rungs=tuple(
            replace(each, detail=f"{each.detail} ({why})") if each.fault == AUTH_FAILED.code else each
            for each in visited.rungs
        ),
    )
