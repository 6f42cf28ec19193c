"""Noise: a dying sensor, far too much gain, or interference on an analogue line."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged, View, both, over

NOISE_LEVELS, TIMES_USUAL = 2.0, 1.7
"""Noise that is never a fault, and the multiple of the highest usual noise that is one."""

UNKNOWN_NOISE_LEVELS = 8.0
"""Highest usual noise while none is known."""

IMPULSES = 0.01
"""Excess over the highest usual share of impulses that is snow."""

UNKNOWN_IMPULSES = 0.06
"""Highest usual share of impulses while none is known."""

SNOW_NOISE_LEVELS = 1.5
"""Noise that snow must have as well: fine patterns of the scene have impulses without noise."""


def _judge(view: View) -> Judged:
    noise, impulses = view.measures.noise_levels, view.measures.impulses_ratio
    usual = view.usual.frame
    limit = max(NOISE_LEVELS, TIMES_USUAL * usual.noise_levels.highest(UNKNOWN_NOISE_LEVELS))
    spots = max(IMPULSES, usual.impulses_ratio.highest(UNKNOWN_IMPULSES) + IMPULSES)
    detail = (
        f"noise of {noise:.1f} levels (limit {limit:.1f}), {impulses:.1%} of the pixels stand out (limit {spots:.1%})"
    )
    snow = both(over(impulses, spots, 3 * spots), over(noise, SNOW_NOISE_LEVELS, 3.0))
    return Judged(max(over(noise, limit, 2 * limit), snow), detail)


NOISY = Check(
    Fault(
        "picture_noisy",
        Rung.PICTURE,
        Severity.WARNING,
        name=Text("Noisy picture", "雪花噪声"),
        cause=Text(
            "Too little light with high gain, a dying sensor, or interference on an analogue line.",
            "光线不足且增益过高、传感器老化，或模拟线路受干扰。",
        ),
        advice=Text("Check lighting and gain; then cable and sensor.", "检查照明与增益；再检查线缆与传感器。"),
    ),
    _judge,
)
