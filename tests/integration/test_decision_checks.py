"""The checks over the city's own registers: each finding from a row that is there."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import asyncpg
import msgspec
import pytest

from zhitong.decisions import Act, Change, Decision, Party, Penalty, Review, Severity
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.resolvers.decisions import (
    Checked,
    Correction,
    Decisions,
    Recorded,
    Withdrawal,
)

pytestmark = pytest.mark.integration

Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
Frozen = Callable[[str], AbstractContextManager[None]]
BUREAU = DEMO_PRINCIPALS["department"]
OWN = BUREAU.unit
DAY = date(2026, 6, 1)


@dataclass(frozen=True)
class Rows:
    """What the departments' tables have, read by hand."""

    officers: tuple[str, ...]
    matter: str
    case: str
    party: str
    party_name: str


@pytest.fixture
async def rows(sql: Sql) -> Rows:
    officers = await sql(
        "justice",
        """select zfzh from sfj.zfry where dwdm = $1 and rylb = '1' and zjzt = '1'
        and yxqq <= $2 and yxqz >= $2 order by zfzh limit 2""",
        OWN,
        DAY,
    )
    (matter,) = await sql(
        "justice",
        """select sxbm from sfj.qzsx where ssztdm = $1 and qllx = '02' and zt = '1'
        and sxrq <= $2 order by sxbm limit 1""",
        OWN,
        DAY,
    )
    known = {row["xdr_shxydm"] for row in await sql("market", CODES)}
    case = next(
        row
        for row in await sql(
            "emergency",
            """select ajbh, dsr_shxydm, dsrmc from yjj.aj_jbxx
            where cbjg_dm = $1 and coalesce(jdrq, '') = '' order by ajid""",
            OWN,
        )
        if row["dsr_shxydm"] in known
    )
    return Rows(
        tuple(row["zfzh"] for row in officers),
        matter["sxbm"],
        case["ajbh"],
        case["dsr_shxydm"],
        case["dsrmc"],
    )


CODES = "select xdr_shxydm from scjg.xdr where xdr_shxydm is not null"


@pytest.fixture
def lawful(rows: Rows) -> Decision:
    """Give a decision that keeps every rule, as far as the registers tell."""
    number = uuid.uuid4().int % 10**12
    return Decision(
        local_id=f"checks-{number}",
        act=Act.PENALTY,
        subject_code=OWN,
        subject_name=BUREAU.unit_name,
        case_source="emergency",
        case_no=rows.case,
        matter_code=rows.matter,
        document_no=f"（安）应急罚〔2026〕{number}号",
        document_title="行政处罚决定书",
        decided_on=DAY,
        division="619900",
        title="未按规定培训案",
        facts="未对从业人员进行安全生产教育和培训。",
        basis="《中华人民共和国安全生产法》第九十七条",
        content="罚款 20000 元",
        party=Party(
            kind="LEGAL_PERSON",
            name=rows.party_name,
            code=rows.party,
            representative="赵一",
        ),
        officers=rows.officers,
        review=Review(reference="法审9号", on=DAY, opinion="AGREE"),
        penalty=Penalty(
            kinds=("FINE",),
            violation_type="安全生产教育培训",
            fine=2_000_000,
            procedure="ORDINARY",
            publicity_to=date(2027, 6, 1),
        ),
    )


def found(recorded: Recorded | Checked) -> set[tuple[str, Severity]]:
    return {(one.check, one.severity) for one in recorded.findings}


def changed(said: Decision, **changes: object) -> Decision:
    return msgspec.structs.replace(said, **changes)


async def test_a_lawful_decision_is_registered_without_a_finding(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    recorded = await decisions.record(BUREAU, lawful)
    assert recorded.findings == ()
    held = await decisions.ledger.held(lawful.id)
    assert held is not None
    assert held.decision == lawful
    waiting = await sql(
        "platform",
        "select receiver, event_id from outbox where decision_id = $1 order by 1",
        str(lawful.id),
    )
    assert [row["receiver"] for row in waiting] == ["credit", "provincial"]
    assert {row["event_id"] for row in waiting} == {
        str(event.event_id) for event in recorded.events
    }


async def test_the_look_at_the_registers_is_on_record_under_the_document(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    await decisions.check(BUREAU, lawful)
    (record,) = await sql(
        "platform",
        """select requester_kind, purpose, rows_seen from access_record
        where cause = $1""",
        lawful.document_no,
    )
    assert (record["requester_kind"], record["purpose"]) == (
        "platform",
        "decision-check",
    )
    # The subject, two officers, the matter, the case and the party.
    assert record["rows_seen"] == len(("subject", 1, 2, "matter", "case", "party"))


async def test_a_decision_and_the_look_it_rests_on_are_one_transaction(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    await decisions.record(BUREAU, lawful)
    (row,) = await sql(
        "platform",
        """select e.xmin::text = d.xmin::text as one
        from access_entry e, decision d where e.cause = $1 and d.decision_id = $2""",
        lawful.document_no,
        str(lawful.id),
    )
    assert row["one"]


async def test_an_auxiliary_of_the_roster_cannot_sign(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    auxiliary, *_ = await sql(
        "justice",
        """select zfzh from sfj.zfry where rylb = '2' and zjzt = '1' and dwdm = $1
        and yxqq <= $2 and yxqz >= $2""",
        OWN,
        DAY,
    )
    said = changed(lawful, officers=(lawful.officers[0], auxiliary["zfzh"]))
    assert found(await decisions.check(BUREAU, said)) == {
        ("officers-kind", Severity.BREACH)
    }


async def test_a_certificate_that_ended_before_the_day_is_found(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    ended, *_ = await sql(
        "justice", "select zfzh, yxqz from sfj.zfry where rylb = '1' order by yxqz"
    )
    day = date(2026, 11, 21)
    assert ended["yxqz"] < day
    said = changed(lawful, decided_on=day, officers=(lawful.officers[0], ended["zfzh"]))
    assert ("officers-valid", Severity.BREACH) in found(
        await decisions.check(BUREAU, said)
    )


async def test_what_no_register_has_is_found(
    decisions: Decisions, lawful: Decision
) -> None:
    said = changed(
        lawful,
        officers=("nobody", lawful.officers[0]),
        matter_code="nothing",
        case_no="AZYJ-1999-00000",
        party=msgspec.structs.replace(lawful.party, code="91320105780688132K"),
    )
    assert found(await decisions.record(BUREAU, said)) == {
        ("officers-known", Severity.BREACH),
        ("matter-known", Severity.DOUBT),
        ("case-known", Severity.DOUBT),
        ("party-known", Severity.DOUBT),
    }


async def test_another_agency_s_matter_and_another_s_case_are_found(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    other, *_ = await sql(
        "justice",
        """select sxbm from sfj.qzsx where ssztdm <> $1 and qllx = '02' and zt = '1'
        and sxrq <= $2""",
        OWN,
        DAY,
    )
    case, *_ = await sql(
        "emergency",
        """select ajbh from yjj.aj_jbxx where dsr_shxydm not in ($2, '')
        and length(dsr_shxydm) = 18 and cbjg_dm = $1 and coalesce(jdrq, '') = ''""",
        OWN,
        lawful.party.code,
    )
    said = changed(lawful, matter_code=other["sxbm"], case_no=case["ajbh"])
    assert found(await decisions.check(BUREAU, said)) == {
        ("matter-subject", Severity.BREACH),
        ("case-party", Severity.DOUBT),
    }


async def test_a_predecessor_s_power_ended_and_its_successor_is_named(
    decisions: Decisions, lawful: Decision, sql: Sql
) -> None:
    (now,) = await sql("justice", "select qsdm from sfj.zfzt where ztdm = $1", OWN)
    said = changed(lawful, subject_code=now["qsdm"])
    checked = await decisions.check(replace(BUREAU, unit=now["qsdm"]), said)
    (one,) = (
        one for one in checked.findings if one.check == "penalty-subject-qualified"
    )
    assert one.severity is Severity.BREACH
    assert f"（{OWN}）" in one.detail.zh
    assert f"({OWN})" in one.detail.en


async def test_a_frozen_justice_bureau_leaves_its_checks_unverified(
    decisions: Decisions, lawful: Decision, frozen: Frozen, sql: Sql
) -> None:
    with frozen("justice"):
        recorded = await decisions.record(BUREAU, lawful)
    assert {one.severity for one in recorded.findings} == {Severity.UNVERIFIED}
    assert {one.check.partition("-")[0] for one in recorded.findings} == {
        "subject",
        "penalty",
        "matter",
        "officers",
    }
    kept = await sql(
        "platform",
        "select check_name, severity from finding where decision_id = $1",
        str(lawful.id),
    )
    assert {(row["check_name"], row["severity"]) for row in kept} == found(recorded)


async def test_replay_correction_and_withdrawal_follow_one_another(
    decisions: Decisions, lawful: Decision
) -> None:
    began = datetime.now(UTC)
    first = await decisions.record(BUREAU, lawful)
    assert began <= first.at <= datetime.now(UTC)
    again = await decisions.record(BUREAU, lawful)
    assert (again.replayed, again.version, again.at) == (True, 1, first.at)
    said = Correction(
        decision_id=lawful.id,
        version=1,
        decision=changed(lawful, title="更正后的案由", officers=lawful.officers[:1]),
        reason="笔误",
    )
    second = await decisions.correct(BUREAU, said)
    assert (second.version, second.change) == (2, Change.CORRECTED)
    assert found(second) == {("penalty-two-officers", Severity.BREACH)}
    assert (await decisions.correct(BUREAU, said)).replayed
    withdrawal = Withdrawal(decision_id=lawful.id, reason="因", basis="据")
    third = await decisions.withdraw(BUREAU, withdrawal)
    assert (third.version, third.change) == (3, Change.WITHDRAWN)
    assert sorted(event.receiver for event in third.events) == ["credit", "provincial"]
    assert (await decisions.withdraw(BUREAU, withdrawal)).replayed
