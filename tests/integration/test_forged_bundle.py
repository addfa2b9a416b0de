"""An operator's own bundle: a bureau's signature is of what it signed, no other."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import msgspec
import pytest
from entries import AT, decision, entry, of_person
from sealed_log import SmallWitness
from stranger import SCRIPT, lay, verified

from zhitong.connectors import decision_row
from zhitong.connectors.evidence_export import Evidence, Proved
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.signers import ECDSA, FileSigner, file_signer, generate, raw
from zhitong.decisions import (
    Change,
    Entry,
    Licence,
    Penalty,
    Review,
    SignatureState,
    Signed,
)
from zhitong.evidence import Head, Signature
from zhitong.infra.audit_export import parts
from zhitong.rules.merkle import NONE, digest, leaf
from zhitong.rules.statements import (
    NAMES,
    TYPE,
    canonical,
    content,
    content_digest,
    statement_of,
    written,
)

MEMBERS = {name: one for part in NAMES.values() for name, one in part.items()}
pytestmark = pytest.mark.integration

SALT = "ab" * 32
SHA256 = digest("sha256")
PENALTY = Penalty(
    kinds=("FINE", "WARNING"),
    violation_type='"',
    fine=2_000_005,
    confiscated=0,
    procedure="ORDINARY",
    valid_to=date(2027, 1, 1),
    hearing=True,
)
FULL = of_person(
    "110105194912310038",
    local_id='A "\\" 1\\',
    facts='安全出口"上锁"。\n\t\\"\u2028\x01 \x7f, }] \\\\',
    officers=("1900101", "1900102"),
    collective=False,
    title=None,
    review=Review(reference="FS-1", on=date(2026, 11, 19), opinion="AGREE"),
    penalty=PENALTY,
)
GENERAL = Licence(kind="GENERAL", certificate_no="证1", valid_from=date(2026, 1, 1))
LICENCE = decision(local_id="L-1", licence=GENERAL)
RECORDED = entry(FULL)
CORRECTED = entry(FULL, 2, Change.CORRECTED, reason='笔误"\\')
WITHDRAWN = entry(FULL, 2, Change.WITHDRAWN, reason="撤销", basis='第1"条')


def signed(made: Entry, bureau: FileSigner) -> tuple[Signed, bytes]:
    """Have *bureau* sign *made*: what is kept of it, and what it has signed."""
    numbers = {"idNumber": "cd" * 32} if made.decision.party.id_number else {}
    text = content(made, SALT, numbers)
    said = statement_of(made, AT, content_digest("sha256", text))
    head = canonical({"alg": "ES256", "kid": bureau.key_id, "typ": TYPE})
    plain = b".".join(map(_base64url, (head, written(said))))
    value = _base64url(raw(bureau.sign(plain)))
    kept = Signed(
        state=SignatureState.HOLDS,
        statement=(plain + b"." + value).decode(),
        key_id=bureau.key_id,
        algorithm=ECDSA,
        at=AT,
        salt=SALT,
        numbers=numbers,
    )
    return kept, text


def _base64url(text: bytes) -> bytes:
    return urlsafe_b64encode(text).rstrip(b"=")


def told(folder: Path, logged: Entry, bureau_signed: Entry) -> CompletedProcess[str]:
    """Give a stranger a log that says that the bureau signed *logged*."""
    bureau = file_signer(generate(ECDSA))
    kept, text = signed(bureau_signed, bureau)
    logged = msgspec.structs.replace(logged, signature=kept)
    numbers = dict.fromkeys(decision_row.numbers_of(logged.decision), "ef" * 32)
    hashed = decision_row.hashed(decision_row.content(logged.decision), numbers)
    body = decision_row.leaf_body(
        logged, SHA256(hashed).hex(), bytes(32) if logged.version > 1 else None, "anze"
    )
    name = f"{logged.decision.id}/{logged.version}"
    proved = Proved(0, "DECISION", name, body, [], hashed, text, bureau.key_id)
    return shown(folder, proved, {bureau.key_id: pem(PUBLIC, bureau.spki)})


def shown(folder: Path, proved: Proved, keys: dict[str, str]) -> CompletedProcess[str]:
    """Give a stranger a log of one leaf."""
    operator = file_signer(generate(ECDSA))
    witness = SmallWitness(file_signer(generate(ECDSA)))
    head = Head(
        origin="anze",
        hash="sha256",
        size=1,
        root=leaf(SHA256, proved.body),
        at=AT,
        previous=NONE,
    )
    found = Evidence(
        size=1,
        note=head.note,
        signatures=[
            Signature(
                key_id=operator.key_id, algorithm=ECDSA, value=operator.sign(head.note)
            )
        ],
        words=[witness.word(head)],
        keys=keys
        | {each.key_id: pem(PUBLIC, each.spki) for each in (operator, witness.signer)},
        leaves=[proved],
    )
    return verified(lay(folder, parts(found)))


@pytest.mark.parametrize(
    "made", [RECORDED, CORRECTED, WITHDRAWN, entry(LICENCE), entry(decision())]
)
def test_what_the_bureau_has_signed_holds(tmp_path: Path, made: Entry) -> None:
    done = told(tmp_path, made, made)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def decided(**changes: object) -> Entry:
    return entry(msgspec.structs.replace(FULL, **changes))


def penalised(**changes: Any) -> Entry:  # noqa: ANN401 - any attribute of a penalty
    return decided(penalty=msgspec.structs.replace(PENALTY, **changes))


def about(**changes: Any) -> Entry:  # noqa: ANN401 - any attribute of a party
    return decided(party=msgspec.structs.replace(FULL.party, **changes))


OTHERS: Mapping[str, tuple[Entry, Entry]] = {
    "another decision": (RECORDED, decided(local_id="A-2")),
    "another change": (CORRECTED, RECORDED),
    "another version": (msgspec.structs.replace(CORRECTED, version=3), CORRECTED),
    "another reason": (msgspec.structs.replace(CORRECTED, reason='笔误"'), CORRECTED),
    "another basis": (msgspec.structs.replace(WITHDRAWN, basis='第1"款'), WITHDRAWN),
    "facts behind a quotation mark": (
        decided(facts=f"{FULL.facts}。"),
        RECORDED,
    ),
    "more than was signed": (decided(title="添"), RECORDED),
    "less than was signed": (decided(facts=None), RECORDED),
    "other officers": (decided(officers=("1900101", "1900103")), RECORDED),
    "not collective": (decided(collective=True), RECORDED),
    "another fine": (penalised(fine=200_005), RECORDED),
    "no fine": (penalised(fine=None), RECORDED),
    "ten times as much": (penalised(confiscated=10), RECORDED),
    "another kind": (penalised(kinds=("FINE",)), RECORDED),
    "another end": (penalised(valid_to=date(2028, 1, 1)), RECORDED),
    "another person": (about(name="王二"), RECORDED),
    "another sort of party": (about(kind="LEGAL_PERSON"), RECORDED),
    "another licence": (
        entry(
            msgspec.structs.replace(
                LICENCE, licence=msgspec.structs.replace(GENERAL, kind="OTHER")
            )
        ),
        entry(LICENCE),
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_the_bureau_has_not_signed_does_not_hold(
    tmp_path: Path, what: str
) -> None:
    logged, bureau_signed = OTHERS[what]
    done = told(tmp_path, logged, bureau_signed)
    assert done.returncode == 1, done.stdout
    assert done.stdout.count("FAILS") == 1
    assert "what the bureau signed, leaf 0" in done.stdout


def test_a_deed_that_names_a_content_has_decided_nothing(tmp_path: Path) -> None:
    hashed = decision_row.content(LICENCE)
    body = canonical(
        {
            "action": "suspend-receiver",
            "at": "2026-11-22T09:30:00.000000Z",
            "detail": {"contentHash": SHA256(hashed).hex()},
            "kind": "DEED",
        }
    )
    done = shown(tmp_path, Proved(0, "DEED", "d", body, [], hashed), {})
    assert done.returncode == 1, done.stdout
    assert "what leaf 0 decided" in done.stdout


def test_every_member_that_a_bureau_signs_is_compared() -> None:
    script = SCRIPT.read_text("utf-8")
    (pairs,) = re.findall(r"^names='([^']*)'$", script, re.MULTILINE)
    amounts = {"fine", "confiscated"}
    kinds = {name for name in MEMBERS if name.lower().endswith("kind")}
    assert dict(pair.split("=") for pair in pairs.split()) == {
        name: attribute
        for name, attribute in MEMBERS.items()
        if name not in amounts | kinds
    }
