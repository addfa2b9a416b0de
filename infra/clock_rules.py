"""Reading the rules that clocks go by: duties, their figures, and the calendar."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.duties_file import read_duties
from zhitong.infra.figures_file import read_figures
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import refuse_foreign_rules
from zhitong.rules.clock_rules import ClockRules, Digests
from zhitong.rules.clocks import Duty
from zhitong.rules.due_days import DueDays
from zhitong.rules.working_days import Calendar


def read_clock_rules(settings: Settings, calendar: Path | None = None) -> ClockRules:
    """Read the files of *settings*, or another *calendar*; refuse other tenants'."""
    days = calendar or settings.calendar
    own = Path(settings.own_figures) if settings.own_figures else None
    files = (settings.figures, settings.duties, days)
    refuse_foreign_rules(settings.tenant, *files, *([own] if own else []))
    receivers = {one.name for one in receivers_of(settings).receivers}
    figures = read_figures(settings.figures, own)
    duties = read_duties(settings.duties, figures, receivers)
    return clock_rules(duties, read_calendar(days))


def clock_rules(duties: tuple[Duty, ...], calendar: Calendar) -> ClockRules:
    """Put *duties* and *calendar* together."""
    return ClockRules(
        duties=duties,
        calendar=calendar,
        digests=Digests(duties=_digest(duties), calendar=_digest(calendar.years)),
        due_days=DueDays(calendar),
    )


def _digest(rules: object) -> str:
    written = orjson.dumps(
        rules,
        default=_written,
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
    )
    return hashlib.sha256(written).hexdigest()


def _written(value: object) -> object:
    # A set has no order of its own, and another one in each process.
    return sorted(map(str, value)) if isinstance(value, frozenset) else str(value)
