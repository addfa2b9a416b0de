"""How departments write values, and how to compare with them where they lie.

A codec turns a column into the canonical value *in SQL* (so that nothing else
leaves the database) and canonical values into parameters of the column's own type
(so that the department's indexes serve). Canonical are: ISO dates, yuan with two
decimals, names of codes, trimmed text. A value that cannot be read is null, never
an error: one bad cell must not cost the page.

Text is compared as it is stored, so that indexes serve: a cell with blanks around
its text is shown without them, and found by what it contains, not by equality.

Sorting rests on one fact: canonical order values, compared as text (amounts and
counts as numbers), are in the order of the raw column. `bound` says where a
canonical position lies among raw values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Literal, Protocol

TEXTUAL = frozenset({"text", "character varying", "character"})
WHOLE = frozenset({"smallint", "integer", "bigint"})
BROKEN = frozenset({"numeric", "real", "double precision"})
BYTES: Mapping[str, int] = {"smallint": 2, "integer": 4, "bigint": 8}
RESIDENT = (
    "'^[1-68][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
    "[0-9]{3}[0-9Xx]$'"
)
"""The form of a resident's ID number (GB 11643) as an SQL pattern."""
RESIDENT_LIKE = tuple(f"'%{'_' * 6}{century}{'_' * 10}%'" for century in (19, 20))
"""What every cell with such a number is like, blanks around it or not."""
_RESIDENT = re.compile(RESIDENT.strip("'"))
BLANKS = " \t\r\n\u3000\u00a0"
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


def trimmed(raw: str) -> str:
    """Take the blanks around a text away, the full-width one too."""
    return f"btrim({raw}, E' \\t\\r\\n\\u3000\\u00a0')"


class Codec(Protocol):
    """One way to write a value; *raw* is the column as SQL."""

    @property
    def type(self) -> str:
        """Name the SQL type of what `encode` gives."""
        ...

    @property
    def textual(self) -> bool:
        """Whether `sort` is text, whose order depends on the collation."""
        ...

    def value(self, raw: str) -> str:
        """Give the canonical value as SQL, null where there is none."""
        ...

    def valued(self, raw: str) -> str | None:
        """Give the SQL condition for having a value; None: it always has."""
        ...

    def lacking(self, raw: str) -> str:
        """Give the SQL condition for having none."""
        ...

    def equal(self, raw: str) -> str:
        """Give what an encoded parameter is compared with."""
        ...

    def sort(self, raw: str) -> str:
        """Give what to sort by, the column itself where its order is right."""
        ...

    def order_value(self, raw: str) -> str:
        """Give the canonical text that stands for `sort` outside."""
        ...

    def cell(self, raw: str) -> str:
        """Give what cells are told apart by: equal ones have the same value."""
        ...

    @property
    def within(self) -> str:
        """Name literals that `sort` of all with a value is between; empty: none."""
        ...

    def month(self, raw: str) -> str:
        """Give what cells of a month, all with a value, have in common."""
        ...

    def month_text(self, month: str) -> str:
        """Give a month, as `month` has it, as ``2024-03``."""
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
class BaseCodec:
    """What most codecs share: a column whose values order as its cells do."""

    @property
    def type(self) -> str:
        return "text"

    @property
    def textual(self) -> bool:
        return False

    def value(self, raw: str) -> str:
        return raw

    def valued(self, raw: str) -> str | None:
        return f"{self.value(raw)} is not null"

    def lacking(self, raw: str) -> str:
        return f"({self.valued(raw) or 'true'}) is not true"

    def sort(self, raw: str) -> str:
        return raw

    def equal(self, raw: str) -> str:
        return self.sort(raw)

    def order_value(self, raw: str) -> str:
        return f"{self.sort(raw)}::text"

    def cell(self, raw: str) -> str:
        return raw

    @property
    def within(self) -> str:
        return ""

    def month(self, raw: str) -> str:
        return f"left({self.value(raw)}, 7)"

    def month_text(self, month: str) -> str:
        return month

    def encode(self, canonical: str) -> object:
        return canonical

    def lower(self, canonical: str) -> Limit:
        parameter, side = self.bound(canonical)
        return (">" if side is Side.BEFORE else ">="), parameter

    def upper(self, canonical: str) -> Limit:
        parameter, side = self.bound(canonical)
        return ("<" if side is Side.AFTER else "<="), parameter

    def bound(self, order_value: str) -> tuple[object, Side]:
        return self.encode(order_value), Side.SAME


@dataclass(frozen=True, slots=True)
class ExactCodec(BaseCodec):
    """Text to the letter: a source's own key, or a constant."""

    family: str = "text"

    @property
    def type(self) -> str:
        # An array of "character" would be of single letters.
        own = self.family in TEXTUAL | WHOLE
        return {"character": "bpchar"}.get(self.family, self.family) if own else "text"

    @property
    def textual(self) -> bool:
        return True

    def value(self, raw: str) -> str:
        return f"{raw}::text"

    def valued(self, raw: str) -> str | None:  # noqa: ARG002 - it always has one
        return None

    def sort(self, raw: str) -> str:
        return raw if self.family in TEXTUAL else f"{raw}::text"

    def equal(self, raw: str) -> str:
        return raw if self.family in WHOLE else self.sort(raw)

    def cell(self, raw: str) -> str:
        # Of other types, equal cells may be written differently: 1.0 and 1.00.
        return raw if self.family in TEXTUAL | WHOLE else f"{raw}::text"

    def order_value(self, raw: str) -> str:
        return f"{raw}::text"

    def encode(self, canonical: str) -> object:
        if self.family not in WHOLE:
            if self.family == "character" and canonical.endswith(" "):
                raise ValueError(canonical)  # which the database would overlook
            return canonical
        number = int(canonical)
        if str(number) != canonical or not _fits(number, BYTES[self.family]):
            raise ValueError(canonical)
        return number

    def bound(self, order_value: str) -> tuple[object, Side]:
        return order_value, Side.SAME


@dataclass(frozen=True, slots=True)
class TextCodec(ExactCodec):
    """Text, or a number that serves as one; *none* are words for "no value"."""

    none: tuple[str, ...] = ()

    def value(self, raw: str) -> str:
        value = trimmed(ExactCodec.sort(self, raw))
        for word in ("", *self.none):
            value = f"nullif({value}, {literal(word)})"
        return value

    def valued(self, raw: str) -> str | None:
        return f"{self.value(raw)} is not null"

    def encode(self, canonical: str) -> object:
        none = not canonical or canonical in self.none
        if none or canonical.strip(BLANKS) != canonical:
            raise ValueError(canonical)
        return ExactCodec.encode(self, canonical)


@dataclass(frozen=True, slots=True)
class CreditCodeCodec(TextCodec):
    """A credit code; a resident's ID number in its place is blurred and no code.

    Departments do write ID numbers into columns for codes. Whatever the field may
    be shared as, that is personal data.
    """

    def _resident(self, raw: str) -> str:
        # A code is seldom written like one; the pattern costs more than all the rest.
        cell = ExactCodec.sort(self, raw)
        like = " or ".join(f"{cell} like {form}" for form in RESIDENT_LIKE)
        return f"({like}) and {TextCodec.value(self, raw)} ~ {RESIDENT}"

    def value(self, raw: str) -> str:
        text = TextCodec.value(self, raw)
        # What has the form has its length: the mask of an ID number, said shortly.
        blurred = f"overlay({text} placing '{'*' * 16}' from 2 for 16)"
        return f"case when {self._resident(raw)} then {blurred} else {text} end"

    def valued(self, raw: str) -> str | None:
        text = TextCodec.value(self, raw)
        return f"{text} is not null and not ({self._resident(raw)})"

    def encode(self, canonical: str) -> object:
        if _RESIDENT.match(canonical):
            raise ValueError(canonical)  # nobody is found by it where codes are due
        return TextCodec.encode(self, canonical)


@dataclass(frozen=True, slots=True)
class CodeCodec(TextCodec):
    """A department's code, shown as the graph's; unknown ones stay visible."""

    codes: tuple[tuple[str, str], ...] = ()
    unknown: str = "UNRECOGNISED"

    @property
    def type(self) -> str:
        return "text"

    def value(self, raw: str) -> str:
        # One case over the trimmed cell: what is tested again would be trimmed again.
        cell, none = ExactCodec.sort(self, raw), ("", *self.none)
        known = [
            f"when {literal(code)} then {literal(name)}"
            for code, name in self.codes
            if code not in none
        ]
        lacking = [f"when {literal(word)} then null" for word in none]
        unknown = f"case when {cell} is not null then {literal(self.unknown)} end"
        arms = " ".join([*known, *lacking])
        return f"case {trimmed(cell)} {arms} else {unknown} end"

    def sort(self, raw: str) -> str:
        return self.value(raw)

    def equal(self, raw: str) -> str:
        return self.value(raw)

    def order_value(self, raw: str) -> str:
        return self.value(raw)

    def encode(self, canonical: str) -> object:
        return canonical


@dataclass(frozen=True, slots=True)
class MoneyCodec(BaseCodec):
    """An amount, shown in yuan with two decimals."""

    family: str
    unit: Decimal = Decimal(1)

    @property
    def type(self) -> str:
        return "numeric"

    def sort(self, raw: str) -> str:
        number = f"{raw}::numeric"
        if self.family in TEXTUAL:
            text = trimmed(raw)
            form = r"'^-?[0-9]{1,15}(\.[0-9]{1,20})?$'"
            number = f"case when {text} ~ {form} then {text}::numeric end"
        elif self.family in BROKEN:  # which hold NaN and infinity
            number = f"case when {raw} between -1e15 and 1e15 then {number} end"
        yuan = number if self.unit == 1 else f"({number}) * {self.unit}"
        return f"round({yuan}, 2)"

    def value(self, raw: str) -> str:
        return f"{self.sort(raw)}::text"

    def encode(self, canonical: str) -> object:
        try:
            amount = Decimal(canonical)
        except InvalidOperation as error:
            raise ValueError(canonical) from error
        if not amount.is_finite():
            raise ValueError(canonical)
        return amount


@dataclass(frozen=True, slots=True)
class IntegerCodec(BaseCodec):
    """A count or a version; text that is no number has no value."""

    family: str

    @property
    def type(self) -> str:
        return "integer"

    def value(self, raw: str) -> str:
        if self.family in WHOLE | BROKEN:
            inside = f"{raw} between -2147483648 and 2147483647"
            return f"case when {inside} then {raw}::integer end"
        text = trimmed(f"{raw}::text")
        return f"case when {text} ~ '^-?[0-9]{{1,9}}$' then {text}::integer end"

    def sort(self, raw: str) -> str:
        return self.value(raw)

    def order_value(self, raw: str) -> str:
        return f"({self.value(raw)})::text"

    def encode(self, canonical: str) -> object:
        number = int(canonical)
        if not _fits(number, BYTES["integer"]):
            raise ValueError(canonical)
        return number

    def bound(self, order_value: str) -> tuple[object, Side]:
        number, edge = int(order_value), (1 << 31) - 1
        if number > edge:
            return edge, Side.BEFORE
        if number < -edge:
            return -edge, Side.AFTER
        return number, Side.SAME


def _fits(number: int, size: int) -> bool:
    return -(1 << (8 * size - 1)) <= number < 1 << (8 * size - 1)
