"""What a read leaves behind: for the access record and for the answer's extensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from zhitong.exceptions import FieldHiddenError, SourceDriftError, SourceError
from zhitong.ports import Source
from zhitong.resolvers.granting import RULE
from zhitong.resolvers.restrictions import restrict
from zhitong.resolvers.rulings import plain
from zhitong.types import (
    OPERATOR,
    AccessFinding,
    All,
    AnyOf,
    Compare,
    Deny,
    EntityType,
    Gap,
    Inquiry,
    Label,
    Look,
    Not,
    Predicate,
    Rulings,
    Sharing,
    Table,
    Tally,
)

CHANGED = Label(
    "该来源的库表结构已变，暂时给不出这一部分",
    "the tables of this source have changed; it cannot give this part for now",
)
KEPT_BACK = Label(
    "该来源依法收紧了这些字段的共享，不能用来筛选、排序、分组或关联",
    "this source shares these fields more strictly by law; nothing of it can be "
    "filtered, sorted, grouped or joined by them",
)
NOT_GRANTED = Label(
    "该来源的这些字段不在共享授权之内，不能用来筛选、排序、分组或关联",
    "no sharing grant opens these fields of this source; nothing of it can be "
    "filtered, sorted, grouped or joined by them",
)
FILTER = "FILTER"
"""A field that was compared: its value was used, shown or not."""
COUNT = "COUNT"
PLACE = "~place"
"""A column for the record alone: where the row's matter lies."""
LOOKUP = "LOOKUP"
"""A protected field that rows were looked up by: an operation of its own."""


def compared(where: Predicate | None) -> Iterator[str]:
    """Name the fields that *where* compares."""
    if isinstance(where, Compare):
        yield where.field
    elif isinstance(where, Not):
        yield from compared(where.part)
    elif isinstance(where, All | AnyOf):
        for part in where.parts:
            yield from compared(part)


def shown(fields: Iterable[str], rulings: Mapping[str, Rulings]) -> dict[str, str]:
    """Say of each field under which verdicts it was selected."""
    return {
        name: "|".join(
            sorted({type(one.verdict).__name__.upper() for one in rulings[name]})
        )
        for name in sorted(fields)
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LookForm:
    """What a look at one source says, whatever rows it sees."""

    type: str
    source: str
    owner: str
    fields: Mapping[str, str]
    guarded: bool
    """Whether something is shown or compared that is not for everybody."""
    placed: bool
    """Whether it notes where its rows lie."""
    rests: frozenset[str]
    """The grants that it rests on."""
    findings: tuple[AccessFinding, ...]
    urgent: frozenset[str] | None
    """The emergencies' grants, if these alone gave what is guarded, for all rows."""


def look_form(  # noqa: PLR0913 - all that a look is, as it is kept
    inquiry: Inquiry,
    entity: EntityType,
    source: Source,
    seen: dict[str, str],
    *,
    rulings: Mapping[str, Rulings],
    used: Iterable[str] = (),
    rested: frozenset[str] = frozenset(),
    findings: tuple[AccessFinding, ...] = (),
) -> LookForm:
    """Say what a look notes of *source*, before its rows are known.

    *rulings* are those of the type there; *used* are fields and relations that say
    something though they are not shown.
    """
    said = (entity.key, *used, *(name for name, how in seen.items() if how != "DENY"))
    guarded = [name for name in said if _protected(entity, source, name)]
    return LookForm(
        type=entity.name,
        source=source.name,
        owner=source.owner,
        fields=seen,
        guarded=bool(guarded),
        placed=noted_place(inquiry, entity) is not None,
        rests=rested,
        findings=findings,
        urgent=_urgent(inquiry, seen, guarded, rulings),
    )


def note_rows(
    inquiry: Inquiry, form: LookForm, table: Table, records: Sequence[Any]
) -> None:
    """Note that a source answered: fields, rows, and which rows they were."""
    keys = tuple([record[table.key] for record in records])
    places: Mapping[str, int] = {}
    if form.placed:
        at = table.at[PLACE]
        seen = Counter([record[at] for record in records])
        places = {str(one): many for one, many in seen.items() if one is not None}
    _note(inquiry, form, len(keys), keys, places)


def note_counts(inquiry: Inquiry, form: LookForm, tallies: Sequence[Tally]) -> None:
    """Note that a source counted: by which fields, and how many."""
    _note(inquiry, form, sum([one.count for one in tallies]))


def _note(
    inquiry: Inquiry,
    form: LookForm,
    rows: int,
    keys: tuple[str, ...] = (),
    places: Mapping[str, int] | None = None,
) -> None:
    if form.rests:
        inquiry.grants_used |= form.rests
        for told in form.findings:
            if told not in inquiry.findings:
                inquiry.findings.append(told)
    rests = inquiry.grants_used
    inquiry.looks.append(
        Look(
            type=form.type,
            source=form.source,
            fields=form.fields,
            rows=rows,
            keys=keys,
            owner=form.owner,
            places=places or {},
            # What rests on a grant waits for its record: the grant may end meanwhile.
            protected=form.guarded or bool(rests),
            emergency=bool(rests) and form.urgent is not None and rests <= form.urgent,
        )
    )


def _urgent(
    inquiry: Inquiry,
    seen: Mapping[str, str],
    guarded: Iterable[str],
    rulings: Mapping[str, Rulings],
) -> frozenset[str] | None:
    """Give emergencies' grants, if they alone gave what is *guarded*, for all rows."""
    if not inquiry.grants:
        return None
    urgent = frozenset(one.id for one in inquiry.grants if one.incident)
    if any(LOOKUP in how.split("|") for how in seen.values()):
        return None  # no emergency's grant opens a look-up
    given = {RULE + one for one in urgent}
    alone = all(
        ruling.verdict.rule in given
        for name in guarded
        for ruling in rulings[name]
        if not isinstance(ruling.verdict, Deny)
    )
    return urgent if alone else None


def noted_place(inquiry: Inquiry, entity: EntityType) -> str | None:
    """Name the field that says whether rows lie in the caller's own place."""
    return entity.place if inquiry.principal.division else None


def _protected(entity: EntityType, source: Source, name: str) -> bool:
    """Say whether *name*, as *source* shares it, is not for everybody."""
    way = entity.relations.get(name)
    local = name if way is None else way.local
    field = entity.fields.get(local)
    if field is None:
        return False
    return field.sharing is not Sharing.UNCONDITIONAL or local in source.tightened(
        entity.name
    )


def note_restriction(
    inquiry: Inquiry, entity: EntityType, name: str, rulings: Rulings
) -> None:
    """Note that *name* was asked for and is not wholly given.

    ``name@source`` is a field as that source shares it.
    """
    if plain(rulings) is not True:
        restrict(inquiry, entity.name, name, rulings)


def kept_gap(
    inquiry: Inquiry, entity: EntityType, source: Source, fields: Sequence[str]
) -> Gap:
    """Say that *source* does not let *fields* be compared: its part is missing."""
    tightened = source.tightened(entity.name).keys()
    why = KEPT_BACK if tightened & set(fields) else NOT_GRANTED
    return _gap(inquiry, entity, source, (FieldHiddenError.code, why), tuple(fields))


def note_missing(
    inquiry: Inquiry, entity: EntityType, source: Source, error: SourceError
) -> None:
    """Note that *source* did not answer."""
    note_gap(inquiry, _gap(inquiry, entity, source, (error.code, error.label)))


def note_lost(
    inquiry: Inquiry, entity: EntityType, source: Source, fields: AbstractSet[str]
) -> None:
    """Note which of *fields* have gone missing in *source*."""
    lost = source.lost(entity.name)
    gone = sorted(lost.keys() & fields)
    if gone:
        zh = "；".join(sorted({lost[name].zh for name in gone}))
        en = "; ".join(sorted({lost[name].en for name in gone}))
        why = (SourceDriftError.code, Label(zh, en))
        note_gap(inquiry, _gap(inquiry, entity, source, why, tuple(gone)))


def _gap(
    inquiry: Inquiry,
    entity: EntityType,
    source: Source,
    why: tuple[str, Label],
    fields: tuple[str, ...] = (),
) -> Gap:
    kept = why[0] == SourceDriftError.code and inquiry.principal.role != OPERATOR
    return Gap(
        source=source.name,
        title=source.title,
        type=entity.name,
        code=why[0],
        detail=CHANGED if kept else why[1],
        fields=fields,
    )


def note_gap(inquiry: Inquiry, gap: Gap) -> None:
    """Note once that a source's part is missing."""
    if gap not in inquiry.gaps:
        inquiry.gaps.append(gap)
