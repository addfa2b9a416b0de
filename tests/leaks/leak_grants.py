"""The oracle with grants: what they add, weighed a second time from docs/policy.md.

It shares no line with `zhitong.resolvers.granting` and `zhitong.resolvers.sight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncpg
import orjson
from leak_askers import CAUSE, PAPERS, principals
from leak_oracle import STRICT, UNBLURRED, Arm, Asker, Oracle, holds
from leak_rows import Toml, Truth

from zhitong.grants import Grant
from zhitong.schema.entities import ENTITIES
from zhitong.types import Occasion

OWNERS: Mapping[str, str] = {
    "market": "11619900MB0002006C",
    "emergency": "11619900MB0004001B",
    "transport": "11619900MB0005004U",
    "xihe": "11619922MB2208008B",
    "dongling": "11619921MB21080077",
}
PURPOSE = "tax-collection"
KINDS = ("police", "department", "public")
NOW = datetime.now(UTC)
CASE_FIELDS = frozenset(
    {
        *("facts", "contactPhone", "place", "counterpartyName", "counterpartyCode"),
        *("closedOn", "counterpartyIdNumber"),
    }
)
PARTY_FIELDS = frozenset({"phone", "address", "representative", "idNumber"})
INSERT = """insert into access_grant (grant_id, version, state, kind, unit, unit_name,
    owner, purpose, basis, fields, lookups, masked, division, own_cause, valid_from,
    valid_to, applied_by, applied_at, changed_at)
values ($1, 1, 'IN_FORCE', 'SHARING', $2, '单位', $3, $4, '依据', $5, $6, $7, $8, $9,
    $10, $11, '某人', now(), now())"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedOracle(Oracle):
    """What may be seen where there are grants as well."""

    grants: tuple[Grant, ...]

    def _sources(self, type_name: str) -> set[str]:
        return {row.source for row in self.of(type_name)}

    def _of(self, asker: Asker, source: str, type_name: str) -> Iterator[Grant]:
        fed = next((row.fed for row in self.of(type_name) if row.source == source), ())
        for grant in self.grants:
            asks = {"division"} if grant.division else set()
            asks |= {"caseNo"} if grant.own_cause else set()
            if (
                grant.owner == OWNERS.get(source, "-")
                and grant.unit == asker.principal.unit
                and grant.purpose == asker.occasion.purpose
                and grant.valid_from <= NOW < grant.valid_to
                and asks <= set(fed)
                and (asker.occasion.cause or not grant.own_cause)
            ):
                yield grant

    def added(
        self, asker: Asker, place: tuple[str, str, str], arms: Iterator[Arm]
    ) -> Iterator[Arm]:
        type_name, name, source = place
        entity = ENTITIES[type_name]
        way = entity.relations.get(name)
        declared = entity.fields[way.local if way else name]
        kept = self.tightened.get((source, type_name, declared.name))
        sharing = max(kept or "unconditional", declared.sharing, key=STRICT.index)
        given = [
            grant
            for grant in self._of(asker, source, type_name)
            if declared.name in grant.fields.get(type_name, ())
            and sharing != "withheld"
        ]
        whole = [_extent(grant) for grant in given if not grant.masked]
        blurred = [_extent(grant) for grant in given if grant.masked]
        known = tuple(arms)
        for arm in known:
            if arm.effect == "mask" or arm.mask == UNBLURRED:
                yield from (Arm("allow", None, _and(arm.when, one)) for one in whole)
            yield arm
        if not known or known[-1].when is not None:
            yield from (Arm("allow", None, _and(None, one)) for one in whole)
            mask = None if way else declared.mask
            if mask is not None:
                yield from (Arm("mask", mask, _and(None, one)) for one in blurred)

    # --- what follows from it -----------------------------------------------------

    def _gives(self, asker: Asker, type_name: str, source: str) -> bool:
        entity = ENTITIES[type_name]
        return any(
            arm.effect != "deny"
            for name in (*entity.fields, *entity.relations)
            for arm in self.arms(asker, type_name, name, source)
        )

    def seen(self, asker: Asker, type_name: str) -> bool:
        return self._gives(asker, type_name, "") or any(
            self._gives(asker, type_name, source) for source in self._sources(type_name)
        )

    def counted(self, asker: Asker, row: Truth) -> bool:
        """Of a type else hidden, rows outside the grants are not even counted."""
        entity = ENTITIES[row.type]
        given = self._gives(asker, row.type, "") or any(
            arm.effect != "deny" and holds(arm.when or {}, asker, row)
            for name in (*entity.fields, *entity.relations)
            for arm in self.arms(asker, row.type, name, row.source)
        )
        return given and Oracle.counted(self, asker, row)

    def _lifted(self, asker: Asker, type_name: str, name: str) -> set[str]:
        """Name the sources that let a field be compared which others do not."""
        if self.structure(asker, type_name, name):
            return set()
        return {
            source
            for source in self._sources(type_name)
            if self.structure(asker, type_name, name, source)
        }

    def findable(self, asker: Asker, type_name: str, name: str) -> bool:
        return Oracle.findable(self, asker, type_name, name) or bool(
            self._lifted(asker, type_name, name)
        )

    def may_compare(self, asker: Asker, row: Truth, name: str) -> bool:
        if not self._lifted(asker, row.type, name):
            if self.kept_back(asker, row.type, name, row.source):
                return False
            return self._first(self.arms(asker, row.type, name), asker, row)
        return self._first(self.arms(asker, row.type, name, row.source), asker, row)

    def _first(self, arms: tuple[Arm, ...], asker: Asker, row: Truth) -> bool:
        return next(
            (
                arm.effect == "allow"
                for arm in arms
                if arm.when is None or holds(arm.when, asker, row)
            ),
            False,
        )

    def _all(self, asker: Asker, type_name: str, name: str, source: str) -> bool:
        arms = self.arms(asker, type_name, name, source)
        return bool(arms) and arms[0].when is None and arms[0].effect == "allow"

    def wholly(self, asker: Asker, type_name: str, name: str) -> bool:
        return Oracle.wholly(self, asker, type_name, name) or any(
            self._all(asker, type_name, name, source)
            for source in self._lifted(asker, type_name, name)
        )

    def kept_back(self, asker: Asker, type_name: str, name: str, source: str) -> bool:
        lifted = self._lifted(asker, type_name, name)
        if lifted:
            return source not in lifted
        alone = Oracle(policy=self.policy, rows=self.rows, tightened=self.tightened)
        return alone.kept_back(asker, type_name, name, source) and not self._all(
            asker, type_name, name, source
        )

    def _finders(self, asker: Asker, type_name: str, name: str) -> Iterator[Grant]:
        if ENTITIES[type_name].fields[name].exact:
            for source in self._sources(type_name):
                for grant in self._of(asker, source, type_name):
                    if name in grant.lookups.get(type_name, ()):
                        yield grant

    def may_look_up(self, asker: Asker, type_name: str, name: str) -> bool:
        return Oracle.may_look_up(self, asker, type_name, name) or any(
            True for _ in self._finders(asker, type_name, name)
        )

    def opened(self, asker: Asker, row: Truth, name: str) -> bool:
        return Oracle.may_look_up(self, asker, row.type, name) or any(
            OWNERS.get(row.source) == grant.owner
            and self._first((Arm("allow", None, _extent(grant)),), asker, row)
            for grant in self._finders(asker, row.type, name)
        )


def _extent(grant: Grant) -> Toml:
    place = {"granted_place": grant.division} if grant.division else {}
    return {**place, **({"granted_cause": True} if grant.own_cause else {})}


def _and(when: Toml | None, extent: Toml) -> Toml | None:
    return {**(when or {}), **extent} or None


def askers() -> Iterator[Asker]:
    """Give who has grants: for their purpose, with and without a case, and not."""
    for kind in KINDS:
        principal = next(iter(principals(kind)))
        for occasion in (
            Occasion(purpose=PURPOSE),
            Occasion(**{**PAPERS, "purpose": PURPOSE}),
            Occasion(purpose="case-handling", cause=CAUSE),
            Occasion(),
        ):
            yield Asker(principal=principal, occasion=occasion)


def _grant(name: str, kind: str, source: str, **more: object) -> Grant:
    made = Grant(
        id=name,
        unit=next(iter(principals(kind))).unit,
        owner=OWNERS[source],
        fields={"CaseRecord": CASE_FIELDS, "Counterparty": PARTY_FIELDS},
        lookups={},
        purpose=PURPOSE,
        basis="依据",
        valid_from=NOW - timedelta(days=1),
        valid_to=NOW + timedelta(days=1),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def whole_grants() -> tuple[Grant, ...]:
    """Give grants for all rows of a source: whole, masked, ended, for look-ups."""
    numbers = {
        "CaseRecord": frozenset({"counterpartyIdNumber"}),
        "Counterparty": frozenset({"idNumber", "phone"}),
    }
    ended = NOW - timedelta(hours=1)
    return (
        _grant("police-market", "police", "market", lookups=numbers),
        _grant("police-emergency", "police", "emergency", masked=True),
        _grant("police-dongling", "police", "dongling", valid_to=ended),
        _grant("department-transport", "department", "transport", lookups=numbers),
        _grant("department-xihe", "department", "xihe"),
        _grant("public-market", "public", "market"),
        _grant("another", "audit", "xihe"),
    )


def scoped_grants() -> tuple[Grant, ...]:
    """Give grants for a place, for the own case, and for both."""
    numbers = {"CaseRecord": frozenset({"counterpartyIdNumber"})}
    return (
        _grant("police-xihe", "police", "xihe", division="619900", lookups=numbers),
        _grant("police-emergency", "police", "emergency", own_cause=True),
        _grant("department-market", "department", "market", division="619921"),
        _grant(
            "department-emergency",
            "department",
            "emergency",
            division="619900",
            own_cause=True,
            lookups=numbers,
        ),
        _grant("public-dongling", "public", "dongling", division="619921"),
    )


async def enter(address: str, grants: tuple[Grant, ...]) -> None:
    """Have *grants*, and no others, in force in the platform's database."""
    connection = await asyncpg.connect(address)
    try:
        # One that has run out is noted by the gateway: its step goes with it.
        await connection.execute("delete from grant_step")
        await connection.execute("delete from access_grant")
        for grant in grants:
            await connection.execute(
                INSERT,
                grant.id,
                grant.unit,
                grant.owner,
                grant.purpose,
                _json(grant.fields),
                _json(grant.lookups),
                grant.masked,
                grant.division,
                grant.own_cause,
                grant.valid_from,
                grant.valid_to,
            )
    finally:
        await connection.close()


def _json(by_type: Mapping[str, frozenset[str]]) -> str:
    return orjson.dumps({name: sorted(all_) for name, all_ in by_type.items()}).decode()
