"""The stream of clocks, as the AsyncAPI document has it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from zhitong.rules.clock_events import ClockEvent, What
from zhitong.rules.clocks import Milestone, State
from zhitong.streams.clock_stream import CLOCK_SCHEMA, CLOCK_TYPE, source, write_clock
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.receivers import Receivers

TITLE = "时钟：一项职责按今天怎样 how a duty stands, as it changes"
_UUID = {"type": "string", "format": "uuid"}
_DAY = {"type": "string", "format": "date"}
_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 1}
_DECISION = UUID("29bc8e3e-7773-55d3-b3a6-4c4d32f8ebda")
EXAMPLE = ClockEvent(
    seq=3,
    clock_id=f"{_DECISION}:credit-published:1",
    decision_id=_DECISION,
    order=7,
    duty="credit-published",
    version=1,
    unit="11619900MB0004001B",
    what=What.DONE,
    state=State.DONE_LATE,
    started_on=date(2026, 11, 20),
    near_on=date(2026, 11, 27),
    due_on=date(2026, 12, 1),
    provisional=False,
    rule="published-credit-china/2021-07-15",
    ended_on=date(2026, 12, 2),
    ended_at=datetime(2026, 12, 2, 9, 30, 6, tzinfo=SHANGHAI),
    ended_by=Milestone.HELD,
    at=datetime(2026, 12, 2, 9, 30, 7, 123456, SHANGHAI),
)


def clock(config: Receivers) -> tuple[dict[str, object], dict[str, Any]]:
    """Give what a clock's event has beside every event's, and an example."""
    of = source(config.tenant, config.division)
    return _said(of), orjson.loads(write_clock(EXAMPLE, of))


def _said(of: str) -> dict[str, object]:
    properties: dict[str, object] = {
        "clock": _TEXT | {"description": "时钟编号 the clock's id"},
        "revision": _COUNT
        | {"description": "以最大的为准 the highest is how it stands"},
        "what": {"enum": list(What)},
        "state": {"enum": [*State, "GONE"]},
        "duty": _TEXT,
        "version": _COUNT,
        "unit": _TEXT,
        "started_on": _DAY,
        "near_on": _DAY,
        "due_on": _DAY | {"description": "末日（含）the last day, included"},
        "provisional": {"type": "boolean"},
        "rule": {"type": "string"},
        "ended_on": _DAY,
        "ended_at": {"type": "string", "format": "date-time"},
        "ended_by": {"enum": list(Milestone)},
    }
    ends = {"ended_on", "ended_at", "ended_by"}
    return {
        "source": {"type": "string", "const": of},
        "type": {"type": "string", "const": CLOCK_TYPE},
        "subject": _UUID | {"description": "决定编号 the decision's id"},
        "dataschema": {"type": "string", "const": CLOCK_SCHEMA},
        "partitionkey": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "data": {
            "type": "object",
            "required": [name for name in properties if name not in ends],
            "properties": properties,
        },
    }
