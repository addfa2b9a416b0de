"""What the rules find of a bureau's signature: a finding, never a refusal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from entries import decision

from zhitong.decisions import SignatureState, Signed
from zhitong.infra.checks_file import read_checks
from zhitong.rules.checks import SIGNATURE, findings
from zhitong.rules.facts import Facts

CHECKS = [
    one
    for one in read_checks(Path("infra/rules/checks.toml")).checks
    if one.test in SIGNATURE
]


def found(signed: Signed | None, decided_on: date = date(2026, 11, 20)) -> list[str]:
    said = decision(decided_on=decided_on)
    return [one.check for one in findings(CHECKS, said, Facts(signature=signed))]


def test_from_2027_on_a_decision_without_a_signature_is_found() -> None:
    assert found(None, date(2026, 12, 31)) == []
    assert found(None, date(2027, 1, 1)) == ["signature-stated"]


def test_a_signature_that_holds_is_silent() -> None:
    held = Signed(state=SignatureState.HOLDS)
    assert found(held, date(2027, 1, 1)) == []


@pytest.mark.parametrize(
    ("state", "check"),
    [
        (SignatureState.MALFORMED, "signature-form"),
        (SignatureState.KEY_UNKNOWN, "signature-key"),
        (SignatureState.KEY_RETIRED, "signature-retired"),
        (SignatureState.INVALID, "signature-holds"),
        (SignatureState.DIFFERS, "signature-content"),
    ],
)
def test_each_state_that_does_not_hold_has_its_finding(
    state: SignatureState, check: str
) -> None:
    assert found(Signed(state=state), date(2027, 1, 1)) == [check]


def test_every_state_is_found_or_holds() -> None:
    for state in SignatureState:
        assert len(found(Signed(state=state))) == (state is not SignatureState.HOLDS)


def test_findings_name_the_key_and_what_the_statement_says_otherwise() -> None:
    signed = Signed(
        state=SignatureState.DIFFERS,
        key_id="0123456789abcdef",
        differs=("content", "documentNo"),
    )
    (one,) = findings(CHECKS, decision(), Facts(signature=signed))
    assert "content, documentNo" in one.detail.en
    retired = msgspec.structs.replace(signed, state=SignatureState.KEY_RETIRED)
    (one,) = findings(CHECKS, decision(), Facts(signature=retired))
    assert "0123456789abcdef" in one.detail.zh
