"""The subscription root: what changes, as the one who waits for it may see it.

Each answer is one question of the subscriber, executed like any other over what has
come since the last: its root value is the `Watch`. The first answer has nothing in it
but the place to go on from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry

from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.changes import (
    Told,
    Topic,
    Watch,
    Wish,
    changed_decisions,
    new_findings,
)
from zhitong.schema import objects
from zhitong.schema.entities import ENTITIES
from zhitong.schema.inputs import predicate
from zhitong.schema.made import made_type
from zhitong.schema.objects import Info, described, field_with, raw
from zhitong.schema.served import SourceState, source_states
from zhitong.types import Label

AFTER = Label(
    "上次收到的 position：从此处继续，不漏不重；没有则从现在开始",
    "The position last received: goes on from there, nothing missed and nothing twice; "
    "without it, from now on",
)
FIRST = Label(
    "每次最多给出几次变化，默认 20，最多 200",
    "Changes that one answer is about, 20 by default, at most 200",
)
POSITION = Label(
    "至此为止都已给出，重新订阅时写入 after",
    "All up to here is given; a subscriber that comes back says it in after",
)
CHANGE = {
    "version": ("int | None", Label("这次登记的版本", "The version recorded then")),
    "change": ("Change | None", Label("变化的性质", "What it is")),
    "decision": ("Decision", Label("决定，按现行版本", "The decision, as it is now")),
}
DECISIONS = Label(
    "决定的登记、更正和撤销，封存后即给出",
    "Decisions recorded, corrected and withdrawn, as soon as they are sealed",
)
FINDINGS = Label(
    "决定的核验发现，随决定的版本给出；调阅的发现不在其中",
    "What rules say about each version of a decision; findings about looks are not "
    "among them",
)
HEALTH = Label(
    "各来源系统的状态：先是现状，之后每次变化",
    "How the sources are: at once, and whenever that changes",
)
Telling = Callable[[Asking, Place, Watch, Wish], Awaitable[Told | None]]


def _ledger_field(name: str, label: Label, tell: Telling, *path: str) -> Any:  # noqa: ANN401 - a strawberry field
    entity = ENTITIES[name]

    async def resolve(
        self: Watch,
        info: Info,
        where: Any = None,  # noqa: ANN401 - strawberry's input
        first: int | None = None,
        after: str | None = None,
    ) -> Told | None:
        place = info.context.place(raw(info), entity, path)
        condition = predicate(entity, where, ENTITIES)
        wish = Wish(where=condition, first=first, after=after)
        return await tell(info.context, place, self, wish)

    annotations = {
        "info": Info,
        "where": described(f"{name}Filter | None", objects.WHERE),
        "first": described(int | None, FIRST),
        "after": described(str | None, AFTER),
        "return": f"{name}Changes | None",
    }
    return field_with(resolve, annotations, label)


def _health_field() -> Any:  # noqa: ANN401 - a strawberry field
    def resolve(self: Watch, info: Info) -> list[SourceState]:
        self.topic, self.told = Topic.SOURCES, True
        return source_states(info.context)

    return field_with(resolve, {"info": Info, "return": list[SourceState]}, HEALTH)


def _made(name: str, node: str, label: Label) -> type:
    listed = Label("各项", "What has come")
    fields = {"position": ("str", POSITION), "nodes": (f"list[{node}]", listed)}
    return made_type(name, label, fields)


def subscription_type() -> type:
    """Make the subscription root."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": objects.__name__}
    body["decisions"] = _ledger_field(
        "Decision", DECISIONS, changed_decisions, "nodes", "decision"
    )
    body["findings"] = _ledger_field("Finding", FINDINGS, new_findings, "nodes")
    body["sourceHealth"] = _health_field()
    return strawberry.type(
        type("Subscription", (), body),
        description="订阅：变化一经封存即给出。\n\nChanges, as soon as sealed.",
    )


for _made_type in (
    made_type(
        "DecisionChange", Label("决定的一次变化", "A change of a decision"), CHANGE
    ),
    _made(
        "DecisionChanges",
        "DecisionChange",
        Label("决定的变化", "Changes of decisions"),
    ),
    _made("FindingChanges", "Finding", Label("新的核验发现", "New findings")),
):
    setattr(objects, _made_type.__name__, _made_type)
