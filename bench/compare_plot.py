"""A report of `compare` as a picture: CPU per question, a panel for each, in SVG.

ECharts draws it, which the live page has already (`portal/chart.mjs`). Without it there
is no picture, and a line says so.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peer_builds import AbsentError, node

PORTAL = Path(__file__).parents[1] / "portal"
PANEL, LINE, MARGIN = 330, 22, 210
"""How wide a question's panel is, how high a row's bar, how wide the rows' names."""


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
    callers = max(one["callers"] for one in found["medians"])
    medians = [one for one in found["medians"] if one["callers"] == callers]
    rows = sorted({one["row"] for one in medians}, reverse=True)
    questions = sorted({one["question"] for one in medians})
    height = len(rows) * LINE
    panels = list(enumerate(questions))
    option = {
        "title": {
            "text": f"CPU ms / question, {callers} callers, {found['scale']} city",
            "subtext": "server + PostgreSQL, logarithmic",
        },
        "grid": [
            {
                "left": MARGIN + at * PANEL,
                "width": PANEL - 60,
                "top": 80,
                "height": height,
            }
            for at, _ in panels
        ],
        "xAxis": [
            {
                "type": "log",
                "gridIndex": at,
                "name": name,
                "nameLocation": "middle",
                "nameGap": 28,
            }
            for at, name in panels
        ],
        "yAxis": [
            {
                "type": "category",
                "gridIndex": at,
                "data": rows,
                "axisLabel": {"show": at == 0},
            }
            for at, _ in panels
        ],
        "series": [
            {
                "type": "bar",
                "xAxisIndex": at,
                "yAxisIndex": at,
                "data": _values(rows, [o for o in medians if o["question"] == name]),
                "label": {"show": True, "position": "right"},
            }
            for at, name in panels
        ],
    }
    width = MARGIN + len(panels) * PANEL
    return {"width": width, "height": height + 140, "option": option}


def _values(
    rows: Sequence[str], medians: Sequence[Mapping[str, Any]]
) -> Sequence[object]:
    sums = {one["row"]: one["own"] + one["databases"] for one in medians}
    return [float(f"{sums[row]:.3g}") if row in sums else None for row in rows]
