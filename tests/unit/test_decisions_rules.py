"""Recording, withdrawing, correcting: who may, what is found, what leaves, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from zhitong.connectors.memory import Cells, MemorySource, Table
from zhitong.connectors.memory_ledger import MemoryLedger
from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Held,
    Party,
    Penalty,
    Review,
    Severity,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionDuplicateError,
    DecisionForeignError,
    DecisionFormatError,
    DecisionStaleError,
    DecisionUnidentifiedError,
    DecisionUnknownError,
    LedgerUnavailableError,
    RecordUnavailableError,
    SourceError,
    SourceTimeoutError,
)
from zhitong.infra.checks_file import read_checks
from zhitong.infra.deciding import receivers_copies
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.ports import Source
from zhitong.resolvers.decisions import Correction, Decisions, Recorded, Withdrawal
from zhitong.resolvers.facts import FIELDS, PLATFORM, Registers
from zhitong.resolvers.policy import Caller, Policy
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.resolvers.rulings import plain
from zhitong.resolvers.verdicts import decide
from zhitong.schema.entities import ENTITIES
from zhitong.streams.cloud_events import parse
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.keys import ReceiverKeys
from zhitong.types import Inquiry, Label, Occasion, Principal

OWN, JUSTICE, MARKET = (
    "11619900MB0004001B",
    "11619900MB0001003U",
    "11619900MB0002002D",
)
MATTER, FIRM = f"{OWN}02001", "91110000600037341L"
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
POLICY = read_policy(Settings().policy, ENTITIES)
KEYS = ReceiverKeys.generate("credit")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

DECISION = Decision(
    local_id="yj-2026-31",
    act=Act.PENALTY,
    subject_code=OWN,
    subject_name="安泽市应急管理局",
    case_source="emergency",
    case_no="AZYJ-2026-00031",
    matter_code=MATTER,
    document_no="（安）应急罚〔2026〕31号",
    document_title="行政处罚决定书",
    decided_on=date(2026, 11, 20),
    division="619900",
    title="未按规定培训案",
    facts="未对从业人员进行安全生产教育和培训。",
    basis="《中华人民共和国安全生产法》第九十七条",
    content="罚款 20000 元",
    party=Party(
        kind="LEGAL_PERSON", name="安泽某化工有限公司", code=FIRM, representative="赵一"
    ),
    officers=("61990001", "61990002"),
    review=Review(reference="法审9号", on=date(2026, 11, 18), opinion="AGREE"),
    penalty=Penalty(
        kinds=("FINE",),
        violation_type="安全生产教育培训",
        fine=2_000_000,
        procedure="ORDINARY",
        publicity_to=date(2027, 11, 20),
    ),
)


def department(unit: str = OWN, kind: str = "department") -> Principal:
    return Principal(kind=kind, unit=unit, unit_name="市应急管理局", person="周四")


def decision(**changes: object) -> Decision:
    return msgspec.structs.replace(DECISION, **changes)


def ids(recorded: Recorded) -> list[tuple[str, UUID]]:
    return [(event.receiver, event.event_id) for event in recorded.events]


class Log:
    """A register of looks that can be away."""

    def __init__(self) -> None:
        self.inquiries: list[Inquiry] = []
        self.away = False

    async def record(self, inquiry: Inquiry) -> str:
        if self.away:
            raise RecordUnavailableError("不可用", "away")
        self.inquiries.append(inquiry)
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        self.inquiries.extend(inquiries)
        return ()

    async def keep(self, inquiry: Inquiry) -> None:
        await self.record(inquiry)


def source(name: str, owner: str, **tables: tuple[str, list[Cells]]) -> MemorySource:
    made = MemorySource(
        name,
        Label(name, name),
        [
            Table(
                entity=ENTITIES[kind],
                key=key,
                rows=rows,
                feeds=frozenset(ENTITIES[kind].fields),
            )
            for kind, (key, rows) in tables.items()
        ],
    )
    made.owner = owner
    return made


def officer(number: int, **changes: str) -> Cells:
    return {
        "certificateNo": f"6199000{number}",
        "kind": "OFFICER",
        "subjectCode": OWN,
        "validFrom": "2020-01-01",
        "validTo": "2027-01-01",
        "status": "IN_FORCE",
        **changes,
    }


def city() -> dict[str, MemorySource]:
    subject: Cells = {
        "code": OWN,
        "name": "安泽市应急管理局",
        "validFrom": "2019-01-10",
        "status": "IN_FORCE",
    }
    matter: Cells = {
        "code": MATTER,
        "version": 1,
        "powerType": "PENALTY",
        "subjectCode": OWN,
        "validFrom": "2019-01-10",
        "status": "IN_FORCE",
    }
    case: Cells = {
        "caseId": "31",
        "caseNo": "AZYJ-2026-00031",
        "subjectCode": OWN,
        "counterpartyCode": FIRM,
        "counterpartyName": "安泽某化工有限公司",
    }
    return {
        "justice": source(
            "justice",
            JUSTICE,
            EnforcementSubject=("code", [subject]),
            Officer=("certificateNo", [officer(1), officer(2)]),
            Matter=("code", [matter]),
        ),
        "emergency": source("emergency", OWN, CaseRecord=("caseId", [case])),
        "market": source(
            "market",
            MARKET,
            Counterparty=("registerId", [{"registerId": "1", "code": FIRM}]),
            CaseRecord=("caseId", []),
        ),
    }


UNIT = "11619921MB21040067"


def keeping(unit: str) -> MemorySource:
    """Give the bureau's case system with a case of *unit*."""
    case: Cells = {"caseId": "7", "caseNo": "AZYJ-2026-00007", "subjectCode": unit}
    return source("emergency", OWN, CaseRecord=("caseId", [case]))


@dataclass
class Desk:
    """Decisions over a small city, its ledger and its register of looks at hand."""

    sources: dict[str, MemorySource] = field(default_factory=city)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    log: Log = field(default_factory=Log)
    policy: Policy = POLICY
    at: datetime = NOON
    recorder: Recorder | None = None

    @property
    def decisions(self) -> Decisions:
        def sources() -> Mapping[str, Source]:
            return self.sources

        reader = Reader(sources, self.policy)
        self.recorder = Recorder(self.log)
        registers = Registers(reader, self.recorder, ENTITIES, sources)
        envelopes = ReceiverEnvelopes(
            read_receivers(), {"credit": KEYS.public}, lambda: self.at
        )
        return Decisions(
            registers=registers,
            ledger=self.ledger,
            envelopes=envelopes,
            copies=receivers_copies(reader, envelopes, sources),
            checks=read_checks(Path("infra/rules/checks.toml")),
            sources=sources,
            recorders=self.policy.recorders,
            clock=lambda: self.at,
        )

    def fail(self, *names: str, error: SourceError | None = None) -> None:
        for name in names:
            self.sources[name].failure = error or SourceTimeoutError("慢", "slow")


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- recording ---------------------------------------------------------------


async def test_decisions_without_a_case_number_do_not_share_one(desk: Desk) -> None:
    keys = set()
    for number, written in enumerate(("无", "/", "无"), 1):
        said = msgspec.structs.replace(
            DECISION,
            local_id=f"none-{number}",
            document_no=f"安应急罚〔2026〕{900 + number}号",
            case_no=written,
            inspection_no="-",
        )
        checked = await desk.decisions.check(department(), said)
        recorded = await desk.decisions.record(department(), said)
        assert recorded.content_hash == checked.content_hash
        held = await desk.ledger.held(recorded.decision_id)
        assert held
        assert (held.decision.case_no, held.decision.inspection_no) == (None, None)
        keys.add(held.decision.case_key)
        corrected = await desk.decisions.correct(
            department(),
            Correction(
                decision_id=said.id, version=1, decision=said, reason="再发一次"
            ),
        )
        assert (corrected.replayed, corrected.version) == (True, 1)
    assert keys == {f"{OWN}/none-{number}" for number in (1, 2, 3)}


async def test_a_decision_is_registered_and_leaves_for_both_receivers(
    desk: Desk,
) -> None:
    recorded = await desk.decisions.record(department(), DECISION, traceparent=TRACE)
    assert recorded.decision_id == DECISION.id
    assert (recorded.version, recorded.change) == (1, Change.RECORDED)
    assert recorded.findings == ()
    assert not recorded.replayed
    assert recorded.at == NOON
    assert recorded.content_hash == desk.ledger.content_hash(DECISION)
    assert [event.receiver for event in recorded.events] == ["credit", "provincial"]
    assert {event.event_id for event in recorded.events} == {
        event_id(DECISION.id, 1, Change.RECORDED)
    }
    (entry,) = desk.ledger.versions[DECISION.id]
    assert (entry.unit, entry.unit_name, entry.person) == (OWN, "市应急管理局", "周四")
    assert entry.traceparent == TRACE
    assert entry.events == recorded.events


async def test_what_the_registers_were_asked_is_on_record_all_the_same(
    desk: Desk,
) -> None:
    desk.ledger.away = True
    with pytest.raises(LedgerUnavailableError):
        await desk.decisions.record(department(), DECISION)
    assert desk.recorder is not None
    await desk.recorder.settled()  # of fields that are public: they may follow
    (inquiry,) = desk.log.inquiries
    assert inquiry.principal == PLATFORM
    assert inquiry.occasion == Occasion(
        purpose="decision-check",
        basis="核验其决定：市应急管理局 11619900MB0004001B 周四",
        cause="（安）应急罚〔2026〕31号",
    )
    assert {(look.source, look.type, look.rows) for look in inquiry.looks} == {
        ("justice", "EnforcementSubject", 1),
        ("justice", "Officer", 2),
        ("justice", "Matter", 1),
        ("emergency", "CaseRecord", 1),
        ("market", "Counterparty", 1),
    }


async def test_the_entry_carries_what_the_registers_were_asked(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    assert desk.recorder is not None
    await desk.recorder.settled()
    (entry,) = desk.ledger.versions[DECISION.id]
    *told, asked = entry.looks
    assert [look.operation for look in told] == ["push:credit", "push:provincial"]
    assert asked.occasion.purpose == "decision-check"
    assert len(asked.looks) == 5
    assert desk.log.inquiries == []  # in the entry's own transaction, and nowhere else


async def again(desk: Desk) -> None:
    assert (await desk.decisions.record(department(), DECISION)).replayed


async def as_another(desk: Desk) -> None:
    with pytest.raises(DecisionConflictError):
        await desk.decisions.record(department(), decision(title="另一案由"))


async def once_more_under_another_id(desk: Desk) -> None:
    with pytest.raises(DecisionDuplicateError):
        await desk.decisions.record(department(), decision(local_id="yj-2026-32"))


async def of_another_subject(desk: Desk) -> None:
    with pytest.raises(DecisionForeignError):
        await desk.decisions.record(department(), decision(subject_code=UNIT))


async def only_asking(desk: Desk) -> None:
    await desk.decisions.check(department(), DECISION)


@pytest.mark.parametrize(
    "happens",
    [again, as_another, once_more_under_another_id, of_another_subject, only_asking],
)
async def test_what_no_entry_carries_has_a_record_of_its_own(
    desk: Desk, happens: Callable[[Desk], Awaitable[None]]
) -> None:
    await desk.decisions.record(department(), DECISION)
    await happens(desk)
    assert desk.recorder is not None
    await desk.recorder.settled()
    (inquiry,) = desk.log.inquiries
    assert inquiry.occasion.purpose == "decision-check"
    assert inquiry.looks


async def test_every_register_is_asked_once(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    assert {name: len(one.queries) for name, one in desk.sources.items()} == {
        "justice": 3,
        "emergency": 1,
        "market": 1,
    }


async def test_a_case_without_a_system_is_looked_for_in_all(desk: Desk) -> None:
    said = decision(case_source=None)
    assert (await desk.decisions.record(department(), said)).findings == ()
    assert len(desk.sources["market"].queries) == 2


async def test_what_a_decision_does_not_name_is_not_asked_for(desk: Desk) -> None:
    said = decision(
        case_source=None,
        case_no=None,
        matter_code=None,
        officers=(),
        party=Party(kind="NATURAL_PERSON", name="李四"),
    )
    await desk.decisions.record(department(), said)
    asked = [one.type for each in desk.sources.values() for one in each.queries]
    assert asked == ["EnforcementSubject"]


async def test_a_case_system_that_is_not_bound_is_found_and_none_is_asked(
    desk: Desk,
) -> None:
    recorded = await desk.decisions.record(
        department(), decision(case_source="harbour")
    )
    assert [(one.check, one.severity) for one in recorded.findings] == [
        ("case-source", Severity.DOUBT)
    ]
    assert desk.sources["emergency"].queries == []


async def test_a_breach_is_registered_with_its_finding(desk: Desk) -> None:
    said = decision(officers=("61990001",))
    recorded = await desk.decisions.record(department(), said)
    (finding,) = recorded.findings
    assert (finding.check, finding.severity) == ("penalty-two-officers", "BREACH")
    (entry,) = desk.ledger.versions[said.id]
    assert entry.findings == recorded.findings


async def test_what_a_receiver_s_form_lacks_is_found_too(desk: Desk) -> None:
    party = msgspec.structs.replace(DECISION.party, representative=None)
    recorded = await desk.decisions.record(department(), decision(party=party))
    assert {finding.check for finding in recorded.findings} == {"form-credit"}


async def test_the_same_once_more_is_replayed(desk: Desk) -> None:
    first = await desk.decisions.record(department(), DECISION)
    desk.at = datetime(2026, 11, 23, tzinfo=UTC)
    again = await desk.decisions.record(department(), DECISION)
    assert again.replayed
    assert (again.version, again.at) == (1, first.at)
    assert again.content_hash == first.content_hash
    assert [event.event_id for event in again.events] == [
        event.event_id for event in first.events
    ]
    assert len(desk.ledger.versions[DECISION.id]) == 1


async def test_the_same_id_with_other_content_shows_the_stored_hash(
    desk: Desk,
) -> None:
    first = await desk.decisions.record(department(), DECISION)
    with pytest.raises(DecisionConflictError) as caught:
        await desk.decisions.record(department(), decision(title="另一案由"))
    assert caught.value.details["stored_hash"] == first.content_hash


async def test_another_bracket_style_of_a_number_is_a_duplicate(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    other = decision(local_id="yj-2026-32", document_no="(安)应急罚[2026] 31 号")
    with pytest.raises(DecisionDuplicateError):
        await desk.decisions.record(department(), other)


async def test_checking_says_the_same_and_changes_nothing(desk: Desk) -> None:
    said = decision(officers=("61990001",))
    checked = await desk.decisions.check(department(), said)
    assert desk.ledger.versions == {}
    recorded = await desk.decisions.record(department(), said)
    assert checked.findings == recorded.findings
    assert checked.decision_id == recorded.decision_id
    assert checked.content_hash == recorded.content_hash


# --- refused -----------------------------------------------------------------


async def test_today_is_the_day_in_shanghai(desk: Desk) -> None:
    desk.at = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    await desk.decisions.check(department(), decision(decided_on=date(2026, 11, 22)))
    desk.at = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)
    with pytest.raises(DecisionFormatError, match="2026-11-22 is after today"):
        await desk.decisions.check(
            department(), decision(decided_on=date(2026, 11, 22))
        )


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (decision(penalty=Penalty(fine=-1)), DecisionFormatError),
        (decision(facts="x" * 1_000_000), DecisionFormatError),
        (decision(subject_code="x"), DecisionUnidentifiedError),
    ],
)
async def test_what_is_refused_is_refused_before_any_register_is_asked(
    desk: Desk, said: Decision, error: type[Exception]
) -> None:
    for call in (desk.decisions.check, desk.decisions.record):
        with pytest.raises(error):
            await call(department(), said)
    assert desk.ledger.versions == {}
    assert all(one.queries == [] for one in desk.sources.values())


@pytest.mark.parametrize(
    "principal",
    [
        pytest.param(department(JUSTICE), id="another department"),
        pytest.param(department(kind="police"), id="the unit's police"),
        pytest.param(department(kind="public"), id="the public"),
        pytest.param(department(kind="platform"), id="the platform itself"),
    ],
)
async def test_a_decision_is_recorded_by_its_own_department(
    desk: Desk, principal: Principal
) -> None:
    for call in (desk.decisions.check, desk.decisions.record):
        with pytest.raises(DecisionForeignError):
            await call(principal, DECISION)
    assert desk.ledger.versions == {}


async def test_the_owner_of_the_case_system_may_record_for_its_units(
    desk: Desk,
) -> None:
    said = decision(subject_code=UNIT)
    desk.sources["emergency"] = keeping(UNIT)
    await desk.decisions.check(department(), said)  # the owner of "emergency"
    await desk.decisions.check(department(UNIT), said)


async def test_the_owner_of_a_case_system_speaks_for_nobody_whose_cases_it_lacks(
    desk: Desk,
) -> None:
    said = decision(subject_code=UNIT)
    with pytest.raises(DecisionForeignError):
        await desk.decisions.record(department(), said)
    assert desk.ledger.versions == {}
    # Its database away, nobody can tell: a decision that was taken does not wait.
    desk.fail("emergency")
    recorded = await desk.decisions.record(department(), said)
    assert recorded.version == 1


@pytest.mark.parametrize("named", [None, "harbour", "justice"])
async def test_a_source_that_keeps_no_cases_gives_its_owner_no_say(
    desk: Desk, named: str | None
) -> None:
    with pytest.raises(DecisionForeignError):
        await desk.decisions.check(department(JUSTICE), decision(case_source=named))


# --- registers that are away -------------------------------------------------


async def test_with_every_register_away_a_decision_is_registered_unverified(
    desk: Desk,
) -> None:
    desk.fail("justice", "emergency", "market")
    recorded = await desk.decisions.record(department(), DECISION)
    assert not recorded.replayed
    assert {finding.severity for finding in recorded.findings} == {Severity.UNVERIFIED}
    assert {finding.check for finding in recorded.findings} >= {
        "subject-known",
        "officers-known",
        "matter-known",
        "case-known",
        "party-known",
    }


async def test_one_register_away_leaves_the_others_checks(desk: Desk) -> None:
    desk.fail("market")
    recorded = await desk.decisions.record(department(), DECISION)
    assert [(one.check, one.severity) for one in recorded.findings] == [
        ("party-known", Severity.UNVERIFIED)
    ]


async def test_a_case_found_in_one_system_needs_no_other(desk: Desk) -> None:
    desk.fail("market")
    said = decision(case_source=None)
    recorded = await desk.decisions.record(department(), said)
    assert {one.check for one in recorded.findings} == {"party-known"}


async def test_a_case_found_in_none_is_unverified_while_one_is_away(
    desk: Desk,
) -> None:
    desk.fail("market")
    said = decision(case_source=None, case_no="AZYJ-2026-99999")
    recorded = await desk.decisions.record(department(), said)
    found = {one.check: one.severity for one in recorded.findings}
    assert found["case-known"] is Severity.UNVERIFIED


async def test_a_register_that_lost_a_column_is_not_believed(desk: Desk) -> None:
    table = desk.sources["justice"].tables["Officer"]
    desk.sources["justice"].tables["Officer"] = Table(
        entity=table.entity,
        key=table.key,
        rows=table.rows,
        feeds=table.feeds,
        lost={"validTo": Label("没有了", "gone")},
    )
    recorded = await desk.decisions.record(department(), DECISION)
    assert {(one.check, one.severity) for one in recorded.findings} == {
        (f"officers-{name}", Severity.UNVERIFIED)
        for name in ("known", "kind", "valid", "status", "subject")
    }


async def test_a_register_nobody_feeds_is_away(desk: Desk) -> None:
    del desk.sources["market"]
    recorded = await desk.decisions.record(department(), DECISION)
    assert [(one.check, one.severity) for one in recorded.findings] == [
        ("party-known", Severity.UNVERIFIED)
    ]


async def test_a_register_the_policy_withholds_is_away(desk: Desk) -> None:
    desk.policy = Policy(
        rules=tuple(
            rule for rule in POLICY.rules if rule.name != "platform-checks-officers"
        ),
        rows=POLICY.rows,
        counts=POLICY.counts,
    )
    recorded = await desk.decisions.record(department(), DECISION)
    assert {one.severity for one in recorded.findings} == {Severity.UNVERIFIED}
    assert {one.check for one in recorded.findings} == {
        f"officers-{name}" for name in ("known", "kind", "valid", "status", "subject")
    }


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_the_platform_reads_what_the_checks_look_at_and_nothing_else(name: str) -> None:
    occasion = Occasion(purpose="decision-check", cause="（安）应急罚〔2026〕31号")
    verdicts = decide(
        POLICY, Caller(principal=PLATFORM, occasion=occasion), ENTITIES[name]
    )
    given = {one for one, rulings in verdicts.fields.items() if plain(rulings) is True}
    masked = {
        one
        for one, rulings in verdicts.fields.items()
        if plain(rulings) is not True and plain(rulings) is not False
    }
    assert given == FIELDS.get(name, frozenset())
    assert masked == set()


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_platform_reads_nothing_without_a_cause(name: str) -> None:
    occasion = Occasion(purpose="decision-check")
    verdicts = decide(
        POLICY, Caller(principal=PLATFORM, occasion=occasion), ENTITIES[name]
    )
    assert all(plain(rulings) is False for rulings in verdicts.fields.values())


# --- withdrawing -------------------------------------------------------------

WITHDRAWAL = Withdrawal(
    decision_id=DECISION.id, reason=" 认定事实有误 ", basis="行政处罚法第48条"
)


async def test_a_withdrawal_is_a_version_and_goes_to_who_has_the_decision(
    desk: Desk,
) -> None:
    first = await desk.decisions.record(department(), DECISION)
    gone = await desk.decisions.withdraw(department(), WITHDRAWAL, traceparent=TRACE)
    assert (gone.version, gone.change) == (2, Change.WITHDRAWN)
    assert gone.content_hash == first.content_hash
    assert sorted(event.receiver for event in gone.events) == ["credit", "provincial"]
    assert {event.event_id for event in gone.events} == {
        event_id(DECISION.id, 2, Change.WITHDRAWN)
    }
    entry = desk.ledger.versions[DECISION.id][-1]
    assert (entry.reason, entry.basis) == ("认定事实有误", "行政处罚法第48条")
    assert entry.traceparent == TRACE


async def test_a_withdrawal_once_more_changes_nothing(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    first = await desk.decisions.withdraw(department(), WITHDRAWAL)
    again = await desk.decisions.withdraw(department(), WITHDRAWAL)
    assert again.replayed
    assert (again.version, again.change, again.at) == (2, Change.WITHDRAWN, first.at)
    assert ids(again) == ids(first) != []
    assert len(desk.ledger.versions[DECISION.id]) == 2


async def test_registering_a_withdrawn_decision_again_tells_how_it_stands(
    desk: Desk,
) -> None:
    await desk.decisions.record(department(), DECISION)
    await desk.decisions.withdraw(department(), WITHDRAWAL)
    again = await desk.decisions.record(department(), DECISION)
    assert (again.replayed, again.version) == (True, 2)
    assert again.change is Change.WITHDRAWN
    assert again.events == ()  # the withdrawal's are not of this call


async def test_the_same_once_more_names_no_receiver_that_came_later(desk: Desk) -> None:
    # Before the provincial platform's rules began.
    desk.at = datetime(2026, 1, 31, tzinfo=UTC)
    early = msgspec.structs.replace(DECISION, decided_on=date(2026, 1, 30))
    first = await desk.decisions.record(department(), early)
    desk.at = NOON
    again = await desk.decisions.record(department(), early)
    assert again.replayed
    assert [one.receiver for one in again.events] == ["credit"]
    assert ids(again) == ids(first)


async def test_what_is_not_there_cannot_be_withdrawn(desk: Desk) -> None:
    with pytest.raises(DecisionUnknownError):
        await desk.decisions.withdraw(department(), WITHDRAWAL)


@pytest.mark.parametrize(("reason", "basis"), [(" ", "据"), ("因", "\u3000"), ("", "")])
async def test_a_withdrawal_has_a_reason_and_a_basis(
    desk: Desk, reason: str, basis: str
) -> None:
    await desk.decisions.record(department(), DECISION)
    said = Withdrawal(decision_id=DECISION.id, reason=reason, basis=basis)
    with pytest.raises(DecisionFormatError):
        await desk.decisions.withdraw(department(), said)
    assert len(desk.ledger.versions[DECISION.id]) == 1


async def test_another_department_can_neither_withdraw_nor_correct(
    desk: Desk,
) -> None:
    await desk.decisions.record(department(), DECISION)
    said = Correction(
        decision_id=DECISION.id, version=1, decision=DECISION, reason="笔误"
    )
    for principal in (department(JUSTICE), department(kind="supervisor")):
        with pytest.raises(DecisionForeignError):
            await desk.decisions.withdraw(principal, WITHDRAWAL)
        with pytest.raises(DecisionForeignError):
            await desk.decisions.correct(principal, said)


async def test_the_subject_may_withdraw_what_the_case_system_s_owner_recorded(
    desk: Desk,
) -> None:
    said = decision(subject_code=UNIT)
    desk.sources["emergency"] = keeping(UNIT)
    await desk.decisions.record(department(), said)
    withdrawal = Withdrawal(decision_id=said.id, reason="因", basis="据")
    gone = await desk.decisions.withdraw(department(UNIT), withdrawal)
    assert gone.version == 2


async def test_history_is_withdrawn_by_the_owner_of_its_case_system(
    desk: Desk,
) -> None:
    old = decision(subject_code="11619921MB21040067")
    desk.ledger.remember(old, NOON, "provincial")
    withdrawal = Withdrawal(decision_id=old.id, reason="因", basis="据")
    with pytest.raises(DecisionForeignError):
        await desk.decisions.withdraw(department(MARKET), withdrawal)
    gone = await desk.decisions.withdraw(department(), withdrawal)
    (event,) = gone.events
    assert event.receiver == "provincial"
    assert parse(event.payload).follows_history


# --- correcting --------------------------------------------------------------


def correction(version: int = 1, **changes: object) -> Correction:
    return Correction(
        decision_id=DECISION.id,
        version=version,
        decision=decision(**{"title": "更正后的案由", **changes}),
        reason="笔误",
    )


async def test_a_correction_is_a_version_with_findings_of_its_own(desk: Desk) -> None:
    await desk.decisions.record(department(), decision(officers=("61990001",)))
    corrected = await desk.decisions.correct(department(), correction())
    assert (corrected.version, corrected.change) == (2, Change.CORRECTED)
    assert corrected.findings == ()
    assert sorted(event.receiver for event in corrected.events) == [
        "credit",
        "provincial",
    ]
    held = await desk.ledger.held(DECISION.id)
    assert held is not None
    assert held.decision == correction().decision
    assert not parse(corrected.events[0].payload).follows_history


async def test_a_correction_once_more_changes_nothing(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    first = await desk.decisions.correct(department(), correction())
    again = await desk.decisions.correct(department(), correction())
    assert again.replayed
    assert (again.version, again.at) == (2, first.at)
    assert ids(again) == ids(first) != []
    assert len(desk.ledger.versions[DECISION.id]) == 2


async def test_the_same_correction_for_another_reason_is_stale(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    await desk.decisions.correct(department(), correction())
    other = replace(correction(), reason="另一理由")
    with pytest.raises(DecisionStaleError):
        await desk.decisions.correct(department(), other)
    assert len(desk.ledger.versions[DECISION.id]) == 2


async def test_a_withdrawal_for_another_reason_changes_nothing(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    first = await desk.decisions.withdraw(department(), WITHDRAWAL)
    other = replace(WITHDRAWAL, reason="另一理由")
    with pytest.raises(DecisionConflictError) as caught:
        await desk.decisions.withdraw(department(), other)
    assert caught.value.details == {
        "version": "2",
        "stored_reason": "认定事实有误",
        "stored_basis": "行政处罚法第48条",
        "stored_hash": first.content_hash,
    }
    assert len(desk.ledger.versions[DECISION.id]) == 2


async def test_a_withdrawal_on_another_basis_changes_nothing(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    await desk.decisions.withdraw(department(), WITHDRAWAL)
    other = replace(WITHDRAWAL, basis="另一依据")
    with pytest.raises(DecisionConflictError):
        await desk.decisions.withdraw(department(), other)
    assert len(desk.ledger.versions[DECISION.id]) == 2


PERSON = Party(
    kind="NATURAL_PERSON",
    name="李四",
    id_kind="RESIDENT_ID",
    id_number="11010519491231002X",
)


@pytest.mark.parametrize(
    ("party", "kept"),
    [
        pytest.param(Party(kind=PERSON.kind, name="李四"), True, id="no ID at all"),
        pytest.param(
            msgspec.structs.replace(PERSON, id_number=None), True, id="no number"
        ),
        pytest.param(
            msgspec.structs.replace(PERSON, name="李四四", id_number=None),
            False,
            id="another name",
        ),
        pytest.param(
            msgspec.structs.replace(PERSON, id_kind="PASSPORT", id_number=None),
            False,
            id="another kind of ID",
        ),
    ],
)
async def test_a_correction_keeps_the_id_number_that_nobody_can_read(
    desk: Desk, party: Party, *, kept: bool
) -> None:
    await desk.decisions.record(department(), decision(party=PERSON))
    said = correction(party=party)
    await desk.decisions.correct(department(), said)
    held = await desk.ledger.held(DECISION.id)
    assert held is not None
    assert held.decision.party == (PERSON if kept else party)
    again = await desk.decisions.correct(department(), said)
    assert (again.replayed, again.version) == (True, 2)


async def test_a_correction_keeps_the_representative_s_number(desk: Desk) -> None:
    firm = msgspec.structs.replace(
        DECISION.party,
        representative_id_kind="RESIDENT_ID",
        representative_id_number="11010519491231002X",
    )
    await desk.decisions.record(department(), decision(party=firm))
    await desk.decisions.correct(department(), correction(party=DECISION.party))
    held = await desk.ledger.held(DECISION.id)
    assert held is not None
    assert held.decision.party == firm
    other = msgspec.structs.replace(DECISION.party, representative="钱二")
    await desk.decisions.correct(department(), correction(2, party=other))
    held = await desk.ledger.held(DECISION.id)
    assert held is not None
    assert held.decision.party == other


async def test_a_correction_that_corrects_nothing_is_no_version(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    same = correction(title=DECISION.title)
    answered = await desk.decisions.correct(department(), same)
    assert (answered.replayed, answered.version) == (True, 1)


async def test_a_correction_of_a_version_passed_is_stale(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    await desk.decisions.correct(department(), correction())
    with pytest.raises(DecisionStaleError) as caught:
        await desk.decisions.correct(department(), correction(1, title="又一案由"))
    assert caught.value.details["version"] == "2"
    later = await desk.decisions.correct(department(), correction(2, title="又一案由"))
    assert later.version == 3


async def test_a_withdrawn_decision_is_not_corrected(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    await desk.decisions.withdraw(department(), WITHDRAWAL)
    with pytest.raises(DecisionStaleError, match="withdrawn"):
        await desk.decisions.correct(department(), correction(2))


@pytest.mark.parametrize(
    ("name", "value"),
    [("local_id", "other"), ("subject_code", "11619921MB21040067")],
)
async def test_a_correction_keeps_the_identity(
    desk: Desk, name: str, value: str
) -> None:
    await desk.decisions.record(department(), DECISION)
    changed = msgspec.structs.replace(correction().decision, **{name: value})
    said = replace(correction(), decision=changed)
    with pytest.raises(DecisionFormatError, match="localId"):
        await desk.decisions.correct(department(), said)
    assert len(desk.ledger.versions[DECISION.id]) == 1


async def test_a_correction_keeps_the_act(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    with pytest.raises(DecisionFormatError, match="actType"):
        await desk.decisions.correct(department(), correction(act=Act.COERCION))
    assert len(desk.ledger.versions[DECISION.id]) == 1


async def test_a_corrected_case_number_leaves_the_events_key_alone(desk: Desk) -> None:
    first = await desk.decisions.record(department(), DECISION)
    second = await desk.decisions.correct(department(), correction(case_no="另号"))
    third = await desk.decisions.withdraw(department(), WITHDRAWAL)
    assert second.decision.case_key != DECISION.case_key
    keys = {
        parse(event.payload).key
        for recorded in (first, second, third)
        for event in recorded.events
    }
    assert keys == {partition_key(case_hash(DECISION.case_key))}


async def test_a_correction_is_admitted_as_a_decision_is(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    with pytest.raises(DecisionFormatError, match="after today"):
        await desk.decisions.correct(
            department(), correction(decided_on=date(2026, 12, 1))
        )


class Late(MemoryLedger):
    """A ledger whose first answer is from before another's version was committed."""

    def __init__(self, ledger: MemoryLedger, first: Held | None) -> None:
        super().__init__()
        self.versions = ledger.versions
        self.first = [first]

    async def held(self, decision_id: UUID) -> Held | None:
        return self.first.pop() if self.first else await super().held(decision_id)


async def test_two_corrections_at_once_leave_one_version(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    before = await desk.ledger.held(DECISION.id)
    await desk.decisions.correct(department(), correction())
    desk.ledger = Late(desk.ledger, before)
    with pytest.raises(DecisionStaleError):
        await desk.decisions.correct(department(), correction(title="另一案由"))
    assert len(desk.ledger.versions[DECISION.id]) == 2


@pytest.mark.parametrize(
    ("reason", "basis"),
    [("认定事实有误", "据"), ("另一理由", "行政处罚法第48条")],
)
async def test_two_withdrawals_at_once_leave_one_version(
    desk: Desk, reason: str, basis: str
) -> None:
    await desk.decisions.record(department(), DECISION)
    before = await desk.ledger.held(DECISION.id)
    await desk.decisions.withdraw(department(), WITHDRAWAL)
    desk.ledger = Late(desk.ledger, before)
    second = Withdrawal(decision_id=DECISION.id, reason=reason, basis=basis)
    with pytest.raises(DecisionConflictError):
        await desk.decisions.withdraw(department(), second)
    desk.ledger = Late(desk.ledger, before)
    answered = await desk.decisions.withdraw(department(), WITHDRAWAL)
    assert (answered.replayed, answered.version) == (True, 2)
    assert len(desk.ledger.versions[DECISION.id]) == 2


async def test_a_withdrawal_overtaken_by_a_correction_is_stale(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    before = await desk.ledger.held(DECISION.id)
    await desk.decisions.correct(department(), correction())
    desk.ledger = Late(desk.ledger, before)
    with pytest.raises(DecisionStaleError):
        await desk.decisions.withdraw(department(), WITHDRAWAL)
    assert len(desk.ledger.versions[DECISION.id]) == 2


class Uncopied(MemoryLedger):
    """A ledger whose standby does not have what is seen here."""

    async def copied(self) -> None:
        raise LedgerUnavailableError("备机不在", "there is no standby")


async def test_what_stands_is_answered_when_its_copy_is_there(desk: Desk) -> None:
    await desk.decisions.record(department(), DECISION)
    await desk.decisions.correct(department(), correction())
    corrected = await desk.ledger.held(DECISION.id)
    assert corrected is not None
    kept = desk.ledger
    desk.ledger = Uncopied()
    desk.ledger.versions = kept.versions
    with pytest.raises(LedgerUnavailableError):
        await desk.decisions.correct(department(), correction(version=2))
    desk.ledger = kept
    answered = await desk.decisions.correct(department(), correction(version=2))
    assert (answered.replayed, answered.version) == (True, 2)
