"""A report of `compare` as a picture: CPU per question, a panel for each, in SVG.

ECharts draws it, which the live page has already (`portal/chart.mjs`). Without it there
is no picture, and a line says so.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compare_report import OURS
from peer_builds import AbsentError, node

PORTAL = Path(__file__).parents[1] / "portal"
PANEL, LINE, MARGIN = 330, 22, 210
"""How wide a question's panel is, how high a row's bar, how wide the rows' names."""
TOP = 80
PEER_COLOUR, OUR_COLOUR = "#9aa5b1", "#c23531"
Medians = Sequence[Mapping[str, Any]]


def plot(figures: Path) -> str:
    """Draw *figures* beside them; give the picture's name, or why there is none."""
    found: Mapping[str, Any] = json.loads(figures.read_text("utf-8"))
    try:
        command = [*node(), "chart.mjs"]
        drawn = subprocess.run(  # noqa: S603 - ours
            command,
            cwd=PORTAL,
            input=json.dumps(chart(found)).encode(),
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
    except (AbsentError, OSError, subprocess.SubprocessError):
        return (
            "没有图：需要 npm 安装的图表，见 make explorer / no picture: make explorer"
        )
    picture = figures.with_suffix(".svg")
    picture.write_bytes(drawn)
    return str(picture)


def chart(found: Mapping[str, Any]) -> Mapping[str, object]:
    """Write *found* as what ECharts draws."""
    callers = max((one["callers"] for one in found["medians"]), default=0)
    medians = [one for one in found["medians"] if one["callers"] == callers]
    rows = list(dict.fromkeys(one["row"] for one in medians))[::-1]
    height = len(rows) * LINE
    panels = [
        _panel(at, name, rows, [one for one in medians if one["question"] == name])
        for at, name in enumerate(sorted({one["question"] for one in medians}))
    ]
    option = {
        "title": {
            "text": f"CPU ms / question, {callers} callers, {found['scale']} city",
            "subtext": "server + PostgreSQL, logarithmic",
        },
        "grid": [{**panel["grid"], "height": height} for panel in panels],
        **{
            part: [panel[part] for panel in panels]
            for part in ("xAxis", "yAxis", "series")
        },
    }
    width = MARGIN + len(panels) * PANEL
    return {"width": width, "height": TOP + height + 60, "option": option}


def _panel(
    at: int, name: str, rows: Sequence[str], medians: Medians
) -> Mapping[str, Mapping[str, object]]:
    sums = {one["row"]: one["own"] + one["databases"] for one in medians}
    least = min((one for one in sums.values() if one > 0), default=1.0)
    begin = 10 ** math.floor(math.log10(least))
    return {
        "grid": {"left": MARGIN + at * PANEL, "width": PANEL - 60, "top": TOP},
        "xAxis": {
            "type": "log",
            "gridIndex": at,
            "min": begin,
            "startValue": begin,  # bars begin here, not at one
            "name": name,
            "nameLocation": "middle",
            "nameGap": 28,
        },
        "yAxis": {
            "type": "category",
            "gridIndex": at,
            "data": rows,
            "axisLabel": {"show": at == 0},
            "axisLine": {"onZero": False},
        },
        "series": {
            "type": "bar",
            "xAxisIndex": at,
            "yAxisIndex": at,
            "data": [_bar(row, sums.get(row)) for row in rows],
            "label": {"show": True, "position": "right"},
        },
    }


def _bar(row: str, value: float | None) -> Mapping[str, object]:
    shown = None if value is None or value <= 0 else float(f"{value:.3g}")
    colour = OUR_COLOUR if row.startswith(OURS) else PEER_COLOUR
    return {"value": shown, "itemStyle": {"color": colour}}
