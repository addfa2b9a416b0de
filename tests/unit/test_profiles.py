"""Profiles: equal ones have equal verdicts, of every type, whoever asks and why."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from zhitong.grants import Grant
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.requesters import KINDS
from zhitong.resolvers import granting
from zhitong.resolvers.looks import noted_place
from zhitong.resolvers.policy import Caller, Effect, Policy, Rule, Scope
from zhitong.resolvers.profiles import Facts, Profile, Profiles
from zhitong.resolvers.verdicts import decide
from zhitong.schema.entities import ENTITIES
from zhitong.types import (
    OPERATOR,
    EntityType,
    Inquiry,
    Label,
    MaskKind,
    Occasion,
    Principal,
    Sharing,
    Tightening,
)

FOLDER = Path(__file__).parents[1]
IN_FORCE = read_policy(Settings().policy, ENTITIES)
WHY = Label("因", "why")
CASE = ENTITIES["CaseRecord"]
TYPES = tuple(ENTITIES.values())
DAY = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
SEED = 20_261_122


GRANT = Grant(
    id="G1",
    unit=DEMO_PRINCIPALS["police"].unit,
    owner="OWNER",
    fields={"CaseRecord": frozenset({"facts", "fine"})},
    lookups={},
    purpose="criminal-investigation",
    basis="法",
    valid_from=DAY,
    valid_to=LATER,
)


def strained() -> Policy:
    """Give a policy that looks at all there is to look at."""
    give = Rule(
        name="give",
        effect=Effect.ALLOW,
        kinds=frozenset({"police", "party"}),
        types=frozenset({"CaseRecord"}),
        sharing=frozenset(Sharing),
        reason=WHY,
        source="test",
    )
    papers = (*(one.name for one in fields(Occasion)), "identity")
    scopes = (
        Scope(own_division="division"),
        Scope(own_unit="agencyCode"),
        Scope(own_party=("counterpartyCode", "counterpartyNumber")),
        Scope(own_cause="caseNo"),
        Scope(disputed="caseNo"),
        Scope(told=("caseNo", "name")),
    )
    rules = [
        *(replace(give, requires=(paper,)) for paper in papers),
        *(replace(give, under=scope) for scope in scopes),
        replace(give, kinds=frozenset({"police"})),
        replace(give, roles=frozenset({"user"})),
        replace(give, effect=Effect.MASK, mask=MaskKind.HASH),
    ]
    # What no rule speaks of is left to grants.
    names = sorted(CASE.fields.keys() - GRANT.fields["CaseRecord"])
    named = [
        replace(rule, name=f"for {name}", fields=frozenset({name}))
        for rule, name in zip(rules, names, strict=False)
    ]
    assert len(named) == len(rules)
    return Policy(rules=tuple(named), rows=())


STRAINED = strained()


def tried(folder: Path) -> Policy:
    """Give the policy that the leak matrix is run with."""
    added = FOLDER / "leaks" / "strained.toml"
    path = folder / "policy.toml"
    path.write_text(Settings().policy.read_text() + added.read_text())
    return read_policy(path, ENTITIES)


GRANTS: tuple[tuple[Grant, ...], ...] = (
    (),
    (GRANT,),
    (replace(GRANT, own_cause=True),),
    (replace(GRANT, division="619921"),),
    (replace(GRANT, person=DEMO_PRINCIPALS["police"].person, incident="火灾1号"),),
    (replace(GRANT, masked=True), replace(GRANT, id="G2", own_cause=True)),
    (replace(GRANT, purpose="other"),),
)
WHOLE = Occasion(
    purpose="criminal-investigation",
    basis="法",
    cause="案1",
    letter="信",
    mandate="委托",
    authorisation="授权",
    licence="证",
    approval="批",
)
LAW: dict[str, Tightening] = {"fine": Tightening(Sharing.WITHHELD, "某法第1条")}
PURPOSES = sorted({purpose for rule in IN_FORCE.rules for purpose in rule.purposes})
VALUES: dict[str, Sequence[object]] = {
    "kind": sorted(KINDS),
    "role": ["user", "service", "operator", "auditor", "manager", "steward"],
    "unit": ["", "U1", GRANT.unit],
    "division": ["", "619900", "619921", "619922"],
    "tenant": ["", "anze", "other"],
    "issuer": ["", "https://one", "https://other"],
    "identity": [False, True],
    "party_code": ["", "91619900MA00000001"],
    "party_number": ["", "619902191101016684"],
    "purpose": ["", "criminal-investigation", "other", *PURPOSES],
    "cause": ["", "案1", "案2"],
}
"""What a caller is tried with; all else with a text and another."""


@dataclass(frozen=True, slots=True)
class Asker:
    """One who asks, and the grants of one owner."""

    caller: Caller
    grants: tuple[Grant, ...]


def varied(asker: Asker) -> Iterator[Asker]:
    """Change one thing at a time."""
    caller = asker.caller
    for name in (one.name for one in fields(Principal)):
        for value in VALUES.get(name, ["", "某", "另一"]):
            other = replace(caller.principal, **{name: value})  # type: ignore[arg-type]
            yield replace(asker, caller=replace(caller, principal=other))
    for name in (one.name for one in fields(Occasion)):
        for value in VALUES.get(name, ["", "某〔2026〕1号", "某〔2026〕2号"]):
            made = replace(caller.occasion, **{name: value})  # type: ignore[arg-type]
            yield replace(asker, caller=replace(caller, occasion=made))
    for disputed in (frozenset[str](), frozenset({"案1"}), frozenset({"案2"})):
        yield replace(asker, caller=replace(caller, disputed=disputed))
    for told in (frozenset[str](), frozenset({"r1:1"}), frozenset({"r1:2"})):
        yield replace(asker, caller=replace(caller, told=told))
    for grants in GRANTS:
        yield replace(asker, grants=grants)


def drawn(chance: random.Random) -> Asker:
    """Draw anybody, with anything."""
    principal = {
        one.name: chance.choice(VALUES.get(one.name, ["", "某", "另一"]))
        for one in fields(Principal)
    }
    occasion = {
        one.name: chance.choice(VALUES.get(one.name, ["", "某〔2026〕1号"]))
        for one in fields(Occasion)
    }
    return Asker(
        Caller(
            principal=Principal(**principal),  # type: ignore[arg-type]
            occasion=Occasion(**occasion),  # type: ignore[arg-type]
            disputed=frozenset(chance.choice([(), ("案1",)])),
            told=frozenset(chance.choice([(), ("r1:1",)])),
        ),
        chance.choice(GRANTS),
    )


def askers() -> Iterator[Asker]:
    for principal in DEMO_PRINCIPALS.values():
        for occasion in (Occasion(), WHOLE):
            for grants in (GRANTS[0], GRANTS[1], GRANTS[4]):
                yield Asker(Caller(principal=principal, occasion=occasion), grants)


def differing(
    policy: Policy, asker: Asker, other: Asker, types: Sequence[EntityType]
) -> list[str]:
    """Name the types that two who share a profile have different verdicts of."""
    return [
        entity.name
        for entity in types
        for law in ({}, LAW if entity is CASE else {})
        if decide(policy, asker.caller, entity, law, asker.grants)
        != decide(policy, other.caller, entity, law, other.grants)
    ]


def faults(
    policy: Policy, some: Iterable[Asker], types: Sequence[EntityType]
) -> list[str]:
    """Find pairs with one profile and two verdicts, among those that differ little."""
    profiles = Profiles(policy)
    found: list[str] = []
    for asker in some:
        own = profiles.of(asker.caller, asker.grants)
        for other in varied(asker):
            if profiles.of(other.caller, other.grants) == own and other != asker:
                wrong = differing(policy, asker, other, types)
                found += [f"{name}: {asker} {other}" for name in wrong]
    return found


@pytest.mark.parametrize("which", ["in force", "of the matrix", "strained"])
def test_equal_profiles_have_equal_verdicts(which: str, tmp_path: Path) -> None:
    policies = {"in force": IN_FORCE, "strained": STRAINED}
    chance = random.Random(SEED)  # noqa: S311 - drawn anew alike each time
    some = [*chance.sample([*askers()], 6), *(drawn(chance) for _ in range(6))]
    assert faults(policies.get(which) or tried(tmp_path), some, TYPES) == []


OF_POLICE = Asker(
    Caller(
        principal=replace(
            DEMO_PRINCIPALS["police"],
            identity=True,
            party_code="91619900MA00000001",
            party_number="619902191101016684",
        ),
        occasion=WHOLE,
        disputed=frozenset({"案1"}),
        told=frozenset({"r1:1"}),
    ),
    (),
)
EVERYTHING = (OF_POLICE, replace(OF_POLICE, grants=GRANTS[4]))
"""Who has all there is to have: without a grant, and with one of their own."""
TOO_COARSE = [name for name in Facts._fields if name != "document"]


@pytest.mark.parametrize("name", TOO_COARSE)
def test_a_profile_that_leaves_something_out_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def coarser(self: Profiles, caller: Caller, *more: object) -> Profile:
        made = of(self, caller, *more)  # type: ignore[arg-type]
        return Profile(made.facts._replace(**{name: None}))  # type: ignore[arg-type]

    of = Profiles.of
    monkeypatch.setattr(Profiles, "of", coarser)
    assert faults(STRAINED, EVERYTHING, (CASE,)), f"nothing looks at {name}"


def test_what_a_grant_asks_of_a_document_and_a_person_is_in_the_profile() -> None:
    profiles = Profiles(IN_FORCE)
    caller = Caller(principal=DEMO_PRINCIPALS["police"], occasion=Occasion())
    for_documents = (replace(GRANT, documents=frozenset({"abc"})),)
    assert profiles.of(caller, (GRANT,), "abc") == profiles.of(caller, (GRANT,), "def")
    assert profiles.of(caller, for_documents, "abc") != profiles.of(
        caller, for_documents, "def"
    )
    another = replace(caller, principal=replace(caller.principal, person="另一人"))
    for person, alike in (("", True), ("王", False)):
        held = (replace(GRANT, person=person),)
        assert (profiles.of(caller, held) == profiles.of(another, held)) is alike


def test_what_is_said_and_noted_besides_verdicts_hangs_on_the_profile_alone() -> None:
    """Hints name a grant, gaps name tables to operators, looks note places."""
    profiles = Profiles(IN_FORCE)
    chance = random.Random(SEED)  # noqa: S311 - drawn anew alike each time
    pairs = 0
    for asker in (drawn(chance) for _ in range(60)):
        own = profiles.of(asker.caller, asker.grants)
        for other in varied(asker):
            if profiles.of(other.caller, other.grants) == own:
                pairs += 1
                assert said(asker) == said(other)
    assert pairs


def said(asker: Asker) -> tuple[object, ...]:
    principal, occasion = asker.caller.principal, asker.caller.occasion
    asking = Inquiry(principal=principal, occasion=occasion, id="1")
    return (
        granting.hint(asker.grants, (principal, occasion), "CaseRecord"),
        granting.speaking(asker.grants, principal, occasion),
        principal.role == OPERATOR,
        [noted_place(asking, entity) for entity in TYPES],
    )


def test_whoever_differs_in_name_and_papers_text_alone_shares_a_profile() -> None:
    profiles = Profiles(IN_FORCE)
    caller = Caller(
        principal=DEMO_PRINCIPALS["police"],
        occasion=Occasion(purpose="criminal-investigation", cause="案1", basis="甲"),
    )
    other = replace(
        caller,
        principal=replace(caller.principal, person="另一人", client="另一程序"),
        occasion=replace(caller.occasion, cause="案2", basis="乙"),
    )
    assert profiles.of(caller) == profiles.of(other)
    assert hash(profiles.of(caller)) == hash(profiles.of(other))
    silent = replace(other, occasion=replace(other.occasion, basis=""))
    assert profiles.of(silent) != profiles.of(other)


def test_a_profile_tells_nobodys_number() -> None:
    number = "619902191101016684"
    person = replace(DEMO_PRINCIPALS["natural-party"], party_number=number)
    made = Profiles(IN_FORCE).of(Caller(principal=person, occasion=Occasion()))
    assert number not in repr(made)
