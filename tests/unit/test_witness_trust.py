"""Which of the operator's keys a witness trusts: named first, then one by the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from zhitong.connectors.signers import ECDSA, SM2, FileSigner, file_signer, generate
from zhitong.connectors.witness_forms import KeyNoteForm, SignatureForm
from zhitong.connectors.witness_trust import Trust
from zhitong.evidence import KeyNote
from zhitong.exceptions import WitnessError

NOTE = b"a head\n"
ALGORITHMS = (ECDSA, SM2)


def made(algorithm: str = ECDSA) -> FileSigner:
    return file_signer(generate(algorithm))


def signature(of: FileSigner, text: bytes = NOTE) -> SignatureForm:
    return SignatureForm(of.key_id, of.algorithm, of.sign(text))


def note(old: FileSigner, new: FileSigner, origin: str = "anze") -> KeyNote:
    return KeyNote(
        origin=origin,
        purpose="head",
        old=old.key_id,
        new=new.key_id,
        algorithm=new.algorithm,
        spki=new.spki,
        at=datetime(2026, 11, 22, 8, tzinfo=UTC),
    )


def form(old: FileSigner, said: KeyNote) -> KeyNoteForm:
    return KeyNoteForm(said.text.decode(), old.sign(said.text))


def weighed(trust: Trust, signatures: list[SignatureForm]) -> tuple[set[str], set[str]]:
    good, bad = trust.weigh(NOTE, signatures)
    return set(good), set(bad)


@pytest.fixture
def first() -> FileSigner:
    return made()


@pytest.fixture
def trust(tmp_path: Path, first: FileSigner) -> Trust:
    found = Trust(tmp_path / "trusted.jsonl", "anze")
    found.name(first.spki)
    return found


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_signature_of_a_named_key_counts(tmp_path: Path, algorithm: str) -> None:
    key, trust = made(algorithm), Trust(tmp_path / "trusted.jsonl", "anze")
    trust.name(key.spki)
    assert weighed(trust, [signature(key)]) == ({key.key_id}, set())
    assert weighed(trust, [signature(made(algorithm))]) == (set(), set())


def test_a_signature_in_a_trusted_keys_name_that_is_not_its_own_is_found(
    trust: Trust, first: FileSigner
) -> None:
    forged = SignatureForm(first.key_id, first.algorithm, made().sign(NOTE))
    other = SignatureForm(first.key_id, SM2, first.sign(NOTE))
    for each in (forged, other, signature(first, b"another head\n")):
        assert weighed(trust, [each]) == (set(), {first.key_id})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_successor_counts_and_its_elder_alone_no_more(
    trust: Trust, first: FileSigner, algorithm: str, tmp_path: Path
) -> None:
    second = made(algorithm)
    assert trust.follow(form(first, note(first, second)))
    for each in (trust, Trust(tmp_path / "trusted.jsonl", "anze")):
        assert list(each.current) == [second.key_id]
        assert weighed(each, [signature(first)]) == (set(), set())
        both = weighed(each, [signature(first), signature(second)])
        assert both == ({second.key_id}, set())
        assert each.follow(form(first, note(first, second))), "told twice"


def test_a_key_names_one_successor_and_no_other(
    trust: Trust, first: FileSigner
) -> None:
    assert trust.follow(form(first, note(first, made())))
    assert not trust.follow(form(first, note(first, made())))


def test_whoever_cannot_speak_for_a_key_names_none(
    trust: Trust, first: FileSigner
) -> None:
    new, stranger = made(), made()
    wrong = [
        form(stranger, note(first, new)),
        form(stranger, note(stranger, new)),
        form(first, note(first, new, origin="haicheng")),
        form(first, replace(note(first, new), purpose="receipt")),
        form(first, replace(note(first, new), algorithm=SM2)),
        KeyNoteForm("nothing", b""),
    ]
    assert [trust.follow(each) for each in wrong] == [False] * len(wrong)
    assert list(trust.current) == [first.key_id]


def test_a_spoilt_file_stops_it(trust: Trust, tmp_path: Path) -> None:
    file = tmp_path / "trusted.jsonl"
    assert trust.current
    file.write_bytes(b"{}\n" + file.read_bytes())
    with pytest.raises(WitnessError):
        Trust(file, "anze")
