"""Who asks: every requester kind, with and without each purpose and paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from leak_oracle import Asker
from leak_rows import CASES, NUMBERS, OWN_UNITS, PARTIES, Toml

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.requesters import KINDS, ROLES
from zhitong.types import STEWARD, Occasion, Principal

CAUSE = CASES["emergency"][1]
"""The case of a natural person who has gone to court about it."""
ANOTHERS = CASES["emergency"][3]
"""The case of an enterprise that has gone to court about it."""
PAPERS = {
    "basis": "依法",
    "cause": CAUSE,
    "letter": "介绍信1号",
    "mandate": "函1号",
    "authorisation": "授权1号",
    "licence": "律师1号",
    "approval": "审批1号",
}
OF_PARTIES = frozenset({"party", "attorney"})


def principals(kind: str) -> Iterator[Principal]:
    """Give those of a kind: parties are a person and an enterprise."""
    known = [one for one in DEMO_PRINCIPALS.values() if one.kind == kind]
    yield known[0] if known else _made(kind)
    if kind in ROLES[STEWARD]:
        yield replace(known[0], role=STEWARD)
    if kind in OF_PARTIES:
        yield _made(kind, number=NUMBERS[1])
        yield _made(kind, code=PARTIES[0] or "")


def _made(kind: str, code: str = "", number: str = "") -> Principal:
    role = next(role for role, kinds in ROLES.items() if kind in kinds)
    return Principal(
        kind=kind,
        unit=OWN_UNITS[0] if kind not in OF_PARTIES else "",
        unit_name="安泽市某单位",
        person="某人",
        role=role,
        division="619921",
        identity=bool(code or number),
        party_code=code,
        party_number=number,
    )


def occasions(policy: Toml, kind: str) -> Iterator[Occasion]:
    """State nothing; each purpose with all papers, and alone; another's case."""
    purposes = sorted(
        {
            purpose
            for section in ("rules", "lookups")
            for rule in policy.get(section, ())
            if kind in rule["kinds"]
            for purpose in rule.get("purposes", ())
        }
        - {"*", "own"}
        | set(policy.get("purposes", {}).get(kind, ()))
    )
    yield Occasion()
    for purpose in purposes:
        yield Occasion(purpose=purpose, **PAPERS)
    yield Occasion(purpose=purposes[0] if purposes else "idle-curiosity")
    yield Occasion(**PAPERS)
    if kind in OF_PARTIES:
        yield Occasion(**{**PAPERS, "cause": ANOTHERS})
    elif purposes:
        yield Occasion(purpose="idle-curiosity", **PAPERS)


def askers(policy: Toml) -> Iterator[Asker]:
    """Give everybody who asks; the platform itself has no token."""
    for kind in KINDS:
        if kind == "platform":
            continue
        for principal in principals(kind):
            for occasion in occasions(policy, kind):
                own = occasion.cause == CAUSE and principal.party_number == NUMBERS[1]
                yield Asker(
                    principal=principal,
                    occasion=occasion,
                    disputed=frozenset({CAUSE}) if own else frozenset(),
                )
