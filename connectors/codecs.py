"""How departments write values, and how to compare with them where they lie.

A codec turns a column into the canonical value *in SQL* (so that nothing else
leaves the database) and canonical values into parameters of the column's own type
(so that the department's indexes serve). Canonical are: ISO dates, yuan with two
decimals, names of codes, trimmed text. A value that cannot be read is null, never
an error: one bad cell must not cost the page.

Sorting rests on one fact: canonical order values, compared as text (amounts as
decimals), are in the order of the raw column. `bound` says where a canonical
position lies among raw values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Literal, Protocol

ZONE = "Asia/Shanghai"
CHINA = timezone(timedelta(hours=8))
TEXTUAL = frozenset({"text", "character varying", "character", "name"})
WHOLE = frozenset({"smallint", "integer", "bigint"})
BROKEN = frozenset({"numeric", "real", "double precision"})
INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US'

DAYS = (
    "((0[13578]|1[02])SEP(0[1-9]|[12][0-9]|3[01])"
    "|(0[469]|11)SEP(0[1-9]|[12][0-9]|30)|02SEP(0[1-9]|1[0-9]|2[0-9]))"
)
"""Month and day that exist; 29 February is taken in any year."""

FORMATS: Mapping[str, str] = {
    "yyyymmdd": "",
    "yyyy-mm-dd": "-",
    "yyyy/mm/dd": "/",
    "yyyy年m月d日": "年",
    "epoch-s": "1",
    "epoch-ms": "1000",
}
UNITS: Mapping[str, Decimal] = {
    "yuan": Decimal(1),
    "wan-yuan": Decimal(10000),
    "fen": Decimal("0.01"),
}


class Side(Enum):
    """Where rows exactly at a bound stand to the canonical position."""

    SAME = "same"
    BEFORE = "before"
    AFTER = "after"


Limit = tuple[Literal["<", "<=", ">", ">="], object]


def literal(text: str) -> str:
    """Quote *text*, from a binding, as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


class Codec(Protocol):
    """One way to write a value; *raw* is the column as SQL."""

    def value(self, raw: str) -> str:
        """Give the canonical value as SQL, null where there is none."""
        ...

    def valued(self, raw: str) -> str | None:
        """Give the SQL condition for having a value; None: not null suffices."""
        ...

    def sort(self, raw: str) -> str:
        """Give what to sort by, the column itself where its order is right."""
        ...

    def order_value(self, raw: str) -> str:
        """Give the canonical text that stands for `sort` outside."""
        ...

    def encode(self, canonical: str) -> object:
        """Give the parameter that equals the column; ValueError: none can."""
        ...

    def lower(self, canonical: str) -> Limit:
        """Give operator and parameter for "at or after" on `sort`."""
        ...

    def upper(self, canonical: str) -> Limit:
        """Give operator and parameter for "at or before" on `sort`."""
        ...

    def bound(self, order_value: str) -> tuple[object, Side]:
        """Give the parameter at *order_value* on `sort`."""
        ...


@dataclass(frozen=True, slots=True)
class TextCodec:
    """Text, or a number that serves as one; *none* are words for "no value"."""

    family: str
    none: tuple[str, ...] = ()

    def value(self, raw: str) -> str:
        trimmed = f"btrim({self.sort(raw)}, E' \\t\\r\\n\\u3000\\u00a0')"
        for word in ("", *self.none):
            trimmed = f"nullif({trimmed}, {literal(word)})"
        return trimmed

    def valued(self, raw: str) -> str | None:
        return f"{self.value(raw)} is not null" if self.none else None

    def sort(self, raw: str) -> str:
        return raw if self.family in TEXTUAL else f"{raw}::text"

    def order_value(self, raw: str) -> str:
        return self.sort(raw)

    def encode(self, canonical: str) -> object:
        if self.family not in WHOLE:
            return canonical
        number = int(canonical)
        if str(number) != canonical:
            raise ValueError(canonical)
        return number

    def lower(self, canonical: str) -> Limit:
        return ">=", canonical

    def upper(self, canonical: str) -> Limit:
        return "<=", canonical

    def bound(self, order_value: str) -> tuple[object, Side]:
        return order_value, Side.SAME


@dataclass(frozen=True, slots=True)
class CodeCodec(TextCodec):
    """A department's code, shown as the graph's; unknown ones stay visible."""

    codes: tuple[tuple[str, str], ...] = ()
    unknown: str = "UNRECOGNISED"

    def value(self, raw: str) -> str:
        text = TextCodec.value(self, raw)
        arms = " ".join(
            f"when {literal(code)} then {literal(name)}" for code, name in self.codes
        )
        return (
            f"case when {text} is null then null else "
            f"case {text} {arms} else {literal(self.unknown)} end end"
        )


@dataclass(frozen=True, slots=True)
class _DateCodec:
    """What all dates share: limits by canonical text."""

    none: tuple[str, ...] = ()

    def encode(self, canonical: str) -> object:
        raise ValueError(canonical)  # dates are compared by limits, never as keys

    def sort(self, raw: str) -> str:
        return raw

    def _known(self, text: str) -> str:
        for word in self.none:
            text = f"nullif({text}, {literal(word)})"
        return text


@dataclass(frozen=True, slots=True)
class DateCodec(_DateCodec):
    """A `date` column."""

    def value(self, raw: str) -> str:
        return self._known(f"{raw}::text")

    def valued(self, raw: str) -> str | None:
        return f"{self.value(raw)} is not null" if self.none else None

    def order_value(self, raw: str) -> str:
        return f"{raw}::text"

    def lower(self, canonical: str) -> Limit:
        return ">=", date.fromisoformat(canonical[:10])

    def upper(self, canonical: str) -> Limit:
        return "<=", date.fromisoformat(canonical[:10])

    def bound(self, order_value: str) -> tuple[object, Side]:
        day = date.fromisoformat(order_value[:10])
        return day, Side.BEFORE if "T" in order_value else Side.SAME


@dataclass(frozen=True, slots=True)
class InstantCodec(_DateCodec):
    """A moment: timestamp with or without zone, or a count since 1970.

    *whole* shows the day alone, for a field that is a date in the graph.
    """

    family: str = "timestamp without time zone"
    per_second: int = 0
    whole: bool = True

    def _local(self, raw: str) -> str:
        if self.per_second:
            return f"(to_timestamp({raw} / {self.per_second}.0) at time zone '{ZONE}')"
        if self.family == "timestamp with time zone":
            return f"({raw} at time zone '{ZONE}')"
        return raw

    def value(self, raw: str) -> str:
        if self.whole:
            return self._known(f"{self._local(raw)}::date::text")
        return f"to_char({self._local(raw)}, '{INSTANT}') || '+08:00'"

    def valued(self, raw: str) -> str | None:
        return f"{self.value(raw)} is not null" if self.none else None

    def order_value(self, raw: str) -> str:
        return f"to_char({self._local(raw)}, '{INSTANT}')"

    def _parameter(self, moment: datetime) -> object:
        if self.per_second:
            since = moment.replace(tzinfo=CHINA) - datetime(1970, 1, 1, tzinfo=UTC)
            return since // timedelta(microseconds=1) * self.per_second // 10**6
        if self.family == "timestamp with time zone":
            return moment.replace(tzinfo=CHINA)
        return moment

    def _moment(self, canonical: str) -> datetime:
        moment = datetime.fromisoformat(canonical)
        if moment.tzinfo is not None:
            moment = moment.astimezone(CHINA).replace(tzinfo=None)
        return moment

    def lower(self, canonical: str) -> Limit:
        return ">=", self._parameter(self._moment(canonical))

    def upper(self, canonical: str) -> Limit:
        if not self.whole:
            return "<=", self._parameter(self._moment(canonical))
        after = date.fromisoformat(canonical[:10]) + timedelta(days=1)
        return "<", self._parameter(datetime.combine(after, time()))

    def bound(self, order_value: str) -> tuple[object, Side]:
        side = Side.SAME if "T" in order_value else Side.AFTER
        return self._parameter(self._moment(order_value)), side


@dataclass(frozen=True, slots=True)
class DigitDateCodec(_DateCodec):
    """A date as text of fixed width, as ``20240311`` or ``2024/03/11``."""

    separator: str = ""

    def _form(self, raw: str) -> str:
        days = DAYS.replace("SEP", self.separator)
        return f"{raw} ~ '^(19|20)[0-9]{{2}}{self.separator}{days}$'"

    def _iso(self, raw: str) -> str:
        if self.separator:
            return f"replace({raw}, {literal(self.separator)}, '-')"
        return (
            f"overlay(overlay({raw} placing '-' from 5 for 0) placing '-' from 8 for 0)"
        )

    def value(self, raw: str) -> str:
        return f"case when {self._form(raw)} then {self._known(self._iso(raw))} end"

    def valued(self, raw: str) -> str | None:
        if self.none:
            return f"{self.value(raw)} is not null"
        return self._form(raw)

    def order_value(self, raw: str) -> str:
        return self.value(raw)

    def _parameter(self, canonical: str) -> str:
        return canonical[:10].replace("-", self.separator)

    def lower(self, canonical: str) -> Limit:
        return ">=", self._parameter(canonical)

    def upper(self, canonical: str) -> Limit:
        return "<=", self._parameter(canonical)

    def bound(self, order_value: str) -> tuple[object, Side]:
        side = Side.BEFORE if "T" in order_value else Side.SAME
        return self._parameter(order_value), side


@dataclass(frozen=True, slots=True)
class ChineseDateCodec(DigitDateCodec):
    """A date as ``2024年3月11日``: no order of its own, so sorted by its value."""

    def _form(self, raw: str) -> str:
        return (
            f"{raw} ~ '^(19|20)[0-9]{{2}}年((0?[13578]|1[02])月(0?[1-9]|[12][0-9]|3[01])"
            "|(0?[469]|11)月(0?[1-9]|[12][0-9]|30)|0?2月(0?[1-9]|1[0-9]|2[0-9]))日$'"
        )

    def _iso(self, raw: str) -> str:
        parts = (
            f"lpad(split_part(split_part({raw}, '{before}', 2), '{after}', 1), 2, '0')"
            for before, after in (("年", "月"), ("月", "日"))
        )
        return " || '-' || ".join((f"left({raw}, 4)", *parts))

    def sort(self, raw: str) -> str:
        return self.value(raw)

    def _parameter(self, canonical: str) -> str:
        return canonical[:10]


@dataclass(frozen=True, slots=True)
class MoneyCodec:
    """An amount, shown in yuan with two decimals."""

    family: str
    unit: Decimal = Decimal(1)

    def sort(self, raw: str) -> str:
        number = f"{raw}::numeric"
        if self.family in TEXTUAL:
            form = r"'^\s*-?[0-9]{1,15}(\.[0-9]+)?\s*$'"
            number = f"case when {raw} ~ {form} then {raw}::numeric end"
        return f"round(({number}) * {self.unit}, 2)"

    def value(self, raw: str) -> str:
        return f"{self.sort(raw)}::text"

    def order_value(self, raw: str) -> str:
        return self.value(raw)

    def valued(self, raw: str) -> str | None:
        return f"{self.sort(raw)} is not null" if self.family in TEXTUAL else None

    def encode(self, canonical: str) -> object:
        try:
            return Decimal(canonical)
        except InvalidOperation as error:
            raise ValueError(canonical) from error

    def lower(self, canonical: str) -> Limit:
        return ">=", self.encode(canonical)

    def upper(self, canonical: str) -> Limit:
        return "<=", self.encode(canonical)

    def bound(self, order_value: str) -> tuple[object, Side]:
        return self.encode(order_value), Side.SAME


@dataclass(frozen=True, slots=True)
class IntegerCodec(TextCodec):
    """A count or a version; text that is no number has no value."""

    def value(self, raw: str) -> str:
        if self.family in WHOLE:
            return f"{raw}::int"
        return f"case when {raw}::text ~ '^[0-9]{{1,9}}$' then {raw}::text::int end"
