"""Whether what was decided fits together: review, amounts, procedure, number."""

from __future__ import annotations

from collections.abc import Iterator

from zhitong.decisions import Decision, Penalty
from zhitong.rules.check import Check, Outcome, procedure
from zhitong.rules.document_numbers import usual
from zhitong.rules.facts import Facts
from zhitong.rules.money import yuan
from zhitong.rules.resident_ids import has_resident_id
from zhitong.rules.texts import free_texts

FINE = "FINE"
CONFISCATED = frozenset({"CONFISCATED_GAINS", "CONFISCATED_GOODS"})
NOTHING = Penalty()

# --- legal review ------------------------------------------------------------


def review_stated(check: Check, decision: Decision, _: Facts) -> Iterator[Outcome]:
    """Check that where the catalogue asks for a legal review, one is referred to.

    It asks for certain kinds of penalty, fines from an amount by kind of party, and
    after a hearing; a check without any of these asks always.
    """
    if decision.review is not None and decision.review.reference:
        return
    penalty = decision.penalty or NOTHING
    asked = check.kinds or check.amounts or check.hearing
    least = check.amounts.get(decision.party.kind)
    large = least is not None and penalty.fine is not None and penalty.fine >= least
    listed = check.kinds & set(penalty.kinds)
    heard = check.hearing and penalty.hearing is True
    if large or listed or heard or not asked:
        yield {}


def review_before(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that the review is not after the decision."""
    review = decision.review
    if review and review.on and review.on > decision.decided_on:
        yield {"reviewed": str(review.on), "decided": str(decision.decided_on)}


def review_opinion(check: Check, decision: Decision, _: Facts) -> Iterator[Outcome]:
    """Check that the review's opinion is one under which it may be decided."""
    opinion = decision.review.opinion if decision.review else None
    if opinion and opinion not in check.kinds:
        yield {"opinion": opinion}


def review_complete(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a review that is referred to has its day and its opinion."""
    review = decision.review
    if review and (review.on is None or review.opinion is None):
        yield {}


# --- kinds and amounts -------------------------------------------------------


def kinds_stated(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a penalty says of what kind it is."""
    if not (decision.penalty or NOTHING).kinds:
        yield {}


def fine_amount(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a fine has an amount."""
    penalty = decision.penalty or NOTHING
    if FINE in penalty.kinds and not penalty.fine:
        yield {}


def fine_kind(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that an amount of a fine comes with the kind."""
    penalty = decision.penalty or NOTHING
    if penalty.fine and FINE not in penalty.kinds:
        yield {"fine": yuan(penalty.fine)}


def confiscated_kind(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that an amount confiscated comes with a kind that confiscates."""
    penalty = decision.penalty or NOTHING
    if penalty.confiscated and not CONFISCATED & set(penalty.kinds):
        yield {"confiscated": yuan(penalty.confiscated)}


# --- procedure ---------------------------------------------------------------


def procedure_stated(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a penalty says by which procedure it was decided."""
    if not (decision.penalty or NOTHING).procedure:
        yield {}


def fine_within(check: Check, decision: Decision, _: Facts) -> Iterator[Outcome]:
    """Check that the fine is within what is allowed for this kind of party."""
    most = check.amounts.get(decision.party.kind)
    fine = (decision.penalty or NOTHING).fine
    if most is not None and fine is not None and fine > most:
        yield {"fine": yuan(fine), "most": yuan(most)}


def id_of_person(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a legal person is not given a natural person's ID number."""
    if decision.party.kind == "LEGAL_PERSON" and decision.party.id_number:
        yield {}


def kinds_within(check: Check, decision: Decision, _: Facts) -> Iterator[Outcome]:
    """Check that every kind of penalty is one that the procedure allows."""
    others = set((decision.penalty or NOTHING).kinds) - check.kinds
    if others:
        yield {"kinds": ", ".join(sorted(others)), "procedure": procedure(decision)}


# --- licence, document -------------------------------------------------------


def licence_stated(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a licence says what is licensed."""
    if decision.licence is None:
        yield {}


def licence_term(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a licence does not end before it begins."""
    licence = decision.licence
    if licence is None or licence.valid_from is None or licence.valid_to is None:
        return
    if licence.valid_to < licence.valid_from:
        yield {"since": str(licence.valid_from), "until": str(licence.valid_to)}


def document_form(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that the document number has agency, year and number."""
    if not usual(decision.document_no):
        yield {}


def texts_without_ids(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that no free text has a resident ID number; it leaves masked there."""
    found = [name for name, text in free_texts(decision) if has_resident_id(text)]
    if found:
        yield {"fields": ", ".join(found)}
