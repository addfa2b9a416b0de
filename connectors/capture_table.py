"""A department's decisions as the capture reads them: keys with fingerprints, pages.

- No statement sees more than a page, so none holds a snapshot there for long.
- A *fingerprint* is SHA-256 over all that would be registered of a row, made in the
  department's database: what has not changed never leaves it.
- A version column only narrows what is looked at. A look goes back over an overlap
  from where the one before began, by the department's own clock: what was written
  then and is committed now is seen. What no overlap covers the next sweep finds.
- Pages begin with the last key of the page before: a key that stands twice shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from time import perf_counter
from uuid import UUID

import asyncpg
import msgspec

from zhitong.connectors.binding import Binding, CaptureMap
from zhitong.connectors.capture_binding import (
    CLOCKS,
    DAY,
    DECISION,
    VERSION,
    VOID,
    WHEN,
    captured_binding,
    captured_entity,
)
from zhitong.connectors.codecs import BROKEN, TEXTUAL, WHOLE, TextCodec, literal
from zhitong.connectors.date_codecs import CHINA
from zhitong.connectors.mapping import BASE, TIMESTAMPS, Mapped, MappedType
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.exceptions import BindingError, SourceDriftError
from zhitong.types import EntityType, Kind

_Write = Callable[[MappedType, str], tuple[str, list[object]]]
_Part = Callable[[MappedType], tuple[str, str, list[object]]]
"""What a statement gives, what else holds of its rows, and its parameters."""
WRITTEN: Mapping[str | None, str] = {
    "yyyy-mm-dd hh:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyymmddhhmmss": "%Y%m%d%H%M%S",
}
SPELT: Mapping[str, Callable[[str], object]] = {"numeric": Decimal, "uuid": UUID}
"""Types of keys that are compared as such: as texts they have no index, and each page
of a sweep would sort the whole table."""
AHEAD = "1 day"
"""By how much a clock there may be wrong and its rows are looked at all the same."""
UNREADABLE = frozenset({Kind.DATE, Kind.MONEY})
MARKS = frozenset({WHEN, VOID, VERSION, DAY})


@dataclass(frozen=True, slots=True)
class Print:
    """A row as a look sees it."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class CapturedRow:
    """A row, read whole: canonical values by field of Decision."""

    key: str
    fingerprint: bytes
    void: bool
    version: float | None
    """Its version in seconds or as a count; None: it says none. No moment to come."""
    unread: Sequence[str]
    """Fields that have a value there which nobody can read."""
    values: Mapping[str, str | list[str] | None]


class CaptureTable:
    """The decisions of one department, as its binding's ``[capture]`` finds them."""

    def __init__(
        self, binding: Binding, entities: Mapping[str, EntityType], url: str
    ) -> None:
        """Raise `BindingError` where *binding* declares no capture."""
        if binding.capture is None:
            raise BindingError(
                f"{binding.name}.toml：没有 [capture]，不知道它的决定在哪里",
                f"{binding.name}.toml: has no [capture] to say where its decisions lie",
            )
        self.said: CaptureMap = binding.capture
        own = captured_binding(binding, entities)
        self.mapping = _mapping(own, self.said)
        self._none = tuple(binding.none)
        self._declared = frozenset(own.types[DECISION].fields)
        self._source = PostgreSQLSource(own, {DECISION: captured_entity(entities)}, url)
        self.busy = 0.0
        """Seconds that its statements have taken."""

    async def check(self) -> None:
        """Look at the live tables; raise `SourceError`."""
        await self._source.inspect()
        for drift in self._source.drifts:
            raise SourceDriftError(drift.what.zh, drift.what.en)

    def _whole(self, mapped: MappedType) -> None:
        """Raise `SourceDriftError` where a column was lost.

        It is no blank: every decision would be "corrected" to have none.
        """
        lost = sorted(self._declared - mapped.fields.keys())
        if lost:
            names = ", ".join(lost)
            raise SourceDriftError(
                f"采集所需的列已不在：{names}",
                f"columns to be captured are lost: {names}",
            )

    async def mark(self) -> str:
        """Say where a look that begins now begins; empty where nothing tells."""
        version = self.said.version
        if version is None:
            return ""

        def write(mapped: MappedType, _collate: str) -> tuple[str, list[object]]:
            self._whole(mapped)
            field = mapped.fields[VERSION]
            if _counts(field, version.format):
                greatest = f"coalesce(max({field.raw}), 0)::text"
                # The greatest is an index's last entry, of one table without joins.
                own = field.raw.startswith(f"{BASE}.")
                rows = f"{mapped.table} {BASE}" if own else _source(mapped)
                return f"select {greatest} from {rows}", []  # noqa: S608 - names
            # A standby shows what it has replayed, which may be long ago.
            replayed = "pg_last_xact_replay_timestamp()"
            there = f"case when pg_is_in_recovery() then {replayed} end"
            return f"select least(clock_timestamp(), {there})::text", []

        ((found,),) = await self._over(write)
        return found or ""

    async def count(self) -> tuple[int, int]:
        """Count the rows that are decisions, and those of them whose key is null.

        No page would ever have the latter.
        """

        def part(mapped: MappedType) -> tuple[str, str, list[object]]:
            unnamed = f"count(*) filter (where {mapped.source_key.raw} is null)"
            return f"count(*), {unnamed}", "", []

        ((there, unnamed),) = await self._ask(part)
        return int(there), int(unnamed)

    async def page(
        self, after: str | None, limit: int, *, since: str = "", passing: bool = False
    ) -> Sequence[Print]:
        """Give *limit* rows in the order of their keys, from *after* on.

        With *since* those alone whose version is as late, less the overlap. *passing*
        leaves *after* itself out.
        """

        def part(mapped: MappedType) -> tuple[str, str, list[object]]:
            place, family = _place(mapped)
            # A place in keys of another type than they are now is none.
            parameters = _encoded(mapped, [] if after is None else [after])
            conditions = [f"{place} is not null"]
            if parameters:
                operator = ">" if passing else ">="
                conditions.append(f"{place} {operator} $1::{family}")
            if since:
                parameters.append(since)
                mark = f"${len(parameters)}::text"
                conditions.append(self._since(mapped, mark))
            where = " and ".join(conditions)
            select = f"{mapped.source_key.value}, {_fingerprint(mapped)}"
            return select, f"{where} order by {place} limit {limit:d}", parameters

        return [Print(*row) for row in await self._ask(part)]

    async def rows(self, keys: Sequence[str]) -> Sequence[CapturedRow]:
        """Read *keys* whole; what is gone meanwhile, or no decision, is left out."""
        names: list[str] = []

        def part(mapped: MappedType) -> tuple[str, str, list[object]]:
            names[:] = _fields(mapped)
            values = [mapped.fields[name].value for name in names]
            key, void = mapped.source_key.value, self._void(mapped)
            select = [key, _fingerprint(mapped), void, self._version(mapped)]
            select.append(self._unread(mapped))
            return ", ".join([*select, *values]), *_among(mapped, keys)

        return [
            CapturedRow(
                key,
                fingerprint,
                void,
                self._moment(version),
                unread,
                dict(zip(names, values, strict=True)),
            )
            for key, fingerprint, void, version, unread, *values in (
                await self._ask(part)
            )
        ]

    async def standing(self, keys: Sequence[str]) -> frozenset[str]:
        """Say which of *keys* are decisions there now."""
        found = await self._ask(
            lambda mapped: (mapped.source_key.value, *_among(mapped, keys))
        )
        return frozenset(row[0] for row in found)

    async def close(self) -> None:
        """Drop the connections."""
        await self._source.close()

    async def _ask(self, part: _Part) -> list[asyncpg.Record]:
        def write(mapped: MappedType, _collate: str) -> tuple[str, list[object]]:
            self._whole(mapped)
            select, where, parameters = part(mapped)
            decided = self._decided(mapped)
            more = f" and {where}" if where else ""
            rows = f"{_source(mapped)} where {decided}{more}"
            return f"select {select} from {rows}", parameters  # noqa: S608 - names

        return await self._over(write)

    async def _over(self, write: _Write) -> list[asyncpg.Record]:
        began = perf_counter()
        try:
            return await self._source.over(DECISION, write)
        finally:
            self.busy += perf_counter() - began

    def _decided(self, mapped: MappedType) -> str:
        """Write which rows are decisions: a day that cannot be read is one too."""
        if self.said.when is not None:
            return _marked(mapped.fields[WHEN], self.said.when.values)
        number = mapped.fields["documentNo"]
        parts = [number.codec.valued(number.raw) or "true"]
        day = mapped.fields.get(DAY)
        if day is not None:
            parts.append(day.codec.valued(day.raw) or "true")
        return f"({' or '.join(parts)})"

    def _void(self, mapped: MappedType) -> str:
        if self.said.void is None:
            return "false"
        return _marked(mapped.fields[VOID], self.said.void.values)

    def _version(self, mapped: MappedType) -> str:
        """Write a row's version as text: a count, seconds, or as it is written."""
        version, now = self.said.version, "extract(epoch from clock_timestamp())"
        if version is None:
            return "null::text"
        field = mapped.fields[VERSION]
        if _counts(field, version.format) or _family(field) in TEXTUAL:
            return f"({field.raw})::text"
        if _family(field) in TIMESTAMPS:
            local = " at time zone 'Asia/Shanghai'"
            zone = "" if _family(field).endswith("with time zone") else local
            return f"least(extract(epoch from ({field.raw}){zone}), {now})::text"
        unit = CLOCKS.get(version.format or "", "1")
        return f"least({field.raw}::numeric / {unit}, {now})::text"

    def _unread(self, mapped: MappedType) -> str:
        """Name the days and amounts whose text is not what it should be.

        Null in the graph, here it would be a decision without its fine.
        """
        cells = [
            f"case when {said} and ({one.value}) is null then {literal(name)} end"
            for name in _fields(mapped)
            if (one := mapped.fields[name]).field.kind in UNREADABLE
            and (said := self._said(one))
        ]
        return f"array_remove(array[{', '.join(cells)}]::text[], null)"

    def _said(self, field: Mapped) -> str:
        """Write whether a cell has something; empty: what it has can be read."""
        if _family(field) in TEXTUAL:
            return TextCodec(_family(field), self._none).valued(field.raw) or "true"
        # No number, or one without end.
        broken = field.field.kind is Kind.MONEY and _family(field) in BROKEN
        return f"{field.raw} is not null" if broken else ""

    def _moment(self, version: str | None) -> float | None:
        """Read what `_version` gives; None where nobody can."""
        form = self.said.version.format if self.said.version else None
        try:
            if version is None:
                return None
            if form not in WRITTEN:
                return float(version)
            written = f"{version.strip()} +0800"  # a clock of the city's
            told = datetime.strptime(written, f"{WRITTEN[form]} %z")
        except ValueError:
            return None
        return min(told, datetime.now(CHINA)).timestamp()

    def _since(self, mapped: MappedType, mark: str) -> str:
        """Write which rows are as late as *mark*, a parameter, less the overlap.

        Those of a day to come are the sweep's: they would be looked at for ever. What
        is compared with is of the column's own type: with another no index serves.
        """
        version = self.said.version
        assert version is not None  # noqa: S101 - only then there is a mark
        field, overlap = mapped.fields[VERSION], version.overlap
        if _counts(field, version.format):
            least = f"{mark}::numeric - {overlap:d}"
            whole = _family(field) in WHOLE
            return f"{field.raw} >= " + (f"trunc({least})::bigint" if whole else least)
        start = f"{mark}::timestamptz - interval '{overlap:d} seconds'"
        until = f"now() + interval '{AHEAD}'"
        least, most = (_clock(field, version.format, one) for one in (start, until))
        return f"{field.raw} >= {least} and {field.raw} <= {most}"


def _mapping(own: Binding, said: CaptureMap) -> str:
    """Digest all that a fingerprint depends on, of what the binding says."""
    told = [own.types, own.codes, own.none, said.when, said.void]
    written = msgspec.json.encode(told, order="deterministic")
    return hashlib.sha256(written).hexdigest()


def _fields(mapped: MappedType) -> list[str]:
    return sorted(mapped.fields.keys() - MARKS)


def _source(mapped: MappedType) -> str:
    return " ".join([f"{mapped.table} {BASE}", *mapped.joins.values()])


def _fingerprint(mapped: MappedType) -> str:
    """Write the digest of all that would be registered, whether it is void too."""
    marks = [mapped.fields[name].value for name in (VOID,) if name in mapped.fields]
    values = [f"({mapped.fields[name].value})::text" for name in _fields(mapped)]
    whole = ", ".join([*values, *(f"({mark})::text" for mark in marks)])
    return f"sha256(convert_to(array[{whole}]::text, 'UTF8'))"


def _among(mapped: MappedType, keys: Sequence[str]) -> tuple[str, list[object]]:
    place, family = _place(mapped)
    return f"{place} = any($1::{family}[])", [_encoded(mapped, keys)]


def _place(mapped: MappedType) -> tuple[str, str]:
    """Give what pages are in the order of, and the type of a place in them."""
    key = mapped.source_key
    if _family(key) in SPELT:
        return key.raw, _family(key)
    return key.codec.equal(key.raw), key.codec.type


def _encoded(mapped: MappedType, keys: Sequence[str]) -> list[object]:
    """Write *keys* as the table has them, without those that it cannot have."""
    own, found = mapped.source_key, list[object]()
    encode = SPELT.get(_family(own), own.codec.encode)
    for key in keys:
        with suppress(ValueError, InvalidOperation):
            found.append(encode(key))
    return found


def _marked(field: Mapped, values: Sequence[str]) -> str:
    words = ", ".join(map(literal, values))
    bare = TextCodec(_family(field)).value(field.raw)
    return f"coalesce({bare} in ({words}), false)"


def _family(field: Mapped) -> str:
    return str(getattr(field.codec, "family", "text"))


def _counts(field: Mapped, form: str | None) -> bool:
    return form is None and _family(field) in WHOLE | BROKEN


def _clock(field: Mapped, form: str | None, start: str) -> str:
    """Write the moment *start* as the version column has moments."""
    family = _family(field)
    if family in TIMESTAMPS:
        local = f"({start}) at time zone 'Asia/Shanghai'"
        return f"({start})" if family.endswith("with time zone") else f"({local})"
    pattern = CLOCKS.get(form or "")
    if pattern is None or (family in TEXTUAL) is pattern.isdigit():
        raise SourceDriftError(
            f"版本列是 {family}，读不成时间或计数",
            f"the version column is {family} and can be read as neither clock nor "
            "count",
        )
    if pattern.isdigit():
        number = f"floor(extract(epoch from {start}) * {pattern})"
        return f"{number}::{family}" if family in WHOLE else number
    return f"to_char(({start}) at time zone 'Asia/Shanghai', {literal(pattern)})"
