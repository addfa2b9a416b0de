"""What leaves for a receiver, and what stays behind, of a decision full of canaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from leak_askers import principals
from leak_city import City, connected
from leak_oracle import Asker, Oracle
from leak_probes import Room
from leak_rows import Truth, Value, canary, id_number, tokens

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.resolvers import read
from zhitong.schema.engine import Engine, Question
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allow, Occasion, Ruling

pytestmark = pytest.mark.integration
RECEIVERS = {
    "provincial": ("provincial-platform", "provincial-supervision"),
    "credit": ("credit-system", "double-publicity"),
}
RECORD = """mutation ($it: DecisionInput!) { recordDecision(decision: $it) {
  decisionId findings { check messageZh messageEn } decision { documentNo } } }"""


def written() -> dict[str, Any]:
    """Make a decision about a natural person, in whose every text is a canary."""
    texts = {
        name: f"{canary()}证件{id_number()}。"
        for name in ("title", "facts", "result", "documentTitle", "legalBasis")
    }
    return {
        "localId": canary(),
        "actType": "PENALTY",
        "subjectCode": DEMO_PRINCIPALS["department"].unit,
        "documentNo": f"（安）应急罚〔2026〕{int(canary()[1:], 36)}号",
        "decidedOn": "2026-06-01",
        "division": "619900",
        "counterpartyKind": "NATURAL_PERSON",
        "counterpartyName": canary(),
        "idKind": "RESIDENT_ID",
        "idNumber": id_number(),
        "penaltyKinds": ["WARNING"],
        "procedure": "ORDINARY",
        "violationType": canary(),
        "reviewNo": canary(),
        **texts,
    }


def truth(said: Mapping[str, Any]) -> Truth:
    values: dict[str, Value] = dict.fromkeys(ENTITIES["Decision"].fields)
    values |= {name: one for name, one in said.items() if name in values}
    values |= {"counterpartyIdNumber": said["idNumber"], "change": "RECORDED"}
    known = frozenset(values)
    return Truth(type="Decision", source="x", key="x", values=values, fed=known)


async def recorded(engine: Engine, said: Mapping[str, Any]) -> tuple[str, str]:
    """Record *said*; give its id and the whole answer."""
    answer = await engine.answer(
        Question(
            document=RECORD,
            variables={"it": said},
            operation=None,
            principal=DEMO_PRINCIPALS["department"],
            occasion=Occasion(basis="安全生产法"),
            request_id=canary(),
        )
    )
    body: Any = answer.body
    assert "errors" not in body, body
    return body["data"]["recordDecision"]["decisionId"], str(body)


async def payloads(city: City, decision: str) -> dict[str, str]:
    """Read what waits for each receiver, as its bytes."""
    async with connected(city.addresses["platform"]) as connection:
        rows = await connection.fetch(
            "select receiver, payload from outbox where decision_id = $1", decision
        )
    return {row["receiver"]: row["payload"].decode() for row in rows}


def due(oracle: Oracle, receiver: str, row: Truth) -> frozenset[str]:
    """Give the canaries that a receiver is to have, as the oracle reads the policy."""
    kind, purpose = RECEIVERS[receiver]
    (principal, *_) = principals(kind)
    occasion = Occasion(purpose=purpose, basis="x")
    room = Room(oracle, Asker(principal=principal, occasion=occasion))
    open_fields = row.values.keys() - {"counterpartyIdNumber"}
    return room.shown([row], open_fields)


async def test_a_receiver_is_sent_what_the_oracle_gives_it_and_no_more(
    city: City, oracle: Oracle, engine: Engine
) -> None:
    said = written()
    decision, _ = await recorded(engine, said)
    sent = await payloads(city, decision)
    assert sent.keys() == RECEIVERS.keys()
    for receiver, payload in sent.items():
        shown = tokens(payload) & everything(said)
        # A form has no column for some of what its receiver might have.
        assert shown <= due(oracle, receiver, truth(said))
        assert tokens(said["facts"].partition("证")[0]) <= shown


def everything(said: Mapping[str, Any]) -> set[str]:
    return {token for one in said.values() for token in tokens(str(one))}


async def test_a_stream_under_no_verdicts_is_found(
    city: City, oracle: Oracle, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allowing(*asked: Any) -> Any:
        made = verdicts(*asked)
        free = (Ruling(Allow("planted")),)
        return replace(made, fields=dict.fromkeys(made.fields, free))

    verdicts = read.Reader.verdicts
    monkeypatch.setattr(read.Reader, "verdicts", allowing)
    said = written()
    decision, _ = await recorded(engine, said)
    sent = await payloads(city, decision)
    assert any(
        tokens(payload) & everything(said) - due(oracle, receiver, truth(said))
        for receiver, payload in sent.items()
    )


async def test_an_id_number_lies_nowhere_in_the_clear(
    city: City, engine: Engine
) -> None:
    said = written()
    _, answer = await recorded(engine, said)
    assert said["idNumber"] not in answer
    async with connected(city.addresses["platform"]) as connection:
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        )
        assert len(tables) > 10
        for table in tables:
            lines = await connection.fetch(f"select t::text from {table['name']} t")  # noqa: S608 - the catalogue's own names
            text = "\n".join(line["t"] for line in lines)
            assert said["idNumber"] not in text, table["name"]
            assert said["idNumber"].encode().hex() not in text, table["name"]


async def test_the_access_register_holds_no_value_that_was_asked_with(
    city: City, oracle: Oracle, gateway: tuple[Gateway, Engine]
) -> None:
    made, engine = gateway
    (row, *_) = (one for one in oracle.of("Counterparty") if one.values["idNumber"])
    secret = [str(row.values[name]) for name in ("name", "phone", "idNumber")]
    secret.append(secret[0].partition("（")[0])  # what is searched for, not refused
    for value in secret:
        where = f'{{or: [{{name: {{eq: "{value}"}}}}, {{code: {{present: true}}}}]}}'
        for kind in ("police", "public"):
            await engine.answer(
                Question(
                    document=(
                        f"{{ counterparties(where: {where}) {{ nodes {{ name }} }} }}"
                    ),
                    variables=None,
                    operation=None,
                    principal=DEMO_PRINCIPALS[kind],
                    occasion=Occasion(),
                    request_id=canary(),
                )
            )
    assert made.recorder is not None
    await made.recorder.settled()  # looks at what is public follow their answers
    async with connected(city.addresses["platform"]) as connection:
        lines = await connection.fetch("select t::text from access_record t")
    text = "\n".join(line["t"] for line in lines)
    assert "Counterparty@market" in text
    assert [value for value in secret if value in text] == []
