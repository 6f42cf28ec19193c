"""The figures of an availability report, computed from seconds per day, fault episodes and outages. Pure functions."""

from __future__ import annotations

import calendar
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from xueliang_monitor.availability_report.root_causes import Unavailable, nodes_above, unavailable
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.topology import Topology

WORST = 20
"""How many cameras the list of the worst ones holds."""

TARGET = 0.98
"""Online rate that a network must reach."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_FIRST, _LAST = date(1970, 1, 1), date(9998, 12, 31)
"""Days outside have no time of the system's clock, or none follows."""

MAX_DAYS = 3660
"""Nothing is kept for longer."""

NOTHING = AvailabilitySeconds()


@dataclass(frozen=True, slots=True)
class Period:
    """A range of local days, both ends included."""

    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `2026-10`, `2026-10-05` or `2026-10-01..2026-10-15`.

        Raises:
            ValueError: the text has none of these forms, or the period is longer than `MAX_DAYS`.

        """
        try:
            first, _, last = text.partition("..")
            if _MONTH.fullmatch(text):
                year, month = map(int, text.split("-"))
                period = cls(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
            elif _DAY.fullmatch(first) and (not last or _DAY.fullmatch(last)):
                period = cls(date.fromisoformat(first), date.fromisoformat(last or first))
            else:
                raise ValueError(text)
            if _FIRST <= period.first <= period.last <= _LAST and (period.last - period.first).days < MAX_DAYS:
                return period
        except ValueError:
            pass
        raise ValueError(f"{text!r} is not a period; write 2026-10, 2026-10-05 or 2026-10-01..2026-10-15")

    def within(self, first: date, last: date) -> Period | None:
        """Return the part of the period between two days; None if there is none."""
        part = Period(max(self.first, first), min(self.last, last))
        return part if part.first <= part.last else None

    @property
    def start(self) -> float:
        """Start of the first day, in seconds since the epoch."""
        return datetime.combine(self.first, datetime.min.time()).timestamp()

    @property
    def end(self) -> float:
        """End of the last day, in seconds since the epoch."""
        return datetime.combine(self.last + timedelta(days=1), datetime.min.time()).timestamp()

    @property
    def days(self) -> list[str]:
        """Every day, as YYYY-MM-DD."""
        return [
            (self.first + timedelta(days=number)).isoformat() for number in range((self.last - self.first).days + 1)
        ]

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} – {self.last}"


@dataclass(frozen=True, slots=True)
class Rate:
    """The seconds of a group of cameras, of one camera or of one day."""

    name: str
    cameras: int
    seconds: AvailabilitySeconds


@dataclass(frozen=True, slots=True)
class Lost:
    """One outage of a camera or an uplink; `ended` is None while it lasts.

    `causes` are the faults during the outage, in the order in which they were confirmed. `seconds` is the part of the
    outage that lies in the period.
    """

    name: str
    title: str
    site: str
    causes: tuple[str, ...]
    began: float
    ended: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class FaultCount:
    """How often a fault was confirmed, on how many cameras, and for how many seconds of the period."""

    fault: str
    episodes: int
    cameras: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one report.

    `repair_mean` and `repair_90` are the mean and the 90th percentile of the durations, in seconds, of the outages that
    ended in the period; None without such outages.
    """

    period: Period
    target: float
    fleet: Rate
    programmes: tuple[Rate, ...]
    sites: tuple[Rate, ...]
    days: tuple[Rate, ...]
    worst: tuple[Rate, ...]
    outages: tuple[Lost, ...]
    repair_mean: float | None
    repair_90: float | None
    faults: tuple[FaultCount, ...]
    uplinks: tuple[Lost, ...]
    unavailable: Unavailable
    registered: tuple[Camera, ...]
    retired: tuple[Camera, ...]
    never_seen: tuple[Camera, ...]


def _sum(each: Iterable[AvailabilitySeconds]) -> AvailabilitySeconds:
    return sum(each, AvailabilitySeconds())


def _groups(
    cameras: Sequence[Camera], totals: Mapping[str, AvailabilitySeconds], key: Callable[[Camera], str]
) -> tuple[Rate, ...]:
    groups: dict[str, list[Camera]] = defaultdict(list)
    for camera in cameras:
        groups[key(camera)].append(camera)
    return tuple(
        Rate(name, len(members), _sum(totals[camera.id] for camera in members))
        for name, members in sorted(groups.items())
    )


def _touches(lasting: Episode | Outage, period: Period) -> bool:
    return lasting.began < period.end and (lasting.ended is None or lasting.ended > period.start)


def _inside(lasting: Episode | Outage, period: Period, now: float) -> float:
    """Return the seconds of an episode or an outage that lie in the period."""
    ended = lasting.ended if lasting.ended is not None else max(now, lasting.began)
    return max(0.0, min(ended, period.end) - max(lasting.began, period.start))


def _percentile_90(values: Sequence[float]) -> float:
    """Return the nearest-rank 90th percentile."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 9 // 10) - 1)]


def _count_faults(episodes: Iterable[Episode], period: Period, now: float) -> tuple[FaultCount, ...]:
    by_fault: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        by_fault[episode.fault].append(episode)
    counts = [
        FaultCount(
            fault, len(each), len({item.camera for item in each}), sum(_inside(item, period, now) for item in each)
        )
        for fault, each in by_fault.items()
    ]
    return tuple(sorted(counts, key=lambda count: (-count.episodes, count.fault)))


def _registered_in(camera: Camera, period: Period) -> bool:
    try:
        moment = datetime.fromisoformat(camera.data.registered or "").astimezone().timestamp()
    except ValueError:
        return False
    return period.start <= moment < period.end


def build(
    period: Period,
    cameras: Iterable[Camera],
    seconds: Mapping[str, Mapping[str, AvailabilitySeconds]],
    *,
    episodes: Iterable[Episode],
    outages: Iterable[tuple[str, Outage]],
    root_seconds: Mapping[RootDay, float],
    topology: Topology,
    now: float,
    target: float = TARGET,
    site: str | None = None,
    programme: str | None = None,
) -> Figures:
    """Return the figures of a period for all cameras, or for those of a site or programme.

    Cameras in commissioning are left out. `seconds` maps camera ids to days, `outages` are pairs of camera id and
    outage. `root_seconds` are those behind dead nodes of `topology` in the period. Episodes and outages that still
    last are counted up to `now`.
    """
    wanted = [
        camera
        for camera in cameras
        if camera.status is not Lifecycle.COMMISSIONING
        and site in (None, camera.site)
        and programme in (None, camera.programme)
    ]
    ids = {camera.id: camera for camera in wanted}
    days = period.days
    by_camera = {name: {day: seconds.get(name, {}).get(day, NOTHING) for day in days} for name in ids}
    totals = {name: _sum(each.values()) for name, each in by_camera.items()}
    active = [camera for camera in wanted if camera.status is Lifecycle.ACTIVE or totals[camera.id].observed]
    known = [item for item in episodes if _touches(item, period)]
    own = [item for item in known if item.camera in ids]
    lost = [(ids[name], item) for name, item in outages if name in ids and _touches(item, period)]
    repairs = [item.ended - item.began for _, item in lost if item.ended is not None and item.ended <= period.end]
    uplinks = nodes_above(ids, topology)
    fleet = Rate("", len(active), _sum(totals[camera.id] for camera in active))
    rates = [Rate(camera.id, 1, totals[camera.id]) for camera in active if totals[camera.id].counted > 0]
    return Figures(
        period=period,
        target=target,
        fleet=fleet,
        programmes=_groups(active, totals, lambda camera: camera.programme),
        sites=_groups(active, totals, lambda camera: camera.site),
        days=tuple(Rate(day, len(active), _sum(by_camera[camera.id][day] for camera in active)) for day in days),
        worst=tuple(sorted(rates, key=lambda rate: (rate.seconds.online_ratio or 0.0, rate.name))[:WORST]),
        outages=tuple(
            Lost(
                name=camera.id,
                title=camera.name,
                site=camera.site,
                causes=item.codes,
                began=item.began,
                ended=item.ended,
                seconds=_inside(item, period, now),
            )
            for camera, item in lost
        ),
        repair_mean=statistics.fmean(repairs) if repairs else None,
        repair_90=_percentile_90(repairs) if repairs else None,
        faults=_count_faults(own, period, now),
        uplinks=tuple(
            Lost(
                name=item.uplink,
                title=topology.shown(item.uplink),
                site="",
                causes=(item.fault,),
                began=item.began,
                ended=item.ended,
                seconds=_inside(item, period, now),
            )
            for item in known
            if not item.camera and item.uplink in uplinks
        ),
        unavailable=unavailable(
            {camera.id for camera in active},
            fleet.seconds,
            root_seconds,
            episodes=known,
            inside=lambda item: _inside(item, period, now),
            topology=topology,
        ),
        registered=tuple(camera for camera in wanted if _registered_in(camera, period)),
        retired=tuple(camera for camera in wanted if camera.status is Lifecycle.RETIRED),
        never_seen=tuple(
            camera for camera in active if camera.status is Lifecycle.ACTIVE and not totals[camera.id].online
        ),
    )
