"""An example of every message, written by what writes the real ones.

What no two writings of are alike stands here as it was once made: the sealed number
and the signature. Their keys are published in ``docs/examples``, so that whoever
writes a consumer can try it on them; they are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace as replaced
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec.structs import replace

from zhitong.decisions import (
    Absence,
    Act,
    Annotation,
    Answer,
    Change,
    Copy,
    Decision,
    Entry,
    Happened,
    Licence,
    Party,
    Penalty,
    Receipt,
    Review,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.streams.annotations import told, write_annotation
from zhitong.streams.channels import KafkaChannel
from zhitong.streams.cloud_events import SHANGHAI, write_receipt
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.form import Form
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.notices import Notice, write_notice
from zhitong.streams.receivers import Acknowledge, Receiver, Receivers
from zhitong.streams.schemas import Table
from zhitong.types import Inquiry, Occasion, Principal

NUMBER = "11010519491231002X"
"""The ID number that is sealed: made up, its check character fits."""
SEALED = (
    "eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJraWQiOiJiVzJNZmZJ"
    "RWstcFhqTUdPaV9LTWlvRVcwaTZINTFVTDJlNmdicFZaaEMwIiwiZXBrIjp7ImNydiI6IlAt"
    "MjU2IiwieCI6Im5Cb0Y0ZjNmMWFJVlpfb3VYbzJhR2haSDd3ZWU3NG9hTTVJakRBVFl2aFEi"
    "LCJ5IjoidG1Nal9vX2RrMzF0cWV1MkJPNzRQdmpyLUNER1VwRGhHcE5LSU1DTndCdyIsImt0"
    "eSI6IkVDIn19.mQbsKg9G2jKGoH89thYecE1HXPRB__5KIXWsk6rrNc0ZQuV90X4Ssw.MJIV"
    "1jcRqvbw7sSV.D28_0tKIXdQwa4IK-1MB69l_.GFpiZZqYkG-9dtnoOU_fgQ"
)
SIGNED = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IlJWdFlxLUhQZWI3bnpRRkJzTkJRNmpSRFNCaV9pOThtU"
    "08zaHVqRVlzaXMiLCJ0eXAiOiJ6aGl0b25nLXJlY2VpcHQrandzIn0.eyJyZWNlaXZlciI6Im"
    "NyZWRpdCIsImV2ZW50X2lkIjoiMjliYzhlM2UtNzc3My01NWQzLWIzYTYtNGM0ZDMyZjhlYmR"
    "hIiwiYW5zd2VyIjoiSEVMRCIsImF0IjoiMjAyNi0xMS0yMlQwOTozMDowNi42NTQzMjErMDg6"
    "MDAiLCJwYXlsb2FkX2hhc2giOiIwYTkxMzg1ODdjOTBmZDViYWIzY2E1ZTYwMWVjNzJhMjlhO"
    "Tk3YWZhOTM0ZjgyZTRjOTkxODQ0ZWUxMDc1ZTc1IiwicmVhc29ucyI6W119.CqEdvTooll85k"
    "ig0H2N6FOm_qReJRGxZRZdZGwdNho67j57Gl6ZwsLyBjWRFR0SBwYdqOz4_FKRPgZEC941qGw"
)
_AT = datetime(2026, 11, 22, 9, 30, 5, 123456, SHANGHAI)
_ANSWERED = datetime(2026, 11, 22, 9, 30, 6, 654321, SHANGHAI)
_COMPANY = Party(
    kind="LEGAL_PERSON",
    name="安泽某化工有限公司",
    code="91110000600037341L",
    representative="赵一",
)
_PERSON = Party(
    kind="NATURAL_PERSON", name="钱二", id_kind="RESIDENT_ID", id_number=NUMBER
)
_DECISION = Decision(
    local_id="2026-31",
    act=Act.PENALTY,
    subject_code="11619900MB0004001B",
    subject_name="安泽市应急管理局",
    case_source="emergency",
    case_no="安应急立〔2026〕31号",
    inspection_no="安应急检〔2026〕108号",
    document_no="（安）应急罚〔2026〕31号",
    document_title="行政处罚决定书",
    decided_on=date(2026, 11, 20),
    division="619900",
    title="未按规定对从业人员进行安全生产教育和培训",
    facts="未对从业人员进行安全生产教育和培训。",
    basis="《中华人民共和国安全生产法》第九十七条",
    content="罚款人民币贰万元整",
    party=_COMPANY,
    officers=("61990500038", "61990500039"),
    review=Review(
        reference="安应急审〔2026〕88号", on=date(2026, 11, 18), opinion="AGREE"
    ),
    collective=False,
)
_OWN: Mapping[Act, Mapping[str, object]] = {
    Act.PENALTY: {
        "penalty": Penalty(
            kinds=("FINE",),
            violation_type="安全生产教育和培训",
            fine=2_000_000,
            procedure="ORDINARY",
            hearing=False,
        )
    },
    Act.LICENCE: {
        "document_title": "准予行政许可决定书",
        "content": "准予经营危险化学品",
        "licence": Licence(
            kind="ORDINARY",
            certificate_name="危险化学品经营许可证",
            certificate_no="安危化经字〔2026〕7号",
            valid_from=date(2026, 11, 20),
            valid_to=date(2029, 11, 19),
        ),
    },
}
RECEIPT = Receipt(
    event_id=event_id(
        replace(_DECISION, local_id="PENALTY-NATURAL_PERSON").id, 1, Change.RECORDED
    ),
    receiver="credit",
    answer=Answer.HELD,
    at=_ANSWERED,
    payload_hash="0a9138587c90fd5bab3ca5e601ec72a29a997afa934f82e4c991844ee1075e75",
    signed=SIGNED,
)
"""Of the example of ``cf_zrr``; `payload_hash` is of its bytes."""


def decisions() -> Iterator[Decision]:
    """Give a decision of every act and every kind of party with a table of its own."""
    for act in Act:
        for party in (_COMPANY, _PERSON):
            yield replace(
                _DECISION,
                local_id=f"{act}-{party.kind}",
                act=act,
                party=party,
                **_OWN.get(act, {}),
            )


def event(receiver: Receiver, table: Table, config: Receivers) -> dict[str, Any]:
    """Give the example of what *receiver* has in *table*."""
    keys = {receiver.name: ReceiverKeys.generate(receiver.name)}
    # By these rules of it alone, whichever hold on the day of the example.
    envelopes = ReceiverEnvelopes(replaced(config, receivers=(receiver,)), keys)
    for decision in decisions():
        if decision.act not in receiver.acts:
            continue
        entry = Entry(
            decision=decision,
            version=1,
            change=Change.RECORDED,
            at=_AT,
            unit=decision.subject_code,
            unit_name=decision.subject_name or "",
            person="王五",
        )
        copy = whole(entry, receiver.name)
        (made,) = envelopes.events([copy], follows_history=False)
        if made.schema == table.urn:
            said: dict[str, Any] = orjson.loads(made.payload)
            row = said["data"]["row"]
            for column in row.keys() & table.sealed:
                row[column] = SEALED
            return said
    raise AssertionError(table.urn)


def sample(known: Form, table: Table, config: Receivers) -> dict[str, Any]:
    """Give the example of *table* of a form, whoever has it or nobody yet."""
    one = Receiver(
        name=known.name,
        title=known.title,
        channel=KafkaChannel(known.name, (known.name,), 1),
        kind="",
        unit="",
        purpose="",
        basis="",
        format=known.key,
        acts=known.acts,
        id_numbers=known.id_numbers,
        acknowledge=Acknowledge(),
        since=date.min,
        until=None,
        source=known.source,
        confidence=known.confidence,
    )
    return event(one, table, config)


def whole(entry: Entry, receiver: str) -> Copy:
    """Give a copy that lacks nothing: of what is made up, for nobody."""
    return Copy(
        receiver=receiver,
        decision_id=entry.decision.id,
        order=(
            case_hash(entry.decision.case_key) if entry.order is None else entry.order
        ),
        entry=entry,
        look=Inquiry(
            principal=Principal(kind="", unit="", unit_name="", person=""),
            occasion=Occasion(),
            id="",
        ),
    )


def notice(config: Receivers) -> dict[str, Any]:
    """Give the example of a notice, as it stands for the example of ``cf_zrr``."""
    decision = replace(_DECISION, local_id="PENALTY-NATURAL_PERSON")
    made = Notice(
        event_id=RECEIPT.event_id,
        receiver=RECEIPT.receiver,
        decision_id=decision.id,
        version=1,
        change=Change.RECORDED,
        follows_history=False,
        source=config.source(RECEIPT.receiver),
        time=_ANSWERED,
        key=partition_key(case_hash(decision.case_key)),
        why=Absence.ERASED,
        payload_hash=RECEIPT.payload_hash,
    )
    said: dict[str, Any] = orjson.loads(write_notice(made))
    return said


def annotation(config: Receivers) -> dict[str, Any]:
    """Give the example of an annotation: a repair, of the example of ``penalty``."""
    decision = replace(_DECISION, local_id="PENALTY-LEGAL_PERSON")
    made = Annotation(
        receiver="provincial",
        happened=Happened(
            cause=UUID("1f6d3c2e-8f0a-5c58-9f0e-5d9a3f1b7c42"),
            what="REPAIRED",
            decision_id=decision.id,
            version=1,
            order=case_hash(decision.case_key),
            at=_ANSWERED,
        ),
        shown={
            "sender": "credit",
            "number": "XF-2026-0007",
            "listingNo": "SX-2026-0031",
            "documentNo": "安信修〔2026〕7号",
            "occurredOn": "2026-11-22",
        },
        withheld=frozenset({"decidedBy"}),
    )
    said: dict[str, Any] = orjson.loads(
        write_annotation(told(made, config.source(made.receiver)))
    )
    return said


def receipt(tenant: str) -> dict[str, Any]:
    """Give the example of a receipt."""
    said: dict[str, Any] = orjson.loads(write_receipt(RECEIPT, tenant))
    return said


def value(said: Mapping[str, Any]) -> bytes:
    """Write an example as it is on the topic: sorted keys, no spaces, UTF-8."""
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
