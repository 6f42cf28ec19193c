"""What is known together of a camera, put into advice: a small table, the first row that fits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xueliang_monitor.model import Text
from xueliang_monitor.probing.rungs.reach import CONNECT_TIMEOUT, CONNECTION_REFUSED, HOST_UNREACHABLE
from xueliang_monitor.probing.rungs.rtsp import (
    AUTH_FAILED,
    CONNECTION_CLOSED,
    RTSP_TIMEOUT,
    SERVER_ERROR,
    STREAM_NOT_FOUND,
)

LONG_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one camera now.

    `faults` are the codes that count; `onvif_answers` whether its last word over ONVIF was one; `readings` its last.
    """

    faults: frozenset[str]
    uplink_down: bool = False
    onvif_answers: bool = False
    readings: Mapping[str, float | str] | None = None

    def reading(self, name: str) -> float:
        """Return a reading, 0 where there is none."""
        value = (self.readings or {}).get(name, 0.0)
        return value if isinstance(value, float) else 0.0


@dataclass(frozen=True, slots=True)
class AdviceRow:
    """One diagnosis: its name, when it fits, and what a technician does."""

    name: str
    fits: Callable[[Facts], bool]
    advice: Text


_NO_ANSWER = frozenset({HOST_UNREACHABLE.code, CONNECT_TIMEOUT.code})
_RTSP_ALONE = frozenset({CONNECTION_REFUSED.code, RTSP_TIMEOUT.code, CONNECTION_CLOSED.code, SERVER_ERROR.code})

TABLE: tuple[AdviceRow, ...] = (
    AdviceRow(
        "uplink",
        lambda facts: facts.uplink_down,
        Text(
            "All cameras of its switch or line are lost: look there first, this camera needs no visit.",
            "同一交换机或线路的摄像机均已掉线：先检查上联，无需前往本摄像机。",
        ),
    ),
    AdviceRow(
        "clock-and-login",
        lambda facts: {AUTH_FAILED.code, "clock_drift"} <= facts.faults,
        Text(
            "Its clock is wrong and it refuses the login, which some cameras do for that reason: set the clock first, "
            "then try the password again.",
            "时钟偏差且登录被拒绝，部分摄像机会因此拒绝登录：先校时，再重试密码。",
        ),
    ),
    AdviceRow(
        "rtsp-alone",
        lambda facts: facts.onvif_answers and bool(facts.faults & _RTSP_ALONE),
        Text(
            "The device lives and answers over ONVIF, only its video server does not: restart it from afar, check that "
            "RTSP is on; power and cable are good.",
            "设备在线且 ONVIF 有应答，仅视频服务异常：可远程重启并检查 RTSP 是否启用；供电与网线正常。",
        ),
    ),
    AdviceRow(
        "restarted-and-lost",
        lambda facts: "device_rebooted" in facts.faults and bool(facts.faults & (_NO_ANSWER | {"flapping"})),
        Text(
            "It restarted shortly before it was lost: check power, PoE budget and connectors before the network.",
            "掉线前刚刚重启：先检查供电、PoE 功率与接头，再查网络。",
        ),
    ),
    AdviceRow(
        "firmware-and-path",
        lambda facts: STREAM_NOT_FOUND.code in facts.faults and "firmware_changed" in facts.faults,
        Text(
            "Its firmware changed and the stream is no longer where it was: correct rtsp_path, then accept the change.",
            "固件变更后码流路径失效：更正 rtsp_path，然后确认变更。",
        ),
    ),
    AdviceRow(
        "rare-keyframes",
        lambda facts: "no_keyframe" in facts.faults and facts.reading("keyframe_wait_seconds") > LONG_WAIT_SECONDS,
        Text(
            "Keyframes were rare before they stopped: set the keyframe interval to 2 s and smart coding off.",
            "此前关键帧间隔已很长：将关键帧间隔设为 2 秒并关闭智能编码。",
        ),
    ),
)


def diagnose(facts: Facts) -> AdviceRow | None:
    """Return the first row that fits; None where the fault's own advice stands."""
    return next((row for row in TABLE if row.fits(facts)), None)
