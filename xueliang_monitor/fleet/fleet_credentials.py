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
from xueliang_monitor.model import Credentials, Finding, Rung, State, VisitResult
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.probing.login import LoginOutcome, Protocol
from xueliang_monitor.probing.login_book import LoginBook
from xueliang_monitor.probing.login_marks import OF_THIS_PROCESS, UNKNOWN
from xueliang_monitor.probing.login_record import LoginKey
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED

WITHDRAWN_SECONDS = 60.0
"""A camera's own alarm that is at most so old is withdrawn when its login turns out to be refused by many."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a camera uses a login over RTSP: its name, the address of the device, and the login itself."""

    name: str
    device: str
    credentials: Credentials


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
        self._cameras: dict[str, dict[str, str]] = {}
        self._stale: set[str] = set()
        self._marks_of: dict[str, str] = {}
        self._told: dict[str, LoginOutcome] = {}
        self._waiting: dict[str, Finding] = {}
        self._held: set[str] = set()

    # Which cameras share a login

    def join(self, camera: Camera) -> None:
        """Add a camera, or replace it by another version of its file. A changed login is proven first."""
        self._remove(camera.id)
        name, login = camera.data.credentials, camera.target.credentials
        mark = OF_THIS_PROCESS.of(login)
        if not name or login is None or mark is None:
            return
        use = self._uses[camera.id] = Use(name, canonical_host(camera.target.host), login)
        self._cameras.setdefault(name, {})[camera.id] = use.device
        self._logins.setdefault(name, SharedLogin(name))
        self._stale.add(name)
        known = self._marks_of.get(name)
        if not camera.outdated and known != mark:
            self._marks_of[name] = mark
            if known is not None:
                self._take(credentials.begun(self._login(name)))

    def leave(self, camera: str) -> None:
        """Remove a camera that is no longer watched."""
        use = self._uses.get(camera)
        self._remove(camera)
        if use is not None and use.name not in self._cameras:
            self._login(use.name)  # its event ends
            self._logins.pop(use.name, None)
            self._marks_of.pop(use.name, None)

    def _remove(self, camera: str) -> None:
        self._told.pop(camera, None)
        self._waiting.pop(camera, None)
        self._held.discard(camera)
        use = self._uses.pop(camera, None)
        if use is None:
            return
        del self._cameras[use.name][camera]
        if not self._cameras[use.name]:
            del self._cameras[use.name]
        self._stale.add(use.name)

    def _login(self, name: str) -> SharedLogin:
        """Return a login with its users of now, which are counted once after many cameras have changed."""
        if name in self._stale:
            self._stale.discard(name)
            users = Counter(self._cameras.get(name, {}).values())
            self._take(credentials.with_users(self._logins.get(name) or SharedLogin(name), users))
        return self._logins.get(name) or SharedLogin(name)

    def _of(self, camera: str) -> tuple[SharedLogin, str] | None:
        """Return the login of a camera and its device; None without a named login."""
        use = self._uses.get(camera)
        return None if use is None else (self._login(use.name), use.device)

    def _key(self, camera: str) -> LoginKey:
        """Return the key of a camera's login in the book."""
        use = self._uses[camera]
        return LoginKey(use.device, self.marks.of(use.credentials) or "")

    def begin(self, entries: Mapping[str, Entry]) -> None:
        """Begin the trial of each login that no device is known to accept: before the first visits of a start."""
        proven = {
            use.name
            for name, entry in entries.items()
            if (use := self._uses.get(name)) is not None and self._is_proven(entry)
        }
        for name in tuple(self._logins):
            login = self._login(name)
            if login.refused_since is not None:
                self._take(credentials.resumed(login, login.refused_since, self._refusals(name)))
                self._settle(self._login(name))
            elif name not in proven:
                self._take(replace(credentials.begun(login), refused=self._refusals(name)))

    def _is_proven(self, entry: Entry) -> bool:
        """Return whether a camera is known to accept the login that it has now."""
        key, known = self._key(entry.camera.id), entry.memory.login.rtsp
        record = self.book.known(key)
        if record is not None:
            return record.rtsp.known_good
        return known.credentials in (key.mark, UNKNOWN) and known.known_good

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

    def over(
        self, camera: str, protocol: Protocol, outcome: LoginOutcome, *, in_doubt: bool, alone: bool = False
    ) -> None:
        """Take the outcome of an attempt. A channel that refuses `alone` tells nothing of its device."""
        found = self._of(camera)
        if found is None or protocol is not Protocol.RTSP:
            return
        self._told[camera] = outcome
        login, device = found
        if outcome in (LoginOutcome.ACCEPTED, LoginOutcome.REVOKED):
            self._take(credentials.accepted(login, device, self._now()))
        elif outcome is LoginOutcome.REFUSED and not alone:
            self._take(credentials.refused(login, device, Refusal(self._now(), camera, in_doubt)))
            if self.affects(camera):
                self.book.settle(self._key(camera))
        else:
            self._take(credentials.unanswered(login, device))

    def _take(self, after: SharedLogin) -> None:
        before = self._logins.get(after.name) or SharedLogin(after.name)
        self._logins[after.name] = after
        if before.refused_since is None and after.refused_since is not None:
            self._settle(after)
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

    def _settle(self, login: SharedLogin) -> None:
        """Take it that a login is to blame for its refusals: its acceptance later reveals no session limit."""
        for camera, device in self._cameras.get(login.name, {}).items():
            if device in login.refused:
                self.book.settle(self._key(camera))

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
        for name in tuple(self._logins):
            login = self._login(name)
            if not credentials.wants_choice(login, self._now()):
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
        return found is None or (found[0].stage is Stage.ALL and credentials.may_try(*found, self._now()) is not None)

    def _decided(self) -> set[str]:
        """Return the cameras that are to blame themselves for a refusal that was undecided."""
        return {
            camera
            for camera in self._waiting
            if (found := self._of(camera)) is not None and not credentials.undecided(*found, self._now())
        }

    def _candidates(self, name: str, entries: Mapping[str, Entry]) -> dict[str, str]:
        """Return the best camera of each device that may try a login: reachable ones that were healthy last first."""
        now = self._now()
        ranked: list[tuple[int, bool, float, str]] = []
        for camera in self._cameras[name]:
            entry = entries.get(camera)
            if entry is None:
                continue
            if self.book.record(self._key(camera)).rtsp.may_try(now):
                reach, down = entry.rungs.get(Rung.REACH), entry.health.state is State.DOWN
                lost = 1 if reach is None else 2 * (not reach.ok)
                ranked.append((lost, down, -(entry.health.online_at or 0.0), camera))
        found: dict[str, str] = {}
        for *_, camera in sorted(ranked):
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
        for camera in self._cameras.get(name, ()):
            entry = entries.get(camera)
            fault = entry.health.faults.get(AUTH_FAILED.code) if entry is not None else None
            if entry is None or fault is None or not self.affects(camera):
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
            for login in map(self._login, tuple(self._logins))
            if login.refused_since is not None
        )

    def open_transitions(self) -> tuple[Transition, ...]:
        """Return the transition that raised each open event."""
        return tuple(
            self._raised(login, login.refused_since)
            for login in map(self._login, tuple(self._logins))
            if login.refused_since is not None
        )

    def restore(self, refused: Mapping[str, float]) -> tuple[Transition, ...]:
        """Take over open events, by login, with the time since when; return the end of those without cameras."""
        ended = []
        for name, since in refused.items():
            if name in self._logins:
                self._logins[name] = credentials.resumed(self._login(name), since, self._refusals(name))
            else:
                code, cleared = CREDENTIALS_REFUSED.code, TransitionKind.CLEARED
                ended.append(Transition("", self._now(), cleared, code, since=since, login=name))
        return tuple(ended)

    def _refusals(self, name: str) -> dict[str, Refusal]:
        """Return the last refusal of a login by each device that did not accept it since, as the book remembers it."""
        found: dict[str, Refusal] = {}
        for camera, device in sorted(self._cameras.get(name, {}).items()):
            record = self.book.known(self._key(camera))
            if device not in found and record is not None and record.rtsp.failures and record.refusals:
                found[device] = Refusal(record.refusals[-1], camera, record.rtsp.in_doubt)
        return found

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
