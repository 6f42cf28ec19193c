"""Noise: a dying sensor, far too much gain, or an analogue line that is disturbed."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

NOISE = 2.0
TIMES_USUAL = 1.7
UNKNOWN_USUAL = 8.0
UNKNOWN_IMPULSES = 0.06
IMPULSES = 0.01


def _judge(view: View) -> Judged:
    noise, impulses = view.number("noise"), view.number("impulses")
    limit = max(NOISE, TIMES_USUAL * view.highest("noise", UNKNOWN_USUAL))
    spots = max(IMPULSES, view.highest("impulses", UNKNOWN_IMPULSES) + IMPULSES)
    detail = (
        f"noise of {noise:.1f} levels (limit {limit:.1f}), {impulses:.1%} of the pixels stand out (limit {spots:.1%})"
    )
    salted = both(over(impulses, spots, 3 * spots), over(noise, 1.5, 3.0))
    return Judged(max(over(noise, limit, 2 * limit), salted), detail)


NOISY = Check(
    Fault(
        "picture_noisy",
        Rung.PICTURE,
        Severity.WARNING,
        Text("Noisy picture", "画面噪点过多"),
        Text(
            "Too little light with high gain, a dying sensor, or a disturbed analogue line.",
            "光线不足且增益过高、传感器老化或模拟线路受干扰。",
        ),
        Text("Check lighting and gain; then cable and sensor.", "检查照明与增益；再检查线缆与传感器。"),
    ),
    _judge,
)
