"""The form of a binding: one TOML file that says where a source's fields lie."""

from __future__ import annotations

from typing import Annotated

import msgspec

from zhitong.types import Cycle, Sharing, Tightening

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Tenant = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z][a-z0-9-]{1,30})$")]
"""Whose source it is; ``*`` is the platform's own binding, which all tenants have."""
Table = Annotated[str, msgspec.Meta(pattern=r"^[^.\s]+(\.[^.\s]+)?$")]
Reference = Annotated[str, msgspec.Meta(pattern=r"^[^.\s]+(\.[^.\s]+)?$")]
"""A column of the base table, or ``alias.column`` of a join."""

Text = Annotated[str, msgspec.Meta(pattern=r"^[^\0]*$")]
"""What is written into SQL as a text; no database takes U+0000."""


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not pass in silence."""


class Title(_Form, frozen=True, kw_only=True):
    """A name for people."""

    zh: Annotated[str, msgspec.Meta(min_length=1)]
    en: Annotated[str, msgspec.Meta(min_length=1)]


class Join(_Form, frozen=True, kw_only=True):
    """A further table, joined left; it must match at most one row."""

    table: Table
    on: Annotated[dict[str, Reference], msgspec.Meta(min_length=1)]
    """This table's column = ``alias.column``."""


class FieldMap(_Form, frozen=True, kw_only=True):
    """Where one field of the graph comes from."""

    column: Reference | None = None
    value: Text | None = None
    """A constant, the same for every row."""
    codes: str | None = None
    """The name of the code list that translates the column."""
    format: str | None = None
    """How a date is written; see `zhitong.connectors.codecs`."""
    unit: str | None = None
    """What an amount counts: yuan, wan-yuan or fen."""
    split: Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[^\0]*$")] | None = None
    """What separates several values in one text cell."""
    table: Table | None = None
    """A link table with one row per value; *on* joins it, *order* sorts it."""
    on: dict[str, Reference] | None = None
    order: str | None = None
    sharing: Sharing | None = None
    """A stricter sharing attribute than the type's, for this source's rows."""
    sharing_basis: Text | None = None
    """The law, administrative regulation or State Council decision for it."""
    secrecy: str | None = None
    """``state-secret`` or ``work-secret``: such a field cannot be bound."""


class RollupMap(_Form, frozen=True, kw_only=True):
    """Counts that are kept beside the table: see `zhitong.connectors.rollups`."""

    table: Table
    count: Name
    """Its column that says how many rows."""
    fields: list[str]
    """The fields whose columns it has, under the names that the table has."""
    months: list[str] = []
    """Dates that it has as the first day of their month."""


class TypeMap(_Form, frozen=True, kw_only=True):
    """Where one type's rows come from."""

    table: Table
    key: str
    vouched: bool = False
    """The owner vouches for the key; a view has no index to prove it by."""
    updated: Cycle | None = None
    """How often the owner renews it, for the catalogue."""
    leads: bool = False
    """Of several sources that one owner has for the type, this is the one."""
    joins: dict[Name, Join] = {}
    rollup: RollupMap | None = None
    fields: Annotated[dict[str, FieldMap | str], msgspec.Meta(min_length=1)]


class Marked(_Form, frozen=True, kw_only=True):
    """Rows whose *column* has one of *values*, as the department writes it."""

    column: Reference
    values: Annotated[list[Text], msgspec.Meta(min_length=1)]


class VoidMap(Marked, frozen=True, kw_only=True):
    """Which rows the department itself declares void, and what its word is."""

    reason: Annotated[str, msgspec.Meta(min_length=1)] = "来源系统中已作废"
    basis: Annotated[str, msgspec.Meta(min_length=1)] = "来源系统的作废记录"


class VersionMap(_Form, frozen=True, kw_only=True):
    """A column that grows when a row changes: it narrows what is looked at."""

    column: Reference
    format: str | None = None
    """Of a clock that is no timestamp: ``epoch-s``, ``epoch-ms``, or text as in
    ``yyyy-mm-dd hh:mm:ss``; a number without it counts."""
    overlap: Annotated[int, msgspec.Meta(ge=0)] = 600
    """Longer than the longest transaction there: seconds, or what is counted."""


class CaptureMap(_Form, frozen=True, kw_only=True):
    """Where a department's decisions lie that it does not register itself."""

    like: str | None = None
    """A type of this binding: its table, key, joins and fields of the same name."""
    table: Table | None = None
    key: str | None = None
    joins: dict[Name, Join] = {}
    fields: dict[str, FieldMap | str] = {}
    """Fields of Decision; what stands here goes before what *like* has."""
    when: Marked | None = None
    """Which rows are decided; without it, those with a number or a day."""
    void: VoidMap | None = None
    version: VersionMap | None = None
    every: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    """Seconds between looks by the version."""
    sweep: Annotated[float, msgspec.Meta(gt=0)] = 900.0
    """Seconds between looks at all rows."""
    most: Annotated[int, msgspec.Meta(ge=0)] = 1_000
    """Decisions that are corrected or withdrawn from one sweep to the next without
    asking anybody: more at once are a restored backup or a column filled anew."""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0


class Binding(_Form, frozen=True, kw_only=True):
    """One source: who owns it, how it is reached, what it feeds."""

    name: Name
    title: Title
    owner: str
    """Unified social credit code of the agency that answers for the data."""
    tenant: Tenant
    database: str | None = None
    timeout: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.2
    """Seconds a statement may take."""
    none: list[Text] = []
    """Texts by which this system says that there is no value."""
    codes: dict[str, dict[Text, str]] = {}
    types: Annotated[dict[str, TypeMap], msgspec.Meta(min_length=1)]
    capture: CaptureMap | None = None
    """How its decisions are captured, where it cannot register them."""


def tightenings(type_map: TypeMap) -> dict[str, Tightening]:
    """Name the fields that are shared more strictly here, and on what basis."""
    spelt = {name: field_map(entry) for name, entry in type_map.fields.items()}
    return {
        name: Tightening(entry.sharing, entry.sharing_basis or "")
        for name, entry in spelt.items()
        if entry.sharing is not None
    }


def field_map(entry: FieldMap | str) -> FieldMap:
    """Spell out the short form, a bare column."""
    return FieldMap(column=entry) if isinstance(entry, str) else entry
