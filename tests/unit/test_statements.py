"""A bureau's signature on its decision: when it holds, and when it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from zhitong.connectors.signers import (
    ECDSA,
    SM2,
    FileSigner,
    file_signer,
    generate,
    raw,
)
from zhitong.connectors.signers import verify_raw as verify
from zhitong.decisions import (
    BureauKey,
    Change,
    Decision,
    Entry,
    SignatureState,
    Signed,
    Signing,
)
from zhitong.infra.bureau_signing import sign
from zhitong.rules.statements import canonical, content, judge, stated, weigh
from zhitong.schema.decision_inputs import DecisionInput
from zhitong.schema.decision_inputs import decision as translated

UNIT = "11619900MB0004001B"
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SEALED = "11010519491231002X"
NONCE = "ab" * 32
GIVEN: Mapping[str, Any] = {
    "localId": "A-1",
    "actType": "PENALTY",
    "subjectCode": UNIT,
    "documentNo": "（安）应急罚〔2026〕1号",
    "decidedOn": "2026-11-20",
    "facts": "安全出口“上锁”。\n\t\u2028",
    "counterpartyKind": "NATURAL_PERSON",
    "counterpartyName": "李四",
    "idKind": "RESIDENT_ID",
    "idNumber": SEALED,
    "officerCertificates": ["1900101", "1900102"],
    "penaltyKinds": ["FINE"],
    "fine": "20000.00",
    "procedure": "ORDINARY",
    "hearing": False,
    "reviewOpinion": "AGREE",
    "reviewNo": "FS-1",
    "validTo": "2027-11-20",
}


class Bureau:
    """A bureau with a key that is registered for it."""

    def __init__(self, algorithm: str = ECDSA, **key: object) -> None:
        self.signer = file_signer(generate(algorithm))
        self.key = msgspec.structs.replace(registered(self.signer), **key)

    def judged(
        self, entry: Entry, variables: Mapping[str, Any], **changed: str
    ) -> Signed:
        given = {**sign(self.signer, variables, NONCE, AT), **changed}
        numbers = stated(entry.decision)
        return judge(entry, Signing(**given), numbers, [self.key], verify)

    def state(self, entry: Entry, variables: Mapping[str, Any], **changed: str) -> str:
        return self.judged(entry, variables, **changed).state


def registered(signer: FileSigner) -> BureauKey:
    return BureauKey(
        key_id=signer.key_id,
        unit=UNIT,
        algorithm=signer.algorithm,
        spki=signer.spki,
        since=AT - timedelta(days=1),
    )


def decision(given: Mapping[str, Any]) -> Decision:
    """Read the variables as the graph does."""
    fields = DecisionInput.__strawberry_definition__.fields
    enums = {field.name: getattr(field.type, "of_type", field.type) for field in fields}
    read = {
        name: _read(getattr(enums[name], "wrapped_cls", None), value)
        for name, value in given.items()
    }
    kinds = {"penaltyKinds": enums["penaltyKinds"].of_type.wrapped_cls}
    for name, kind in kinds.items():
        if name in read:
            read[name] = [kind(each) for each in given[name]]
    return translated(DecisionInput(**read))


def _read(kind: Callable[[str], object] | None, value: object) -> object:
    return kind(value) if kind is not None and isinstance(value, str) else value


def recorded(given: Mapping[str, Any] = GIVEN, **more: object) -> Entry:
    entry = Entry(
        decision=decision(given),
        version=1,
        change=Change.RECORDED,
        at=AT,
        unit=UNIT,
        person="王五",
    )
    return msgspec.structs.replace(entry, **more)


def parts(statement: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, said, signature = statement.split(".")
    return _json(head), _json(said), signature


def _json(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return read


def _written(said: dict[str, Any]) -> str:
    text = base64.urlsafe_b64encode(canonical(said))
    return text.decode().rstrip("=")


def test_a_statement_has_one_form_alone() -> None:
    bureau = Bureau()
    statement = sign(bureau.signer, {"decision": GIVEN}, NONCE, AT)["statement"]
    head, said, _ = statement.split(".")
    blank = base64.urlsafe_b64encode(json.dumps(_json(said)).encode()).decode()
    text = f"{head}.{blank.rstrip('=')}"
    signature = base64.urlsafe_b64encode(raw(bureau.signer.sign(text.encode())))
    loose = f"{text}.{signature.decode().rstrip('=')}"
    state = bureau.state(recorded(), {"decision": GIVEN}, statement=loose)
    assert state == "MALFORMED"


@pytest.mark.parametrize("algorithm", [ECDSA, SM2])
def test_what_a_bureau_has_signed_holds(algorithm: str) -> None:
    signed = Bureau(algorithm).judged(recorded(), {"decision": GIVEN})
    assert (signed.state, signed.algorithm) == (SignatureState.HOLDS, algorithm)
    assert signed.at == AT


def test_the_content_is_the_variables_as_json_with_sorted_keys() -> None:
    bureau = Bureau()
    signed = bureau.judged(recorded(), {"decision": GIVEN})
    said = {
        "decision": {**GIVEN, "idNumber": signed.numbers["idNumber"]},
        "salt": signed.salt,
    }
    expected = json.dumps(
        said, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    assert content(recorded(), signed.salt, signed.numbers) == expected.encode()


def test_blanks_and_nulls_are_not_signed() -> None:
    blank = {**GIVEN, "title": "", "caseNo": None}
    assert Bureau().state(recorded(blank), {"decision": blank}) == "HOLDS"
    assert Bureau().state(recorded(GIVEN), {"decision": blank}) == "HOLDS"


def test_an_amount_is_signed_with_two_decimals_however_it_was_written() -> None:
    short = {**GIVEN, "fine": "20000"}
    assert Bureau().state(recorded(short), {"decision": short}) == "HOLDS"


@pytest.mark.parametrize(
    "changed",
    [
        {"at": "0001-01-01T00:00:00+14:00"},
        {"at": "9999-12-31T23:59:59-12:00"},
        {"at": "2026-11-22T09:30:00"},
        {"decidedOn": "2026-02-30"},
        {"form": "zhitong-decision/2"},
        {"more": "x"},
        {"content": None},
        {"documentNo": [[[[]]]]},
    ],
)
def test_a_statement_that_says_what_cannot_be_is_none(changed: dict[str, Any]) -> None:
    bureau = Bureau()
    statement = sign(bureau.signer, {"decision": GIVEN}, NONCE, AT)["statement"]
    head, said, _ = statement.split(".")
    odd = f"{head}.{_written(_json(said) | changed)}.{'A' * 86}"
    state = bureau.state(recorded(), {"decision": GIVEN}, statement=odd)
    assert state == "MALFORMED"


def test_a_statement_as_deep_as_it_is_long_is_none() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2000 + b"]" * 2000).decode().rstrip("=")
    odd = f"{deep}.e30.{'A' * 86}"
    assert Bureau().state(recorded(), {"decision": GIVEN}, statement=odd) == "MALFORMED"


def test_content_that_was_changed_after_it_was_signed_is_named() -> None:
    changed = recorded({**GIVEN, "fine": "2000.00"})
    signed = Bureau().judged(changed, {"decision": GIVEN})
    assert (signed.state, signed.differs) == (SignatureState.DIFFERS, ("content",))


def test_another_id_number_is_other_content() -> None:
    other = recorded({**GIVEN, "idNumber": "110105194912310038"})
    assert Bureau().state(other, {"decision": GIVEN}) == "DIFFERS"


def test_the_statement_of_another_decision_does_not_serve() -> None:
    other = recorded({**GIVEN, "localId": "A-2", "documentNo": "2号"})
    signed = Bureau().judged(other, {"decision": GIVEN})
    assert signed.differs == ("content", "decisionId", "documentNo")


def test_the_statement_of_a_decision_does_not_withdraw_it() -> None:
    withdrawn = recorded(
        version=2, change=Change.WITHDRAWN, reason="撤销", basis="复查意见"
    )
    bureau = Bureau()
    assert bureau.state(withdrawn, {"decision": GIVEN}) == "DIFFERS"
    withdrawal = {"decisionId": "…", "reason": "撤销", "basis": "复查意见"}
    given = Signing(
        **sign(bureau.signer, {"decision": GIVEN, "withdrawal": withdrawal})
    )
    signed = judge(withdrawn, given, {}, [bureau.key], verify)
    assert signed.state is SignatureState.HOLDS


def test_a_correction_is_signed_with_its_reason_and_the_version_it_corrects() -> None:
    corrected = recorded(version=3, change=Change.CORRECTED, reason="笔误")
    correction = {"decision": GIVEN, "reason": "笔误", "version": 2}
    assert Bureau().state(corrected, {"correction": correction}) == "HOLDS"
    late = {**correction, "version": 1}
    assert Bureau().state(corrected, {"correction": late}) == "DIFFERS"


def test_a_number_that_a_correction_keeps_is_not_in_what_is_signed() -> None:
    without = {n: v for n, v in GIVEN.items() if n not in {"idNumber", "idKind"}}
    corrected = recorded(version=2, change=Change.CORRECTED, reason="笔误")
    bureau = Bureau()
    correction = {"decision": without, "reason": "笔误", "version": 1}
    given = Signing(**sign(bureau.signer, {"correction": correction}))
    signed = judge(corrected, given, {}, [bureau.key], verify)
    assert signed.state is SignatureState.HOLDS


def test_a_key_that_is_not_registered_is_named() -> None:
    bureau, other = Bureau(), Bureau()
    bureau.key = other.key
    signed = bureau.judged(recorded(), {"decision": GIVEN})
    assert signed.state is SignatureState.KEY_UNKNOWN
    assert signed.key_id == bureau.signer.key_id


def test_the_key_of_another_bureau_is_none_of_this_one() -> None:
    other = Bureau(unit="11619900MB0005004U")
    assert other.state(recorded(), {"decision": GIVEN}) == "KEY_UNKNOWN"


def test_a_retired_key_signs_no_more_whatever_time_it_writes() -> None:
    retired = Bureau(retired=AT)
    assert retired.state(recorded(), {"decision": GIVEN}) == "KEY_RETIRED"
    later = Bureau(retired=AT + timedelta(seconds=1))
    assert later.state(recorded(), {"decision": GIVEN}) == "HOLDS"


def test_a_signature_of_another_key_under_this_one_s_name_does_not_hold() -> None:
    bureau, thief = Bureau(), Bureau()
    bureau.key = msgspec.structs.replace(bureau.key, spki=thief.key.spki)
    assert bureau.state(recorded(), {"decision": GIVEN}) == "INVALID"


def test_a_statement_that_was_changed_does_not_hold() -> None:
    bureau = Bureau()
    statement = sign(bureau.signer, {"decision": GIVEN}, NONCE, AT)["statement"]
    head, said, signature = statement.split(".")
    text = _written(_json(said) | {"documentNo": "2号"})
    forged = f"{head}.{text}.{signature}"
    assert bureau.state(recorded(), {"decision": GIVEN}, statement=forged) == "INVALID"


@pytest.mark.parametrize(
    "statement",
    ["", "…", "a.b", "a.b.c", "e30.e30." + "A" * 86, "x" * 100_000, "a.b.c\n", "\0"],
)
def test_what_is_no_statement_is_kept_from_nobody(statement: str) -> None:
    bureau = Bureau()
    signed = bureau.judged(recorded(), {"decision": GIVEN}, statement=statement)
    assert signed.state is SignatureState.MALFORMED
    assert signed.statement in {"", statement}
    assert weigh(recorded(), signed, [bureau.key], verify) == signed


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384"])
def test_no_other_algorithm_is_taken(alg: str) -> None:
    bureau = Bureau()
    statement = sign(bureau.signer, {"decision": GIVEN}, NONCE, AT)["statement"]
    head, said, signature = statement.split(".")
    forged = f"{_written(_json(head) | {'alg': alg})}.{said}.{signature}"
    state = bureau.state(recorded(), {"decision": GIVEN}, statement=forged)
    assert state == "MALFORMED"


@pytest.mark.parametrize("nonce", ["", "ab", "AB" * 32, "zz" * 32])
def test_without_a_nonce_nothing_can_be_verified(nonce: str) -> None:
    state = Bureau().state(recorded(), {"decision": GIVEN}, nonce=nonce)
    assert state == "MALFORMED"


def test_what_is_kept_is_weighed_alike_without_the_id_numbers() -> None:
    bureau, entry = Bureau(), recorded()
    signed = bureau.judged(entry, {"decision": GIVEN})
    party = msgspec.structs.replace(entry.decision.party, id_number=None)
    erased = recorded(decision=msgspec.structs.replace(entry.decision, party=party))
    kept = msgspec.structs.replace(signed, openings={})
    assert weigh(erased, kept, [bureau.key], verify).state is SignatureState.HOLDS


def test_neither_statement_nor_what_is_kept_tells_an_id_number() -> None:
    signed = Bureau().judged(recorded(), {"decision": GIVEN})
    head, said, _ = parts(signed.statement)
    assert head.keys() == {"alg", "kid", "typ"}
    assert SEALED not in repr((said, signed.salt, signed.numbers))
    assert "李四" not in repr(said)
    assert NONCE not in repr((said, signed))
