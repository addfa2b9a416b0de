"""Profiles: all that verdicts look at of a caller, and nothing else.

Whoever has an equal profile has equal verdicts, of every type and every source, so what
was weighed once holds for all of them. What is left out here is what no rule, scope,
grant or reason looks at: the person's name, the text of a paper that need only be
there, a cause that nothing compares. When in doubt a thing is in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from zhitong.grants import Grant
from zhitong.resolvers.policy import Caller, Policy
from zhitong.types import Occasion

ANYBODY = "*"


class Facts(NamedTuple):
    """What verdicts look at, one by one."""

    kind: str
    role: str
    unit: str
    division: str
    tenant: str
    identity: bool
    party_code: str
    party_number: str
    person: tuple[str, str] | None
    """Issuer and subject, where a grant is one person's."""
    purpose: str
    stated: tuple[bool, ...]
    """Which papers are named, whatever is written in them."""
    cause: str
    """The case itself, where it is compared; empty where it is not."""
    disputed: frozenset[str]
    told: frozenset[str]
    document: str
    """The document's hash, where a grant names documents."""
    grants: tuple[Grant, ...]


class Profile:
    """A key for what was weighed; it hashes once."""

    __slots__ = ("_hash", "facts")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._hash = hash(facts)

    def __hash__(self) -> int:
        """Give the hash of its facts."""
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Say whether nothing that verdicts look at differs."""
        if not isinstance(other, Profile):
            return NotImplemented
        same = self._hash == other._hash
        return self is other or (same and self.facts == other.facts)

    def __repr__(self) -> str:
        """Say of whom it is, without anybody's number."""
        return f"Profile({self.facts.kind} {self.facts.unit})"


class Profiles:
    """Makes profiles under one policy."""

    def __init__(self, policy: Policy) -> None:
        scopes = [(rule.kinds, rule.under) for rule in policy.rules]
        scopes += [(rule.kinds, rule.scope) for rule in policy.rows]
        self._by_cause = frozenset(
            kind
            for kinds, scope in scopes
            for kind in kinds
            if scope is not None and scope.own_cause is not None
        )

    def of(
        self, caller: Caller, grants: Iterable[Grant] = (), document: str = ""
    ) -> Profile:
        """Say what verdicts for *caller* come of, who holds *grants*."""
        principal, occasion = caller.principal, caller.occasion
        causal = principal.kind in self._by_cause or ANYBODY in self._by_cause
        personal = documented = False
        held = tuple(grants)
        for grant in held:
            causal = causal or grant.own_cause
            personal = personal or bool(grant.person)
            documented = documented or bool(grant.documents)
        return Profile(
            Facts(
                principal.kind,
                principal.role,
                principal.unit,
                principal.division,
                principal.tenant,
                principal.identity,
                principal.party_code,
                principal.party_number,
                (principal.issuer, principal.person) if personal else None,
                occasion.purpose,
                _stated(occasion),
                occasion.cause if causal else "",
                caller.disputed,
                caller.told,
                document if documented else "",
                held,
            )
        )


def _stated(occasion: Occasion) -> tuple[bool, ...]:
    return (
        bool(occasion.basis),
        bool(occasion.cause),
        bool(occasion.letter),
        bool(occasion.mandate),
        bool(occasion.authorisation),
        bool(occasion.licence),
        bool(occasion.approval),
    )
