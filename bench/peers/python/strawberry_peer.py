"""Strawberry as its documentation writes it: ``stock``, or with its caches: ``cached``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from enum import Enum
from typing import Any, NewType, TypeVar

import strawberry
from data import QUERIES, Loaders, Pool, serve
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info

T = TypeVar("T")
CreditCode = NewType("CreditCode", str)
Text = str | None


@strawberry.type
class Subject:
    name: Text
    of: strawberry.Private[str]


@strawberry.type
class Officer:
    name: Text
    unit_name: Text
    of: strawberry.Private[str]


@strawberry.type
class Listing:
    kind: Text
    listed_on: Text
    reason: Text
    of: strawberry.Private[str]


@strawberry.type
class CaseRecord:
    case_no: Text
    title: Text
    act_type: Text
    status: Text
    subject_code: Text
    division: Text
    filed_on: Text
    decided_on: Text
    counterparty_name: Text
    counterparty_kind: Text
    fine: Text
    document_no: Text
    matter_code: Text
    officer_certificates: strawberry.Private[list[str]]
    of: strawberry.Private[Text]

    @strawberry.field
    async def subject(self, info: Info[Any, None]) -> Subject | None:
        return await info.context["loaders"].subject_of(self.subject_code)

    @strawberry.field
    async def officers(self, info: Info[Any, None]) -> list[Officer] | None:
        return await info.context["loaders"].officers_of(self.officer_certificates)


@strawberry.type
class CaseRecordConnection:
    nodes: list[CaseRecord]


@strawberry.type
class ListingConnection:
    nodes: list[Listing]


@strawberry.type
class Counterparty:
    code: Text
    name: Text
    kind: Text
    industry: Text
    status: Text
    register_id: Text
    registration_no: Text
    division: Text

    @strawberry.field
    async def cases(
        self, info: Info[Any, None], first: int = 20
    ) -> CaseRecordConnection:
        key = (self.code, first)
        return CaseRecordConnection(nodes=await info.context["loaders"].cases.load(key))

    @strawberry.field
    async def listings(
        self, info: Info[Any, None], first: int = 20
    ) -> ListingConnection:
        key = (self.code, first)
        return ListingConnection(nodes=await info.context["loaders"].listings.load(key))


@strawberry.type
class CounterpartyConnection:
    nodes: list[Counterparty]


@strawberry.type
class CaseGroup:
    subject_code: Text
    month: Text
    count: int | None


@strawberry.type
class CaseStatistics:
    groups: list[CaseGroup]


@strawberry.enum
class ListingKind(Enum):
    SERIOUS_DISHONESTY = "SERIOUS_DISHONESTY"
    ABNORMAL_OPERATION = "ABNORMAL_OPERATION"
    DISHONEST_JUDGMENT_DEBTOR = "DISHONEST_JUDGMENT_DEBTOR"
    KEY_ATTENTION = "KEY_ATTENTION"


@strawberry.enum
class CaseGrouping(Enum):
    SUBJECT = "SUBJECT"
    MONTH = "MONTH"


@strawberry.input
class ListingKindFilter:
    eq: ListingKind


@strawberry.input
class ListingFilter:
    kind: ListingKindFilter


@strawberry.input
class CounterpartyFilter:
    listings: ListingFilter


@strawberry.input
class DateFilter:
    gte: Text = None
    present: bool | None = None


@strawberry.input
class TextFilter:
    eq: str


@strawberry.input
class NotFilter:
    document_no: TextFilter


@strawberry.input
class CaseFilter:
    filed_on: DateFilter
    archived_on: DateFilter
    not_: NotFilter = strawberry.field(name="not")


def made(kind: Callable[..., T]) -> Callable[[Iterable[Any]], T]:
    """Make an object of a row: columns stand in the order of the fields."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type] - a dataclass
    return lambda row: kind(**dict(zip(names, row)))


PARTY, CASE, LISTING = made(Counterparty), made(CaseRecord), made(Listing)
SUBJECT, OFFICER, GROUP = made(Subject), made(Officer), made(CaseGroup)


@strawberry.type
class Query:
    @strawberry.field
    async def counterparty(
        self, info: Info[Any, None], code: CreditCode
    ) -> Counterparty | None:
        row = await info.context["pool"].fetchrow(QUERIES["counterparty"], code)
        return PARTY(row) if row else None

    @strawberry.field
    async def counterparties(
        self, info: Info[Any, None], where: CounterpartyFilter, first: int = 20
    ) -> CounterpartyConnection:
        kind = where.listings.kind.eq.value
        rows = await info.context["pool"].fetch(
            QUERIES["listed_counterparties"], kind, first
        )
        return CounterpartyConnection(nodes=[PARTY(row) for row in rows])

    @strawberry.field
    async def case_records(
        self, info: Info[Any, None], first: int = 20
    ) -> CaseRecordConnection:
        rows = await info.context["pool"].fetch(QUERIES["latest_cases"], first)
        return CaseRecordConnection(nodes=[CASE(row) for row in rows])

    @strawberry.field
    async def case_statistics(
        self,
        info: Info[Any, None],
        by: list[CaseGrouping],  # both, as the question asks
        where: CaseFilter,
    ) -> CaseStatistics:
        rows = await info.context["pool"].fetch(
            QUERIES["statistics"], where.filed_on.gte
        )
        return CaseStatistics(groups=[GROUP(row) for row in rows])


SCHEMA = strawberry.Schema(
    Query,
    extensions=[ParserCache(maxsize=100), ValidationCache(maxsize=100)]
    if sys.argv[1:] == ["cached"]
    else [],
    config=StrawberryConfig(
        scalar_map={
            CreditCode: strawberry.scalar(
                name="CreditCode", serialize=str, parse_value=str
            )
        }
    ),
)


class App(GraphQL[Any, None]):
    """The server; each request has loaders of its own."""

    pool: Pool

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        loaders = Loaders(self.pool, CASE, LISTING, SUBJECT, OFFICER)
        return {"pool": self.pool, "loaders": loaders}


def app(pool: Pool) -> App:
    served = App(SCHEMA, graphql_ide=None)
    served.pool = pool
    return served


serve(app)
