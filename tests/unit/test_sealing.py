"""ID numbers sealed for one place, and what a decision's digest lets nobody guess."""

from __future__ import annotations

import hashlib
import hmac
import json

import msgspec
import pytest
from entries import SEALING, decision, of_person

from zhitong.connectors import decision_row
from zhitong.connectors.sealing import Sealing, seal, unseal
from zhitong.decisions import Decision, Party
from zhitong.exceptions import SettingsError

NUMBER = "11010519491231002X"
KEY = bytes(32)


def test_a_sealed_number_opens_in_its_place() -> None:
    sealed = seal(KEY, NUMBER, "a/1/party")
    assert unseal(KEY, sealed, "a/1/party") == NUMBER
    assert NUMBER.encode() not in sealed
    assert seal(KEY, NUMBER, "a/1/party") != sealed


@pytest.mark.parametrize(
    ("key", "place"),
    [
        pytest.param(KEY, "b/1/party", id="another decision"),
        pytest.param(KEY, "a/2/party", id="another version"),
        pytest.param(KEY, "a/1/representative", id="another field"),
        pytest.param(bytes(31) + b"\x01", "a/1/party", id="another key"),
    ],
)
def test_it_opens_nowhere_else(key: bytes, place: str) -> None:
    sealed = seal(KEY, NUMBER, "a/1/party")
    with pytest.raises(SettingsError, match=r"person\.key"):
        unseal(key, sealed, place)


def test_one_changed_bit_is_noticed() -> None:
    sealed = bytearray(seal(KEY, NUMBER, "a/1/party"))
    for place in range(len(sealed)):
        changed = (
            bytes(sealed[:place])
            + bytes([sealed[place] ^ 1])
            + bytes(sealed[place + 1 :])
        )
        with pytest.raises(SettingsError):
            unseal(KEY, changed, "a/1/party")


def test_a_persons_key_is_wrapped_for_that_person_under_the_master_key() -> None:
    person = SEALING.person(NUMBER)
    key_id, key, wrapped = SEALING.make(person)
    assert len(key) == 32
    assert key not in wrapped
    assert SEALING.unwrapped(key_id, person, wrapped) == key
    with pytest.raises(SettingsError):
        SEALING.unwrapped(key_id, SEALING.person("another"), wrapped)
    with pytest.raises(SettingsError):
        Sealing(b"digests", b"other master").unwrapped(key_id, person, wrapped)


def test_a_person_is_a_keyed_digest_whatever_the_blanks_and_letters() -> None:
    digest = hmac.digest(b"digests", f"person:{NUMBER}".encode(), hashlib.sha256)
    assert SEALING.person(NUMBER) == digest
    assert SEALING.person(" 110105 19491231002x\u3000") == digest
    assert Sealing(b"other", b"master").person(NUMBER) != digest


def test_content_is_canonical_and_has_no_id_number() -> None:
    said = of_person()
    text = decision_row.content(said)
    told = json.loads(text)
    canonical = json.dumps(
        told, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    assert text.decode() == canonical
    assert told["party"] == {
        "id_kind": "RESIDENT_ID",
        "kind": "NATURAL_PERSON",
        "name": "李四",
    }
    assert decision_row.read(text) == decision_row.with_numbers(said, {})
    assert decision_row.with_numbers(decision_row.read(text), {"party": NUMBER}) == said


def test_the_hash_knows_the_id_number_and_cannot_be_made_without_the_key() -> None:
    def hashed(said: Decision, sealing: Sealing = SEALING) -> str:
        return decision_row.content_hash(said, sealing.person)

    said = of_person()
    bare = hashlib.sha256(decision_row.content(said)).hexdigest()
    assert len({hashed(said), bare, hashed(of_person("110105194912310038"))}) == 3
    assert hashed(said) != hashed(said, Sealing(b"other", b"master"))
    open_number = msgspec.json.encode(said, order="sorted")
    assert hashed(said) != hashlib.sha256(open_number).hexdigest()
    lower = of_person(NUMBER.lower())
    assert hashed(said) == hashed(lower)


def test_without_id_numbers_anybody_can_check_the_hash() -> None:
    said = decision()
    expected = hashlib.sha256(decision_row.content(said)).hexdigest()
    assert decision_row.content_hash(said, SEALING.person) == expected


def test_what_is_not_stated_is_no_part_of_the_hash() -> None:
    # A field added to decisions later leaves the hashes of older ones as they are.
    text = decision_row.content(decision())
    assert b"inspection_no" not in text
    assert b"null" not in text


def test_a_party_is_known_by_a_valid_code_its_number_or_its_name() -> None:
    def key(**stated: str) -> str:
        party = Party(kind="LEGAL_PERSON", name="安泽（集团） 公司", **stated)
        return decision_row.party_key(party, SEALING.person)

    code = "91110000600037341L"
    assert key(code=code, id_number=NUMBER) == code
    number = f"id:{SEALING.person(NUMBER).hex()}"
    assert key(code="0" * 17 + "X", id_number=NUMBER) == number
    assert key(code="91110000600037341M") == "name:安泽(集团)公司"
