"""A camera that was knocked or turned: it shows another view."""

from __future__ import annotations

from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.picture.verdict import TEXTURED, Check, Judged, View, both, over

SHIFT = 0.03
TURN = 2.4
GAIN = 0.12
YOUNG_GAIN = 0.25
FIT = 0.36
UNRELATED = (0.2, 0.3)
RICH = 0.7


def _judge(view: View) -> Judged:
    past = view.past
    if past is None:
        return Judged(None, "the camera's own view is not known yet")
    moved, turned, gain, fit = past.moved, past.turned, past.moved_gain, past.moved_fit
    if view.textured < TEXTURED:
        return Judged(None, f"only {view.textured:.0%} of the view has a pattern to find again")
    detail = (
        f"moved by {moved:.1%} of the width and turned by {turned:.1f} degrees"
        f" (limits {SHIFT:.1%} and {TURN}, and of each in part)"
    )
    far = over(moved / SHIFT + turned / TURN, 1.0, 2.0)
    usual = view.highest("moved_gain", 0.0) if view.highest("moved", 0.0) > SHIFT else 0.0
    if view.young:
        usual = max(usual, YOUNG_GAIN)
    found = both(far, over(gain, GAIN + 0.5 * usual, 0.4 + usual), over(fit, FIT, 0.6))
    # Turned so far that nothing of the old view is left: another scene is there, as rich in detail.
    kept, best = past.kept, past.detail_kept_best
    lowest = view.lowest("kept", 0.0)
    unrelated = min(UNRELATED[1], max(UNRELATED[0], lowest / 3))
    if view.steady and not view.young and past.detailed >= TEXTURED and kept < unrelated:
        detail = f"only {kept:.0%} of the edges fit (limit {unrelated:.0%}), and {best:.0%} of the detail is there"
        found = max(found, both(over(-kept, -unrelated, 0.0), over(best, RICH, 1.5)))
    return Judged(found, detail)


MOVED = Check(
    Fault(
        "picture_moved",
        Rung.PICTURE,
        Severity.CRITICAL,
        Text("Camera turned", "视角偏移"),
        Text("The camera was knocked, turned, or its bracket gave way.", "摄像机被碰撞、转动或支架松脱。"),
        Text(
            "Set the view right; if it was turned on purpose: xueliang picture relearn CAMERA.",
            "恢复原视角；若为有意调整，请执行 xueliang picture relearn CAMERA。",
        ),
    ),
    _judge,
)
