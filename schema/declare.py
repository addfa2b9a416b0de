"""Short words to declare a type with; they only fill `zhitong.types`."""

from __future__ import annotations

from collections.abc import Iterable

from zhitong.types import (
    CodeList,
    EntityType,
    Field,
    Grade,
    GroupBy,
    Grouping,
    Kind,
    Label,
    MaskKind,
    Relation,
    Shape,
    Sharing,
)

OPEN = Sharing.UNCONDITIONAL
CONDITIONAL = Sharing.CONDITIONAL
WITHHELD = Sharing.WITHHELD

UNRECOGNISED = "UNRECOGNISED"
WRITTEN = frozenset({MaskKind.NAME, MaskKind.PHONE, MaskKind.ADDRESS})
"""What is masked so is written by people: an ID number may stand in it."""


def codes(name: str, zh: str, en: str, **values: tuple[str, str]) -> CodeList:
    """Declare a code list; a code no binding translates shows as UNRECOGNISED."""
    unknown = ("来源代码不在对照表内", "A code its binding does not translate")
    return closed(name, zh, en, **values, **{UNRECOGNISED: unknown})


def closed(name: str, zh: str, en: str, **values: tuple[str, str]) -> CodeList:
    """Declare a code list of inputs: no binding translates into it."""
    labels = {code: Label(*label) for code, label in values.items()}
    return CodeList(name, Label(zh, en), labels)


def item(
    name: str,
    zh: str,
    en: str,
    kind: Kind = Kind.TEXT,
    sharing: Sharing = OPEN,
    mask: MaskKind | None = None,
    grade: Grade | None = None,
    *,
    exact: bool = False,
    free: bool = False,
    named: bool = False,
) -> Field:
    """Declare a field; without more it is text that anyone may see."""
    graded = grade or _grade(sharing, mask)
    return Field(
        name,
        kind,
        Label(zh, en),
        sharing,
        mask,
        grade=graded,
        exact=exact,
        free=free,
        named=named or mask in WRITTEN,
    )


def code(
    name: str, zh: str, en: str, values: CodeList, sharing: Sharing = OPEN
) -> Field:
    """Declare a field whose value is one of *values*."""
    graded = _grade(sharing, None)
    return Field(name, Kind.CODE, Label(zh, en), sharing, None, values, graded)


def _grade(sharing: Sharing, mask: MaskKind | None) -> Grade:
    """Grade what is not graded by name: what a mask is for is personal."""
    if sharing is WITHHELD:
        return Grade.GENERAL_4
    if mask is not None:
        return Grade.GENERAL_3
    return Grade.GENERAL_1 if sharing is OPEN else Grade.GENERAL_2


def one(name: str, target: str, local: str, remote: str, zh: str, en: str) -> Relation:
    """Declare a relation to at most one row of *target*."""
    return Relation(name, Shape.ONE, target, local, remote, Label(zh, en))


def several(
    name: str, target: str, local: str, remote: str, zh: str, en: str
) -> Relation:
    """Declare a relation to the rows of *target* listed in *local*."""
    return Relation(name, Shape.LIST, target, local, remote, Label(zh, en))


def pages(
    name: str, target: str, local: str, remote: str, zh: str, en: str
) -> Relation:
    """Declare a paged relation to the rows of *target* that name this one."""
    return Relation(name, Shape.PAGE, target, local, remote, Label(zh, en))


def entity(
    name: str,
    plural: str,
    zh: str,
    en: str,
    *,
    key: str,
    orders: tuple[str, ...],
    fields: Iterable[Field],
    relations: Iterable[Relation] = (),
    lookup: str | None = None,
    search: str | None = None,
    groupings: Iterable[Grouping] = (),
    place: str | None = None,
    dated: str | None = None,
) -> EntityType:
    """Declare a type; the first of *orders* is its default order."""
    return EntityType(
        name=name,
        plural=plural,
        label=Label(zh, en),
        key=key,
        fields={field.name: field for field in fields},
        relations={relation.name: relation for relation in relations},
        orders=orders,
        lookup=lookup,
        search=search,
        groupings=tuple(groupings),
        place=place,
        dated=dated,
    )


def by(
    name: str, field: str, zh: str, en: str, *, inside: str | None = None
) -> Grouping:
    """Declare a grouping of counts by the value of *field*."""
    coarser = None if inside is None else GroupBy(inside)
    return Grouping(name, GroupBy(field), Label(zh, en), coarser)


def by_month(field: str, zh: str, en: str) -> Grouping:
    """Declare a grouping of counts by the month of *field*."""
    return Grouping("MONTH", GroupBy(field, month=True), Label(zh, en))


def stated_counterparty(zh: str, en: str = "Counterparty") -> tuple[Field, Field]:
    """Declare how a record names its counterparty: code and name as stated."""
    return (
        item(
            "counterpartyCode",
            f"{zh}统一社会信用代码",
            f"{en}'s code as the source states it, right or wrong",
            Kind.CREDIT_CODE,
        ),
        item(
            "counterpartyName",
            f"{zh}名称",
            f"{en}'s name as stated",
            mask=MaskKind.NAME,
        ),
    )


def to_counterparty(zh: str = "行政相对人") -> Relation:
    """Declare the way from a stated code to the register of counterparties."""
    return one(
        "counterparty", "Counterparty", "counterpartyCode", "code", zh, "Counterparty"
    )


def to_subject(zh: str = "执法主体", en: str = "Enforcement subject") -> Relation:
    """Declare the way from a stated code to the register of subjects."""
    return one("subject", "EnforcementSubject", "subjectCode", "code", zh, en)


def to_officers(zh: str, en: str) -> Relation:
    """Declare the way from certificate numbers to the roster."""
    return several(
        "officers", "Officer", "officerCertificates", "certificateNo", zh, en
    )
