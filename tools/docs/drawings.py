"""Draws the two diagrams of the architecture page as SVG: the flow of data, and the life of a fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2937}.small{font-size:12px;fill:#4b5563}"
    ".box{fill:#eef2ff;stroke:#4f46e5;stroke-width:1.5}.out{fill:#ecfdf5;stroke:#059669;stroke-width:1.5}"
    ".in{fill:#fff7ed;stroke:#ea580c;stroke-width:1.5}.line{fill:none;stroke:#374151;stroke-width:1.5}"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A box with a title and smaller lines; positions and sizes are in pixels."""

    left: float
    top: float
    width: float
    height: float
    lines: tuple[str, ...]
    kind: str = "box"

    def draw(self) -> str:
        """Return the box as SVG."""
        middle, parts = self.left + self.width / 2, []
        first = self.top + self.height / 2 - 8.5 * (len(self.lines) - 1) + 5
        for number, line in enumerate(self.lines):
            small = ' class="small"' if number else ""
            y = first + 17 * number
            parts.append(f'<text{small} x="{middle:g}" y="{y:g}" text-anchor="middle">{escape(line)}</text>')
        return (
            f'<rect class="{self.kind}" x="{self.left:g}" y="{self.top:g}" width="{self.width:g}"'
            f' height="{self.height:g}" rx="8"/>' + "".join(parts)
        )


def _arrow(points: Sequence[tuple[float, float]], label: str = "", at: tuple[float, float] | None = None) -> str:
    path = " L ".join(f"{x:g} {y:g}" for x, y in points)
    text = ""
    if label:
        x, y = at or points[0]
        text = f'<text class="small" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(label)}</text>'
    return f'<path class="line" d="M {path}" marker-end="url(#head)"/>{text}'


def _drawing(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    head = (
        '<defs><marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
        '<path d="M0 0L9 4L0 8z" fill="#374151"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{head}"
        f'<rect width="{width}" height="{height}" rx="10" fill="#ffffff"/>' + "\n".join(parts) + "</svg>\n"
    )


def data_flow() -> str:
    """Return the drawing of the flow of data from camera files to pages."""
    boxes = (
        Box(20, 20, 150, 64, ("Camera files", "cameras.d/*.yaml"), "in"),
        Box(20, 116, 150, 64, ("Settings", "xueliang.yaml"), "in"),
        Box(220, 68, 150, 64, ("Scheduler", "what is due, and when")),
        Box(420, 68, 150, 64, ("Visit", "climbs the rungs")),
        Box(420, 196, 150, 64, ("Camera", "RTSP, RTP, ONVIF"), "in"),
        Box(620, 196, 170, 64, ("Picture workers", "decode, measure, compare")),
        Box(620, 68, 170, 64, ("Judgement", "confirm, clear, uplinks")),
        Box(840, 68, 150, 64, ("Fleet", "state of all cameras")),
        Box(840, 196, 150, 64, ("Storage", "SQLite, evidence")),
        Box(1040, 8, 160, 56, ("Page and API", "HTTP, live events"), "out"),
        Box(1040, 76, 160, 56, ("Metrics", "Prometheus"), "out"),
        Box(1040, 144, 160, 56, ("Event log", "logfmt or JSON"), "out"),
        Box(1040, 212, 160, 56, ("Availability report", "HTML, CSV, XLSX"), "out"),
    )
    arrows = (
        _arrow([(170, 52), (195, 52), (195, 92), (218, 92)]),
        _arrow([(170, 148), (195, 148), (195, 108), (218, 108)]),
        _arrow([(370, 100), (418, 100)]),
        _arrow([(480, 132), (480, 194)], "requests", (447, 168)),
        _arrow([(510, 196), (510, 134)], "answers", (540, 168)),
        _arrow([(560, 132), (580, 150), (580, 228), (618, 228)], "keyframe", (612, 172)),
        _arrow([(570, 100), (618, 100)], "result", (594, 92)),
        _arrow([(790, 100), (838, 100)]),
        _arrow([(930, 132), (930, 194)]),
        _arrow([(900, 196), (900, 134)], "restart", (868, 168)),
        _arrow([(990, 92), (1015, 92), (1015, 36), (1038, 36)]),
        _arrow([(990, 104), (1038, 104)]),
        _arrow([(990, 112), (1015, 112), (1015, 172), (1038, 172)]),
        _arrow([(990, 240), (1038, 240)]),
    )
    return _drawing(1220, 284, "Flow of data from camera files to pages", [*arrows, *(box.draw() for box in boxes)])


def fault_life() -> str:
    """Return the state diagram of a fault."""
    boxes = (
        Box(20, 60, 150, 70, ("absent",), "out"),
        Box(270, 60, 170, 70, ("pending", "rechecked soon")),
        Box(560, 60, 170, 70, ("confirmed", "episode, event, alert"), "in"),
        Box(850, 60, 170, 70, ("clearing", "still confirmed"), "in"),
    )
    arrows = (
        _arrow([(170, 80), (268, 80)], "seen", (219, 72)),
        _arrow([(268, 112), (172, 112)], "ruled out", (219, 132)),
        _arrow([(440, 95), (558, 95)], "seen again", (499, 86)),
        _arrow([(730, 80), (848, 80)], "ruled out", (789, 72)),
        _arrow([(848, 112), (732, 112)], "seen", (789, 132)),
        _arrow([(935, 130), (935, 190), (95, 190), (95, 132)], "ruled out again: the episode ends", (520, 182)),
        _arrow([(620, 60), (620, 25), (670, 25), (670, 58)], "cannot tell: keeps its value", (645, 17)),
    )
    return _drawing(1040, 210, "Life of a fault", [*arrows, *(box.draw() for box in boxes)])
