"""The consumer kit: each event once, in order; it judges as the platform's own code."""

from __future__ import annotations

import json
import re
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import msgspec
import orjson
import pytest
from kafka.consumer.fetcher import ConsumerRecord

import zhitong_consumer as kit
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.signers import (
    ECDSA,
    SM2,
    FileSigner,
    algorithm_of,
    file_signer,
    generate,
    verify_raw,
)
from zhitong.decisions import BureauKey, Change
from zhitong.exceptions import EventPoisonError
from zhitong.infra.bureau_signing import sign
from zhitong.infra.receipts import compact
from zhitong.infra.receivers_file import read_receivers
from zhitong.rules.reconciliation import parts_of, root_of
from zhitong.rules.statements import vouched
from zhitong.streams import examples
from zhitong.streams.annotations import read_annotation
from zhitong.streams.cloud_events import parse, parse_receipt
from zhitong.streams.keys import ReceiverKeys, verify_receipt
from zhitong.streams.notices import read_notice
from zhitong.streams.schemas import tables
from zhitong.streams.stated import JWS, Statement, read_answer, write_statement
from zhitong_consumer import receipts, reconciliation
from zhitong_consumer.consumer import Consumer, Stated, Taken
from zhitong_consumer.events import read

ROOT = Path(__file__).parents[2]
CONFIG = read_receivers()
CREDIT = next(one for one in CONFIG.receivers if one.name == "credit")
SCHEMAS = kit.Schemas.load(ROOT / "streams" / "schemas")
EXAMPLE = examples.event(CREDIT, tables()["cf_fr"], CONFIG)
PERSON = examples.event(CREDIT, tables()["cf_zrr"], CONFIG)
NOTICE = examples.notice(CONFIG)
ANNOTATION = {**examples.annotation(CONFIG), "receiver": "credit"}
TOPIC, STATEMENTS = "zhitong.anze.credit.v1", "zhitong.anze.recon.credit.v1"
UNIT = "11619900MB0004001B"
DECISION = UUID(EXAMPLE["subject"])
AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> kit.ReceiverKeys:
    path = tmp_path / "credit.private.json"
    path.write_bytes((ROOT / "docs" / "examples" / path.name).read_bytes())
    path.chmod(0o600)
    return kit.ReceiverKeys.load(path)


class Receiver:
    """A receiver's program: what it did, what it was told."""

    def __init__(self, keys: kit.ReceiverKeys, path: Path | str = ":memory:") -> None:
        self.told: list[Taken | Stated] = []
        self.rejects: dict[int, kit.Rejection] = {}
        self.fails = False
        self.annotated: list[kit.Annotation] = []
        self.worth: list[kit.Vouched] = []
        self.inbox = kit.SqliteInbox(path)
        self.bureaus: list[kit.PublicKey] = []
        self.platform: list[kit.PublicKey] = []
        self.keys = keys
        with self.inbox.session() as session:
            session.execute(
                "create table if not exists effect (version, place, number)"
            )

    def _handle(
        self, session: sqlite3.Connection, event: kit.Event
    ) -> kit.Rejection | None:
        self.worth.append(event.vouched)
        if rejection := self.rejects.get(event.version):
            return rejection
        number = event.numbers.get("CF_XDR_ZJHM", "")
        session.execute(
            "insert into effect values (?, ?, ?)", [event.version, event.table, number]
        )
        if self.fails:
            raise RuntimeError("the receiver's own fault")
        return None

    def _annotate(
        self, session: sqlite3.Connection, told: kit.Annotation
    ) -> kit.Rejection | None:
        self.annotated.append(told)
        if rejection := self.rejects.get(0):
            return rejection
        session.execute("insert into effect values (0, ?, '')", [told.happened])
        return None

    @property
    def consumer(self) -> Consumer[sqlite3.Connection]:
        return Consumer(
            access=kit.Access(bootstrap="nowhere:1"),
            keys=self.keys,
            inbox=self.inbox,
            handle=self._handle,
            annotate=self._annotate,
            tenant="anze",
            topic=TOPIC,
            group="g",
            statements=STATEMENTS,
            bureaus=self.bureaus,
            platform=self.platform,
            schemas=SCHEMAS,
            tell=self.told.append,
        )

    def take(self, *values: bytes, topic: str = TOPIC) -> None:
        """Take *values*, which lie one behind the other."""
        self.consumer.take(
            [
                ConsumerRecord(
                    topic, 0, 0, n, 0, 0, b"", value, [], None, 0, len(value), 0
                )
                for n, value in enumerate(values)
            ]
        )

    def answers(self) -> list[str]:
        return [str(one.answer) for one in self.told if isinstance(one, Taken)]

    def effects(self) -> list[tuple[int, str, str]]:
        with self.inbox.session() as session:
            return session.execute("select * from effect").fetchall()


@pytest.fixture
def receiver(keys: kit.ReceiverKeys) -> Iterator[Receiver]:
    made = Receiver(keys)
    yield made
    made.inbox.close()


def version(
    number: int, change: str = "CORRECTED", *, of: Mapping[str, Any] = EXAMPLE
) -> bytes:
    """Give the event of a version."""
    change = "RECORDED" if number == 1 else change
    more = {
        "decisionversion": number,
        "type": f"cn.zhitong.decision.{change.lower()}.v1",
        "id": str(uuid5(UUID(of["subject"]), f"{number}/{change}")),
    }
    return examples.value({**of, **more})


# --- each once, in order -------------------------------------------------------------


def test_what_comes_twice_has_one_effect_and_its_receipt_is_due_again(
    receiver: Receiver,
) -> None:
    receiver.take(version(1))
    (due,) = receiver.inbox.due(10)
    receiver.inbox.sent([due])
    assert receiver.inbox.due(10) == []
    receiver.take(version(1))
    assert receiver.answers() == ["HELD", "HELD"]
    assert receiver.effects() == [(1, "cf_fr", "")]
    assert receiver.inbox.due(10) == [due]


def test_versions_wait_for_the_one_before_and_are_then_taken_in_their_order(
    receiver: Receiver,
) -> None:
    receiver.take(version(3), version(2))
    assert receiver.answers() == ["WAITING", "WAITING"]
    assert receiver.effects() == []
    receiver.take(version(1))
    assert [effect[0] for effect in receiver.effects()] == [1, 2, 3]
    assert {one.answer for one in receiver.inbox.due(10)} == {kit.Answer.HELD}


def test_history_may_begin_with_any_version_and_an_older_one_is_rejected_then(
    receiver: Receiver,
) -> None:
    history = {**EXAMPLE, "followshistory": True}
    receiver.take(version(5, of=history), version(4, of=history))
    assert receiver.answers() == ["HELD", "REJECTED"]
    assert [effect[0] for effect in receiver.effects()] == [5]


def test_a_rejection_says_code_and_column_and_a_correction_can_follow_it(
    receiver: Receiver,
) -> None:
    receiver.rejects = {1: kit.Rejection("NO-SUCH-BODY", "CF_CFJGDM")}
    receiver.take(version(1), version(2))
    assert receiver.answers() == ["REJECTED", "HELD"]
    first, second = receiver.inbox.due(10)
    assert first.reasons == ("CF_CFJGDM: NO-SUCH-BODY",)
    assert second.reasons == ()


def test_what_the_users_function_raises_undoes_the_whole_batch(
    keys: kit.ReceiverKeys, tmp_path: Path
) -> None:
    receiver = Receiver(keys, tmp_path / "inbox.sqlite")
    receiver.fails = True
    with suppress(RuntimeError):
        receiver.take(version(1), version(2))
    assert (receiver.effects(), receiver.inbox.due(10), receiver.told) == ([], [], [])
    receiver.inbox.close()
    again = Receiver(keys, tmp_path / "inbox.sqlite")
    again.take(version(1), version(2))
    assert [effect[0] for effect in again.effects()] == [1, 2]
    again.inbox.close()


def test_a_notice_counts_as_seen_and_has_no_effect(receiver: Receiver) -> None:
    second = version(2, of=PERSON)
    receiver.take(examples.value(NOTICE), second)
    assert receiver.answers() == ["REJECTED", "HELD"]
    assert [effect[0] for effect in receiver.effects()] == [2]


def repaired(**changes: object) -> bytes:
    """Give the example of an annotation; *changes* are of its data."""
    data = {**ANNOTATION["data"], **changes}
    return examples.value({**ANNOTATION, "data": data})


def test_what_happened_is_handed_over_once_and_waits_for_no_version(
    receiver: Receiver,
) -> None:
    receiver.take(repaired(), repaired())
    assert receiver.answers() == ["HELD", "HELD"]
    (told,) = receiver.annotated
    assert (told.happened, told.expected) == (kit.Happened.REPAIRED, "NOTE")
    assert told.data["number"] == "XF-2026-0007"
    assert receiver.effects() == [(0, "REPAIRED", "")]
    assert [one.event_id for one in receiver.inbox.due(10)] == [told.id]
    with receiver.inbox.session() as session:
        assert receiver.inbox.seen(session, told.decision_id) == 0


def test_what_happened_is_rejected_by_its_structure_or_by_the_function(
    receiver: Receiver,
) -> None:
    receiver.rejects[0] = kit.Rejection("NO", "number")
    receiver.take(repaired(), repaired(cause=str(uuid4())))
    first, second = receiver.told
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    assert (first.answer, first.reasons) == ("REJECTED", ("number: NO",))
    assert second.version is None, "its id is not made of what it tells"
    receiver.annotated.clear()
    other = Receiver(receiver.keys)
    other.take(repaired(occurred_on="x"))
    assert (other.answers(), other.annotated) == (["REJECTED"], [])
    other.inbox.close()


def test_an_id_number_is_opened_for_the_function_and_stays_sealed_in_the_row(
    receiver: Receiver,
) -> None:
    receiver.take(examples.value(PERSON))
    assert receiver.effects() == [(1, "cf_zrr", examples.NUMBER)]
    (told,) = receiver.told
    assert isinstance(told, Taken)
    assert examples.NUMBER not in repr(told)


def test_what_cannot_be_opened_is_rejected_and_a_withdrawal_is_taken_all_the_same(
    receiver: Receiver,
) -> None:
    row = PERSON["data"]["row"]
    changed = f"{row['CF_XDR_ZJHM'][:-4]}AAAA"
    data = {"table": "cf_zrr", "row": {**row, "CF_XDR_ZJHM": changed}}
    broken = {**PERSON, "data": data}
    receiver.take(version(1, of=broken), version(2, "WITHDRAWN", of=broken))
    assert receiver.answers() == ["REJECTED", "HELD"]
    first, second = receiver.told
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    assert (first.faults, second.faults) == (("CF_XDR_ZJHM",), ())


def test_a_column_that_no_schema_lists_is_ignored(receiver: Receiver) -> None:
    row = {**EXAMPLE["data"]["row"], "CF_MORE": "x"}
    receiver.take(version(1, of={**EXAMPLE, "data": {"table": "cf_fr", "row": row}}))
    assert receiver.answers() == ["HELD"]


def test_the_function_is_told_what_a_bureaus_signature_is_worth(
    receiver: Receiver,
) -> None:
    forged, unsigned = (EXAMPLE | {"statement": said} for said in ("no.jws", ""))
    receiver.take(version(1, of=forged), version(2, of=unsigned))
    assert receiver.worth == [kit.Vouched.MALFORMED, kit.Vouched.NONE]
    # That it was decided is a fact: to reject it is the function's own word.
    assert receiver.answers() == ["HELD", "HELD"]


def test_bytes_that_are_no_event_are_kept_apart_and_hold_nothing_up(
    receiver: Receiver,
) -> None:
    receiver.take(b"\xff", version(1))
    assert receiver.answers() == ["None", "HELD"]
    with receiver.inbox.session() as session:
        kept = session.execute("select value, why from zhitong_aside").fetchall()
    assert kept == [(b"\xff", "JSON")]


# --- as the platform's own code ------------------------------------------------------


def test_receipts_are_those_the_platform_files(
    receiver: Receiver, keys: kit.ReceiverKeys
) -> None:
    public = ReceiverKeys.load(ROOT / "docs" / "examples" / "credit.public.json")
    receiver.rejects = {2: kit.Rejection("甲", text="不收")}
    receiver.take(version(1), version(2), version(9))
    for due in receiver.inbox.due(10):
        wire = parse_receipt(receipts.write(due, keys, "anze"))
        said = verify_receipt(wire.jws, public)
        assert (said.event_id, said.receiver) == (wire.event_id, wire.receiver)
        assert (said.event_id, said.at) == (due.event_id, due.at)
        assert (said.payload_hash, said.reasons) == (due.digest, due.reasons)
    assert {one.answer for one in receiver.inbox.due(10)} == set(kit.Answer)


def taken(value: bytes) -> bool:
    with suppress(kit.NotAnEventError):
        read(value, "credit")
        return True
    return False


def taken_by_the_platforms(value: bytes) -> bool:
    with suppress(EventPoisonError):
        found = read_notice(value) or read_annotation(value) or parse(value)
        return found.receiver == "credit"
    return False


@pytest.mark.parametrize(
    "whole", [EXAMPLE, NOTICE, ANNOTATION], ids=["event", "notice", "annotation"]
)
def test_it_refuses_what_the_reference_consumer_refuses(
    whole: Mapping[str, Any],
) -> None:
    ours: list[bool] = []
    # Of a notice the reference consumer does not ask what kind of data it has.
    for name in whole.keys() - ({"datacontenttype"} if whole is NOTICE else set()):
        without = {key: each for key, each in whole.items() if key != name}
        wrong: list[object] = [None, "", 0, True, [], {}, "x", 1.5, str(uuid4())]
        for said in (without, *({**whole, name: other} for other in wrong)):
            value = examples.value(said)
            ours.append(taken(value))
            assert ours[-1] == taken_by_the_platforms(value), value
    assert {True, False} == set(ours)
    for value in (
        b"",
        b"{",
        b"[]",
        b"\xef\xbb\xbf{}",
        json.dumps(whole).encode("utf-16"),
    ):
        assert not taken(value)
        assert not taken_by_the_platforms(value)


def public(signer: FileSigner, folder: Path, name: str = UNIT) -> None:
    path = folder / f"{name}.{signer.key_id}.pem"
    path.write_text(pem(PUBLIC, signer.spki), "ascii")


def mangled(statement: str) -> Iterator[str]:
    """Give what somebody may make of a statement."""
    head, payload, signature = statement.split(".")
    yield statement
    yield f"{head}.{payload}"
    yield f"{head}.{payload}.{signature[:-4]}AAAA"
    yield f"{head}.{payload}.{signature[:-4]}"
    yield f"{head}.{payload}.{signature}\n"
    for said in (
        {"alg": "none", "kid": "0" * 16, "typ": "zhitong-decision+jwt"},
        {"alg": "ES256", "kid": "0" * 16, "typ": "zhitong-decision+jwt"},
        {"alg": "ES256", "kid": "0" * 16, "typ": "JWT"},
        {"alg": "ES256", "crit": [], "kid": "0" * 16, "typ": "zhitong-decision+jwt"},
    ):
        other = urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")
        yield f"{other}.{payload}.{signature}"
    spaced = urlsafe_b64encode(b'{ "form": "zhitong-decision/1"}').decode().rstrip("=")
    yield f"{head}.{spaced}.{signature}"
    yield "x" * 9_000


@pytest.mark.parametrize("algorithm", [ECDSA, SM2])
def test_a_bureaus_signature_is_worth_to_it_what_it_is_worth_to_the_platform(
    algorithm: str, tmp_path: Path
) -> None:
    signer, other = file_signer(generate(algorithm)), file_signer(generate(algorithm))
    public(signer, tmp_path)
    public(other, tmp_path, "11619900MB0005004U")
    ours = kit.bureau_keys(tmp_path)
    theirs = [
        BureauKey(
            key_id=one.key_id,
            unit=unit,
            algorithm=algorithm_of(one.spki),
            spki=one.spki,
            since=AT,
        )
        for one, unit in ((signer, UNIT), (other, "11619900MB0005004U"))
    ]
    decision = {
        "localId": EXAMPLE["subject"],
        "actType": "PENALTY",
        "subjectCode": UNIT,
        "documentNo": "（安）罚〔2026〕1号",
        "decidedOn": "2026-11-20",
    }
    found: set[str] = set()
    for by in (signer, other):
        whole = sign(by, {"decision": decision})["statement"]
        about = uuid5(
            UUID("6f2c4f0e-5a53-4f0e-9d7c-2b8d3e619900"), f"{UNIT}/{DECISION}"
        )
        for subject in (DECISION, about):
            of = {**EXAMPLE, "subject": str(subject)}
            for text in mangled(whole):
                event = read(version(1, of={**of, "statement": text}), "credit")
                assert isinstance(event, kit.Event)
                word = kit.vouched(event, ours)
                named = str(subject), Change.RECORDED
                assert str(word) == str(vouched(text, named, theirs, verify_raw)), text
                found.add(word.value)
    assert found == {each.value for each in kit.Vouched} - {kit.Vouched.NONE.value}


EVENTS = {offset: f"event {offset}" for offset in range(3_000, 5_500)}


def stated(foreign: list[int] | None = None) -> Statement:
    gone = foreign or []
    events = {offset: name for offset, name in EVENTS.items() if offset not in gone}
    return Statement(
        statement=UUID(int=7),
        receiver="credit",
        topic=TOPIC,
        partition=0,
        start=3_000,
        end=5_500,
        records=len(events),
        root=root_of(events, 3_000, 5_500).hex(),
        parts=[each.hex() for each in parts_of(events, 3_000, 5_500)],
        foreign=gone,
        at=AT,
    )


@pytest.fixture
def platform(tmp_path: Path) -> tuple[FileSigner, list[kit.PublicKey]]:
    signer, folder = file_signer(generate(ECDSA)), tmp_path / "platform"
    folder.mkdir()
    public(signer, folder, "platform")
    return signer, list(kit.platform_keys(folder))


def written(said: Statement, signer: FileSigner) -> bytes:
    jws = compact(signer, JWS, msgspec.json.encode(said)).decode()
    return write_statement(said, jws, "/zhitong/anze")


def test_what_the_platform_states_is_verified_compared_and_answered_as_ours_does(
    platform: tuple[FileSigner, list[kit.PublicKey]], keys: kit.ReceiverKeys
) -> None:
    signer, known = platform
    signature, window = reconciliation.read(written(stated(), signer), "credit", known)
    assert signature is kit.Signature.HOLDS
    assert window is not None
    assert window.agreement(EVENTS, 5_500) is kit.Agreement.AGREES
    assert window.agreement(EVENTS, 5_499) is kit.Agreement.BEHIND
    less = {offset: name for offset, name in EVENTS.items() if offset != 4_100}
    assert window.agreement(less, 5_500) is kit.Agreement.DIFFERS
    said = reconciliation.answer(window, less, 5_500, AT)
    signed = keys.sign(reconciliation.JWS, said)
    value = reconciliation.write(window, "anze", AT, signed)
    mine = ReceiverKeys.load(ROOT / "docs" / "examples" / "credit.public.json")
    answered, _ = read_answer(value, {"credit": mine})
    assert (answered.records, answered.seen) == (2_499, 5_500)
    (part,) = answered.parts
    assert (part.start, part.end, len(part.held)) == (4_000, 5_000, 999)


def test_what_the_platform_did_not_send_is_foreign_and_does_not_count(
    platform: tuple[FileSigner, list[kit.PublicKey]],
) -> None:
    signer, known = platform
    _, window = reconciliation.read(written(stated([4_100]), signer), "credit", known)
    assert window is not None
    assert window.foreign == {4_100}
    assert window.agreement(EVENTS, 5_500) is kit.Agreement.AGREES


def test_a_statement_of_somebody_elses_is_not_believed(
    platform: tuple[FileSigner, list[kit.PublicKey]], receiver: Receiver
) -> None:
    signer, known = platform
    receiver.platform = known
    stranger = file_signer(generate(ECDSA))
    said = json.loads(written(stated(), signer))
    head, payload, signature = said["data"]["jws"].split(".")
    changed = {**said, "data": {"jws": f"{head}.{payload}.{signature[:-4]}AAAA"}}
    receiver.take(
        written(stated(), stranger),
        orjson.dumps(changed),
        orjson.dumps({**said, "subject": str(UUID(int=8))}),
        b"{}",
        topic=STATEMENTS,
    )
    states = [one.signature for one in receiver.told if isinstance(one, Stated)]
    assert states == [
        kit.Signature.KEY_UNKNOWN,
        kit.Signature.INVALID,
        kit.Signature.DIFFERS,
        kit.Signature.MALFORMED,
    ]
    assert receiver.inbox.unanswered() == []


def test_a_private_key_that_others_can_read_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "credit.private.json"
    path.write_bytes((ROOT / "docs" / "examples" / path.name).read_bytes())
    path.chmod(0o644)
    with pytest.raises(kit.KeysError, match="chmod 600"):
        kit.ReceiverKeys.load(path)


# --- what is shipped -----------------------------------------------------------------


def test_the_example_of_its_page_takes_an_event(
    keys: kit.ReceiverKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "clients" / "python" / "README.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "schemas").symlink_to(ROOT / "streams" / "schemas")
    for folder in ("bureaus", "platform"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    assert keys.receiver == "credit"

    def run(made: Consumer[sqlite3.Connection]) -> None:
        record = ConsumerRecord(
            TOPIC, 0, 0, 0, 0, 0, b"", version(1), [], None, 0, 0, 0
        )
        made.take([record])

    monkeypatch.setattr(Consumer, "run", run)
    space: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), space)  # noqa: S102 - our own page
    inbox: kit.SqliteInbox = space["inbox"]
    with inbox.session() as session:
        rows = session.execute("select id, version, place from decision").fetchall()
    assert rows == [(str(DECISION), 1, "cf_fr")]
    inbox.close()


def test_it_imports_nothing_of_the_platforms() -> None:
    modules = (ROOT / "clients" / "python" / "src").rglob("*.py")
    text = "".join(path.read_text("utf-8") for path in modules)
    assert not re.search(r"^\s*(from|import) zhitong(\.|\s)", text, re.MULTILINE)


def test_what_javac_is_given_is_what_maven_resolves_to() -> None:
    folder = ROOT / "clients" / "java"
    wanted = re.findall(
        r"<dependency>\s*<groupId>(.+?)</groupId>\s*<artifactId>(.+?)</artifactId>"
        r"\s*<version>(.+?)</version>",
        (folder / "pom.xml").read_text("utf-8"),
    )
    listed = (folder / "artefacts.txt").read_text("utf-8").splitlines()
    pinned = {line.partition(" ")[0] for line in listed if line[0] != "#"}
    assert {":".join(each) for each in wanted} <= pinned


def test_no_registry_or_machine_is_named() -> None:
    for path in (ROOT / "clients").rglob("*"):
        if {"node_modules", "__pycache__"} & {*path.parts} or not path.is_file():
            continue
        text = path.read_text("utf-8")
        assert not re.search(r"registry\.|\bmirror|repo1\.|/home/|/work/", text), path
