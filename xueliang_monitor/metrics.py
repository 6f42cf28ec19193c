"""The metrics endpoint: renders a snapshot of the fleet and the monitor for Prometheus at scrape time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from xueliang_monitor import __version__
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.fleet.changes import ChangeKind
from xueliang_monitor.fleet.device_labels import DeviceLabels
from xueliang_monitor.fleet.monitor_status import Histogram, PictureStatus
from xueliang_monitor.fleet.notification_metrics import families
from xueliang_monitor.fleet.snapshot import Entry, Snapshot
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.problems import ProblemKind
from xueliang_monitor.judgement.root_causes import MONITOR_ISOLATED
from xueliang_monitor.judgement.status import CAUSES, CameraStatus
from xueliang_monitor.model import State
from xueliang_monitor.process.shortage import Resource
from xueliang_monitor.wire.exposition import GaugeLines, counters, single, total, written
from xueliang_monitor.wire.oddities import read as read_oddities

_CAMERA = ("camera", "site", "programme")

_READINGS = (
    ("xueliang_camera_stream_frame_rate_hertz", "Frames per second, by RTP timestamps.", "frame_rate_hertz"),
    ("xueliang_camera_stream_bytes_per_second", "Video payload per second, by RTP timestamps.", "bytes_per_second"),
    ("xueliang_camera_stream_jitter_seconds", "Interarrival jitter of video packets (RFC 3550).", "jitter_seconds"),
    (
        "xueliang_camera_stream_keyframe_interval_seconds",
        "Time between the last two keyframes.",
        "keyframe_interval_seconds",
    ),
    (
        "xueliang_camera_stream_clock_offset_seconds",
        "Clock of the camera's RTCP sender reports minus the monitor's clock.",
        "stream_clock_offset_seconds",
    ),
    (
        "xueliang_camera_stream_packet_loss_ratio",
        "Share of RTP packets lost in the last visit that received media.",
        "packet_loss_ratio",
    ),
    (
        "xueliang_camera_keyframe_wait_seconds",
        "Time from the first packet to a complete keyframe.",
        "keyframe_wait_seconds",
    ),
    ("xueliang_camera_clock_offset_seconds", "The camera's clock minus the monitor's clock.", "clock_offset_seconds"),
    ("xueliang_camera_last_start_timestamp_seconds", "When the camera last started.", "last_start_timestamp_seconds"),
    ("xueliang_camera_picture_brightness_ratio", "Mean luma of the last picture, 0 to 1.", "brightness_ratio"),
    ("xueliang_camera_picture_sharpness_ratio", "Sharpness of the last picture (1 - blur effect).", "sharpness_ratio"),
)
"""The metric, its help, and the reading or the measure of the picture."""


def _labels(entry: Entry) -> list[str]:
    return [entry.camera.id, entry.camera.site, entry.camera.programme]


def _gauge(name: str, text: str, labels: Sequence[str] = ()) -> GaugeLines:
    return GaugeLines(name, text, labels)


def _histogram(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    names = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(names, map(float, accumulate(histogram.counts)), strict=True))
    family.add_metric(labels, buckets, histogram.total)


class SnapshotCollector(Collector):
    """Yields every metric family of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield all metric families, cameras first."""
        yield from self._judgement()
        yield from self._times()
        yield from self._cameras_readings()
        yield self._info()
        yield from self._catalogue()
        yield from self._files()
        yield from self._uplinks()
        yield from self._credentials()
        yield self._acknowledged()
        yield self._availability()
        yield from self._visits()
        yield from self._monitor()
        yield from self._history()
        yield from self._configuration()
        yield from families(self._snapshot.monitor.notifications)
        yield from self._page()

    def _judgement(self) -> Iterator[Metric]:
        online = _gauge(
            "xueliang_camera_online", "1 if the camera answers RTSP, else 0; absent while unknown.", _CAMERA
        )
        healthy = _gauge(
            "xueliang_camera_healthy", "1 if online without a confirmed fault; absent while unknown.", _CAMERA
        )
        state = _gauge("xueliang_camera_state", "1 for the camera's state.", (*_CAMERA, "state"))
        fault = _gauge("xueliang_camera_fault", "1 while the fault is confirmed.", (*_CAMERA, "fault"))
        since = _gauge(
            "xueliang_camera_fault_since_timestamp_seconds",
            "When a confirmed fault was first seen.",
            (*_CAMERA, "fault"),
        )
        unknown = _gauge(
            "xueliang_camera_unknown", "1 while the camera's state is unknown, by cause.", (*_CAMERA, "cause")
        )
        episodes = CounterMetricFamily(
            "xueliang_camera_fault_episodes", "Number of times the fault was confirmed.", labels=(*_CAMERA, "fault")
        )
        for entry, status in self._snapshot.counted:
            labels = _labels(entry)
            if status.online is not None:
                online.add_metric(labels, float(status.online))
            if status.healthy is not None:
                healthy.add_metric(labels, float(status.healthy))
            for each in State:
                state.add_metric([*labels, each.value], float(each is status.state))
            for known in status.faults:
                fault.add_metric([*labels, known.code], 1.0)
                if known.since is not None:
                    since.add_metric([*labels, known.code], known.since)
            if status.state is State.UNKNOWN:
                unknown.add_metric([*labels, status.cause], 1.0)
            for code, count in entry.episodes.items():
                episodes.add_metric([*labels, code], count)
        yield from (online, healthy, state, fault, since, unknown, episodes)

    def _times(self) -> Iterator[Metric]:
        seen = _gauge("xueliang_camera_last_seen_timestamp_seconds", "When the camera last answered RTSP.", _CAMERA)
        keyframe = _gauge(
            "xueliang_camera_last_keyframe_timestamp_seconds", "When a keyframe was last received.", _CAMERA
        )
        rungs = _gauge(
            "xueliang_camera_rung_duration_seconds",
            "Duration of the rung in the last visit that climbed it.",
            (*_CAMERA, "rung"),
        )
        for entry, _ in self._snapshot.entries:
            labels = _labels(entry)
            if entry.health.online_at is not None:
                seen.add_metric(labels, entry.health.online_at)
            if entry.health.keyframe_at is not None:
                keyframe.add_metric(labels, entry.health.keyframe_at)
            for rung, result in entry.rungs.items():
                rungs.add_metric([*labels, rung], result.seconds)
        yield from (seen, keyframe, rungs)

    def _cameras_readings(self) -> Iterator[Metric]:
        shown = [entry for entry, status in self._snapshot.entries if _video_known(status)]
        readings = [(_labels(entry), dict(entry.readings.items())) for entry in shown]
        for name, text, reading in _READINGS:
            family = _gauge(name, text, _CAMERA)
            for labels, known in readings:
                value = known.get(reading)
                if value is not None and not isinstance(value, str):
                    family.add_metric(labels, value)
            yield family
        oddities = _gauge(
            "xueliang_camera_stream_oddities",
            "What the last visit that received media read against the standards: packets, responses or bytes, by kind.",
            (*_CAMERA, "oddity"),
        )
        for labels, known in readings:
            for oddity, count in read_oddities(str(known.get("oddities", ""))):
                oddities.add_metric([*labels, oddity.value], count)
        yield oddities

    def _catalogue(self) -> Iterator[Metric]:
        names = ("severity", "rung", "name", "name_zh", "cause", "cause_zh", "advice", "advice_zh")
        family = _gauge("xueliang_fault_info", "Description of a fault; always 1.", ("fault", *names))
        for code, known in FAULTS.items():
            texts = [part for text in (known.name, known.cause, known.advice) for part in (text.en, text.zh)]
            family.add_metric([code, known.severity.value, known.rung, *texts], 1.0)
        causes = _gauge(
            "xueliang_unknown_cause_info", "Description of an unknown cause; always 1.", ("cause", "name", "name_zh")
        )
        for code, text in CAUSES.items():
            causes.add_metric([code, text.en, text.zh], 1.0)
        yield from (family, causes)

    def _info(self) -> Metric:
        names = ("name", "address", *(item.name for item in fields(DeviceLabels)), "uplink")
        family = _gauge(
            "xueliang_camera_info",
            "Description of the camera; always 1. Changes after two equal reports.",
            (*_CAMERA, *names),
        )
        for entry, _ in self._snapshot.entries:
            camera = entry.camera
            told = (*entry.labels.values, *entry.labels.time_values)
            family.add_metric([*_labels(entry), camera.name, camera.target.host, *told, camera.uplink], 1.0)
        return family

    def _availability(self) -> Metric:
        family = _gauge(
            "xueliang_camera_availability_ratio",
            "Share of watched time, without maintenance, during which the camera was online.",
            (*_CAMERA, "window"),
        )
        for entry, _ in self._snapshot.counted:
            for name, ratio in self._snapshot.availability.get(entry.camera.id, {}).items():
                family.add_metric([*_labels(entry), name], ratio)
        return family

    def _uplinks(self) -> Iterator[Metric]:
        up = _gauge(
            "xueliang_uplink_up",
            "0 while the uplink or recorder is down by itself, else 1; absent while unknown, as behind another one.",
            ("uplink",),
        )
        since = _gauge(
            "xueliang_uplink_down_since_timestamp_seconds", "When the uplink went down; absent while up.", ("uplink",)
        )
        cameras = _gauge("xueliang_uplink_cameras", "Visited cameras behind the uplink, at all levels.", ("uplink",))
        isolated = any(known.code == MONITOR_ISOLATED.code for known in self._snapshot.monitor_faults)
        for uplink in self._snapshot.uplinks:
            cameras.add_metric([uplink.name], uplink.cameras)
            if uplink.down_since is not None:
                up.add_metric([uplink.name], 0.0)
                since.add_metric([uplink.name], uplink.down_since)
            elif uplink.telling and not uplink.behind and not isolated:
                up.add_metric([uplink.name], 1.0)
        names = ("uplink", "parent", "kind", "name", "place", "port", "circuit")
        info = _gauge("xueliang_uplink_info", "Description of the uplink or recorder; always 1.", names)
        for node in self._snapshot.topology.nodes.values():
            texts = (node.shown, node.place, node.port, node.circuit)
            info.add_metric([node.name, node.parent, node.kind, *texts], 1.0)
        yield from (up, since, cameras, info)

    def _credentials(self) -> Iterator[Metric]:
        refused = _gauge(
            "xueliang_credentials_refused",
            "1 while many devices refuse the login with this name in the settings; absent otherwise.",
            ("credentials",),
        )
        cameras = _gauge(
            "xueliang_credentials_refused_cameras",
            "Cameras that the refused login concerns; absent otherwise.",
            ("credentials",),
        )
        for known in self._snapshot.credentials:
            refused.add_metric([known.name], 1.0)
            cameras.add_metric([known.name], float(known.cameras))
        yield from (refused, cameras)

    def _acknowledged(self) -> Metric:
        family = _gauge(
            "xueliang_problem_acknowledged",
            "1 while a user knows of the open problem; the fault is empty for an outage. Absent otherwise.",
            ("kind", "camera", "uplink", "credentials", "fault"),
        )
        for problem, _ in self._snapshot.acknowledged:
            code = "" if problem.kind is ProblemKind.OUTAGE else problem.codes[0]
            family.add_metric([problem.kind.value, problem.camera, problem.node, problem.login, code], 1.0)
        return family

    def _files(self) -> Iterator[Metric]:
        trial = _gauge(
            "xueliang_camera_commissioning",
            "1 for a camera in commissioning: watched, but not counted and without alerts.",
            _CAMERA,
        )
        outdated = _gauge(
            "xueliang_camera_file_outdated",
            "1 while the camera file is invalid and its last valid version is used.",
            _CAMERA,
        )
        for entry, _ in self._snapshot.entries:
            if entry.camera.status is Lifecycle.COMMISSIONING:
                trial.add_metric(_labels(entry), 1.0)
            if entry.camera.outdated:
                outdated.add_metric(_labels(entry), 1.0)
        yield from (trial, outdated)

    def _visits(self) -> Iterator[Metric]:
        visits = self._snapshot.monitor.visits
        rungs = HistogramMetricFamily("xueliang_rung_duration_seconds", "Duration of each rung.", labels=("rung",))
        for rung, histogram in visits.rung_seconds.items():
            _histogram(rungs, [rung], histogram)
        lateness = HistogramMetricFamily(
            "xueliang_visit_lateness_seconds", "Seconds between a visit's planned and actual start.", labels=()
        )
        _histogram(lateness, [], visits.lateness)
        waits = HistogramMetricFamily(
            "xueliang_host_wait_seconds",
            "Seconds for which a visit waited for its turn at the camera's host.",
            labels=(),
        )
        _histogram(waits, [], visits.waits)
        overdue = HistogramMetricFamily(
            "xueliang_picture_overdue_seconds", "Seconds for which a regular stream or picture waited.", labels=()
        )
        _histogram(overdue, [], visits.overdue)
        yield from (rungs, lateness, waits, overdue)
        yield counters(
            "xueliang_visits",
            "Visits by result.",
            "result",
            {outcome.value: count for outcome, count in visits.results.items()},
        )
        failures = "Errors of the monitor in judging pictures. Each error skips one check of one picture."
        yield counters("xueliang_picture_check_errors", failures, "check", visits.failures.counts)
        text = "Visits without a result because the monitor lacked a resource."
        counts = {resource.value: visits.shortages.get(resource.value, 0) for resource in Resource}
        yield counters("xueliang_monitor_shortages", text, "resource", counts)

    def _monitor(self) -> Iterator[Metric]:
        monitor = self._snapshot.monitor
        fault = _gauge("xueliang_monitor_fault", "1 while the monitor itself has the fault.", ("fault",))
        since = _gauge("xueliang_monitor_fault_since_timestamp_seconds", "When the monitor's fault began.", ("fault",))
        for known in self._snapshot.monitor_faults:
            fault.add_metric([known.code], 1.0)
            since.add_metric([known.code], known.since)
        yield from (fault, since)
        yield total(
            "xueliang_monitor_stopped_seconds",
            "Seconds during which the process was stopped or its machine was suspended.",
            monitor.pauses.total_seconds,
        )
        yield single(
            "xueliang_event_loop_lag_seconds", "Lateness of the event loop's last wake-up.", monitor.loop_lag_seconds
        )
        yield total("xueliang_decoder_restarts", "Picture workers that died or were killed.", monitor.decoder_restarts)
        yield from _pictures(monitor.pictures)
        text = "Background tasks restarted after a failure."
        yield counters("xueliang_task_restarts", text, "task", monitor.task_restarts)

    def _history(self) -> Iterator[Metric]:
        history = self._snapshot.monitor.history
        yield single("xueliang_history_up", "1 while the history can be written and read.", float(history.ok))
        yield total("xueliang_histories_damaged", "Damaged histories put aside.", history.damaged)
        counts = {kind.value: history.lost.get(kind, 0) for kind in ChangeKind}
        text = "Changes that were never written to the history."
        yield counters("xueliang_history_lost_changes", text, "kind", counts)

    def _configuration(self) -> Iterator[Metric]:
        reload = self._snapshot.monitor.reload
        yield single(
            "xueliang_inventory_cameras",
            "Watched cameras, without those in commissioning.",
            len(self._snapshot.counted),
        )
        yield single("xueliang_inventory_invalid_files", "Invalid camera files.", reload.invalid_files)
        name = "xueliang_config_last_reload"
        yield single(f"{name}_successful", "1 if the last reload had no error.", float(reload.succeeded))
        yield single(f"{name}_timestamp_seconds", "Time of the last successful reload.", reload.succeeded_at)

    def _page(self) -> Iterator[Metric]:
        monitor = self._snapshot.monitor
        ends = _gauge("xueliang_web_certificate_not_after_timestamp_seconds", "Expiry of the page's certificate.")
        if monitor.certificate_ends_at is not None:
            ends.add_metric([], monitor.certificate_ends_at)
        page = _gauge("xueliang_page_info", "Address of the page; always 1.", ("url",))
        page.add_metric([monitor.page_url], 1.0)
        build = _gauge("xueliang_build_info", "The running version; always 1.", ("version",))
        build.add_metric([__version__], 1.0)
        yield from (ends, page, build)


def _video_known(status: CameraStatus) -> bool:
    return status.state in (State.UP, State.DEGRADED)


def _pictures(load: PictureStatus) -> Iterator[Metric]:
    yield single("xueliang_pictures_learning", "Cameras online whose usual view is not known yet.", load.learning)
    text = "The shortest interval at which the pictures of all cameras can be judged."
    yield single("xueliang_pictures_held_interval_seconds", text, load.held_seconds)
    text = "Cameras whose stream or picture is due and waits, by what it is for."
    waiting = _gauge("xueliang_pictures_waiting", text, ("purpose",))
    for purpose, count in load.waiting.items():
        waiting.add_metric([purpose], count)
    yield waiting


def render(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """Return the exposition in the format that an Accept header asks for, and its content type.

    Blocks; run it in a thread.
    """
    encoder, content_type = choose_encoder(accept)
    process = ProcessCollector(registry=CollectorRegistry(auto_describe=False))
    return written((*SnapshotCollector(snapshot).collect(), *process.collect()), encoder), content_type
