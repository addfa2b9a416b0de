"""A binding against a live database: each field as SQL, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from zhitong.connectors.binding import Binding, FieldMap, TypeMap, field_map
from zhitong.connectors.codecs import (
    BROKEN,
    TEXTUAL,
    UNITS,
    WHOLE,
    Codec,
    CodeCodec,
    CreditCodeCodec,
    ExactCodec,
    IntegerCodec,
    MoneyCodec,
    TextCodec,
    literal,
)
from zhitong.connectors.date_codecs import (
    FORMATS,
    ChineseDateCodec,
    DateCodec,
    DigitDateCodec,
    InstantCodec,
)
from zhitong.connectors.rollups import Rollup
from zhitong.types import SOURCE_KEY, EntityType, Field, Kind, Label

BASE = "base"
TIMESTAMPS = frozenset({"timestamp without time zone", "timestamp with time zone"})

Tables = Mapping[str, Mapping[str, "ColumnType"]]
"""Table as the binding writes it → column → type."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What the live database says of a column."""

    family: str
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """A table with one row per value of a list field."""

    table: str
    on: tuple[tuple[str, str], ...]
    """Its column, and the SQL of what it equals."""
    column: str
    order: str

    @property
    def condition(self) -> str:
        """Say which rows of the table, as ``l``, are of one row of the type."""
        return " and ".join(f"l.{mine} = {theirs}" for mine, theirs in self.on)


@dataclass(frozen=True)  # no slots: its SQL is written once and kept
class Mapped:
    """A field where it lies: *raw* is the column as SQL, *codec* its reading."""

    field: Field
    codec: Codec
    """Of a list: how one of its values is written."""
    raw: str = ""
    joins: frozenset[str] = frozenset()
    link: Link | None = None
    columns: frozenset[str] = frozenset()
    """Those of the base table that it is read from, as SQL."""

    @cached_property
    def value(self) -> str:
        """The canonical value as SQL; of a list, never null.

        What is no value is taken out of a list: asked for in the condition, each would
        be read twice.
        """
        if self.link is not None:
            link, cell = self.link, self.codec.value(f"l.{self.link.column}")
            return (
                f"array_remove(array(select {cell} from {link.table} l "
                f"where {link.condition} order by l.{link.order}, l.{link.column}), "
                "null)"
            )
        if self.field.kind is Kind.TEXTS:
            cell = self.codec.value("u.v")
            return (
                f"array_remove(array(select {cell} from unnest({self.raw}) "
                "with ordinality u(v, n) order by u.n), null)"
            )
        return self.codec.value(self.raw)


@dataclass(frozen=True, slots=True)
class Drift:
    """Something a binding names and the live database does not have."""

    type: str
    fields: tuple[str, ...]
    """The fields lost by it; all of the type when it is the base table."""
    what: Label


@dataclass(frozen=True, slots=True)
class MappedType:
    """A type's rows in one database."""

    entity: EntityType
    table: str
    source_key: Mapped
    joins: Mapping[str, str]
    """Alias → ``left join …``, in an order that can be written down."""
    needs: Mapping[str, frozenset[str]]
    """Alias → itself and the aliases it hangs on."""
    fields: Mapping[str, Mapped] = field(default_factory=dict)
    rollup: tuple[Rollup, MappedType] | None = None
    """Counts that are kept beside the table, and how its fields lie there."""


def quoted(name: str) -> str:
    """Quote a name or a dotted name as SQL identifiers."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def tables_of(binding: Binding) -> frozenset[str]:
    """List every table *binding* reads."""
    return frozenset(
        table
        for type_map in binding.types.values()
        for table in (
            type_map.table,
            *([type_map.rollup.table] if type_map.rollup else ()),
            *(join.table for join in type_map.joins.values()),
            *(
                entry.table
                for entry in map(field_map, type_map.fields.values())
                if entry.table is not None
            ),
        )
    )


def map_type(
    binding: Binding, entity: EntityType, tables: Tables
) -> tuple[MappedType | None, list[Drift]]:
    """Map one type; what the database lacks is left out and named."""
    type_map = binding.types[entity.name]
    missing = _missing(type_map.table, (type_map.key,), tables)
    if missing:
        return None, [Drift(entity.name, tuple(type_map.fields), missing)]
    scope = _Scope(binding, type_map, tables)
    drifts: list[Drift] = []
    fields: dict[str, Mapped] = {}
    for name, entry in type_map.fields.items():
        mapped = scope.field(entity.fields[name], field_map(entry))
        if isinstance(mapped, Mapped):
            fields[name] = mapped
        else:
            drifts.append(Drift(entity.name, (name,), mapped))
    key_type = tables[type_map.table][type_map.key]
    joins = {alias: scope.join(alias) for alias in scope.ordered()}
    found = MappedType(
        entity=entity,
        table=quoted(type_map.table),
        source_key=Mapped(
            Field(SOURCE_KEY, Kind.TEXT, Label("来源主键", "Source key")),
            ExactCodec(key_type.family),
            raw=f"{BASE}.{quoted(type_map.key)}",
            columns=_of_base([type_map.key]),
        ),
        joins=joins,
        needs={alias: scope.needs(alias) for alias in joins},
        fields=fields,
    )
    return replace(found, rollup=_rollup(type_map, found, tables)), drifts


def _rollup(
    type_map: TypeMap, mapped: MappedType, tables: Tables
) -> tuple[Rollup, MappedType] | None:
    """Map what is counted beside the table; without it the rows are counted."""
    said = type_map.rollup
    if said is None:
        return None
    names = {*said.fields, *said.months}
    fields = {name: one for name, one in mapped.fields.items() if name in names}
    columns = (field_map(type_map.fields[name]).column or "" for name in names)
    if fields.keys() != names or _missing(said.table, (said.count, *columns), tables):
        return None
    rollup = Rollup(
        f"{BASE}.{quoted(said.count)}", frozenset(said.fields), frozenset(said.months)
    )
    return rollup, replace(
        mapped, table=quoted(said.table), fields=fields, joins={}, needs={}
    )


def _missing(table: str, columns: tuple[str, ...], tables: Tables) -> Label | None:
    found = tables.get(table)
    if not found:
        return Label(f"库中没有表 {table}", f"there is no table {table}")
    for column in columns:
        if column not in found:
            return Label(
                f"表 {table} 没有列 {column}", f"table {table} has no column {column}"
            )
        if not found[column].readable:
            return Label(
                f"没有读取表 {table} 列 {column} 的权限，请该部门授予 select",
                f"column {column} of table {table} may not be read; ask for select",
            )
    return None


@dataclass(frozen=True, slots=True)
class _Scope:
    """One type of one binding over the live tables."""

    binding: Binding
    type_map: TypeMap
    tables: Tables

    def table_of(self, alias: str) -> str:
        if alias == BASE:
            return self.type_map.table
        return self.type_map.joins[alias].table

    def needs(self, alias: str) -> frozenset[str]:
        if alias == BASE:
            return frozenset()
        references = self.type_map.joins[alias].on.values()
        above = (self.needs(_split(reference)[0]) for reference in references)
        return frozenset({alias}).union(*above)

    def ordered(self) -> list[str]:
        whole = [
            alias for alias in self.type_map.joins if self._join_fault(alias) is None
        ]
        return sorted(whole, key=lambda alias: (len(self.needs(alias)), alias))

    def join(self, alias: str) -> str:
        join = self.type_map.joins[alias]
        on = " and ".join(
            f"{quoted(alias)}.{quoted(mine)} = {_sql(theirs)}"
            for mine, theirs in join.on.items()
        )
        return f"left join {quoted(join.table)} {quoted(alias)} on {on}"

    def _join_fault(self, alias: str) -> Label | None:
        for needed in sorted(self.needs(alias)):
            join = self.type_map.joins[needed]
            fault = _missing(join.table, tuple(join.on), self.tables)
            fault = fault or self._reference_fault(join.on.values())
            if fault is not None:
                return fault
        return None

    def _reference_fault(self, references: Iterable[str]) -> Label | None:
        """Name the first table or column among *references* that is not there."""
        for reference in references:
            alias, column = _split(reference)
            fault = None if alias == BASE else self._join_fault(alias)
            fault = fault or _missing(self.table_of(alias), (column,), self.tables)
            if fault is not None:
                return fault
        return None

    def field(self, declared: Field, entry: FieldMap) -> Mapped | Label:
        none = tuple(self.binding.none)
        if entry.value is not None:
            return _constant(declared, entry.value)
        if entry.table is not None:
            return self._link(declared, entry)
        fault = self._reference_fault([entry.column or ""])
        if fault is not None:
            return fault
        alias, column = _split(entry.column or "")
        found = self.tables[self.table_of(alias)][column]
        codec = _codec(declared, entry, found, none, self.binding.codes)
        if codec is None:
            return Label(
                f"列 {entry.column} 的类型 {found.family} 读不成 {declared.kind}",
                f"column {entry.column} is {found.family}, which cannot be read as "
                f"{declared.kind}",
            )
        raw = _sql(entry.column or "")
        if declared.kind is Kind.TEXTS:
            raw = _parts(raw, entry.split)
        columns = _of_base([entry.column or ""])
        joins = self.needs(alias)
        return Mapped(declared, codec, raw=raw, joins=joins, columns=columns)

    def _link(self, declared: Field, entry: FieldMap) -> Mapped | Label:
        table, on = entry.table or "", entry.on or {}
        column, order = entry.column or "", entry.order or entry.column or ""
        fault = _missing(table, (column, order, *on), self.tables)
        fault = fault or self._reference_fault(on.values())
        if fault is not None:
            return fault
        none = tuple(self.binding.none)
        return Mapped(
            declared,
            TextCodec(self.tables[table][column].family, none),
            joins=frozenset().union(
                *(self.needs(_split(reference)[0]) for reference in on.values())
            ),
            link=Link(
                quoted(table),
                tuple((quoted(mine), _sql(theirs)) for mine, theirs in on.items()),
                quoted(column),
                quoted(order),
            ),
            columns=_of_base(on.values()),
        )


def _split(reference: str) -> tuple[str, str]:
    alias, _, column = reference.rpartition(".")
    return alias or BASE, column


def _of_base(references: Iterable[str]) -> frozenset[str]:
    """Name the columns of the base table among *references*."""
    named = map(_split, references)
    return frozenset(quoted(column) for alias, column in named if alias == BASE)


def _sql(reference: str) -> str:
    alias, column = _split(reference)
    return f"{BASE if alias == BASE else quoted(alias)}.{quoted(column)}"


def _parts(raw: str, split: str | None) -> str:
    """Write a cell as an array; blanks around a separator and the cell fall away.

    An index of a department on this expression serves, so it names nothing that
    differs between bindings but the separators.
    """
    if split is None:
        return f"{raw}::text[]"
    blanks = r"\s\u3000\u00a0"
    inside = "".join("\\" * (part in r"\]^-[") + part for part in split)
    pattern = f"[{blanks}]*[{inside}][{blanks}]*|^[{blanks}]+|[{blanks}]+$"
    return f"array_remove(regexp_split_to_array({raw}, {literal(pattern)}), '')"


FAMILIES: Mapping[Kind, str] = {
    Kind.DATE: "date",
    Kind.DATETIME: "timestamp with time zone",
    Kind.MONEY: "numeric",
    Kind.INTEGER: "integer",
    Kind.TEXTS: "text[]",
}
"""What a constant is written as; text where nothing is said."""


def _constant(declared: Field, value: str) -> Mapped:
    """Write a constant as a column that says the same in every row."""
    family = FAMILIES.get(declared.kind, "text")
    raw = f"{literal(value)}::{family}"
    if declared.kind is Kind.TEXTS:
        raw = f"array[{literal(value)}]::text[]"
    # Text stands as it is: of a code field it is the graph's own word already.
    codec = None
    if declared.kind in FAMILIES:
        codec = _codec(declared, FieldMap(), ColumnType(family), (), {})
    return Mapped(declared, codec or ExactCodec(), raw=raw)


def _codec(
    declared: Field,
    entry: FieldMap,
    found: ColumnType,
    none: tuple[str, ...],
    codes: Mapping[str, Mapping[str, str]],
) -> Codec | None:
    family = found.family
    if declared.kind is Kind.TEXTS:
        listed = family in TEXTUAL if entry.split else family.endswith("[]")
        return TextCodec(none=none) if listed else None
    if declared.kind in {Kind.DATE, Kind.DATETIME}:
        return _date_codec(declared.kind, entry.format, family, none)
    if declared.kind is Kind.MONEY:
        known = family in TEXTUAL | WHOLE | BROKEN
        return MoneyCodec(family, UNITS[entry.unit or "yuan"]) if known else None
    if declared.kind is Kind.INTEGER:
        return IntegerCodec(family) if family in TEXTUAL | WHOLE | BROKEN else None
    if declared.kind is Kind.CODE:
        pairs = tuple(codes[entry.codes or ""].items())
        return CodeCodec(family, none, pairs)
    if declared.kind is Kind.CREDIT_CODE:
        return CreditCodeCodec(family, none)
    return TextCodec(family, none)


def _date_codec(
    kind: Kind, written: str | None, family: str, none: tuple[str, ...]
) -> Codec | None:
    whole = kind is Kind.DATE
    if written is None and family in TIMESTAMPS:
        return InstantCodec(family, none, whole=whole)
    if written is not None and written.startswith("epoch"):
        count = int(FORMATS[written])
        known = family in WHOLE | BROKEN
        return InstantCodec(family, none, count, whole) if known else None
    if not whole:  # a day is no moment, and midnight would be made up
        return None
    if written is None:
        return DateCodec(family, none) if family == "date" else None
    if family not in TEXTUAL:
        return None
    if written == "yyyy年m月d日":
        return ChineseDateCodec(family, none)
    return DigitDateCodec(family, none, FORMATS[written])
