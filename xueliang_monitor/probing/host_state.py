"""What is known of one host: how many sessions it takes, and whether its channels share one trouble. Pure.

A host is one address with one camera or several: a recorder, an encoder, a camera with several sensors. Each of its
cameras is a channel. Times are monotonic seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from xueliang_monitor.model import Rung, RungResult
from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
from xueliang_monitor.probing.rungs.reach import CONNECTION_REFUSED, NAME_UNRESOLVED, UNANSWERED
from xueliang_monitor.probing.rungs.rtsp import CONNECTION_CLOSED, RTSP_TIMEOUT

SHARE_SECONDS = 1.0
"""How long a result of one channel holds for the others: shorter than the time until a quick recheck."""

RAISE_SECONDS = 3600.0
"""A host that refused a session is tried with one session more after this time."""

OWN_SECONDS = 60.0
"""A silent channel takes no result of another for longer than this after it connected itself: it may work again."""

SILENT_LATER_SECONDS = 60.0
"""A silent channel connects before one that was answered only if it waits longer by this time."""

SHORT_SECONDS = 1.0
"""How long a channel's RTSP answer is waited for at least while others get none."""

SHORT_TIMES = 4.0
"""How many times as long as its last answer took is a channel's answer waited for while others get none."""

SILENT = frozenset({RTSP_TIMEOUT.code, CONNECTION_CLOSED.code})
"""Codes of a host that accepts connections and does not answer."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One camera of a host: its id, and its RTSP port."""

    camera: str
    port: int


@dataclass(slots=True)
class Capacity:
    """How many sessions of the monitor a host takes: `allowed` by the settings, fewer if it refused one."""

    allowed: int = 1
    _learned: int = 0
    _refused_at: float | None = None

    def at(self, now: float) -> int:
        """Return how many sessions may be open now."""
        if self._refused_at is None:
            return self.allowed
        return min(self.allowed, self._learned + int((now - self._refused_at) // RAISE_SECONDS))

    def refuse(self, open_sessions: int, now: float) -> None:
        """Note that the host refused a session while so many were open, the refused one among them."""
        self._learned = min(self.at(now), max(1, open_sessions - 1))
        self._refused_at = now


@dataclass(frozen=True, slots=True)
class SharedResult:
    """What one channel's visit found and what holds for others: its rungs up to the one that failed.

    `began` is when that visit began to connect, `at` when it failed.
    """

    rungs: tuple[RungResult, ...]
    began: float
    at: float


WHOLE_HOST = None
"""The scope of a trouble that is not of one port only."""


@dataclass(slots=True)
class HostTroubles:
    """Which of a host's channels share one trouble, so that few of them have to connect.

    What stops a connection at one port stops it for every channel of that port. If a second port is without an answer
    too, the whole host is. Only one of those channels at a time connects.

    A channel that gets no RTSP answer may hang alone: only the second one in a row, without any answer of the host
    between, makes it a trouble of several. It holds only for channels that were silent themselves when they last
    connected, a short while ago. Any other is asked itself, and waits less long for an answer (`limit_seconds`). Any
    answer of the host ends the trouble. A channel that hung while another was answered says nothing about the host
    until it was answered itself.
    """

    _results: dict[int | None, SharedResult] = field(default_factory=dict)
    _unanswered: set[int] = field(default_factory=set)
    _silent: dict[str, int] = field(default_factory=dict)
    _hung: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _took_seconds: dict[str, float] = field(default_factory=dict)
    _connected_at: dict[int, float] = field(default_factory=dict)
    _answered_at: float = -math.inf
    _told_at: dict[str, float] = field(default_factory=dict)
    _tried_at: dict[str, float] = field(default_factory=dict)

    def _scopes(self, channel: Channel, rung: Rung) -> tuple[int | None, ...]:
        if not self._results:  # by far the most frequent case
            return ()
        scopes: tuple[int | None, ...] = (channel.port, WHOLE_HOST)
        known = ((scope, self._results.get(scope)) for scope in scopes)
        return tuple(scope for scope, result in known if result is not None and result.rungs[-1].rung == rung)

    def unreached(self, channel: Channel) -> bool:
        """Return whether a channel is in a trouble in which only one of those that share it connects at a time."""
        return bool(self._scopes(channel, Rung.REACH))

    def share_one(self, one: Channel, other: Channel) -> bool:
        """Return whether two channels are in the same trouble of that kind."""
        return bool(set(self._scopes(one, Rung.REACH)) & set(self._scopes(other, Rung.REACH)))

    def troubled(self, channel: Channel) -> bool:
        """Return whether a channel is in a trouble that it shares."""
        return self.unreached(channel) or (channel.camera in self._failed and bool(self._scopes(channel, Rung.RTSP)))

    @property
    def silent(self) -> bool:
        """Whether any channel got no RTSP answer when it was last asked itself."""
        return bool(self._failed)

    def limit_seconds(self, channel: Channel) -> float:
        """Return how long a channel's RTSP answer is waited for at most, whatever the settings allow.

        It is short only for a channel that is asked itself while others get no answer, so that all are asked soon; at
        its last visit it was answered in much less.
        """
        if channel.camera in self._failed or not self._scopes(channel, Rung.RTSP):
            return math.inf
        return max(SHORT_SECONDS, SHORT_TIMES * self._took_seconds.get(channel.camera, math.inf))

    def result_for(self, channel: Channel, now: float) -> SharedResult | None:
        """Return the result of another channel that holds for this one; None if it has to connect itself.

        A result counts once for each channel, and only if its visit began after the channel's last result. Results in a
        row are then observations of different moments.
        """
        scopes = self._scopes(channel, Rung.REACH)
        if channel.camera in self._failed and now - self._tried_at.get(channel.camera, now) <= OWN_SECONDS:
            scopes += self._scopes(channel, Rung.RTSP)
        newest = max((self._results[scope] for scope in scopes), key=lambda result: result.at, default=None)
        if newest is None or now - newest.at > SHARE_SECONDS:
            return None
        return newest if newest.began >= self._told_at.get(channel.camera, -math.inf) else None

    def told(self, channel: Channel, now: float) -> None:
        """Note that a channel has a result now: its own, or that of another."""
        self._told_at[channel.camera] = now

    def tried(self, channel: Channel, now: float) -> None:
        """Note that a channel connects itself now."""
        self._tried_at[channel.camera] = now

    def rank(self, channel: Channel) -> float:
        """Return the rank of a channel among those that wait. The next to connect is the one that did not for longest.

        A channel that was silent comes later, as it takes long and its news is old.
        """
        later = SILENT_LATER_SECONDS if channel.camera in self._failed else 0.0
        return self._tried_at.get(channel.camera, -math.inf) + later

    def saw(self, channel: Channel, rungs: tuple[RungResult, ...], *, began: float, now: float) -> bool:
        """Take the last of a visit's rungs; return whether a trouble began or ended for other channels.

        Rungs above RTSP say nothing about the host, nor do errors of the monitor.
        """
        before, last = set(self._results), rungs[-1]
        if last.fault == CHECK_FAILED.code or last.rung not in (Rung.REACH, Rung.RTSP):
            return False
        self._told_at[channel.camera] = now
        found = SharedResult(rungs, began, now)
        if last.rung == Rung.REACH:
            self._connected(channel, now) if last.ok else self._unconnected(channel, found)
        elif last.fault in SILENT:
            self._unspoken(channel, found)
        else:
            self._took_seconds[channel.camera] = last.seconds
            self._answered(channel, now)
        return before != set(self._results)

    def _end(self, rung: Rung, *scopes: int | None) -> None:
        for scope in scopes:
            known = self._results.get(scope)
            if known is not None and known.rungs[-1].rung == rung:
                del self._results[scope]

    def _connected(self, channel: Channel, now: float) -> None:
        self._unanswered.clear()
        self._connected_at[channel.port] = now
        self._end(Rung.REACH, channel.port, WHOLE_HOST)

    def _unconnected(self, channel: Channel, found: SharedResult) -> None:
        code = found.rungs[-1].fault
        if self._connected_at.get(channel.port, -math.inf) > found.began:
            return  # another channel was let in since
        if code == NAME_UNRESOLVED.code:
            self._results[WHOLE_HOST] = found
        elif code == CONNECTION_REFUSED.code:
            self._unanswered.clear()  # a refusal is an answer
            self._end(Rung.REACH, WHOLE_HOST)
            self._results[channel.port] = found
        elif code in UNANSWERED:
            self._unanswered.add(channel.port)
            self._results[channel.port] = found
            if len(self._unanswered) > 1:
                self._results[WHOLE_HOST] = found

    def _answered(self, channel: Channel, now: float) -> None:
        self._answered_at = now
        self._hung |= self._silent.keys()
        self._hung.discard(channel.camera)
        self._failed.discard(channel.camera)
        self._silent.clear()
        self._end(Rung.RTSP, *self._results.copy())

    def _unspoken(self, channel: Channel, found: SharedResult) -> None:
        self._failed.add(channel.camera)
        for scope in self._scopes(channel, Rung.RTSP):
            self._results[scope] = found
        if self._answered_at > found.began:
            self._hung.add(channel.camera)  # another channel was answered meanwhile
            return
        if channel.camera in self._hung:
            return
        self._silent[channel.camera] = channel.port
        others = {port for camera, port in self._silent.items() if camera != channel.camera}
        if channel.port in others:
            self._results[channel.port] = found
        if others - {channel.port}:
            self._results[WHOLE_HOST] = found
