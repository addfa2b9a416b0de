"""Who asks both executors: those whose verdicts differ in kind, with their papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from imperfect_city import CASES, DISPUTED, UNITS

from zhitong.grants import Grant, InForce
from zhitong.infra.demo_people import PEOPLE
from zhitong.types import Allowance, Occasion, Principal

WIDE = Allowance(cost=10**9, introspection=True)
NARROW = Allowance(page=50, cost=20_000)
BASIS = "政务数据共享条例"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR = datetime(2090, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAsker:
    """One who asks, why, and how much."""

    name: str
    principal: Principal
    occasion: Occasion
    allowance: Allowance = WIDE


def _asker(
    name: str,
    who: str,
    occasion: Occasion | None = None,
    allowance: Allowance = WIDE,
) -> PairAsker:
    return PairAsker(
        name=name,
        principal=PEOPLE[who],
        occasion=occasion or Occasion(),
        allowance=allowance,
    )


SHARED = "data-sharing"
HANDLING = Occasion(purpose="case-handling", cause=CASES[0])
INVESTIGATING = Occasion(
    purpose="criminal-investigation", basis=BASIS, cause=CASES[1], letter="安公介字1号"
)
ASKERS: Mapping[str, PairAsker] = MappingProxyType(
    {
        one.name: one
        for one in (
            _asker("public", "public", allowance=NARROW),
            _asker("police", "police", INVESTIGATING),
            _asker("police-idle", "police"),
            _asker("own-officer", "own-officer", HANDLING),
            _asker("city-officer", "city-officer", replace(HANDLING, cause="无此案")),
            _asker("department", "department", HANDLING),
            _asker("supervisor", "supervisor", Occasion(purpose="supervision")),
            _asker("auditor", "auditor"),
            _asker("credit-system", "credit-system"),
            _asker(
                "provincial",
                "provincial-platform",
                Occasion(purpose="provincial-supervision"),
            ),
            _asker("dashboard", "dashboard"),
            _asker("party", "party", Occasion(cause=DISPUTED)),
            _asker("natural-party", "natural-party", Occasion(cause=CASES[1])),
            _asker(
                "attorney",
                "attorney",
                Occasion(
                    cause=DISPUTED,
                    letter="信1号",
                    mandate="函1号",
                    authorisation="授1号",
                    licence="师1号",
                ),
            ),
            _asker("granted", "tax-officer", Occasion(purpose=SHARED, basis=BASIS)),
            _asker("granted-idle", "tax-officer"),
            _asker(
                "emergency", "procuratorate", Occasion(purpose="emergency", basis=BASIS)
            ),
            _asker("market-steward", "market-steward"),
            _asker("operator", "operator"),
            _asker("data-authority", "data-authority"),
        )
    }
)


def _grant(name: str, unit: str, owner: str, **more: object) -> Grant:
    said: dict[str, object] = {
        "id": name,
        "unit": unit,
        "owner": owner,
        "purpose": SHARED,
        "basis": BASIS,
        "valid_from": LONG_AGO,
        "valid_to": FAR,
        "lookups": {},
        **more,
    }
    return Grant(**said)  # type: ignore[arg-type] # by name, as the dataclass has them


_TAX = PEOPLE["tax-officer"].unit
_PERSON = PEOPLE["procuratorate"]
GRANTS = (
    _grant(
        "G-market",
        _TAX,
        UNITS[2],
        fields={
            "Counterparty": frozenset({"phone", "address", "idNumber"}),
            "CaseRecord": frozenset({"facts", "place", "counterpartyIdNumber"}),
        },
        lookups={"Counterparty": frozenset({"idNumber"})},
    ),
    _grant(
        "G-dongling",
        _TAX,
        UNITS[0],
        fields={"CaseRecord": frozenset({"contactPhone", "counterpartyName"})},
        division="619921",
        masked=True,
    ),
    _grant(
        "G-emergency",
        _PERSON.unit,
        UNITS[1],
        purpose="emergency",
        fields={
            "CaseRecord": frozenset({"facts", "place", "contactPhone"}),
            "Inspection": frozenset({"problems"}),
        },
        person=_PERSON.person,
        issuer=_PERSON.issuer,
        incident="某号事件",
    ),
)
"""Two of an agency that sees nothing by rule, one of an emergency."""


class GrantsOfPair:
    """The register of grants: the same three, always."""

    async def counter(self) -> int:
        """Say that nothing changes."""
        return 1

    async def in_force(self, now: datetime) -> InForce:  # noqa: ARG002 - as the port has it
        """Give all of them."""
        return InForce(counter=1, grants=GRANTS)
