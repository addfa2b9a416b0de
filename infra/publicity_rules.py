"""Reading the rules of publicity: channels, their figures, and the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.figures_file import read_figures
from zhitong.infra.publicity_file import read_publicity
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import refuse_foreign_rules
from zhitong.rules.due_days import DueDays
from zhitong.rules.publicity import Channel


def read_publicity_rules(settings: Settings) -> tuple[Sequence[Channel], DueDays]:
    """Read the files of *settings*; refuse other tenants'."""
    own = Path(settings.own_figures) if settings.own_figures else None
    files = (settings.figures, settings.calendar, settings.publicity)
    refuse_foreign_rules(settings.tenant, *files, *([own] if own else []))
    receivers = {one.name for one in receivers_of(settings).receivers}
    figures = read_figures(settings.figures, own)
    channels = read_publicity(settings.publicity, figures, receivers)
    return channels, DueDays(read_calendar(settings.calendar))
