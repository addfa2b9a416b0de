"""A consumer that knows nothing but what one release has published.

It stands for whoever wrote theirs when that release was given out: it checks an event
by the AsyncAPI document and the row by its JSON Schema, ignores what they do not list,
judges acceptance by ``x-acceptance``, and opens sealed numbers with its key. What it
makes of an event is its *reading*.

``python tests/contract/old_consumer.py 2`` writes the golden events and readings of
release 2, once, when it is given out; they are never written again.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid5

import msgspec
from joserfc import jwe
from joserfc.jwk import ECKey
from jsonschema import Draft202012Validator
from receiver_files import with_examples

from zhitong.decisions import (
    Absence,
    Act,
    Annotation,
    Change,
    Decision,
    Entry,
    Happened,
    Licence,
    Party,
    Penalty,
    Review,
    case_hash,
    event_id,
)
from zhitong.infra.receivers_file import read_receivers
from zhitong.rules.work import ERASED, TOLD
from zhitong.streams import asyncapi_stated
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.notices import Notice, write_notice
from zhitong.streams.published import newest, releases
from zhitong.streams.receivers import Receivers

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "events"
EXAMPLES = ROOT / "docs" / "examples"
SEALED = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){4}$"
AT = datetime(2026, 11, 22, 1, 30, 5, 123456, UTC)
UNIT = "11619900MB0004001B"
FURTHER = ("credit-older", "data-sharing", "plain", "supervision")
"""Examples of receivers, of the forms that are released and nobody shipped has."""

Reading = dict[str, Any]


class Version(msgspec.Struct, frozen=True):
    """A version of a decision, as it is kept beside the events made of it."""

    decision: Decision
    version: int
    change: Change
    reason: str
    basis: str
    follows: bool
    """Its earlier versions were there before the platform began."""


class OldConsumer:
    """Reads by the documents of a release and of those before it."""

    def __init__(self, release: int) -> None:
        given = [one for one in releases() if one.number <= release]
        texts = newest(given)
        self.streams: dict[str, Any] = json.loads(texts["asyncapi"])
        self.tables = {
            said["$id"]: said
            for name, text in texts.items()
            if name != "asyncapi"
            for said in [json.loads(text)]
        }
        key = json.loads((EXAMPLES / "credit.private.json").read_bytes())
        (own,) = (one for one in key["keys"] if one["use"] == "enc")
        self.key = ECKey.import_key({k: v for k, v in own.items() if k != "use"})

    def read(self, value: bytes) -> Reading:
        """Say what *value* means to this consumer."""
        said = json.loads(value)
        schema = said["dataschema"]
        payload = self._payload(schema)
        if payload is None:
            return {"unknown": schema}
        whole = {**payload, "components": self.streams["components"]}
        found = Draft202012Validator(whole).iter_errors(said)
        if wrong := sorted(one.json_path for one in found):
            return {"refused": wrong}
        listed = payload["properties"].keys() - {"data", "statement"}
        reading = {name: said[name] for name in sorted(listed & said.keys())}
        if schema in self.tables and "row" in said["data"]:
            return reading | self._row(self.tables[schema], said["data"]["row"])
        return reading | {"data": self._plain(said["data"])}

    def _payload(self, schema: str) -> dict[str, Any] | None:
        """Give what an event with this schema looks like, where it was ever said."""
        given = {
            one["payload"]["properties"]["dataschema"]["const"]: one["payload"]
            for one in self.streams["components"]["messages"].values()
        }
        if schema in given or schema not in self.tables:
            return given.get(schema)
        # No topic had it: its receivers are reached otherwise, in the same envelope.
        rows = (one for one in given.values() if "row" in _data(one))
        whole = copy.deepcopy(next(rows))
        row = {k: v for k, v in self.tables[schema].items() if k[0] != "$"}
        whole["properties"]["dataschema"]["const"] = schema
        data = whole["properties"]["data"]["properties"]
        data["table"]["const"] = schema.split(":")[-2]
        data["row"] = row
        return dict(whole)

    def _row(self, table: dict[str, Any], row: Mapping[str, Any]) -> Reading:
        held = {name: row[name] for name in table["properties"] if name in row}
        withdrawn = holds(table["x-withdrawn"], held)
        accepted = not any(unmet(table, held, withdrawn=withdrawn))
        for name, said in table["properties"].items():
            if said.get("pattern") == SEALED and name in held:
                opened = jwe.decrypt_compact(held[name], self.key).plaintext
                held[name] = (opened or b"").decode()
        return {"withdrawn": withdrawn, "accepted": accepted, "row": held}

    def _plain(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        if "jws" not in data:
            return data
        part = str(data["jws"]).split(".")[1]
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return {"jws": json.loads(raw)}


def _data(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the members that an event's data are said to have."""
    found: Mapping[str, Any] = payload["properties"]["data"].get("properties", {})
    return found


def holds(condition: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether a condition of a document holds."""
    value = row.get(condition["column"])
    if "in" in condition:
        return value in condition["in"]
    words = value if isinstance(value, list) else re.split("[、，,;；|]", str(value))
    return any(word in words for word in condition["has"])


def unmet(
    table: Mapping[str, Any], row: Mapping[str, Any], *, withdrawn: bool
) -> Iterator[str]:
    """Name what a row lacks; of a withdrawn one what identifies it is looked at."""
    for rule in table["x-acceptance"]:
        if (withdrawn and rule["when"]) or not all(
            holds(one, row) for one in rule["when"]
        ):
            continue
        yield from (name for name in rule.get("require", ()) if name not in row)
        if "only" in rule and not holds(rule["only"], row):
            yield rule["only"]["column"]
        if "order" in rule:
            first, second = (str(row.get(name, "")) for name in rule["order"])
            if second and first > second[: len(first)]:
                yield rule["order"][0]
    for name, said in table["properties"].items():
        if name in row and len(str(row[name])) > said.get("x-longest", 1 << 20):
            yield name


def versions() -> Iterator[Version]:
    """Give versions of every act and kind of party: recorded, corrected, withdrawn."""
    company = Party(
        kind="LEGAL_PERSON",
        name="安泽市某某化工有限公司",
        code="91110000600037341L",
        representative="张三",
    )
    person = Party(
        kind="NATURAL_PERSON",
        name="李四",
        id_kind="RESIDENT_ID",
        id_number="11010519491231002X",
    )
    single = Party(
        kind="INDIVIDUAL_BUSINESS",
        name="安泽市东街小吃店",
        representative="王五",
        registration_no="619900600123456",
    )
    for act in Act:
        for party in (company, person, single):
            said = _decision(act, party)
            yield Version(said, 1, Change.RECORDED, "", "", follows=False)
            mended = msgspec.structs.replace(said, content=f"{said.content}，已更正")
            yield Version(mended, 2, Change.CORRECTED, "笔误", "", follows=False)
            basis = "《行政处罚法》第七十五条"
            yield Version(mended, 3, Change.WITHDRAWN, "事实不清", basis, follows=False)
    old = _decision(Act.PENALTY, company, "H")
    yield Version(old, 2, Change.CORRECTED, "补正", "", follows=True)


def _decision(act: Act, party: Party, mark: str = "") -> Decision:
    own: dict[str, Any] = {}
    if act is Act.PENALTY:
        own["penalty"] = Penalty(
            kinds=("FINE", "CONFISCATED_GAINS"),
            violation_type="安全生产",
            fine=2_000_050,
            confiscated=1_234_500,
            procedure="ORDINARY",
            hearing=True,
            valid_to=date(2027, 11, 19),
            publicity_to=date(2029, 11, 19),
        )
    if act is Act.LICENCE:
        own["licence"] = Licence(
            kind="ORDINARY",
            certificate_name="危险化学品经营许可证",
            certificate_no="安危化经字〔2026〕7号",
            valid_from=date(2026, 11, 20),
        )
    return Decision(
        local_id=f"G-{act}-{party.kind}{mark}",
        act=act,
        subject_code=UNIT,
        subject_name="安泽市应急管理局",
        case_source="emergency",
        case_no=f"安应急立〔2026〕{act}{party.kind}号",
        inspection_no="安应急检〔2026〕108号",
        document_no="（安）应急〔2026〕31号",
        document_title="行政决定书",
        decided_on=date(2026, 11, 20),
        division="619900",
        title="安全出口上锁",
        facts="安全出口上锁。",
        basis="《中华人民共和国安全生产法》第一百零五条",
        content="依法决定",
        party=party,
        officers=("61990500038", "61990500039"),
        review=Review(
            reference="安应急审〔2026〕88号", on=date(2026, 11, 18), opinion="AGREE"
        ),
        collective=True,
        **own,
    )


def everybody() -> Receivers:
    """Give the shipped receivers, and one for each form that none of them has."""
    with TemporaryDirectory() as folder:
        return read_receivers(with_examples(Path(folder), *FURTHER))


def produced(said: Sequence[Version], readers: Collection[str] = ()) -> list[bytes]:
    """Write what the producer of today sends of each version, to *readers* or to all.

    Receivers that have come since are no readers of an old release.
    """
    config = everybody()
    key = ReceiverKeys.load(EXAMPLES / "credit.public.json")
    envelopes = ReceiverEnvelopes(
        config, {one.name: key for one in config.receivers}, lambda: AT
    )
    values: list[bytes] = []
    for one in said:
        entry = Entry(
            decision=one.decision,
            version=one.version,
            change=one.change,
            at=AT,
            reason=one.reason,
            basis=one.basis,
            unit=UNIT,
            unit_name="安泽市应急管理局",
            person="王五",
        )
        due = envelopes.receivers(one.decision.act)
        due = tuple(name for name in due if not readers or name in readers)
        copies = [whole(entry, name) for name in due]
        events = envelopes.events(copies, follows_history=one.follows)
        values += [each.payload for each in events]
    first = said[0].decision
    notice = Notice(
        event_id=event_id(first.id, 1, Change.RECORDED),
        receiver="credit",
        decision_id=first.id,
        version=1,
        change=Change.RECORDED,
        follows_history=False,
        source=config.source("credit"),
        time=AT,
        key="88978920f9d0f597",
        why=Absence.ERASED,
        payload_hash="ab" * 32,
    )
    stated = asyncapi_stated.statement(config)[1]
    return [
        *values,
        write_notice(notice),
        *annotated(envelopes, first),
        msgspec.json.encode(stated),
    ]


def annotated(envelopes: ReceiverEnvelopes, about: Decision) -> Iterator[bytes]:
    """Write each thing that can happen to a decision, as the province is told of it."""
    for what in sorted(TOLD):
        happened = Happened(
            cause=uuid5(about.id, what),
            what=what,
            decision_id=about.id,
            version=3,
            order=case_hash(about.case_key),
            at=AT,
        )
        shown = {
            "sender": "credit",
            "number": "XF-2026-0007",
            "listingNo": "SX-2026-0031",
            "documentNo": "安信修〔2026〕7号",
            "decidedBy": "安泽市应急管理局",
            "occurredOn": "2026-11-22",
            "endsOn": "2027-11-22",
        }
        one = Annotation(
            receiver="provincial",
            happened=happened,
            shown={} if what == ERASED else shown,
        )
        yield envelopes.annotated(one).payload


def golden(release: int) -> tuple[list[Version], list[bytes], list[Reading]]:
    """Give the versions, events and readings that are kept of a release."""
    own = GOLDEN / str(release)
    said = msgspec.json.decode((own / "versions.json").read_bytes(), type=list[Version])
    events = (own / "events.jsonl").read_bytes().splitlines()
    return said, events, json.loads((own / "readings.json").read_bytes())


def keep(release: int) -> None:
    """Write what is kept of a release; refuse to write it again."""
    own = GOLDEN / str(release)
    own.mkdir(parents=True)
    said = list(versions())
    events = produced(said)
    readings = [OldConsumer(release).read(one) for one in events]
    text = msgspec.json.format(msgspec.json.encode(said), indent=1)
    (own / "versions.json").write_bytes(text + b"\n")
    (own / "events.jsonl").write_bytes(b"".join(one + b"\n" for one in events))
    shown = json.dumps(readings, ensure_ascii=False, indent=1, sort_keys=True)
    (own / "readings.json").write_text(shown + "\n", encoding="utf-8")


if __name__ == "__main__":
    keep(int(sys.argv[1]))
