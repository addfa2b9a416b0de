"""A department's PostgreSQL as a source: one statement per question."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import asyncpg
from opentelemetry import trace

from zhitong.catalogue import Sample
from zhitong.connectors import sampling, source_metrics
from zhitong.connectors.binding import Binding, field_map, tightenings
from zhitong.connectors.mapping import (
    ColumnType,
    Drift,
    MappedType,
    map_type,
    quoted,
    tables_of,
)
from zhitong.connectors.meaning import compared
from zhitong.connectors.pool import Pool
from zhitong.connectors.prepared import (
    REMEMBERED,
    Forms,
    PreparedRows,
    Wanted,
    counted,
)
from zhitong.connectors.pseudonyms import Pseudonyms
from zhitong.connectors.statements import statements
from zhitong.connectors.uniqueness import Unique, assumptions, without
from zhitong.exceptions import SourceDriftError, SourceError, SourceTimeoutError
from zhitong.types import (
    All,
    AnyOf,
    Column,
    Compare,
    EntityType,
    Label,
    Order,
    Predicate,
    Row,
    RowQuery,
    Supply,
    Tally,
    TallyQuery,
    Tightening,
)

LOGGER = logging.getLogger(__name__)
TRACER = trace.get_tracer("zhitong.connectors")
POOL_SIZE = 8

Statement = tuple[str, list[object]]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at the live database found."""

    types: Mapping[str, MappedType] = field(default_factory=dict)
    drifts: tuple[Drift, ...] = ()
    collate: str = ""


class PostgreSQLSource:
    """Answers the port `zhitong.ports.Source` from one database."""

    def __init__(
        self,
        binding: Binding,
        entities: Mapping[str, EntityType],
        url: str,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._binding = binding
        self._pseudonyms = pseudonyms
        self._entities = entities
        self._pool = Pool(binding.name, url, timeout=binding.timeout, size=POOL_SIZE)
        self._inspection = Inspection()
        self._inspected_once = False
        self._away = True
        self._inspecting = asyncio.Lock()
        self._looking: asyncio.Task[Inspection] | None = None
        self._forms = Forms()
        self._prepared: OrderedDict[Wanted, PreparedRows] = OrderedDict()
        self._unique: dict[Unique, bool] = {}
        self._fed = {
            name: frozenset(type_map.fields) for name, type_map in binding.types.items()
        }
        self._tightened = {
            name: tightenings(type_map) for name, type_map in binding.types.items()
        }
        self._constants = {
            name: {
                item: entry.value
                for item, entry in (
                    (item, field_map(entry)) for item, entry in type_map.fields.items()
                )
                if entry.value is not None
            }
            for name, type_map in binding.types.items()
        }

    @property
    def name(self) -> str:
        """The binding's name."""
        return self._binding.name

    @property
    def title(self) -> Label:
        """The department's name."""
        return Label(self._binding.title.zh, self._binding.title.en)

    @property
    def owner(self) -> str:
        """The agency that answers for the data, by its credit code."""
        return self._binding.owner

    @property
    def state(self) -> str:
        """``ready``, ``drift`` (some fields lost) or ``away``."""
        # One failure is enough: the breaker is patient, who looks at it is not.
        if self._away or self._pool.failing:
            return "away"
        return "drift" if self.drifts else "ready"

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """What the binding names and the last look did not find."""
        return self._inspection.drifts

    def feeds(self, type_name: str) -> frozenset[str]:
        """Name the fields of *type_name* that the binding feeds."""
        return self._fed.get(type_name, frozenset())

    def lost(self, type_name: str) -> Mapping[str, Label]:
        """Name the fields of *type_name* the database no longer has, and why."""
        return {
            name: drift.what
            for drift in self.drifts
            if drift.type == type_name
            for name in drift.fields
        }

    def tightened(self, type_name: str) -> Mapping[str, Tightening]:
        """Name the fields of *type_name* that the binding shares more strictly."""
        return self._tightened.get(type_name, {})

    def supply(self, type_name: str) -> Supply:
        """Say how the binding says that *type_name* is fed."""
        type_map = self._binding.types.get(type_name)
        if type_map is None:
            return Supply()
        return Supply(type_map.updated, leads=type_map.leads)

    def may_hold(self, type_name: str, where: Predicate | None) -> bool:
        """Say False only if no row here can satisfy *where*."""
        constants = self._constants.get(type_name)
        if constants is None:
            return False
        if isinstance(where, Compare):
            constant = constants.get(where.field)
            if constant is None:
                return True
            kind = self._entities[type_name].fields[where.field].kind
            return compared(kind, where, constant)
        if isinstance(where, All):
            return all(self.may_hold(type_name, part) for part in where.parts)
        if isinstance(where, AnyOf):
            return any(self.may_hold(type_name, part) for part in where.parts)
        return True

    async def inspect(self, *, probe: bool = True) -> Inspection:
        """Look at the live database and map every type afresh.

        A *probe* goes through an open breaker; a question's own look does not.
        """
        try:
            return await self._look(probe=probe)
        except SourceError:
            self._away = True
            raise

    async def _look(self, *, probe: bool) -> Inspection:
        queries = statements("catalogue")
        tables = sorted(tables_of(self._binding))
        named = [tables, [quoted(name) for name in tables]]
        columns = await self._pool.fetch(queries["columns"], named, probe=probe)
        by_code_point = await self._pool.fetch(
            queries["sorts_by_code_point"], [], probe=probe
        )
        found: dict[str, dict[str, ColumnType]] = {}
        for name, column, family, readable in columns:
            found.setdefault(name, {})[column] = ColumnType(family, readable)
        types: dict[str, MappedType] = {}
        drifts: list[Drift] = []
        for name in self._binding.types:
            mapped, lost = map_type(self._binding, self._entities[name], found)
            drifts.extend(lost)
            if mapped is not None:
                types[name] = mapped
        indexes = await self._pool.fetch(queries["unique_indexes"], named, probe=probe)
        types, doubled = without(types, await self._doubled(indexes, types))
        collate = "" if by_code_point[0][0] else ' collate "C"'
        before, self._inspection = (
            self.drifts,
            Inspection(types, (*drifts, *doubled), collate),
        )
        self._inspected_once, self._away = True, False
        self._alarm(before)
        return self._inspection

    async def _doubled(
        self, indexes: Sequence[asyncpg.Record], types: Mapping[str, MappedType]
    ) -> list[Unique]:
        """Find what is taken to be unique and is not; asked until it once held."""
        known: dict[str, list[frozenset[str]]] = {}
        for table, columns in indexes:
            known.setdefault(table, []).append(frozenset(columns))
        for one in assumptions(self._binding):
            if self._unique.get(one) or one.type not in types:
                continue
            if one.alias is not None and one.alias not in types[one.type].joins:
                continue
            try:
                self._unique[one] = one.proved_by(known) or not (
                    await self._pool.fetch(one.question, [], probe=True)
                )
            except SourceTimeoutError:
                continue  # too many rows to ask for now; the next look asks again
        return [one for one, holds in self._unique.items() if not holds]

    def _alarm(self, before: tuple[Drift, ...]) -> None:
        """Say loudly what has gone missing since the last look, and what is back."""
        for drift in self.drifts:
            if drift not in before:
                fields = ",".join(drift.fields)
                LOGGER.error(
                    "SOURCE_DRIFT %s %s %s: %s",
                    self.name,
                    drift.type,
                    fields,
                    drift.what.en,
                )
        for drift in before:
            if drift not in self.drifts:
                LOGGER.warning(
                    "SOURCE_DRIFT %s %s is over: %s",
                    self.name,
                    drift.type,
                    drift.what.en,
                )

    def prepare(
        self, type_name: str, columns: tuple[Column, ...], order: Order
    ) -> PreparedRows:
        """Get ready to be asked for *columns*; equal ones are ready already."""
        wanted = Wanted(type_name, columns, order)
        prepared = self._prepared.get(wanted)
        if prepared is None:
            prepared = PreparedRows(
                self.name, wanted, self._forms, self._answer, self._pseudonyms
            )
            self._prepared[wanted] = prepared
            if len(self._prepared) > REMEMBERED:
                self._prepared.popitem(last=False)
        else:
            self._prepared.move_to_end(wanted)
        return prepared

    async def rows(self, query: RowQuery) -> Sequence[Row]:
        """Answer a page or a look-up in one statement."""
        prepared = self.prepare(query.type, query.columns, query.order)
        table = await prepared.table(
            limit=query.limit, where=query.where, keys=query.keys, after=query.after
        )
        return table.rows()

    async def tally(self, query: TallyQuery) -> Sequence[Tally]:
        """Count in one statement."""
        records = await self._answer(
            query.type,
            lambda mapped, collate: counted(self._forms, mapped, collate, query),
        )
        if query.keys is not None:
            return [Tally((), one["~count"], one["~match"]) for one in records]
        groups = len(query.by)  # they stand first: a part of a record is a tuple
        return [Tally(record[:groups], record[groups]) for record in records]

    async def over(
        self, type_name: str, write: Callable[[MappedType, str], Statement]
    ) -> list[asyncpg.Record]:
        """Send a statement that *write* makes of the type as it lies there now.

        For those who read what no question of the graph asks; raise `SourceError`.
        """
        return await self._answer(type_name, write)

    async def sample(self, type_name: str, limit: int) -> Sample:
        """Read up to *limit* rows to be measured; raise `SourceError`."""
        mapped = self._mapped(await self._inspected(), type_name)
        return await sampling.read(mapped, partial(self._fetch, type_name), limit)

    async def _answer(
        self, type_name: str, write: Callable[[MappedType, str], Statement]
    ) -> list[asyncpg.Record]:
        """Send one statement; where the structure changed meanwhile, once more."""
        inspection = self._inspection
        if not self._inspected_once:
            inspection = await self._inspected()
        mapped = self._mapped(inspection, type_name)
        sql, parameters = write(mapped, inspection.collate)
        if not sql:
            return []
        try:
            return await self._fetch(type_name, sql, parameters)
        except SourceDriftError:
            if await self._unchanged(inspection):
                raise
            return await self._answer(type_name, write)

    async def close(self) -> None:
        """Drop the connections."""
        await self._pool.close()

    async def _inspected(self) -> Inspection:
        if self._inspected_once:
            return self._inspection
        # Who comes meanwhile waits for the same look, not for a look of its own.
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self.inspect(probe=False))
        return await asyncio.shield(self._looking)

    async def _unchanged(self, before: Inspection) -> bool:
        """Look again after a statement met another structure; True: no news."""
        async with self._inspecting:
            if self._inspection is not before:
                return False
            after = await self.inspect()
        return after == before

    def _mapped(self, inspection: Inspection, type_name: str) -> MappedType:
        mapped = inspection.types.get(type_name)
        if mapped is None:
            what = next(
                drift.what for drift in inspection.drifts if drift.type == type_name
            )
            raise SourceDriftError(what.zh, what.en)
        return mapped

    async def _fetch(
        self, type_name: str, sql: str, parameters: Sequence[object]
    ) -> list[asyncpg.Record]:
        labels = {"source": self.name, "type": type_name}
        # Most are not recorded: what only a recorded one needs is not made for all.
        span = TRACER.start_span("source.read", attributes=labels)
        if not span.is_recording():
            return await self._counted(type_name, sql, parameters)
        with trace.use_span(span, end_on_exit=True):
            records = await self._counted(type_name, sql, parameters)
            span.set_attribute("rows", len(records))
            return records

    async def _counted(
        self, type_name: str, sql: str, parameters: Sequence[object]
    ) -> list[asyncpg.Record]:
        began, rows = perf_counter(), None
        try:
            records = await self._pool.fetch(sql, parameters)
            rows = len(records)
        finally:
            source_metrics.note(self.name, type_name, perf_counter() - began, rows)
        return records
