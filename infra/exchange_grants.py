"""Applications for grants in the exchange file: written, and taken in.

What comes in is checked as what a person applies for is; nothing that it says of
consent is taken over (`zhitong.rules.grant_exchange`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from zhitong.catalogue import ExchangeStatus, GrantReply
from zhitong.evidence import stamp
from zhitong.exceptions import GrantError, GrantFormError
from zhitong.grants import (
    Act,
    Application,
    GrantMode,
    GrantState,
    GrantStep,
    Terms,
)
from zhitong.infra.catalogue_forms import (
    ApplicationForm,
    GrantForm,
    GrantStateForm,
)
from zhitong.resolvers.grants import check_id, check_texts
from zhitong.rules.grant_exchange import (
    ENDED,
    STATUSES,
    applicant,
    ended,
    entered,
    opinion,
    state,
)
from zhitong.rules.grant_states import GrantClocks
from zhitong.schema.grant_inputs import items
from zhitong.types import Label

Entering = tuple[Application, Act]
Fault = tuple[str, Label]
YEARS = range(1900, 9_000)
"""Years that every database and clock zone can hold."""


def shown(text: str) -> str:
    """Give *text* of a file as a message may show it."""
    return re.sub(r"[^\w@.\- ]", "?", text)[:80]


def grant_form(said: Application, at: datetime) -> dict[str, object]:
    """Write an application as it stands *at* that moment; names of people stay here."""
    terms, stands = said.terms, state(said, at)
    return {
        "apply_id": said.id,
        "unit_code": said.unit,
        "unit_name": said.unit_name,
        "org_code": terms.owner,
        "items": _listed(terms.fields),
        "lookups": _listed(terms.lookups),
        "purpose": terms.purpose,
        "basis": terms.basis,
        "scene": terms.scene,
        "mode": terms.mode.lower(),
        "masked": terms.masked,
        "division": terms.division,
        "own_cause": terms.own_cause,
        "documents": list(terms.documents),
        "page": terms.page,
        "cost": terms.cost,
        "rate": terms.rate,
        "receiver": terms.receiver,
        "valid_from": stamp(terms.valid_from),
        "valid_to": stamp(terms.valid_to),
        "status": STATUSES[stands].value,
        "state": stands.lower(),
        "opinion": opinion(said),
        "applied_at": stamp(said.applied_at),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What takes applications in, beside those that are there already."""

    check: Callable[[Terms, str], bool]
    """Says whether terms are conditional; raises where a unit cannot have them."""
    clocks: GrantClocks
    known: Collection[str]
    """Ids of the applications in the register."""
    at: datetime

    def applied(
        self, given: Sequence[ApplicationForm]
    ) -> tuple[list[Entering], list[Fault]]:
        """Take what was applied for on the exchange platform."""
        made: list[Entering] = []
        faults = [*_twice((one.apply_id for one in given), "applications")]
        for number, one in enumerate(given):
            try:
                made.append(self._entering(one, self.at))
            except GrantError as error:
                faults.append((f"$.applications[{number}]", error.label))
        return made, faults

    def restored(
        self, given: Sequence[GrantForm]
    ) -> tuple[list[Entering], list[Fault]]:
        """Take the applications of another register: the ended ones as they ended."""
        made: list[Entering] = []
        faults = [*_twice((one.apply_id for one in given), "grants")]
        for number, one in enumerate(given):
            place, how = f"$.grants[{number}]", GrantState[one.state.upper()]
            if one.status != STATUSES[how].value:
                what = Label(
                    f"state 为 {one.state} 的 status 是 {STATUSES[how].value}",
                    f"the status of {one.state} is {STATUSES[how].value}",
                )
                faults.append((f"{place}.status", what))
            if one.applied_at > self.at or one.applied_at.year not in YEARS:
                what = Label("申请时间不成立", "was not applied for at that time")
                faults.append((f"{place}.applied_at", what))
            try:
                if how in ENDED:
                    made.append(self._ended(one, how))
                else:
                    made.append(self._entering(one, one.applied_at))
            except GrantError as error:
                faults.append((place, error.label))
        return made, faults

    def replied(
        self, given: Sequence[GrantStateForm], coming: Collection[str], part: str
    ) -> tuple[list[GrantReply], list[Fault]]:
        """Take what is said of applications, here or *coming* in the same file."""
        faults = [*_twice((one.apply_id for one in given), part)]
        for number, one in enumerate(given):
            if one.apply_id not in self.known and one.apply_id not in coming:
                word = shown(one.apply_id)
                what = Label(f"没有申请 {word}", f"there is no application {word}")
                faults.append((f"$.{part}[{number}].apply_id", what))
        made = [
            GrantReply(
                grant=one.apply_id,
                external_id=one.external_id,
                status=ExchangeStatus(one.status),
                opinion=one.opinion,
            )
            for one in given
        ]
        return made, faults

    def _entering(self, one: ApplicationForm, applied_at: datetime) -> Entering:
        terms = _terms(one)
        check_id(one.apply_id)
        conditional = self.check(terms, one.unit_code)
        act = self._act(one, terms, conditional=conditional)
        return entered(act, terms, self.clocks, applied_at), act

    def _ended(self, one: GrantForm, how: GrantState) -> Entering:
        terms = _terms(one)
        check_id(one.apply_id)
        act = self._act(one, terms, reason=one.opinion)
        return ended(act, terms, how, one.applied_at), act

    def _act(
        self,
        one: ApplicationForm,
        terms: Terms,
        *,
        conditional: bool = True,
        reason: str = "",
    ) -> Act:
        check_texts(unit_name=one.unit_name, scene=one.scene, opinion=reason)
        return Act(
            grant=one.apply_id,
            version=0,
            step=GrantStep.APPLY,
            actor=applicant(one.unit_code, one.unit_name),
            at=self.at,
            reason=reason,
            terms=terms,
            conditional=conditional,
        )


def _terms(one: ApplicationForm) -> Terms:
    if not all(day.year in YEARS for day in (one.valid_from, one.valid_to)):
        raise GrantFormError(
            "使用期限的年份不成立，请核对", "the period has a year that cannot be"
        )
    return Terms(
        owner=one.org_code,
        fields=items(one.items),
        lookups=items(one.lookups),
        purpose=one.purpose.strip(),
        basis=one.basis.strip(),
        scene=one.scene.strip(),
        mode=GrantMode[one.mode.upper()],
        masked=one.masked,
        division=one.division,
        own_cause=one.own_cause,
        documents=tuple(one.documents),
        page=one.page,
        cost=one.cost,
        rate=one.rate,
        receiver=one.receiver,
        valid_from=one.valid_from,
        valid_to=one.valid_to,
    )


def _listed(by_type: Mapping[str, frozenset[str]]) -> list[str]:
    return sorted(
        f"{name}.{field}" for name, fields in by_type.items() for field in fields
    )


def _twice(ids: Iterable[str], part: str) -> Iterable[Fault]:
    seen: dict[str, int] = {}
    for number, one in enumerate(ids):
        if one in seen:
            first, word = f"{part}[{seen[one]}]", shown(one)
            yield (
                f"$.{part}[{number}].apply_id",
                Label(f"{word} 在 {first} 已有", f"{first} is {word} already"),
            )
        seen.setdefault(one, number)
