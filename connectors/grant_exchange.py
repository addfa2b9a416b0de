"""Applications for grants as an exchange file has them, in its own transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from zhitong.catalogue import ExchangeStatus, GrantReply, Incoming
from zhitong.connectors import grants
from zhitong.connectors.grant_rows import application
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.exceptions import CatalogueFileError, GrantConflictError
from zhitong.grants import Act, Application
from zhitong.rules.grant_exchange import RUNNING, revocation

SQL = "grant_exchange"
Judge = Callable[[Application, Act], Application]


async def applications(connection: Connection) -> Sequence[Application]:
    """Give every application for sharing, by id."""
    rows = await connection.fetch(statements(SQL)["applications"])
    return [application(row) for row in rows]


async def replies(connection: Connection) -> Mapping[str, GrantReply]:
    """Give the last that the exchange platform said of each application."""
    return {
        row["grant_id"]: GrantReply(
            grant=row["grant_id"],
            external_id=row["external_id"],
            status=ExchangeStatus(row["status"]),
            opinion=row["opinion"],
        )
        for row in await connection.fetch(statements(SQL)["replies"])
    }


async def take(
    connection: Connection, given: Incoming, judge: Judge, who: str
) -> Mapping[str, int]:
    """Enter what *given* says of applications; give the status of each that is news.

    What the exchange platform has revoked is revoked here too, as *judge* has it.
    """
    news: dict[str, int] = {}
    for made, act in given.applications:
        try:
            taken = await grants.enter(connection, made, act)
        except GrantConflictError as error:
            raise CatalogueFileError(
                f"申请 {made.id}：{error.label.zh}",
                f"application {made.id}: {error.label.en}",
            ) from error
        if not taken.replayed:
            news[made.id] = ExchangeStatus.NOT_REPORTED.value
    known = await replies(connection)
    for one in given.grant_replies:
        if known.get(one.grant) == one:
            continue
        news[one.grant] = one.status.value
        said = (one.grant, one.external_id, one.status.value, one.opinion, who)
        await connection.execute(statements(SQL)["reply"], *said)
        if one.status is ExchangeStatus.REVOKED:
            await _revoke(connection, one, judge)
    return news


async def _revoke(connection: Connection, said: GrantReply, judge: Judge) -> None:
    row = await connection.fetchrow(statements("grants")["lock"], said.grant)
    stands = None if row is None else application(row)
    if stands is not None and stands.state in RUNNING:
        act = revocation(stands, said.opinion, datetime.now(UTC))
        await grants.take(connection, act, judge)
