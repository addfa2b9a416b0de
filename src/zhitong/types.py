"""The words every layer shares: what a type is, who asks, what policy says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from zhitong.grants import Grant


class Kind(StrEnum):
    """What a field's value is, whatever a department stores it as."""

    TEXT = "text"
    TEXTS = "texts"
    CODE = "code"
    DATE = "date"
    DATETIME = "datetime"
    MONEY = "money"
    INTEGER = "integer"
    CREDIT_CODE = "credit-code"
    DIVISION = "division"


class Sharing(StrEnum):
    """The three sharing attributes of Decree 809, in the order of strictness."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    WITHHELD = "withheld"


STRICTNESS = (Sharing.UNCONDITIONAL, Sharing.CONDITIONAL, Sharing.WITHHELD)
"""The sharing attributes from open to closed."""


class Grade(StrEnum):
    """Grades of data by GB/T 43697-2024, general data in the four of its annex.

    Core data has no place here, as state and work secrets have none.
    """

    GENERAL_1 = "general-1"
    """Public: no harm if it is known."""
    GENERAL_2 = "general-2"
    """Shared inside government: slight harm to one agency or party."""
    GENERAL_3 = "general-3"
    """Personal or commercial: harm to a person or an enterprise."""
    GENERAL_4 = "general-4"
    """Sensitive personal data: grave harm to a person."""
    IMPORTANT = "important"


class MaskKind(StrEnum):
    """How a value is blurred; the rendering lies in connectors/masks.py."""

    NAME = "name"
    ID_NUMBER = "id-number"
    PHONE = "phone"
    ADDRESS = "address"
    AMOUNT_BAND = "amount-band"
    """The lower edge of the amount's band, in yuan."""
    YEAR = "year"
    """The first of January of its year."""
    HASH = "hash"
    """A pseudonym under a key per requesting unit: equal values stay equal."""
    NULL = "null"
    """Nothing of it, though it may be asked for."""
    TEXT = "text"
    """The text, but for ID numbers that stand in it."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text in both languages, Chinese first."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh}\n\n{self.en}"

    @property
    def name(self) -> str:
        """The Chinese name alone, without what explains it."""
        return re.split("[：，。]", self.zh)[0]


@dataclass(frozen=True, slots=True)
class CodeList:
    """A closed list of values with Chinese labels; a GraphQL enum."""

    name: str
    label: Label
    values: Mapping[str, Label]


@dataclass(frozen=True, slots=True)
class Field:
    """One item of a type: its name in the graph, kind, label and sharing."""

    name: str
    kind: Kind
    label: Label
    sharing: Sharing = Sharing.CONDITIONAL
    mask: MaskKind | None = None
    codes: CodeList | None = None
    grade: Grade = Grade.GENERAL_2
    exact: bool = False
    """May be looked up by its exact value, where a grant names that."""
    free: bool = False
    """In people's own words: anybody's ID number may stand in it."""
    named: bool = False
    """A name, or as open as one: read and searched, without ID numbers in it."""


class Cycle(StrEnum):
    """How often a department's data are renewed 更新周期."""

    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"


@dataclass(frozen=True, slots=True)
class Supply:
    """What a source says of how it feeds one type."""

    updated: Cycle | None = None
    """None: it does not say."""
    leads: bool = False
    """Whether it is the one that counts, where its owner has several for the type."""


class Shape(StrEnum):
    """How many rows a relation leads to, and how they are asked for."""

    ONE = "one"
    """At most one row: a key on this side."""
    LIST = "list"
    """A few rows, unpaged: a list of keys on this side."""
    PAGE = "page"
    """Any number of rows, paged: a key on the other side."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A way from one type to another by equal keys, across departments."""

    name: str
    shape: Shape
    target: str
    local: str
    remote: str
    label: Label


@dataclass(frozen=True, slots=True)
class GroupBy:
    """A grouping by a field's value, or by the month of a date."""

    field: str
    month: bool = False


@dataclass(frozen=True, slots=True)
class Grouping:
    """A grouping with its name in the graph."""

    name: str
    by: GroupBy
    label: Label
    inside: GroupBy | None = None
    """The grouping that its values mostly lie inside, as an agency in its division."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntityType:
    """A type departments own: declared once, everything else derives from it."""

    name: str
    plural: str
    label: Label
    key: str
    fields: Mapping[str, Field]
    relations: Mapping[str, Relation]
    orders: tuple[str, ...]
    """Fields to order by; the first is the default."""
    lookup: str | None = None
    """The field that people know a row by, for a root field of its own."""
    search: str | None = None
    """The field that a search by name looks at."""
    groupings: tuple[Grouping, ...] = ()
    """What its rows are counted by: nothing that names a party or one row."""
    place: str | None = None
    """The field that says where a row's matter lies; each look notes it."""
    dated: str | None = None
    """The moment that its counts are bounded by, where it has rows without end."""


# --- who asks, and why -------------------------------------------------------


USER = "user"
"""The role of a person who asks."""
SERVICE = "service"
"""The role of a system that asks."""
OPERATOR = "operator"
"""The role of those who run the gateway: names of tables, reloads."""
AUDITOR = "auditor"
"""The role of those who look at who looked."""
MANAGER = "manager"
"""The role of those who decide what may be asked: documents, grants, rules."""
STEWARD = "steward"
"""The role of those who answer for their unit's data 数据专员: what it shares."""
COLLECTOR = "collector"
"""The role of those who collect what their unit publishes 公示采集."""
TRANSMITTER = "transmitter"
"""The role of those who hand it to the review 公示传递."""
REVIEWER = "reviewer"
"""The role of those who review what their unit publishes 公示审核."""
RELEASER = "releaser"
"""The role of those who release it 公示发布."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a person of a unit, in a capacity."""

    kind: str
    """The requester kind of the policy, as ``police`` or ``public``."""
    unit: str
    """The unit's unified social credit code."""
    unit_name: str
    person: str
    role: str = USER
    division: str = ""
    """GB/T 2260 code of the unit's place; empty where it has none."""
    tenant: str = ""
    """The city or body whose gateway the token is for."""
    issuer: str = ""
    """Who issued the token: *person* is one person's among that issuer's alone."""
    client: str = ""
    """The program that asks, where its issuer names one."""
    identity: bool = False
    """Whether the issuer has checked the person's ID document 有效身份证件."""
    party_code: str = ""
    """Credit code of the party that asks, or that an attorney acts for."""
    party_number: str = field(default="", repr=False)
    """ID number of that party, where it is a natural person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why a question is asked; what X-Road calls purpose and issue."""

    purpose: str = ""
    basis: str = ""
    cause: str = ""
    letter: str = ""
    """Number of the unit's letter 单位介绍信."""
    mandate: str = ""
    """Number of an attorney's letter of his firm 委托书."""
    authorisation: str = ""
    """Number of the party's power of attorney 授权书."""
    licence: str = ""
    """Number of the lawyer's licence 律师执业证."""
    approval: str = ""
    """Number of the approval to copy or export 审批单."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """A token that asks for a change: which, in whose hand, and until when."""

    issuer: str
    number: str
    """Its ``jti``, or a digest of it where its issuer numbers none."""
    holder: str
    """SHA-256 of the client certificate it came with; empty without one."""
    once: bool
    """Whether it may serve one change alone."""
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much one client may ask, and how; by configuration, later by grant."""

    page: int = 200
    """Rows of one page at most."""
    cost: int = 20_000
    """What one document may cost: fields times the list sizes above them."""
    rate: float = 20.0
    """Questions per second it may ask for long."""
    burst: int = 100
    """Questions it may ask in a burst, having asked none for a while."""
    concurrent: int = 32
    """Questions of it that are answered at one time."""
    trusted_only: bool = False
    """Whether it may send documents by the hash of a trusted one alone."""
    introspection: bool = False
    """Whether it may see the schema by asking for it."""
    router: bool = False
    """Whether it is a federated router, that may be told how long a question took."""


# --- predicates --------------------------------------------------------------


class Op(StrEnum):
    """A comparison that every connector can render."""

    EQ = "eq"
    IN = "in"
    GTE = "gte"
    LTE = "lte"
    PREFIX = "prefix"
    CONTAINS = "contains"
    PRESENT = "present"


Operand = str | int | bool | Sequence[str]


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a canonical value (ISO dates, yuan as text, code names)."""

    field: str
    op: Op
    value: Operand


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; true when there is none."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; false when there is none."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (an unknown counts as not holding)."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Related:
    """Some row reached by *relation* satisfies *where*: a filter across sources.

    Resolvers settle it into a comparison with keys; no connector ever meets it.
    """

    relation: str
    where: Predicate


Predicate = Compare | All | AnyOf | Not | Related

SOURCE_KEY = "~key"
"""The source's own key as a field name, for a look-up by node id."""


# --- what policy says --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allow:
    """The value as it is."""

    rule: str
    numberless: bool = False
    """Given without ID numbers that stand in it, though compared as it is."""


@dataclass(frozen=True, slots=True)
class Mask:
    """The value blurred before it leaves its department's database."""

    rule: str
    kind: MaskKind
    reason: Label = Label("按规则脱敏", "masked by rule")
    source: str = ""
    """The text the rule rests on."""
    edges: tuple[int, ...] = ()
    """Of a band of amounts: the lower edges, in yuan."""
    audience: str = ""
    """Of a pseudonym: whom it is made for, the tenant and the requesting unit."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Nothing; *reason* says why and *remedy* what to do about it."""

    rule: str
    reason: Label
    remedy: Label
    source: str = ""


Verdict = Allow | Mask | Deny


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict for the rows where *under* holds; for every row without it."""

    verdict: Verdict
    under: Predicate | None = None


Rulings = tuple[Ruling, ...]
"""Tried in order, first match counts; the last has no predicate."""

Restrictions = Mapping[tuple[str, str], tuple[Rulings, ...]]
"""What is not, or not wholly, given, and each reason why: by type and field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeVerdicts:
    """What one principal may see of one type on one occasion."""

    type: str
    rows: Predicate | None
    """Which rows; all of them without it."""
    fields: Mapping[str, Rulings]
    """By field and relation name."""
    smallest_cell: int = 0
    """Counts from 1 to below this are suppressed in aggregates."""
    counts_only: bool = False
    """Rows may be counted and grouped, none is given."""


@dataclass(frozen=True, slots=True)
class Tightening:
    """A stricter sharing attribute that one department's binding sets, and why."""

    sharing: Sharing
    basis: str
    """The law, administrative regulation or State Council decision it rests on."""


# --- what a source is asked --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A field to select under its rulings, under a name of its own."""

    name: str
    field: str
    rulings: Rulings


@dataclass(frozen=True, slots=True)
class Order:
    """By one field, then by key; rows without a value come last."""

    field: str
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts within one source."""

    value: str | None
    """The order value passed; None inside the rows without a value."""
    key: str | None
    """The key passed at that value; None: all keys there are passed."""
    inclusive: bool = False
    """Whether rows at exactly *value* are still to come, all of them."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Rows whose *field* equals one of *values*, as one set-wise look-up."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowQuery:
    """A page of rows, or with *keys* up to *limit* rows for each key."""

    type: str
    columns: tuple[Column, ...]
    order: Order
    limit: int
    where: Predicate | None = None
    after: Position | None = None
    keys: Keys | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyQuery:
    """Row counts per combination of *by*; one count without it."""

    type: str
    by: tuple[GroupBy, ...] = ()
    where: Predicate | None = None
    keys: Keys | None = None
    limit: int | None = None
    """At most so many groups, any of them."""


class Values(Protocol):
    """A row's values by column name, however a driver holds them."""

    def __getitem__(self, name: str, /) -> object:
        """Give the value of one column."""
        ...


@dataclass(slots=True)
class Row:
    """A row of one type from one source; *values* by column name.

    Nobody changes one; frozen it would take six times as long to make.
    """

    type: str
    source: str
    key: str
    values: Values
    order: str | None = None
    """The canonical order value, for merging."""
    match: str | None = None
    """The key of `Keys` that this row answers."""


@dataclass(slots=True, eq=False)  # not frozen, as `Row`
class Table:
    """What one statement brought, as the driver holds it: records read by place."""

    type: str
    source: str
    records: Sequence[Any]
    """Each a sequence of cells; key, columns and order stand alike in every source."""
    key: int
    order: int
    match: int | None
    at: Mapping[str, int]
    """Where the columns stand, by name."""

    def row(self, record: Any) -> Row:  # noqa: ANN401 - a driver's own, read by place
        """Give one of the records as a row."""
        return Row(
            self.type,
            self.source,
            record[self.key],
            {name: record[place] for name, place in self.at.items()}
            if isinstance(record, tuple)
            else record,
            record[self.order],
            None if self.match is None else record[self.match],
        )

    def rows(self) -> list[Row]:
        """Give the records as rows."""
        return [self.row(record) for record in self.records]


@dataclass(slots=True)  # not frozen, as `Row`: a table of counts has thousands
class Tally:
    """A count for one combination of group values."""

    group: tuple[str | None, ...]
    count: int
    match: str | None = None


# --- what a question leaves behind -------------------------------------------


@dataclass(slots=True, kw_only=True)  # not frozen, as `Row`
class Look:
    """One read as the access record keeps it."""

    type: str
    source: str
    fields: Mapping[str, str]
    """Field name → ALLOW, MASK, DENY, COUNT, FILTER (joined by ``|``)."""
    rows: int
    keys: tuple[str, ...]
    protected: bool
    emergency: bool = False
    """All that is protected in it was given by an emergency's grant 紧急调阅."""
    owner: str = ""
    """Credit code of the agency whose data they are."""
    places: Mapping[str, int] = field(default_factory=dict)
    """GB/T 2260 code → rows seen that lie there, of types that have a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFinding:
    """What a rule says about a look: a cause that is no case, repeated narrowing."""

    check: str
    message: Label
    source: str
    """The text the rule rests on, or that it is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A source whose part is missing from an answer, and why."""

    source: str
    title: Label
    type: str
    code: str
    detail: Label
    fields: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Inquiry:
    """One question while it is answered: who, why, and what was read for it."""

    principal: Principal
    occasion: Occasion
    id: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was asked, whenever its record is written."""
    operation: str = ""
    document_hash: str = ""
    allowance: Allowance = field(default_factory=Allowance)
    disputed: frozenset[str] = frozenset()
    """Case numbers of the asking party with reconsideration or litigation open."""
    told: set[str] = field(default_factory=set)
    """Looks at rows of the asking party: what it may be told of."""
    findings: list[AccessFinding] = field(default_factory=list)
    """What a rule says about this look; kept with its record."""
    looks: list[Look] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    as_of: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """From when the oldest counts are that were kept: by source and type."""
    verdicts: dict[str, TypeVerdicts] = field(default_factory=dict)
    sees: dict[str, bool] = field(default_factory=dict)
    """Of which types anything may be seen: asked again for every row."""
    away: dict[str, Exception] = field(default_factory=dict)
    """Sources that failed this question; it does not wait for them again."""
    restrictions: dict[tuple[str, str], tuple[Rulings, ...]] = field(
        default_factory=dict
    )
    """What was asked and not, or not wholly, given: see `resolvers.restrictions`."""
    grants: tuple[Grant, ...] = ()
    """The caller's sharing grants that are in force, whatever their purpose."""
    grants_used: set[str] = field(default_factory=set)
    """Those whose verdict gave or compared something; its record names them."""
    answer_digest: bytes = b""
    """SHA-256 of the bytes that are answered; empty: nothing of it is."""
    answer_size: int = 0

    @property
    def break_glass(self) -> bool:
        """Say whether it rests on an emergency's grant, and nothing protected beside.

        What a rule or an ordinary grant gives is no more urgent for being asked for
        in the same question.
        """
        protected = [look for look in self.looks if look.protected]
        return bool(protected) and all(look.emergency for look in protected)
