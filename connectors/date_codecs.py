"""How departments write days and moments, and how to compare with them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from zhitong.connectors.codecs import BROKEN, BaseCodec, Limit, Side, literal

ZONE = "Asia/Shanghai"
CHINA = timezone(timedelta(hours=8))
"""Order values and moments; *ZONE* itself had summer time from 1986 to 1991."""
INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US'
_IN_ZONE = f"at time zone '{ZONE}'"
_FIXED = "at time zone interval '8 hours'"
FIRST, LAST = "1000-01-01", "9999-12-31"
"""Days outside, and infinity, are no days of a record."""

FORMATS: Mapping[str, str] = {
    "yyyymmdd": "",
    "yyyy-mm-dd": "-",
    "yyyy/mm/dd": "/",
    "yyyy年m月d日": "年",
    "epoch-s": "1",
    "epoch-ms": "1000",
}

LEAP = "(19(0[48]|[2468][048]|[13579][26])|20([02468][048]|[13579][26]))"


def _calendar(year: str, month: str, day: str, pad: str = "0") -> str:
    """Write a pattern of the days that exist; the arguments follow each part."""
    any_day = f"({pad}[1-9]|[12][0-9]"
    return (
        f"^((19|20)[0-9]{{2}}{year}(({pad}[13578]|1[02]){month}{any_day}|3[01])"
        f"|({pad}[469]|11){month}{any_day}|30)"
        f"|{pad}2{month}({pad}[1-9]|1[0-9]|2[0-8]))"
        f"|{LEAP}{year}{pad}2{month}29){day}$"
    )


@dataclass(frozen=True, slots=True)
class _DayCodec(BaseCodec):
    """What dates share; *none* are days that say "no value", as 1900-01-01."""

    family: str = "date"
    none: tuple[str, ...] = ()

    def equal(self, raw: str) -> str:
        return self.value(raw)

    def _unless_none(self, day: str) -> str:
        words = ", ".join(map(literal, days(self.none)))
        return f" and {day} not in ({words})" if words else ""


def days(words: tuple[str, ...]) -> list[str]:
    """Pick the words that are dates, in ISO form."""
    found: list[str] = []
    for word in words:
        try:
            found.append(date.fromisoformat(word.replace("/", "-")).isoformat())
        except ValueError:
            continue
    return found


@dataclass(frozen=True, slots=True)
class DateCodec(_DayCodec):
    """A `date` column."""

    def value(self, raw: str) -> str:
        return f"case when {self.valued(raw)} then {self.order_value(raw)} end"

    def valued(self, raw: str) -> str | None:
        inside = f"{raw} between date '{FIRST}' and date '{LAST}'"
        return inside + self._unless_none(self.order_value(raw))

    def order_value(self, raw: str) -> str:
        # Still a day if the column turns into a moment before anybody looks again.
        return f"{raw}::date::text"

    def month(self, raw: str) -> str:
        return f"date_trunc('month', {raw}::date::timestamp)"

    def month_text(self, month: str) -> str:
        return f"left({month}::date::text, 7)"

    def lacking(self, raw: str) -> str:
        return _outside(self, raw, f"date '{FIRST}'", f"date '{LAST}'")

    def bound(self, order_value: str) -> tuple[object, Side]:
        day = date.fromisoformat(order_value[:10])
        return day, Side.BEFORE if "T" in order_value else Side.SAME


@dataclass(frozen=True, slots=True)
class InstantCodec(_DayCodec):
    """A moment: timestamp with or without zone, or a count since 1970.

    *whole* shows the day alone, for a field that is a date in the graph.
    """

    per_second: int = 0
    whole: bool = True

    def sort(self, raw: str) -> str:
        # Fractions finer than the parameters would fall between two pages.
        return f"floor({raw})" if self.family in BROKEN else raw

    def _local(self, raw: str, zone: str) -> str:
        if self.per_second:
            # Exact as far as the calendar goes, and a third of what numeric costs.
            count = f"{self.sort(raw)}::float8"
            return f"(to_timestamp({count} / {self.per_second}) {zone})"
        return f"({raw} {zone})" if self.family.endswith("with time zone") else raw

    def value(self, raw: str) -> str:
        day = f"{self._local(raw, _IN_ZONE)}::date::text"
        moment = f"to_char({self._local(raw, _FIXED)}, '{INSTANT}') || '+08:00'"
        return f"case when {self.valued(raw)} then {day if self.whole else moment} end"

    def _edges(self) -> tuple[str, str]:
        edges = tuple(
            datetime.fromisoformat(edge)
            for edge in (f"{FIRST}T00:00:00", f"{LAST}T23:59:59.999999")
        )
        if self.per_second:
            return str(self._parameter(edges[0])), str(self._parameter(edges[1]))
        zoned = self.family.endswith("with time zone")
        name, offset = ("timestamptz", "+08") if zoned else ("timestamp", "")
        first, last = (f"{name} '{edge.isoformat(' ')}{offset}'" for edge in edges)
        return first, last

    def valued(self, raw: str) -> str | None:
        first, last = self._edges()
        day = f"{self._local(raw, _IN_ZONE)}::date::text"
        # In a case: a count outside cannot even be turned into a day.
        unless = self._unless_none(day)
        inside = f"{raw} between {first} and {last}"
        return f"case when {inside} then true{unless} end" if unless else inside

    def month(self, raw: str) -> str:
        local = self._local(raw, _IN_ZONE if self.whole else _FIXED)
        return f"date_trunc('month', {local})"

    def month_text(self, month: str) -> str:
        return f"left({month}::date::text, 7)"

    def lacking(self, raw: str) -> str:
        return _outside(self, raw, *self._edges())

    def order_value(self, raw: str) -> str:
        return f"to_char({self._local(raw, _FIXED)}, '{INSTANT}')"

    def _parameter(self, moment: datetime, *, wall_clock: bool = False) -> object:
        """Give *moment*, in China's time, as a cell; finer parts are cut."""
        zoned = moment.replace(tzinfo=ZoneInfo(ZONE) if wall_clock else CHINA)
        if self.per_second:
            since = zoned.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
            return since // timedelta(microseconds=1) * self.per_second // 10**6
        return zoned if self.family.endswith("with time zone") else moment

    def lower(self, canonical: str) -> Limit:
        if not self.whole:
            return _DayCodec.lower(self, canonical)
        start = datetime.combine(_day(canonical), time())
        return ">=", self._parameter(start, wall_clock=True)

    def upper(self, canonical: str) -> Limit:
        if not self.whole:
            return _DayCodec.upper(self, canonical)
        end = datetime.combine(_day(canonical), time.max)
        return "<=", self._parameter(end, wall_clock=True)

    def bound(self, order_value: str) -> tuple[object, Side]:
        moment = china_time(order_value)
        parameter = self._parameter(moment)
        if "T" not in order_value:
            return parameter, Side.AFTER
        counted = self.per_second and moment.microsecond * self.per_second % 10**6
        return parameter, Side.BEFORE if counted else Side.SAME


def _outside(codec: _DayCodec, raw: str, first: str, last: str) -> str:
    """Write "no value" so that an index on the column serves."""
    if days(codec.none):
        return f"({codec.valued(raw)}) is not true"
    return f"({raw} is null or {raw} < {first} or {raw} > {last})"


def _day(canonical: str) -> date:
    # The driver turns local time into UTC, which year 1 has not everywhere.
    return max(date.fromisoformat(canonical[:10]), date(2, 1, 1))


def china_time(canonical: str) -> datetime:
    """Read a day or a moment as China's clock showed it, without a zone."""
    moment = datetime.fromisoformat(canonical)
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(CHINA).replace(tzinfo=None)
        except OverflowError:
            moment = moment.replace(tzinfo=None)
    return max(moment, datetime(2, 1, 1))  # noqa: DTZ001 - China's clock


@dataclass(frozen=True, slots=True)
class DigitDateCodec(_DayCodec):
    """A date as text of fixed width, as ``20240311`` or ``2024/03/11``."""

    family: str = "text"
    separator: str = ""

    def _text(self, raw: str) -> str:
        return f"{raw}::text" if self.family == "character" else raw

    def _form(self, raw: str) -> str:
        # Nearly every cell is a day up to the 28th, told by comparing letters: that
        # costs half of what the calendar does as a pattern.
        text, apart = self._text(raw), self.separator
        month = 5 + len(apart)
        likely = " and ".join(
            (
                f"{text} like '____{apart}__{apart}__'",
                f"translate({text}, '0123456789', '') = '{apart * 2}'",
                f"{text} collate \"C\" between '19' and '21'",
                f"substr({text}, {month}, 2) collate \"C\" between '01' and '12'",
                f"right({text}, 2) collate \"C\" between '01' and '28'",
            )
        )
        return f"({likely} or {text} ~ '{_calendar(apart, apart, '')}')"

    def _iso(self, raw: str) -> str:
        text = self._text(raw)
        if self.separator:
            return f"replace({text}, {literal(self.separator)}, '-')"
        year = f"overlay({text} placing '-' from 5 for 0)"
        return f"overlay({year} placing '-' from 8 for 0)"

    def value(self, raw: str) -> str:
        return f"case when {self.valued(raw)} then {self._iso(raw)} end"

    def valued(self, raw: str) -> str | None:
        return self._form(raw) + self._unless_none(self._iso(raw))

    def order_value(self, raw: str) -> str:
        return self._iso(raw)  # asked for rows alone that have a value

    @property
    def within(self) -> str:
        # Whole days: they sort as days do, whatever the collation.
        days = (("1900", "01", "01"), ("2099", "12", "31"))
        return " and ".join(literal(self.separator.join(day)) for day in days)

    def month(self, raw: str) -> str:
        return f"left({self._iso(raw)}, 7)"

    def bound(self, order_value: str) -> tuple[object, Side]:
        side = Side.BEFORE if "T" in order_value else Side.SAME
        return order_value[:10].replace("-", self.separator), side


@dataclass(frozen=True, slots=True)
class ChineseDateCodec(DigitDateCodec):
    """A date as ``2024年3月11日``: no order of its own, so sorted by its value."""

    separator: str = "-"

    def _form(self, raw: str) -> str:
        form = _calendar("年", "月", "日", "0?")
        return f"{self._text(raw)} ~ '{form}'"

    def _iso(self, raw: str) -> str:
        text = self._text(raw)
        parts = (
            f"lpad(split_part(split_part({text}, '{before}', 2), '{after}', 1), 2, '0')"
            for before, after in (("年", "月"), ("月", "日"))
        )
        return " || '-' || ".join((f"left({text}, 4)", *parts))

    @property
    def within(self) -> str:
        return ""  # what it sorts by has no index, and is dear to compare with

    def sort(self, raw: str) -> str:
        return self.value(raw)

    def order_value(self, raw: str) -> str:
        return self.value(raw)  # as sorted by, and so worked out once
