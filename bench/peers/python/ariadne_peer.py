"""Ariadne over the same SDL: rows are dicts, resolvers are functions."""

from __future__ import annotations

from typing import Any

from ariadne import ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from data import HERE, QUERIES, Loaders, Pool, serve

QUERY, PARTY, CASE = QueryType(), ObjectType("Counterparty"), ObjectType("CaseRecord")


@QUERY.field("counterparty")
async def counterparty(_: Any, info: Any, code: str) -> Any:
    row = await info.context["pool"].fetchrow(QUERIES["counterparty"], code)
    return dict(row) if row else None


@QUERY.field("counterparties")
async def counterparties(_: Any, info: Any, where: Any, first: int = 20) -> Any:
    kind = where["listings"]["kind"]["eq"]
    rows = await info.context["pool"].fetch(
        QUERIES["listed_counterparties"], kind, first
    )
    return {"nodes": list(map(dict, rows))}


@QUERY.field("caseRecords")
async def case_records(_: Any, info: Any, first: int = 20) -> Any:
    return {
        "nodes": list(
            map(dict, await info.context["pool"].fetch(QUERIES["latest_cases"], first))
        )
    }


@QUERY.field("caseStatistics")
async def case_statistics(_: Any, info: Any, by: Any, where: Any) -> Any:
    rows = await info.context["pool"].fetch(
        QUERIES["statistics"], where["filedOn"]["gte"]
    )
    return {"groups": list(map(dict, rows))}


@PARTY.field("cases")
async def cases(party: Any, info: Any, first: int = 20) -> Any:
    return {"nodes": await info.context["loaders"].cases.load((party["code"], first))}


@PARTY.field("listings")
async def listings(party: Any, info: Any, first: int = 20) -> Any:
    return {
        "nodes": await info.context["loaders"].listings.load((party["code"], first))
    }


@CASE.field("subject")
async def subject(case: Any, info: Any) -> Any:
    return await info.context["loaders"].subject_of(case["subjectCode"])


@CASE.field("officers")
async def officers(case: Any, info: Any) -> Any:
    return await info.context["loaders"].officers_of(case["officerCertificates"])


SCHEMA = make_executable_schema(
    (HERE / "graph.graphql").read_text("utf-8"), QUERY, PARTY, CASE
)


def app(pool: Pool) -> Any:
    def context(request: Any, data: Any) -> dict[str, Any]:
        return {
            "request": request,
            "pool": pool,
            "loaders": Loaders(pool, dict, dict, dict, dict),
        }

    return GraphQL(SCHEMA, context_value=context, introspection=False)


serve(app)
