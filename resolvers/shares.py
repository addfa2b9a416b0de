"""A page over several sources: each is asked for its share, and on where that ends.

Whoever asks five sources for 500 rows each gets 2,500 and gives 500. So each is asked
for about as many as it gave of late, and for more to spare where pages were less alike.
One that gave its whole share, and whose last row still comes before the page's end, is
asked on from there, for as many as could be missing: the rows are those that come of
asking all of them for the whole page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, sqrt

from zhitong.resolvers.answering import gather
from zhitong.resolvers.joining import Point
from zhitong.resolvers.merge import Records, merged
from zhitong.resolvers.readings import Asked, Now, Reading, Share
from zhitong.types import Inquiry, Position, Predicate, Table

SMALLEST = 16
"""Smaller pages are asked whole: a second statement costs more than rows to spare."""
DEVIATIONS = 2
"""How many of its standard deviations a source is first taken to be off."""
SPARE = 2
"""Rows beyond its share and what that was off of late: one says that no more is due."""
FADING = 0.97
"""What is left of a page's being off when the next one is read: where pages differ as
well mixed rows do, that asks for as many as two deviations, and as seldom again."""

Answered = list[tuple[Asked, Table]]


@dataclass(slots=True, eq=False)  # not frozen, for speed: made for every statement
class Page:
    """What one source is asked: its part, under which condition, from where on."""

    part: Asked
    where: Predicate | None
    after: Position | None
    point: Point | None = None
    """Where it is a look-up that may be joined with those of other questions."""

    def question(
        self, now: Now, limit: int, after: Position | None
    ) -> tuple[Asked, Callable[[], Awaitable[Table]]]:
        """Give the question for *limit* rows from *after* on."""
        if self.point is not None:
            return self.part, partial(self.part.row, self.point, self.where)
        return self.part, partial(
            self.part.table, limit=limit, where=self.where, keys=now.keys, after=after
        )


async def answers(
    inquiry: Inquiry,
    reading: Reading,
    pages: Sequence[Page],
    now: Now,
    missing: set[str],
) -> tuple[Answered, Records, Sequence[Table]]:
    """Ask all sources; give their tables, the records in order, the table of each."""
    limit = now.limit + reading.peek
    # Who does not peek is still told of more, by rows that were none of the page's.
    whole = now.keys is not None or not reading.peek
    whole = whole or limit < SMALLEST or len(pages) == 1
    asked = [limit] * len(pages) if whole else _shares(reading.shares, pages, limit)
    questions = [
        page.question(now, share, page.after)
        for page, share in zip(pages, asked, strict=True)
    ]
    answered = await gather(inquiry, reading, questions, missing)
    records, tables = merged(
        [table for _, table in answered], reading.order, reading.kind
    )
    if whole:
        return answered, records, tables
    shares = {page.part: share for page, share in zip(pages, asked, strict=True)}
    short = _short(answered, shares, tables, limit)
    if short:
        more = [
            page.question(now, short[page.part][0], short[page.part][1])
            for page in pages
            if page.part in short
        ]
        further = dict(await gather(inquiry, reading, more, missing))
        answered = [
            (part, _joined(table, further.get(part)))
            for part, table in answered
            if part not in short or part in further
        ]
        records, tables = merged(
            [table for _, table in answered], reading.order, reading.kind
        )
    _learn(reading.shares, answered, tables, limit)
    return answered, records, tables


def _shares(known: Mapping[str, Share], pages: Sequence[Page], limit: int) -> list[int]:
    """Say for how many rows each is asked: what it gave of late, and some more."""
    mixed = _mixed(1 / max(len(pages), 1), limit)
    parts = [known.get(one.part.source.name, mixed) for one in pages]
    return [min(limit, ceil((one.part + one.off) * limit) + SPARE) for one in parts]


def _mixed(part: float, limit: int) -> Share:
    """Take it to be off as it would be, were the rows of all sources well mixed."""
    return Share(part, DEVIATIONS * sqrt(part * (1 - part) / limit))


def _short(
    answered: Answered,
    shares: Mapping[Asked, int],
    tables: Sequence[Table],
    limit: int,
) -> Mapping[Asked, tuple[int, Position]]:
    """Name those that may have more rows of the page: how many at most, from where."""
    short: dict[Asked, tuple[int, Position]] = {}
    before = tables[: limit - 1]
    beyond = frozenset(map(id, tables[limit - 1 :]))
    for part, table in answered:
        if len(table.records) < shares[part] or id(table) in beyond:
            continue  # it has no more, or what it has comes later
        left = next(n for n, one in enumerate(reversed(before)) if one is table)
        last = table.records[-1]
        start = Position(last[table.order], last[table.key])
        short[part] = limit - len(before) + left, start
    return short


def _joined(table: Table, more: Table | None) -> Table:
    """Give the rows of both; one that was moved meanwhile is there once."""
    if more is None:
        return table
    key = table.key
    known = {record[key] for record in table.records}
    further = [record for record in more.records if record[key] not in known]
    return replace(table, records=[*table.records, *further])


def _learn(
    known: dict[str, Share], answered: Answered, tables: Sequence[Table], limit: int
) -> None:
    """Remember what part of a page each gave; what was before counts as much."""
    beyond = Counter(map(id, tables[limit:]))
    size = max(min(len(tables), limit), 1)
    for part, table in answered:
        name = part.source.name
        given = (len(table.records) - beyond[id(table)]) / size
        before = known.get(name) or _mixed(given, size)
        off = max(abs(given - before.part), before.off * FADING)
        known[name] = Share((before.part + given) / 2, off)
