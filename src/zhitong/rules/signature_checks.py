"""Whether the bureau has signed what it decided: judged before, said here."""

from __future__ import annotations

from collections.abc import Iterator

from zhitong.decisions import Decision, SignatureState
from zhitong.rules.check import Check, Outcome
from zhitong.rules.facts import Facts


def signature_stated(_: Check, __: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that there is a signature at all."""
    if facts.signature is None:
        yield {}


def signature_form(_: Check, __: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that a signature is of the form that can be verified."""
    return _in_state(facts, SignatureState.MALFORMED)


def signature_key(_: Check, __: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the key is one registered for the subject that decided."""
    return _in_state(facts, SignatureState.KEY_UNKNOWN)


def signature_retired(_: Check, __: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the key was in use when the decision came."""
    return _in_state(facts, SignatureState.KEY_RETIRED)


def signature_holds(_: Check, __: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the signature is that of its key over its statement."""
    return _in_state(facts, SignatureState.INVALID)


def signature_content(_: Check, __: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the statement is of this decision, with this content."""
    return _in_state(facts, SignatureState.DIFFERS)


def _in_state(facts: Facts, state: SignatureState) -> Iterator[Outcome]:
    signed = facts.signature
    if signed is not None and signed.state is state:
        yield {"key": signed.key_id, "items": ", ".join(signed.differs)}
