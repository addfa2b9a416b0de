"""Messages from others judged in one transaction with all that follows of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec
import orjson

from zhitong.connectors.inbound_judgement import EFFECTS, Judgement, Waiter, keys_of
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.inbound import (
    HELD,
    Arrived,
    Claim,
    Judged,
    Key,
    State,
    Subject,
    Told,
    tidings_of,
)

SQL = "inbound"
_Named = set[tuple[str, str]]


def message_id(arrived: Arrived) -> UUID:
    """Name a message by its place and its bytes: read twice, it is one."""
    place = f"{arrived.topic}/{arrived.partition}/{arrived.offset}"
    return uuid5(NAMESPACE_URL, f"{place}/{arrived.hash.hex()}")


async def judge(
    connection: Connection, arrivals: Sequence[Arrived]
) -> Sequence[Judged]:
    """Judge *arrivals* in the transaction that *connection* is in; give the verdicts.

    Those that came before, at the same place, have none.
    """
    queries = statements(SQL)
    await connection.execute(queries["lock"])
    new = {message_id(each): each for each in arrivals}
    for row in await connection.fetch(queries["places"], list(new)):
        del new[row["message_id"]]
    if not new:
        return []
    await _keep(connection, new)
    return await again(connection, new)


async def again(
    connection: Connection, messages: Mapping[UUID, Arrived]
) -> Sequence[Judged]:
    """Judge *messages* that are kept; give the verdicts, also of what waited for them.

    Behind the lock, which whoever calls this has taken.
    """
    judgement = await _known(connection, messages.values())
    claimed = [
        (name, each.told, each.said)
        for name, each in messages.items()
        if judgement.judge(name, each, hashlib.sha256(each.said).digest())
        and each.told is not None
    ]
    await connection.execute(
        statements(SQL)["claim"],
        [told.sender for _, told, _ in claimed],
        [str(told.event_id) for _, told, _ in claimed],
        [name for name, _, _ in claimed],
        [said for _, _, said in claimed],
    )
    await write(connection, judgement.verdicts)
    return judgement.verdicts


async def write(connection: Connection, verdicts: Sequence[Judged]) -> None:
    """Write what is decided: verdicts, receipts due, what is held, what changed."""
    queries = statements(SQL)
    last = {each.message: each for each in verdicts}
    held = [
        {
            "message_id": each.message,
            "verdict": each.fate,
            "reasons": each.reasons,
            "needs_kind": each.needs.kind if each.needs else None,
            "needs_subject": each.needs.subject if each.needs else None,
        }
        for each in last.values()
        if each.fate in HELD
    ]
    changed = [each for each in verdicts if each.state is not None]
    given = [
        {
            "verdict_id": uuid4(),
            "message_id": each.message,
            "verdict": each.fate,
            "reasons": each.reasons,
        }
        for each in verdicts
    ]
    states = [
        {"message_id": each.message, "state": msgspec.to_builtins(each.state)}
        for each in changed
    ]
    effects = [effect for effect in map(_effect, changed) if effect]
    await connection.execute(queries["verdicts"], _json(given))
    await connection.execute(queries["settle"], list(last))
    for name, rows in (("hold", held), ("change", states), ("effect", effects)):
        if rows:
            await connection.execute(queries[name], _json(rows))


async def _known(connection: Connection, arrivals: Iterable[Arrived]) -> Judgement:
    """Read all that judging *arrivals*, and what waits for them, asks of."""
    queries = statements(SQL)
    told = [(each.told, each.tidings) for each in arrivals if each.told is not None]
    events = [str(one.event_id) for one, _ in told]
    rows = await connection.fetch(queries["claims"], events)
    claims = {
        (row["sender"], row["event_id"]): Claim(row["message_id"], row["digest"])
        for row in rows
    }
    named: _Named = {key for one, kind in told for key in keys_of(one, kind)}
    waiting = await _waiting(connection, named)
    states = await _states(connection, named)
    judged = [
        *(one for one, kind in told if kind is not None),
        *(one.told for one in waiting),
    ]
    decisions = {
        *(str(one.data["decisionId"]) for one in judged if "decisionId" in one.data),
        *(one.decision_id for one in states.values() if one.decision_id),
    }
    rows = await connection.fetch(queries["decisions"], list(decisions))
    return Judgement(
        claims=claims,
        states=states,
        decisions={row["decision_id"]: row["party_code"] for row in rows},
        waiting=waiting,
    )


async def _waiting(connection: Connection, named: _Named) -> list[Waiter]:
    """Give what waits for *named*, and for what that tells of; add what it names."""
    found: dict[UUID, Waiter] = {}
    asked: _Named = set()
    while fresh := named - asked:
        kinds, subjects = [one[0] for one in fresh], [one[1] for one in fresh]
        for row in await connection.fetch(statements(SQL)["waiting"], kinds, subjects):
            told = msgspec.json.decode(row["said"], type=Told)
            tidings = tidings_of(told.type)
            assert tidings is not None  # noqa: S101 - else it would not wait
            needs = Key(row["sender"], Subject(row["needs_kind"]), row["needs_subject"])
            # The driver's own class of ids is one that no JSON can be written of.
            name = UUID(str(row["message_id"]))
            found[name] = Waiter(name, told, tidings, needs)
            named.update(keys_of(told, tidings))
        asked |= fresh
    return list(found.values())


async def _states(connection: Connection, named: _Named) -> dict[Key, State]:
    kinds, subjects = [one[0] for one in named], [one[1] for one in named]
    rows = await connection.fetch(statements(SQL)["states"], kinds, subjects)
    found = [
        msgspec.convert({**dict(row), "data": orjson.loads(row["data"])}, State)
        for row in rows
    ]
    return {one.key: one for one in found}


async def _keep(connection: Connection, new: Mapping[UUID, Arrived]) -> None:
    told = [each.told for each in new.values()]
    await connection.execute(
        statements(SQL)["messages"],
        list(new),
        [each.sender for each in new.values()],
        [str(each.event_id) if each else None for each in told],
        [_plain(each.type) if each else None for each in told],
        [_plain(each.subject) if each else None for each in told],
        [each.version if each else None for each in told],
        [each.topic for each in new.values()],
        [each.partition for each in new.values()],
        [each.offset for each in new.values()],
        [each.hash for each in new.values()],
        [each.raw for each in new.values()],
    )


def _plain(text: str) -> str:
    """Write what a column can hold; the message's own bytes are kept beside it."""
    return text.replace("\0", "\ufffd")


def _effect(judged: Judged) -> dict[str, object] | None:
    state = judged.state
    if state is None or state.decision_id is None or state.status not in EFFECTS:
        return None
    return {
        "effect_id": uuid5(judged.message, "effect"),
        "change": EFFECTS[state.status],
        "decision_id": state.decision_id,
        "sender": state.sender,
        "kind": state.kind,
        "subject": state.subject,
        "version": state.version,
        "message_id": judged.message,
    }


def _json(rows: Sequence[object]) -> str:
    return orjson.dumps(rows).decode()
