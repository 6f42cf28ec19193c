"""The fleet as Prometheus reads it, rendered from a snapshot at scrape time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from xueliang_monitor import __version__
from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.fleet.snapshot import Entry, Histogram, Snapshot
from xueliang_monitor.judgement.catalogue import CAUSES, FAULTS
from xueliang_monitor.judgement.health import CameraStatus
from xueliang_monitor.model import State
from xueliang_monitor.process.shortage import Resource

_CAMERA = ("camera", "site", "programme")

_READINGS = (
    ("xueliang_camera_stream_frame_rate_hertz", "Pictures a second, by their timestamps.", "frame_rate_hertz"),
    ("xueliang_camera_stream_bytes_per_second", "Payload of the video, by its own time.", "bytes_per_second"),
    (
        "xueliang_camera_stream_jitter_seconds",
        "Interarrival jitter of the video's packets (RFC 3550).",
        "jitter_seconds",
    ),
    (
        "xueliang_camera_stream_keyframe_interval_seconds",
        "Time between the last keyframes that were seen.",
        "keyframe_interval_seconds",
    ),
    (
        "xueliang_camera_stream_clock_offset_seconds",
        "The clock of the camera's RTCP sender reports over the monitor's.",
        "stream_clock_offset_seconds",
    ),
    ("xueliang_camera_stream_packet_loss_ratio", "Share of RTP packets lost at the last look.", "packet_loss_ratio"),
    (
        "xueliang_camera_keyframe_wait_seconds",
        "From the first packet to a whole keyframe.",
        "keyframe_wait_seconds",
    ),
    ("xueliang_camera_clock_offset_seconds", "The camera's clock over the monitor's.", "clock_offset_seconds"),
    ("xueliang_camera_last_start_timestamp_seconds", "When the camera last started.", "last_start_timestamp_seconds"),
    ("xueliang_camera_picture_brightness_ratio", "Mean luma of the last picture.", "brightness_ratio"),
    ("xueliang_camera_picture_sharpness_ratio", "Sharpness of the last picture (1 - blur effect).", "sharpness_ratio"),
)


def _labels(entry: Entry) -> list[str]:
    return [entry.camera.id, entry.camera.site, entry.camera.programme]


def _gauge(name: str, text: str, labels: Sequence[str] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _histogram(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    names = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(names, map(float, accumulate(histogram.counts)), strict=True))
    family.add_metric(labels, buckets, histogram.total)


class SnapshotCollector(Collector):
    """Yields every family of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield the families, the cameras' first."""
        yield from self._judgement()
        yield from self._times()
        yield from self._cameras_readings()
        yield self._info()
        yield from self._catalogue()
        yield from self._files()
        yield from self._uplinks()
        yield self._availability()
        yield from self._monitor()

    def _judgement(self) -> Iterator[Metric]:
        online = _gauge("xueliang_camera_online", "1 if the camera's RTSP is reached; absent while unknown.", _CAMERA)
        healthy = _gauge("xueliang_camera_healthy", "1 if online without confirmed fault; absent if unknown.", _CAMERA)
        state = _gauge("xueliang_camera_state", "1 for the camera's state.", (*_CAMERA, "state"))
        fault = _gauge("xueliang_camera_fault", "1 while the fault is confirmed.", (*_CAMERA, "fault"))
        since = _gauge(
            "xueliang_camera_fault_since_timestamp_seconds",
            "When a confirmed fault was first seen.",
            (*_CAMERA, "fault"),
        )
        unknown = _gauge("xueliang_camera_unknown", "1 while the state is unknown, with why.", (*_CAMERA, "cause"))
        episodes = CounterMetricFamily(
            "xueliang_camera_fault_episodes", "Times the fault was confirmed.", labels=(*_CAMERA, "fault")
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
                unknown.add_metric([*labels, status.cause or ""], 1.0)
            for code, count in entry.episodes.items():
                episodes.add_metric([*labels, code], count)
        yield from (online, healthy, state, fault, since, unknown, episodes)

    def _times(self) -> Iterator[Metric]:
        seen = _gauge("xueliang_camera_last_seen_timestamp_seconds", "When RTSP was last reached.", _CAMERA)
        keyframe = _gauge("xueliang_camera_last_keyframe_timestamp_seconds", "When a keyframe last came.", _CAMERA)
        rungs = _gauge("xueliang_camera_rung_duration_seconds", "How long the last climb took.", (*_CAMERA, "rung"))
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
        for name, text, key in _READINGS:
            family = _gauge(name, text, _CAMERA)
            for entry, status in self._snapshot.entries:
                value = entry.readings.get(key)
                if isinstance(value, float) and _video_known(status):
                    family.add_metric(_labels(entry), value)
            yield family

    def _catalogue(self) -> Iterator[Metric]:
        names = ("severity", "rung", "name", "name_zh", "cause", "cause_zh", "advice", "advice_zh")
        family = _gauge("xueliang_fault_info", "What a fault is; always 1.", ("fault", *names))
        for code, known in FAULTS.items():
            texts = [part for text in (known.name, known.cause, known.advice) for part in (text.en, text.zh)]
            family.add_metric([code, known.severity.value, known.rung, *texts], 1.0)
        causes = _gauge(
            "xueliang_unknown_cause_info", "Why a camera's state is unknown; always 1.", ("cause", "name", "name_zh")
        )
        for code, text in CAUSES.items():
            causes.add_metric([code, text.en, text.zh], 1.0)
        yield from (family, causes)

    def _info(self) -> Metric:
        names = ("name", "address", "manufacturer", "model", "firmware", "codec", "resolution", "uplink")
        family = _gauge("xueliang_camera_info", "What the camera is; always 1.", (*_CAMERA, *names))
        for entry, _ in self._snapshot.entries:
            camera = entry.camera
            told = [str(entry.readings.get(key, "")) for key in names[2:-1]]
            family.add_metric([*_labels(entry), camera.name, camera.target.host, *told, camera.uplink], 1.0)
        return family

    def _availability(self) -> Metric:
        family = _gauge(
            "xueliang_camera_availability_ratio",
            "Share of the watched time without maintenance that the camera was online.",
            (*_CAMERA, "window"),
        )
        for entry, _ in self._snapshot.counted:
            for name, ratio in self._snapshot.availability.get(entry.camera.id, {}).items():
                family.add_metric([*_labels(entry), name], ratio)
        return family

    def _uplinks(self) -> Iterator[Metric]:
        family = _gauge("xueliang_uplink_up", "0 while its cameras are lost together.", ("uplink",))
        since = _gauge(
            "xueliang_uplink_down_since_timestamp_seconds", "When it went down; absent while up.", ("uplink",)
        )
        for uplink in self._snapshot.uplinks:
            if uplink.telling:
                family.add_metric([uplink.name], float(not uplink.down))
                if uplink.down_since is not None:
                    since.add_metric([uplink.name], uplink.down_since)
        yield from (family, since)

    def _files(self) -> Iterator[Metric]:
        trial = _gauge(
            "xueliang_camera_commissioning", "1 for a camera that is watched but not counted, nor alerted.", _CAMERA
        )
        outdated = _gauge(
            "xueliang_camera_file_outdated", "1 while the file is invalid and its last good version in force.", _CAMERA
        )
        for entry, _ in self._snapshot.entries:
            if entry.camera.status is Lifecycle.COMMISSIONING:
                trial.add_metric(_labels(entry), 1.0)
            if entry.camera.outdated:
                outdated.add_metric(_labels(entry), 1.0)
        yield from (trial, outdated)

    def _monitor(self) -> Iterator[Metric]:
        snapshot = self._snapshot
        rungs = HistogramMetricFamily(
            "xueliang_rung_duration_seconds", "How long climbing a rung took.", labels=("rung",)
        )
        for rung, histogram in snapshot.rung_seconds.items():
            _histogram(rungs, [rung], histogram)
        yield rungs
        lateness = HistogramMetricFamily("xueliang_visit_lateness_seconds", "How late visits started.", labels=())
        _histogram(lateness, [], snapshot.lateness)
        yield lateness
        own = _gauge("xueliang_monitor_fault", "1 while the monitor itself has the fault.", ("fault",))
        since = _gauge("xueliang_monitor_fault_since_timestamp_seconds", "Since when it has it.", ("fault",))
        for fault in snapshot.monitor_faults:
            own.add_metric([fault.code], 1.0)
            since.add_metric([fault.code], fault.since)
        yield from (own, since)
        yield from self._shortages()
        yield _counter("xueliang_visits", "Visits by result.", "result", snapshot.visits)
        yield _single("xueliang_event_loop_lag_seconds", "How late the event loop last woke.", snapshot.loop_lag)
        restarts = CounterMetricFamily("xueliang_decoder_restarts", "Picture workers that died or were killed.")
        restarts.add_metric([], snapshot.decoder_restarts)
        yield restarts
        failures = "Errors of the monitor's own in judging pictures; each costs one check of one picture."
        yield _counter("xueliang_picture_check_errors", failures, "check", snapshot.check_failures)
        yield _single("xueliang_inventory_cameras", "Cameras under watch that count.", len(snapshot.counted))
        yield _single("xueliang_inventory_invalid_files", "Camera files that cannot be used.", snapshot.invalid_files)
        yield _single("xueliang_history_up", "1 while the history can be written and read.", float(snapshot.history_ok))
        damaged = CounterMetricFamily("xueliang_histories_damaged", "Damaged histories put aside.")
        damaged.add_metric([], snapshot.histories_damaged)
        yield damaged
        lost = CounterMetricFamily(
            "xueliang_history_lost_changes", "Changes that never got into the history.", labels=("kind",)
        )
        for kind in ("events", "outages", "looks", "days"):
            lost.add_metric([kind], snapshot.history_lost.get(kind, 0))
        yield lost
        failed = CounterMetricFamily(
            "xueliang_task_restarts", "Background tasks that failed and were started again.", labels=("task",)
        )
        for task, count in sorted(snapshot.task_restarts.items()):
            failed.add_metric([task], count)
        yield failed
        name = "xueliang_config_last_reload"
        yield _single(f"{name}_successful", "1 if the settings were read without error.", float(snapshot.reload_ok))
        yield _single(f"{name}_timestamp_seconds", "When the settings were last read.", snapshot.reloaded_at)
        ends = _gauge("xueliang_web_certificate_not_after_timestamp_seconds", "When the page's certificate ends.")
        if snapshot.certificate_ends_at is not None:
            ends.add_metric([], snapshot.certificate_ends_at)
        yield ends
        page = _gauge("xueliang_page_info", "Where the page is; always 1.", ("url",))
        page.add_metric([snapshot.page_url], 1.0)
        yield page
        build = _gauge("xueliang_build_info", "The running version; always 1.", ("version",))
        build.add_metric([__version__], 1.0)
        yield build

    def _shortages(self) -> Iterator[Metric]:
        shortages = CounterMetricFamily(
            "xueliang_monitor_shortages",
            "Visits that told nothing, as the monitor itself lacked something.",
            labels=("resource",),
        )
        for resource in Resource:
            shortages.add_metric([resource.value], self._snapshot.shortages.get(resource.value, 0))
        yield shortages
        stopped = CounterMetricFamily(
            "xueliang_monitor_stopped_seconds", "Seconds in which the monitor was stopped or its machine suspended."
        )
        stopped.add_metric([], self._snapshot.stopped_seconds)
        yield stopped


def _video_known(status: CameraStatus) -> bool:
    return status.state in (State.UP, State.DEGRADED)


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _single(name: str, text: str, value: float) -> Metric:
    family = _gauge(name, text)
    family.add_metric([], value)
    return family


def render(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """Return the exposition in the format that `accept` asks for, and its content type. Blocks; run it in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot))
    ProcessCollector(registry=registry)
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type
