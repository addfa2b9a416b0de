"""What has changed in the ledger, as the one who waits for it may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from zhitong.decisions import Change, Changed
from zhitong.exceptions import (
    CursorMalformedError,
    LedgerUnavailableError,
    TooWideError,
)
from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.links import by_key
from zhitong.resolvers.read import Ask, Found
from zhitong.types import SOURCE_KEY, EntityType, Predicate, Row

FINDINGS_OF_ONE = (200, 2_000, 20_000)
"""Findings that are read of one decision, of all its versions: more where there are."""
LONGEST_POSITION = 18


class Topic(StrEnum):
    """What a subscription waits for."""

    LEDGER = "ledger"
    SOURCES = "sources"


@dataclass(slots=True, kw_only=True, eq=False)
class Watch:
    """A subscription between its answers: each is the same question, asked again.

    The first answer says what is waited for; of the ledger, from which place on.
    """

    now: Callable[[], Awaitable[int]]
    """Gives the place in the log that is written next."""
    topic: Topic | None = None
    """None: nothing more will come."""
    position: int = 0
    most: int = 1
    """How many changes one answer may be about."""
    changed: Sequence[Changed] = ()
    """What the answer is about."""
    told: bool = False
    """Whether the answer has something that its reader may see."""
    missed: bool = False
    """Whether a source that did not answer may have had something."""

    @property
    def end(self) -> int:
        """The place after what the answer is about."""
        return self.changed[-1].number + 1 if self.changed else self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a subscriber wants of the ledger."""

    where: Predicate | None
    first: int | None
    after: str | None


@dataclass(frozen=True, slots=True)
class DecisionChange:
    """A version of a decision; None: it is not to be seen which."""

    version: int | None
    change: str | None
    decision: Row


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer tells, and where the next goes on."""

    position: str
    nodes: Sequence[DecisionChange | Row]


async def changed_decisions(
    asking: Asking, place: Place, watch: Watch, wish: Wish
) -> Told | None:
    """Tell which decisions changed; None: the caller sees none of them, ever."""
    ask = await _ask(asking, place, "Decision", wish)
    ask = replace(ask, fields=ask.fields | {"version", "change"})
    if not await _opened(asking, watch, ask, wish):
        return None
    found = await _found(asking, watch, ask, SOURCE_KEY, _names(watch))
    nodes = [
        _change(one, row)
        for one in watch.changed
        for row in found[one.decision_id].rows
    ]
    return _told(asking, place, watch, nodes)


async def new_findings(
    asking: Asking, place: Place, watch: Watch, wish: Wish
) -> Told | None:
    """Tell what was found of the versions that came; None: the caller sees none."""
    ask = await _ask(asking, place, "Finding", wish)
    fields = ask.fields | {"version"}
    ask = replace(ask, fields=fields, peek=True)
    if not await _opened(asking, watch, ask, wish):
        return None
    found = await _all_found(asking, watch, ask, "decisionId")
    nodes = [
        row
        for one in watch.changed
        for row in found[one.decision_id].rows
        if row.values["version"] == one.version
    ]
    return _told(asking, place, watch, nodes)


async def _ask(asking: Asking, place: Place, name: str, wish: Wish) -> Ask:
    ask = by_key(asking, place, name)
    asking.counting.check(ask.entity, wish.where)
    settled = await asking.filters.settle(ask.entity, wish.where)
    return replace(ask, where=settled.where, lacking=settled.lacking)


async def _opened(asking: Asking, watch: Watch, ask: Ask, wish: Wish) -> bool:
    """Find out where to begin; say False where there is nothing to wait for."""
    if watch.topic is None:
        watch.most = asking.page_size(wish.first)
        watch.position = await _begin(watch, wish.after)
        if not _sees(asking, ask.entity):
            await asking.reader.rows(asking.inquiry, ask)  # it notes why
            return False
        watch.topic = Topic.LEDGER
    return True


async def _begin(watch: Watch, after: str | None) -> int:
    if after is None:
        return await watch.now()
    if not (after.isascii() and after.isdigit() and len(after) <= LONGEST_POSITION):
        raise CursorMalformedError(
            "after 无法识别，请原样使用收到的 position",
            "after is no position of this service; use one that was received, as it is",
        )
    return int(after)


def _sees(asking: Asking, entity: EntityType) -> bool:
    """Say whether any row may be given: a count alone has none that changes."""
    counted = asking.reader.verdicts(asking.inquiry, entity).counts_only
    return asking.reader.sees(asking.inquiry, entity) and not counted


def _names(watch: Watch) -> Sequence[str]:
    """Give the ids of the decisions that changed, once each."""
    return list(dict.fromkeys(one.decision_id for one in watch.changed))


async def _all_found(
    asking: Asking, watch: Watch, ask: Ask, field: str
) -> dict[str, Found]:
    """Read all there is of the decisions that changed; raise rather than leave any."""
    found: dict[str, Found] = {}
    names = _names(watch)
    for limit in FINDINGS_OF_ONE:
        wider = replace(ask, limit=limit)
        found |= await _found(asking, watch, wider, field, names)
        names = [name for name in names if found[name].more]
        if not names:
            return found
    raise TooWideError(
        f"决定 {names[0]} 的核验发现过多，无法随变化给出；请用 findings 查询",
        f"decision {names[0]} has too many findings to be given as they come; ask the "
        "query findings",
    )


async def _found(
    asking: Asking, watch: Watch, ask: Ask, field: str, names: Sequence[str]
) -> dict[str, Found]:
    """Read what there is of decisions, by their ids."""
    loader = asking.loaders.rows_by_key(ask, field)
    found = await asyncio.gather(*map(loader.load, names))
    if any(one.missing for one in found):
        watch.missed = True
        raise LedgerUnavailableError(
            "有来源没有答复，无法确定其中有哪些变化；恢复后从原处继续",
            "a source did not answer, so it is not known what has changed there; it "
            "goes on from the same place when it does",
        )
    return dict(zip(names, found, strict=True))


def _change(one: Changed, row: Row) -> DecisionChange:
    """Say which version it is, to those who may see that of its decision."""
    version, change = row.values["version"], row.values["change"]
    return DecisionChange(
        version=one.version if isinstance(version, int) else None,
        change=one.change.value if change in set(Change) else None,
        decision=row,
    )


def _told(
    asking: Asking, place: Place, watch: Watch, nodes: Sequence[DecisionChange | Row]
) -> Told | None:
    if not asking.may_give(place, len(nodes)):
        return None
    watch.told = bool(nodes)
    return Told(str(watch.end), nodes)
