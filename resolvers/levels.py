"""Following keys set-wise: what a whole level of rows asks is read at once.

The twins of `zhitong.resolvers.links` and `pages`, for whoever has all rows of a level
before it goes on. Everything with a verdict, a note or an error's text is theirs; here
it is only asked once for the level instead of once for each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zhitong.exceptions import ZhitongError
from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.links import TWICE, by_key, hidden_rows, told
from zhitong.resolvers.pages import (
    CountBelow,
    Listing,
    Page,
    PageArguments,
    Total,
    counts_below,
    none,
    parent_of,
)
from zhitong.resolvers.read import LINK, NOTHING, Ask, Found
from zhitong.resolvers.statistics import SUBJECT, SUBJECT_CODE, Group, subject_ask
from zhitong.types import Relation, Row


@dataclass(slots=True)  # not frozen, for speed: made for every step
class Level:
    """The objects that stand at one place, each once, and how often each does."""

    owners: Sequence[Any]
    times: Sequence[int]
    """What many parents share is read once, and counts wherever it stands."""


async def follow_one(
    asking: Asking, place: Place, relation: Relation, level: Level
) -> list[Row | None]:
    """Find the one row that *relation* leads to from each (`links.linked`)."""
    keys = [row.values[LINK + relation.name] for row in level.owners]
    found = await _single(asking, place, relation, keys)
    first = _first(found)
    rows = [first[key] if isinstance(key, str) else None for key in keys]
    given = sum(
        [times for row, times in zip(rows, level.times, strict=True) if row is not None]
    )
    return rows if _may_give(asking, place, given) else [None] * len(rows)


async def matches(
    asking: Asking, place: Place, relation: Relation, type_name: str, level: Level
) -> list[str]:
    """Say how the key of *relation* was found for each (`links.match`)."""
    hidden = hidden_rows(asking, relation, type_name, level.owners)
    keys = [row.values[LINK + relation.name] for row in level.owners]
    asked = [key for key, kept in zip(keys, hidden, strict=True) if not kept]
    found = await _single(asking, place, relation, asked)
    kind = asking.entities[type_name].fields[relation.local].kind
    words = {key: told(kind, key, one) for key, one in found.items()}
    return [
        "HIDDEN" if kept else words[key] if isinstance(key, str) else "NOT_STATED"
        for key, kept in zip(keys, hidden, strict=True)
    ]


async def _single(
    asking: Asking, place: Place, relation: Relation, keys: Iterable[object]
) -> Mapping[str, Found]:
    ask = by_key(asking, place, relation.target, limit=1, peek=True)
    return await _load(asking, ask, relation.remote, keys)


async def follow_several(
    asking: Asking, place: Place, relation: Relation, type_name: str, level: Level
) -> list[list[Row] | None]:
    """Find the rows whose keys each lists, in its order (`links.listed`)."""
    hidden = hidden_rows(asking, relation, type_name, level.owners)
    listed = [
        None if kept else _keys(row.values[LINK + relation.name])
        for row, kept in zip(level.owners, hidden, strict=True)
    ]
    ask = by_key(asking, place, relation.target, limit=TWICE)
    keys = (key for some in listed if some for key in some)
    found = await _load(asking, ask, relation.remote, keys)
    under = {key: one.rows for key, one in found.items()}
    rows = [
        None if some is None else [row for key in some for row in under[key]]
        for some in listed
    ]
    shown = zip(rows, level.times, strict=True)
    given = sum([len(some) * times for some, times in shown if some])
    return rows if _may_give(asking, place, given) else [None] * len(rows)


def _keys(stated: object) -> dict[str, None]:
    # Lists or tuples, as sources have them: what can be iterated is dear to find out.
    keys = stated if isinstance(stated, list | tuple) else ()
    return {key: None for key in keys if isinstance(key, str)}


async def follow_page(
    asking: Asking,
    place: Place,
    relation: Relation,
    arguments: PageArguments,
    level: Level,
) -> list[Page | Exception | None]:
    """Answer a connection below each (`pages.related_page`).

    Raises what is wrong with the arguments wherever they stand; a cursor is wrong, or
    not, for each row, and its error stands in the row's place.
    """
    entity = asking.entities[relation.target]
    asking.counting.check(entity, arguments.where)
    listing = Listing.of(asking, entity, arguments)
    begun = [_begun(listing, relation, row) for row in level.owners]
    going = [one for one in begun if one.wrong is None]
    pages = await _pages(listing, place, relation, going) if going else {}
    given = sum(
        len(page.found.records) * times
        for one, times in zip(begun, level.times, strict=True)
        if isinstance(page := pages.get(id(one)), Page)
    )
    if not _may_give(asking, place, given):
        return [one.wrong for one in begun]
    return [one.wrong or pages.get(id(one)) for one in begun]


@dataclass(slots=True)  # not frozen, for speed: made for every row of a level
class _Begun:
    """A connection below one row: where its page begins, or why it cannot."""

    row: Row
    after: Mark | None = None
    wrong: ZhitongError | None = None


def _begun(listing: Listing, relation: Relation, row: Row) -> _Begun:
    if listing.arguments.after is None:
        return _Begun(row)
    try:
        return _Begun(row, listing.after(listing.below(parent_of(relation, row))))
    except ZhitongError as error:
        return _Begun(row, wrong=error)


async def _pages(
    listing: Listing, place: Place, relation: Relation, going: Sequence[_Begun]
) -> dict[int, Page | Exception | None]:
    """Read the pages below *going*, by the identity of each; the hidden have none."""
    asking = listing.asking
    try:
        ask = await listing.ask(place)
    except ZhitongError as error:
        return {id(one): error for one in going}
    rows = [one.row for one in going]
    hidden = hidden_rows(asking, relation, rows[0].type, rows)
    shown = [one for one, kept in zip(going, hidden, strict=True) if not kept]
    found: dict[Mark | None, Mapping[str, Found]] = {}
    for mark in {one.after: None for one in shown}:
        keys = [
            one.row.values[LINK + relation.name] for one in shown if one.after == mark
        ]
        begun = ask if mark is None else replace(ask, after=mark)
        found[mark] = await _load(asking, begun, relation.remote, keys)
    return {
        id(one): _page(listing, ask, relation, one, found[one.after]) for one in shown
    }


def _page(
    listing: Listing,
    ask: Ask,
    relation: Relation,
    begun: _Begun,
    found: Mapping[str, Found],
) -> Page:
    def seal(mark: Mark) -> str:
        return listing.seal(listing.below(parent_of(relation, begun.row)), mark)

    key = begun.row.values[LINK + relation.name]
    if not isinstance(key, str):
        return listing.page(NOTHING, begun.after, seal, none)
    count = CountBelow(listing, ask, relation, key)
    return listing.page(found[key], begun.after, seal, count)


async def totals(level: Level) -> list[Total]:
    """Count the list of each page (`pages.total`)."""
    pages: Sequence[Page] = level.owners
    counts = [page.count for page in pages]
    below = [count for count in counts if isinstance(count, CountBelow)]
    known = await counts_below(below) if below else {}
    made: list[Total] = []
    for count in counts:
        many, missing = (
            known[count.key] if isinstance(count, CountBelow) else await count()
        )
        made.append(Total(many, missing))
    return made


async def subjects(asking: Asking, place: Place, level: Level) -> list[Row | None]:
    """Find the subject of each group (`statistics.subject_of`)."""
    groups: Sequence[Group] = level.owners
    codes = [group[SUBJECT] for group in groups]
    found = await _load(asking, subject_ask(asking, place), SUBJECT_CODE, codes)
    first = _first(found)
    return [None if code is None else first[code] for code in codes]


def _first(found: Mapping[str, Found]) -> Mapping[str, Row | None]:
    """Give the one row that each key leads to."""
    return {key: one.rows[0] if one.records else None for key, one in found.items()}


async def _load(
    asking: Asking, ask: Ask, field: str, keys: Iterable[object]
) -> Mapping[str, Found]:
    """Read what *keys* lead to, each key once; those that are stated."""
    stated = [key for key in dict.fromkeys(keys) if isinstance(key, str)]
    return await asking.loaders.keyed.load(ask, field, stated) if stated else {}


def _may_give(asking: Asking, place: Place, rows: int) -> bool:
    """Count *rows*, repeats with them; nothing is no weight, whatever is spent."""
    return not rows or asking.may_give(place, rows)
