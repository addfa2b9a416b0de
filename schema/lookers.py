"""Who looked: at one row, at a party's data, and at one's own, under the policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from zhitong.exceptions import (
    LedgerUnavailableError,
    NodeIdError,
    ScalarError,
    TooWideError,
)
from zhitong.ports import Lookers
from zhitong.resolvers.filters import WIDEST
from zhitong.resolvers.granting import both
from zhitong.resolvers.lookups import number_of
from zhitong.resolvers.nodes import NodeId, node_id
from zhitong.resolvers.pages import Page, root_page
from zhitong.resolvers.parties import PARTY
from zhitong.resolvers.read import Ask
from zhitong.schema.access import ACCESS_LOOK, ACCESS_RECORD
from zhitong.schema.context import Context
from zhitong.schema.objects import (
    NODES,
    Info,
    connection_arguments,
    described,
    field_with,
    page_arguments,
    raw,
)
from zhitong.types import Compare, Label, Look, Op, Order

LOOKERS = "LOOKERS"
"""How a record says that somebody asked who had looked at a row."""
WHO_LOOKED = Label(
    "谁看过这一条，或这个当事人的数据：查调阅登记，查询本身也登记为对各条的一次调阅",
    "Who looked at this row, or at a party's data: the access records of it. That it "
    "was asked is on record as a look at each of the rows",
)
WHO_LOOKED_AT_ME = Label(
    "谁看过我的数据：提问的当事人自己的，只有规则允许告知的查阅",
    "Who looked at my data: the asking party's own, and looks that the policy lets "
    "parties be told of",
)
ID = Label("该记录的全局 id；与 code、idNumber 三者写其一", "The row's global id")
CODE = Label(
    "当事人的统一社会信用代码", "Or a party's credit code: all there is about it"
)
NUMBER = Label(
    "当事人的公民身份号码，须有精确查找的授权",
    "Or a person's ID number; the policy names who may ask by it, and what for",
)
SINCE = Label("自此时起", "From this moment on")
UNTIL = Label("至此时前", "Before this moment")

Place = tuple[str, str, str]
"""A row's type, source and key."""


def _lookers(context: Context) -> Lookers:
    if context.lookers is None or context.parties is None:
        raise LedgerUnavailableError(
            "本网关没有调阅登记簿", "this gateway has no access register"
        )
    return context.lookers


async def _of_party(context: Context, code: str, number: str) -> Sequence[Place]:
    """Find the rows of a party; raise where it cannot be asked here."""
    _lookers(context)
    assert context.parties is not None  # noqa: S101 - there are lookers
    rows = await context.parties.rows(context.inquiry, code, number)
    return list(dict.fromkeys((row.type, row.source, row.key) for row in rows))


def _note(context: Context, places: Sequence[Place]) -> None:
    """Note that it was asked who looked at *places*: as a look at each."""
    sources = context.sources()
    by_type: dict[tuple[str, str], list[str]] = {}
    for kind, source, key in places:
        by_type.setdefault((kind, source), []).append(key)
    context.inquiry.looks += [
        Look(
            type=kind,
            source=source,
            fields={"*": LOOKERS},
            rows=0,
            keys=tuple(keys),
            protected=True,
            owner=sources[source].owner if source in sources else "",
        )
        for (kind, source), keys in by_type.items()
    ]


def _bounded(found: Sequence[str], most: int) -> Sequence[str]:
    if len(found) > most:
        raise TooWideError(
            f"查阅超过 {most} 次，请用 since、until 缩小时间范围",
            f"there are more than {most} looks; narrow since and until",
        )
    return found


def _moment(text: str | None) -> datetime | None:
    """Read what the scalar has checked."""
    return None if text is None else datetime.fromisoformat(text)


async def _places(
    context: Context, node: str | None, code: str | None, number: str | None
) -> Sequence[Place]:
    if node is not None:
        place = _place(context, node)
        return [(place.type, place.source, place.key)]
    if number is not None:
        found = number_of(number)
        context.reader.check_look_up(
            context.inquiry, context.entities[PARTY], "idNumber"
        )
        return await _of_party(context, "", found)
    return await _of_party(context, code or "", "")


def _place(context: Context, node: str) -> NodeId:
    place = node_id(node)
    if place.type not in context.entities:
        raise NodeIdError(
            f"本服务没有类型 {place.type[:40]}", f"there is no type {place.type[:40]}"
        )
    return place


def who_looked_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root for those who oversee."""

    async def resolve(  # noqa: PLR0913 - a connection's arguments, and whose
        info: Info,
        *,
        node: str | None = None,
        code: str | None = None,
        number: str | None = None,
        since: str | None = None,
        until: str | None = None,
        first: int | None = None,
        after: str | None = None,
        where: Any = None,  # noqa: ANN401 - strawberry's input
        order_by: Any = None,  # noqa: ANN401 - strawberry's input
    ) -> Page | None:
        context: Context = info.context
        if sum(one is not None for one in (node, code, number)) != 1:
            raise ScalarError(
                "id、code、idNumber 应写明且只写明一个",
                "exactly one of id, code and idNumber is to be stated",
            )
        if node is not None:
            _place(context, node)
        said = page_arguments(ACCESS_RECORD, first, after, where, order_by)
        # Whoever may see no records learns nothing here, not by the time it takes.
        if context.reader.sees(context.inquiry, ACCESS_RECORD):
            places = await _places(context, node, code, number)
            times = (_moment(since), _moment(until))
            found = await _lookers(context).records(places, *times, WIDEST + 1)
            _note(context, places)
            saw = Compare(ACCESS_RECORD.key, Op.IN, tuple(_bounded(found, WIDEST)))
            said = replace(said, where=both(said.where, saw))
        place = context.place(raw(info), ACCESS_RECORD, *NODES)
        return await root_page(context, place, ACCESS_RECORD, said)

    annotations = {
        "info": Info,
        "node": Annotated[
            strawberry.ID | None, strawberry.argument(name="id", description=str(ID))
        ],
        "code": described("CreditCode | None", CODE),
        "number": Annotated[
            str | None, strawberry.argument(name="idNumber", description=str(NUMBER))
        ],
        "since": described("DateTime | None", SINCE),
        "until": described("DateTime | None", UNTIL),
        **connection_arguments(ACCESS_RECORD.name),
        "return": f"{ACCESS_RECORD.name}Connection | None",
    }
    return field_with(resolve, annotations, WHO_LOOKED)


MOST_TOLD = 2_000
"""Looks that a party is told of at once."""
MOST_WEIGHED = 1_000_000
"""Looks at a party that are weighed for it: more than any has."""


async def _tellable(context: Context, found: Sequence[str]) -> Sequence[str]:
    """Keep the looks that the policy lets the asking party be told of.

    Were the others counted against the bound, a party that fills it with looks of its
    own would learn of one more that is not told.
    """
    told: list[str] = []
    for start in range(0, len(found), MOST_TOLD):
        part = found[start : start + MOST_TOLD]
        weighing = replace(context.inquiry, told=set(), verdicts={})
        context.reader.tell(weighing, ACCESS_LOOK, part)
        ask = Ask(
            entity=ACCESS_LOOK,
            fields=frozenset({ACCESS_LOOK.key}),
            where=Compare(ACCESS_LOOK.key, Op.IN, tuple(part)),
            order=Order(ACCESS_LOOK.key),
            limit=len(part),
        )
        rows = (await context.reader.rows(weighing, ask)).rows
        told += [str(row.values[ACCESS_LOOK.key]) for row in rows]
        if len(told) > MOST_TOLD:
            break
    return told


def who_looked_at_me_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root for parties."""

    async def resolve(  # noqa: PLR0913 - a connection's arguments
        info: Info,
        *,
        since: str | None = None,
        until: str | None = None,
        first: int | None = None,
        after: str | None = None,
        where: Any = None,  # noqa: ANN401 - strawberry's input
        order_by: Any = None,  # noqa: ANN401 - strawberry's input
    ) -> Page | None:
        context: Context = info.context
        said = page_arguments(ACCESS_LOOK, first, after, where, order_by)
        if context.reader.sees(context.inquiry, ACCESS_LOOK):
            principal = context.inquiry.principal
            places = await _of_party(
                context, principal.party_code, principal.party_number
            )
            times = (_moment(since), _moment(until))
            found = await _lookers(context).looks(places, *times, MOST_WEIGHED)
            _note(context, places)
            looks = found
            if len(found) > MOST_TOLD:
                looks = _bounded(await _tellable(context, found), MOST_TOLD)
            context.reader.tell(context.inquiry, ACCESS_LOOK, looks)
            saw = Compare(ACCESS_LOOK.key, Op.IN, tuple(looks))
            said = replace(said, where=both(said.where, saw))
        place = context.place(raw(info), ACCESS_LOOK, *NODES)
        return await root_page(context, place, ACCESS_LOOK, said)

    annotations = {
        "info": Info,
        "since": described("DateTime | None", SINCE),
        "until": described("DateTime | None", UNTIL),
        **connection_arguments(ACCESS_LOOK.name),
        "return": f"{ACCESS_LOOK.name}Connection | None",
    }
    return field_with(resolve, annotations, WHO_LOOKED_AT_ME)
