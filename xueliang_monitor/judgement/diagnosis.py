"""Advice from the combination of a camera's faults: a table whose first matching row applies. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.model import Text
from xueliang_monitor.probing.rungs.reach import CONNECT_TIMEOUT, CONNECTION_REFUSED, HOST_UNREACHABLE
from xueliang_monitor.probing.rungs.rtsp import (
    AUTH_FAILED,
    CONNECTION_CLOSED,
    RTSP_TIMEOUT,
    SERVER_ERROR,
    STREAM_NOT_FOUND,
)
from xueliang_monitor.readings import NO_READINGS, Readings
from xueliang_monitor.topology import Node

LONG_WAIT_SECONDS = 5.0
"""A keyframe interval that is too long."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one camera now.

    `faults` are the confirmed codes. `cause` is why its state is
    unknown. `onvif_answers` says whether the last ONVIF request was answered. `readings` are
    the last readings.
    """

    faults: frozenset[str]
    cause: StatusCause = StatusCause.NONE
    onvif_answers: bool = False
    readings: Readings = NO_READINGS


@dataclass(frozen=True, slots=True)
class AdviceRow:
    """One diagnosis: its name, its condition, and what a technician should do."""

    name: str
    fits: Callable[[Facts], bool]
    advice: Text


_NO_ANSWER = frozenset({HOST_UNREACHABLE.code, CONNECT_TIMEOUT.code})
_RTSP_ALONE = frozenset({CONNECTION_REFUSED.code, RTSP_TIMEOUT.code, CONNECTION_CLOSED.code, SERVER_ERROR.code})

TABLE: tuple[AdviceRow, ...] = (
    AdviceRow(
        "uplink",
        lambda facts: facts.cause is StatusCause.UPLINK_DOWN,
        Text(
            "Nearly all cameras on its switch or line are lost. Check the switch and the line first, not this camera.",
            "同一交换机或线路的摄像机几乎全部掉线：先检查上联，无需前往本摄像机。",
        ),
    ),
    AdviceRow(
        "host",
        lambda facts: facts.cause is StatusCause.HOST_DOWN,
        Text(
            "The recorder or encoder that serves this camera does not work. Check that device first, not this camera.",
            "为本通道提供码流的录像机或编码器异常：先检查该设备，无需前往本摄像机。",
        ),
    ),
    AdviceRow(
        "clock-and-login",
        lambda facts: {AUTH_FAILED.code, "clock_drift"} <= facts.faults,
        Text(
            "The clock is wrong and the login is refused. Some cameras refuse logins because of a wrong clock. Set the "
            "clock first, then try the password again.",
            "时钟偏差且登录被拒绝：部分摄像机会因时钟错误拒绝登录。先校时，再重试密码。",
        ),
    ),
    AdviceRow(
        "rtsp-alone",
        lambda facts: facts.onvif_answers and bool(facts.faults & _RTSP_ALONE),
        Text(
            "The device answers over ONVIF, but its video server does not. Restart it remotely and check that RTSP is "
            "enabled. Power and cabling are fine.",
            "设备在线且 ONVIF 有应答，仅视频服务异常：可远程重启并检查 RTSP 是否启用；供电与网线正常。",
        ),
    ),
    AdviceRow(
        "restarted-and-lost",
        lambda facts: "device_rebooted" in facts.faults and bool(facts.faults & (_NO_ANSWER | {"flapping"})),
        Text(
            "The camera restarted shortly before it went offline. Check power, PoE budget and connectors first, then "
            "the network.",
            "掉线前刚刚重启：先检查供电、PoE 功率余量与接头，再查网络。",
        ),
    ),
    AdviceRow(
        "firmware-and-path",
        lambda facts: STREAM_NOT_FOUND.code in facts.faults and "firmware_changed" in facts.faults,
        Text(
            "The firmware changed and the stream path is no longer valid. Correct rtsp_path, then accept the change.",
            "固件变更后码流路径失效：更正 rtsp_path，然后确认变更。",
        ),
    ),
    AdviceRow(
        "rare-keyframes",
        lambda facts: (
            "no_keyframe" in facts.faults and (facts.readings.keyframe_wait_seconds or 0.0) > LONG_WAIT_SECONDS
        ),
        Text(
            "The keyframe interval was long before keyframes stopped. Set it to 2 s and turn smart coding off.",
            "中断前关键帧间隔已过长：将关键帧间隔设为 2 秒并关闭智能编码。",
        ),
    ),
)


def located(advice: Text, node: Node) -> Text:
    """Return the advice for a camera behind a dead node, with what a technician needs to find the node."""
    facts = [
        (Text("place", "位置"), node.place),
        (Text("port", "上级端口"), node.port),
        (Text("circuit number", "电路编号"), node.circuit),
    ]
    known = [(words, value) for words, value in facts if value]
    english = "".join(f", {words.en}: {value}" for words, value in known)
    chinese = "".join(f"，{words.zh}：{value}" for words, value in known)
    return Text(f"{advice.en} Start at {node.shown}{english}.", f"{advice.zh}故障设备或线路：{node.shown}{chinese}。")


def diagnose(facts: Facts) -> AdviceRow | None:
    """Return the first row that applies; None if the advice of the fault itself applies."""
    return next((row for row in TABLE if row.fits(facts)), None)
