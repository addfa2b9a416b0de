"""What a read leaves behind: for the access record and for the answer's extensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from zhitong.exceptions import FieldHiddenError, SourceDriftError, SourceError
from zhitong.ports import Source
from zhitong.resolvers.granting import RULE
from zhitong.resolvers.rulings import plain
from zhitong.types import (
    OPERATOR,
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
    Row,
    Rulings,
    Sharing,
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


def note_look(  # noqa: PLR0913 - all that a look is, as it is kept
    inquiry: Inquiry,
    entity: EntityType,
    source: Source,
    seen: dict[str, str],
    part: Sequence[Row] | Sequence[Tally],
    *,
    rulings: Mapping[str, Rulings],
    used: Iterable[str] = (),
) -> None:
    """Note that *source* answered: fields, rows, and which rows they were.

    *rulings* are those of the type there; *used* are fields and relations that say
    something though they are not shown.
    """
    said = (entity.key, *used, *(name for name, how in seen.items() if how != "DENY"))
    guarded = [name for name in said if _protected(entity, source, name)]
    keys = tuple(one.key for one in part if isinstance(one, Row))
    counted = sum(one.count for one in part if isinstance(one, Tally))
    inquiry.looks.append(
        Look(
            type=entity.name,
            source=source.name,
            fields=seen,
            rows=len(keys) + counted,
            keys=keys,
            owner=source.owner,
            places=_places(inquiry, entity, part),
            # What rests on a grant waits for its record: the grant may end meanwhile.
            protected=bool(guarded or inquiry.grants_used),
            emergency=_urgent(inquiry, seen, guarded, rulings),
        )
    )


def _urgent(
    inquiry: Inquiry,
    seen: Mapping[str, str],
    guarded: Iterable[str],
    rulings: Mapping[str, Rulings],
) -> bool:
    """Say whether emergencies' grants alone gave what is *guarded*, for all rows."""
    if not inquiry.grants_used:
        return False
    urgent = {one.id for one in inquiry.grants if one.incident}
    if not inquiry.grants_used <= urgent:
        return False
    if any(LOOKUP in how.split("|") for how in seen.values()):
        return False  # no emergency's grant opens a look-up
    given = {RULE + one for one in urgent}
    return all(
        ruling.verdict.rule in given
        for name in guarded
        for ruling in rulings[name]
        if not isinstance(ruling.verdict, Deny)
    )


def noted_place(inquiry: Inquiry, entity: EntityType) -> str | None:
    """Name the field that says whether rows lie in the caller's own place."""
    return entity.place if inquiry.principal.division else None


def _places(
    inquiry: Inquiry, entity: EntityType, part: Sequence[Row] | Sequence[Tally]
) -> dict[str, int]:
    if noted_place(inquiry, entity) is None:
        return {}
    seen = Counter(one.values[PLACE] for one in part if isinstance(one, Row))
    return {str(place): many for place, many in seen.items() if place is not None}


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
        inquiry.restrictions[entity.name, name] = rulings


def note_kept(
    inquiry: Inquiry, entity: EntityType, source: Source, fields: Sequence[str]
) -> None:
    """Note that *source* does not let *fields* be compared: its part is missing."""
    tightened = source.tightened(entity.name).keys()
    why = KEPT_BACK if tightened & set(fields) else NOT_GRANTED
    _gap(inquiry, entity, source, (FieldHiddenError.code, why), tuple(fields))


def note_missing(
    inquiry: Inquiry, entity: EntityType, source: Source, error: SourceError
) -> None:
    """Note that *source* did not answer."""
    _gap(inquiry, entity, source, (error.code, error.label))


def note_lost(
    inquiry: Inquiry, entity: EntityType, source: Source, fields: Iterable[str]
) -> None:
    """Note which of *fields* have gone missing in *source*."""
    lost = source.lost(entity.name)
    gone = sorted(lost.keys() & set(fields))
    if gone:
        zh = "；".join(sorted({lost[name].zh for name in gone}))
        en = "; ".join(sorted({lost[name].en for name in gone}))
        _gap(
            inquiry, entity, source, (SourceDriftError.code, Label(zh, en)), tuple(gone)
        )


def _gap(
    inquiry: Inquiry,
    entity: EntityType,
    source: Source,
    why: tuple[str, Label],
    fields: tuple[str, ...] = (),
) -> None:
    kept = why[0] == SourceDriftError.code and inquiry.principal.role != OPERATOR
    gap = Gap(
        source=source.name,
        title=source.title,
        type=entity.name,
        code=why[0],
        detail=CHANGED if kept else why[1],
        fields=fields,
    )
    if gap not in inquiry.gaps:
        inquiry.gaps.append(gap)
