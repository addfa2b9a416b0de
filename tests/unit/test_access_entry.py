"""The record of a look as it is kept: the body says all, the columns repeat it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import orjson
import pytest

from zhitong.connectors import access_entry
from zhitong.connectors.access_entry import Records
from zhitong.evidence import stamp
from zhitong.types import AccessFinding, Inquiry, Label, Look, Occasion, Principal

RECORDS = Records(b"key", "anze")
AT = datetime(2026, 11, 22, 8, 9, 10, 5, UTC)


def inquiry(*keys: str) -> Inquiry:
    look = Look(
        type="CaseRecord",
        source="market",
        fields={"facts": "FILTER", "caseNo": "ALLOW"},
        rows=len(keys),
        keys=keys,
        protected=True,
        owner="O",
        places={"619921": 2},
    )
    return Inquiry(
        principal=Principal(
            kind="police",
            unit="U",
            unit_name="公安局",
            person="王",
            party_code="C",
            division="619900",
        ),
        occasion=Occasion(purpose="p", cause="立1", letter="介1"),
        id="r",
        at=AT,
        looks=[look, look],
        grants_used={"g2", "g1"},
        answer_digest=bytes(32),
        answer_size=7,
    )


@pytest.mark.parametrize("key", [b"", b"key", b"k" * 64, b"k" * 65], ids=len)
def test_a_row_s_digest_is_an_hmac_under_the_key(key: bytes) -> None:
    place = "CaseRecord:market:案1".encode()
    expected = hmac.digest(key, place, "sha256")[:16].hex()
    assert Records(key).subject("CaseRecord", "market", "案1") == expected


def test_the_columns_are_what_the_body_says() -> None:
    entry = RECORDS.entry(inquiry("2", "1", "2"))
    said = orjson.loads(entry.body)
    assert entry == RECORDS.read(entry.body)
    assert (said["record"], said["at"]) == ("r", stamp(AT))
    assert (entry.record_id, entry.at, entry.kind) == ("r", AT, "police")
    assert (entry.unit, entry.person, entry.purpose) == ("U", "王", "p")
    assert (entry.cause, entry.protected, entry.findings) == ("立1", True, None)
    assert entry.party == RECORDS.party("C") == said["party"]
    assert said["who"]["division"] == "619900"
    assert [(one["owner"], one["places"]) for one in said["looks"]] == [
        ("O", {"619921": 2})
    ] * 2
    digests = sorted(RECORDS.subject("CaseRecord", "market", key) for key in "12")
    assert entry.subjects == f'{{"\\\\x{digests[0]}","\\\\x{digests[1]}"}}'
    assert said["looks"][0]["subjects"] == digests
    assert entry.leaf == hashlib.sha256(b"\0" + entry.body).digest()


def test_the_body_is_canonical_and_names_tenant_grants_papers_and_answer() -> None:
    body = RECORDS.entry(inquiry("1")).body
    said = orjson.loads(body)
    assert orjson.dumps(said, option=orjson.OPT_SORT_KEYS) == body
    assert (said["tenant"], said["hash"]) == ("anze", "sha256")
    assert (said["grants"], said["papers"]) == (["g1", "g2"], ["letter 介1"])
    assert said["answer"] == {"digest": "00" * 32, "size": 7}


def test_a_leaf_is_over_the_digest_of_its_log() -> None:
    entry = Records(b"key", "anze", "sm3").entry(inquiry("1"))
    assert orjson.loads(entry.body)["hash"] == "sm3"
    assert entry.leaf == hashlib.new("sm3", b"\0" + entry.body).digest()


def test_what_a_rule_says_of_a_look_is_in_its_body() -> None:
    asked = inquiry("1")
    asked.findings = [AccessFinding(check="c", message=Label("看", "s"), source="源")]
    entry = RECORDS.entry(asked)
    assert orjson.loads(entry.findings or "") == orjson.loads(entry.body)["findings"]
    assert entry == RECORDS.read(entry.body)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["U+0000", "surrogate"])
def test_what_no_text_can_have_is_replaced_in_body_and_columns_alike(text: str) -> None:
    asked = inquiry("1")
    asked.occasion = Occasion(purpose="p", cause=text)
    entry = RECORDS.entry(asked)
    assert entry == RECORDS.read(entry.body)
    assert entry.cause in {"a\ufffdb", "a?b"}


def test_no_key_of_a_row_and_no_number_of_a_party_stands_in_a_body() -> None:
    asked = inquiry("11010519491231002X")
    assert b"11010519491231002X" not in RECORDS.entry(asked).body


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"kind":"DEED"}', b'{"kind":"LOOK","looks":[]}']
)
def test_what_is_no_record_of_a_look_is_not_read_as_one(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - orjson's own is one
        RECORDS.read(body)


def test_digests_are_the_same_however_few_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [str(number) for number in range(7)]
    expected = sorted(RECORDS.subject("T", "s", key) for key in keys)
    monkeypatch.setattr(access_entry, "KNOWN", 3)
    records = Records(b"key", "anze")
    for some in (keys[:2], keys[1:4], keys, keys[5:]):
        found = [records.subject("T", "s", key) for key in some]
        assert sorted(found) == sorted(set(expected) & set(found))
        assert records._subjects("T", "s", [*keys, *some]) == expected
