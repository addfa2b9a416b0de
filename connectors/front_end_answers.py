"""What the other side of a front-end database says of batches and of rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from zhitong.connectors.date_codecs import CHINA
from zhitong.connectors.loan import Plain
from zhitong.connectors.mapping import quoted
from zhitong.decisions import Answer, Answering, BatchAnswer, FrontTables, RowAnswer
from zhitong.rules.rejections import reasons


async def read_answers(
    connection: Plain, names: FrontTables, numbers: Sequence[int]
) -> Sequence[BatchAnswer]:
    """Give what is said of the batches *numbers*, where anything is."""
    wanted = [str(number) for number in numbers]
    batches: dict[int, BatchAnswer] = {}
    if names.of_batch.answer:
        for each in await _said_of(
            connection, names, names.batches, "", names.of_batch, wanted
        ):
            answer = _word(names, each["answer"])
            batches[int(each["number"])] = BatchAnswer(
                number=int(each["number"]),
                answer=answer,
                reasons=_why(each, answer),
                at=_moment(each["at"]),
            )
    rows: dict[int, list[RowAnswer]] = {}
    for table in names.tables if names.of_row.answer else ():
        for each in await _said_of(
            connection, names, table, names.event, names.of_row, wanted
        ):
            event, answer = _event(each["event"]), _word(names, each["answer"])
            if event is None or answer is None:
                continue
            row = RowAnswer(event_id=event, answer=answer, reasons=_why(each, answer))
            rows.setdefault(int(each["number"]), []).append(row)
    return [
        BatchAnswer(
            number=number,
            answer=batch.answer,
            reasons=batch.reasons,
            at=batch.at,
            rows=tuple(rows.get(number, ())),
        )
        for number in sorted(batches.keys() | rows.keys())
        for batch in (batches.get(number) or BatchAnswer(number=number),)
    ]


async def _said_of(  # noqa: PLR0913, PLR0917 - a table, and whose columns
    connection: Plain,
    names: FrontTables,
    table: str,
    event: str,
    by: Answering,
    numbers: Sequence[str],
) -> Sequence[asyncpg.Record]:
    def column(name: str, said: str) -> str:
        return f"{quoted(name) if name else 'null'}::text as {said}"

    number = quoted(names.number)
    told = ", ".join(
        (
            f"{number}::text as number",
            column(event, "event"),
            column(by.answer, "answer"),
            column(by.code, "code"),
            column(by.field, "field"),
            column(by.text, "text"),
            column(by.at, "at"),
        )
    )
    statement = (
        f"select {told} from {quoted(f'{names.schema}.{table}')} "
        f"where {number}::text = any($1) and {quoted(by.answer)} is not null "
        # In one order: what is read twice is the same.
        "order by 1, 2"
    )
    return await connection.fetch(statement, list(numbers))


def _word(names: FrontTables, said: str) -> Answer | None:
    """Read the other side's word; one that is neither says nothing final."""
    if said in names.held:
        return Answer.HELD
    return Answer.REJECTED if said in names.rejected else None


def _why(row: asyncpg.Record, answer: Answer | None) -> tuple[str, ...]:
    if answer is not Answer.REJECTED:
        return ()
    return reasons(row["code"] or "", row["field"] or "", row["text"] or "")


def _event(said: str | None) -> UUID | None:
    """Read an event's id; a row that has none is not one of ours."""
    try:
        return UUID(said or "")
    except ValueError:
        return None


def _moment(said: str | None) -> datetime | None:
    """Read a moment, of Asia/Shanghai where it names no offset; None: it is none."""
    try:
        found = datetime.fromisoformat(said or "")
        known = found if found.tzinfo else found.replace(tzinfo=CHINA)
        # The first day there is, as empty days are written, has none before it.
        return known.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
