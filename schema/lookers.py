"""Who looked at this: the records of looks at one row, under the policy of records."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from zhitong.exceptions import LedgerUnavailableError, NodeIdError, TooWideError
from zhitong.resolvers.filters import WIDEST
from zhitong.resolvers.granting import both
from zhitong.resolvers.nodes import NodeId, node_id
from zhitong.schema.access import ACCESS_RECORD
from zhitong.schema.context import Context
from zhitong.schema.objects import (
    Info,
    connection_arguments,
    described,
    field_with,
    page_arguments,
    raw,
)
from zhitong.schema.pages import Page, root_page
from zhitong.types import Compare, Label, Look, Op

LOOKERS = "LOOKERS"
"""How a record says that somebody asked who had looked at a row."""
WHO_LOOKED = Label(
    "谁看过这一条：按其全局 id 查调阅登记，查询本身也登记为对它的一次调阅",
    "Who looked at this row: the access records of it, by its global id. That it was "
    "asked is on record as a look at it",
)
ID = Label("该记录的全局 id", "The row's global id")
SINCE = Label("自此时起", "From this moment on")
UNTIL = Label("至此时前", "Before this moment")


async def _where(
    context: Context, place: NodeId, since: str | None, until: str | None
) -> Compare:
    """Find the looks at the row at *place*; raise where they are too many."""
    if context.lookers is None:
        raise LedgerUnavailableError(
            "本网关没有调阅登记簿", "this gateway has no access register"
        )
    row = (place.type, place.source, place.key)
    found = await context.lookers.records(
        row, _moment(since), _moment(until), WIDEST + 1
    )
    if len(found) > WIDEST:
        raise TooWideError(
            f"这一条被看过 {WIDEST} 次以上，请用 since、until 缩小时间范围",
            f"the row was looked at more than {WIDEST} times; narrow since and until",
        )
    look = Look(
        type=place.type,
        source=place.source,
        fields={"*": LOOKERS},
        rows=0,
        keys=(place.key,),
        protected=True,
    )
    context.inquiry.looks.append(look)
    return Compare(ACCESS_RECORD.key, Op.IN, tuple(found))


def _moment(text: str | None) -> datetime | None:
    """Read what the scalar has checked."""
    return None if text is None else datetime.fromisoformat(text)


def who_looked_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root."""

    async def resolve(  # noqa: PLR0913 - a connection's arguments, and whose
        info: Info,
        node: str,
        *,
        since: str | None = None,
        until: str | None = None,
        first: int | None = None,
        after: str | None = None,
        where: Any = None,  # noqa: ANN401 - strawberry's input
        order_by: Any = None,  # noqa: ANN401 - strawberry's input
    ) -> Page | None:
        context: Context = info.context
        place = node_id(node)
        if place.type not in context.entities:
            raise NodeIdError(
                f"本服务没有类型 {place.type[:40]}",
                f"there is no type {place.type[:40]}",
            )
        said = page_arguments(ACCESS_RECORD, first, after, where, order_by)
        # Whoever may see no records learns nothing here, not by the time it takes.
        if context.reader.sees(context.inquiry, ACCESS_RECORD):
            saw = await _where(context, place, since, until)
            said = replace(said, where=both(said.where, saw))
        return await root_page(context, raw(info), ACCESS_RECORD, said)

    annotations = {
        "info": Info,
        "node": Annotated[
            strawberry.ID, strawberry.argument(name="id", description=str(ID))
        ],
        "since": described("DateTime | None", SINCE),
        "until": described("DateTime | None", UNTIL),
        **connection_arguments(ACCESS_RECORD.name),
        "return": f"{ACCESS_RECORD.name}Connection | None",
    }
    return field_with(resolve, annotations, WHO_LOOKED)
