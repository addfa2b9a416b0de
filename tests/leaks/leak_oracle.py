"""The oracle: what policy.toml says, weighed a second time from docs/policy.md.

It shares no line with `zhitong.resolvers.policy` and `zhitong.infra.policy_file`. Rows
are weighed one by one where they lie in memory; the engine decides once per question
and has databases do the rest.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from leak_rows import SHANGHAI, Toml, Truth, Value

from zhitong.schema.entities import ENTITIES
from zhitong.types import Kind, Occasion, Principal, Relation

PRINCIPAL = frozenset({"identity"})
NUMBER = re.compile(r"[1-9]\d{16}[0-9Xx]")
RESIDENT = re.compile(r"[1-6]\d{16}[0-9Xx]")
ORDER = {"deny": 0, "mask": 1, "allow": 2}
STRICT = ("unconditional", "conditional", "withheld")
SCOPES = {"granted_place": "division", "granted_cause": "caseNo"}
"""What a grant's extent is compared with."""
UNBLURRED = "<no mask for it>"
"""Of an arm that gives masked alone what nothing blurs: nothing is shown."""
HASHED = "<a pseudonym>"
"""Some text that is not the value, and the same for the same value."""


class Hidden(Exception):  # noqa: N818 - it is an answer, not a fault
    """Nothing may be compared here: the question is to be refused."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What one rule says, and of which rows; of all without *when*."""

    effect: str
    mask: str | None
    when: Toml | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, what for, and which cases of the party are disputed."""

    principal: Principal
    occasion: Occasion
    disputed: frozenset[str] = frozenset()

    @property
    def stated(self) -> frozenset[str]:
        """Name what the asker states."""
        papers = {
            name
            for name in Occasion.__dataclass_fields__
            if getattr(self.occasion, name)
        }
        return frozenset(papers | ({"identity"} if self.principal.identity else set()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """What may be seen, of rows that are known."""

    policy: Toml
    rows: tuple[Truth, ...]
    tightened: Mapping[tuple[str, str, str], str]
    """(source, type, field) → the stricter sharing attribute of its binding."""
    beside: frozenset[str] = frozenset()
    """Canaries of no row, which nobody is shown: who complained."""
    _known: dict[tuple[object, ...], tuple[Arm, ...]] = field(default_factory=dict)

    def of(self, type_name: str) -> Iterator[Truth]:
        """Give the rows of one type."""
        return (row for row in self.rows if row.type == type_name)

    # --- rules ------------------------------------------------------------------

    def arms(
        self, asker: Asker, type_name: str, name: str, source: str = ""
    ) -> tuple[Arm, ...]:
        """Weigh the rules for a field or relation, as *source* shares it."""
        place = (asker, type_name, name, source)
        if place not in self._known:
            self._known[place] = tuple(self._weighed(asker, type_name, name, source))
        return self._known[place]

    def _weighed(
        self, asker: Asker, type_name: str, name: str, source: str
    ) -> Iterator[Arm]:
        declared = ENTITIES[type_name].fields.get(name)
        whole = _in(asker.principal.kind, self.policy.get("whole_texts", []))
        ruled = self._ruled(asker, type_name, name, source)
        for arm in self.added(asker, (type_name, name, source), ruled):
            if declared is None or whole or arm.effect != "allow":
                yield arm
            elif declared.free:
                yield Arm("mask", "text", arm.when)
            else:
                yield Arm("allow", "text", arm.when) if declared.named else arm

    def added(
        self, _asker: Asker, _place: tuple[str, str, str], arms: Iterator[Arm]
    ) -> Iterator[Arm]:
        """Add what is given besides the rules: nothing here (see `leak_grants`)."""
        return arms

    def _ruled(
        self, asker: Asker, type_name: str, name: str, source: str
    ) -> Iterator[Arm]:
        entity = ENTITIES[type_name]
        way = entity.relations.get(name)
        declared = entity.fields[way.local if way else name]
        kept = self.tightened.get((source, type_name, declared.name))
        sharing = max(kept or "unconditional", declared.sharing, key=STRICT.index)
        stricter = sharing != declared.sharing
        for rule in sorted(self._speaking(asker, type_name, name, sharing), key=_rank):
            if stricter and rule["effect"] != "deny" and "sharing" not in rule:
                continue  # it was written for what the type declares
            arm = _arm(self._meant(rule, asker), asker, None if way else declared.mask)
            if arm is not None:
                yield arm
                if arm.when is None:
                    return

    def _speaking(
        self, asker: Asker, type_name: str, name: str, sharing: str
    ) -> Iterator[Toml]:
        for rule in self.policy["rules"]:
            if (
                _in(asker.principal.kind, rule["kinds"])
                and _in(asker.principal.role, rule.get("roles", ["*"]))
                and _in(type_name, rule.get("types", ["*"]))
                and _in(name, rule.get("fields", ["*"]))
                and sharing in rule.get("sharing", STRICT)
            ):
                yield rule

    def _meant(self, rule: Toml, asker: Asker) -> Toml:
        """Read ``own`` as the purposes that the file lists for the asker's kind."""
        if rule.get("purposes") != ["own"]:
            return rule
        listed = self.policy["purposes"][asker.principal.kind]
        return {**rule, "purposes": listed}

    def _rules(self, section: str, asker: Asker, type_name: str) -> list[Toml]:
        return [
            rule
            for rule in self.policy.get(section, [])
            if _in(asker.principal.kind, rule["kinds"])
            and _in(type_name, rule["types"])
        ]

    # --- rows and cells ---------------------------------------------------------

    def visible(self, asker: Asker, row: Truth) -> bool:
        """Say whether the row may be seen at all, if only by its id."""
        return (
            not self.counts_only(asker, row.type)
            and self.seen(asker, row.type)
            and self.counted(asker, row)
        )

    def counted(self, asker: Asker, row: Truth) -> bool:
        """Say whether the row is among those that are counted."""
        rules = self._rules("rows", asker, row.type)
        return all(holds(rule, asker, row, rule.get("where")) for rule in rules)

    def listed(self, asker: Asker, type_name: str, name: str) -> set[str]:
        """Give the values of a field that the rules of rows let through."""
        rules = self._rules("rows", asker, type_name)
        wheres = [rule["where"] for rule in rules if "where" in rule]
        return {
            one for where in wheres if where["field"] == name for one in where["in"]
        }

    def counts_only(self, asker: Asker, type_name: str) -> bool:
        """Say whether rows are counted and none is given."""
        return any(rule.get("only") for rule in self._rules("counts", asker, type_name))

    def smallest(self, asker: Asker, type_name: str) -> int:
        """Say below which number counts are suppressed."""
        rules = self._rules("counts", asker, type_name)
        return max((rule["smallest"] for rule in rules), default=0)

    def seen(self, asker: Asker, type_name: str) -> bool:
        """Say whether anything of a type may be seen."""
        entity = ENTITIES[type_name]
        return any(
            arm.effect != "deny"
            for name in (*entity.fields, *entity.relations)
            for arm in self.arms(asker, type_name, name)
        )

    def verdict(self, asker: Asker, row: Truth, name: str) -> Arm:
        """Say what is to be done with one cell."""
        for arm in self.arms(asker, row.type, name, row.source):
            if arm.when is None:
                return arm
            if not _asked(arm.when) <= row.fed:
                break  # nobody can say which rows it covers: nothing is given
            if holds(arm.when, asker, row):
                return arm
        return Arm("deny", None, None)

    def cell(self, asker: Asker, row: Truth, name: str) -> Value:
        """Give what the answer shows in one cell."""
        arm, stored = self.verdict(asker, row, name), shown(row, name)
        if arm.effect == "deny" or stored is None:
            return () if stored == () and arm.effect == "allow" else None
        if arm.effect == "allow":
            text = arm.mask == "text"
            return blurred("text", Kind.TEXT, stored) if text else stored
        if arm.mask == "amount-band":
            edges = [0, *sorted(self.policy["bands"]["edges"])]
            edge = max(edge for edge in edges if edge <= float(str(stored)))
            return f"{edge}.00"
        return blurred(arm.mask, ENTITIES[row.type].fields[name].kind, stored)

    # --- comparisons ------------------------------------------------------------

    def structure(
        self, asker: Asker, type_name: str, name: str, source: str = ""
    ) -> tuple[tuple[bool, str], ...]:
        """Say for which rows a field is given as it is, in a form to compare."""
        arms = self.arms(asker, type_name, name, source)
        said = [(arm.effect == "allow", repr(arm.when)) for arm in arms]
        return tuple(said) if any(plain for plain, _ in said) else ()

    def findable(self, asker: Asker, type_name: str, name: str) -> bool:
        """Say whether any row may be found by a field."""
        return bool(self.structure(asker, type_name, name))

    def comparable(self, asker: Asker, type_name: str, *names: str) -> list[Truth]:
        """Give the rows whose values may be compared; raise `Hidden` if never."""
        for name in names:
            if not self.findable(asker, type_name, name):
                raise Hidden(name)
        return [
            row
            for row in self.of(type_name)
            if self.counted(asker, row)
            and all(self.may_compare(asker, row, name) for name in names)
        ]

    def may_compare(self, asker: Asker, row: Truth, name: str) -> bool:
        """Say whether the row's value may be compared."""
        place = (row.source, row.type, name)
        here = self.structure(asker, row.type, name, row.source)
        if place in self.tightened and here != self.structure(asker, row.type, name):
            return False
        for arm in self.arms(asker, row.type, name):
            if arm.when is None or holds(arm.when, asker, row):
                return arm.effect == "allow"
        return False

    def wholly(self, asker: Asker, type_name: str, name: str) -> bool:
        """Say whether a field is given as it is for every row."""
        arms = self.arms(asker, type_name, name)
        return bool(arms) and arms[0].when is None and arms[0].effect == "allow"

    def kept_back(self, asker: Asker, type_name: str, name: str, source: str) -> bool:
        """Say whether *source* shares a field so that it is asked nothing by it."""
        return (source, type_name, name) in self.tightened and self.structure(
            asker, type_name, name, source
        ) != self.structure(asker, type_name, name)

    def may_look_up(self, asker: Asker, type_name: str, name: str) -> bool:
        """Say whether rows may be found by the exact value of a protected field."""
        return any(
            (rule["type"], rule["field"]) == (type_name, name)
            and _in(asker.principal.kind, rule["kinds"])
            and _in(asker.principal.unit, rule["units"])
            and _in(asker.occasion.purpose, rule["purposes"])
            and set(rule["requires"]) <= asker.stated
            for rule in self.policy.get("lookups", ())
        )

    def opened(self, asker: Asker, row: Truth, name: str) -> bool:
        """Say whether this row may be found so."""
        return self.may_look_up(asker, row.type, name)

    # --- relations --------------------------------------------------------------

    def reached(
        self, asker: Asker, row: Truth, way: Relation
    ) -> tuple[Truth, ...] | None:
        """Give the rows a relation leads to; None where it is not to be followed."""
        arm = self.verdict(asker, row, way.name)
        if arm.effect != "allow" or not self.seen(asker, way.target):
            return None
        if not self.findable(asker, way.target, way.remote):
            return None
        keys = shown(row, way.local)
        named = keys if isinstance(keys, tuple) else (keys,)
        if self.counts_only(asker, way.target):
            return ()
        return tuple(
            target
            for target in self.comparable(asker, way.target, way.remote)
            if any(key is not None and _has(target, way.remote, key) for key in named)
        )


def _in(name: str, listed: list[str]) -> bool:
    return "*" in listed or name in listed


def _rank(rule: Toml) -> tuple[bool, ...]:
    """Put narrow before wide, a condition before none, deny before mask and allow."""
    return (
        rule.get("fields", ["*"]) == ["*"],
        rule.get("types", ["*"]) == ["*"],
        rule.get("roles", ["*"]) == ["*"],
        rule.get("purposes", ["*"]) == ["*"],
        set(rule.get("sharing", STRICT)) == set(STRICT),
        "when" not in rule,
        rule["effect"] != "deny",
        rule["effect"] == "allow",
    )


def _arm(rule: Toml, asker: Asker, mask: str | None) -> Arm | None:
    """Say what *rule* does for this asker; None where it does not speak."""
    purpose, requires = asker.occasion.purpose, set(rule.get("requires", ()))
    if not _in(purpose, rule.get("purposes", ["*"])) and (
        purpose or "purpose" not in requires
    ):
        return None
    when = rule.get("when")
    if when is not None and nobody(when, asker):
        return None
    kind = rule.get("mask") or mask
    if rule["effect"] == "deny" or not requires <= asker.stated:
        return Arm("deny", None, when)
    if rule["effect"] == "mask" and kind is None:
        return Arm("deny", UNBLURRED, when)
    return Arm(rule["effect"], kind, when)


def _asked(when: Toml) -> set[str]:
    """Name the fields that a condition looks at."""
    names = {when[name] for name in when if name in {"field", "own_division"}}
    names |= {SCOPES[name] for name in when if name in SCOPES}
    names |= {
        when[name] for name in ("own_unit", "own_cause", "disputed") if name in when
    }
    return names | set(when.get("own_party", ()))


def nobody(when: Toml, asker: Asker) -> bool:
    """Say whether a condition can hold for no row, whoever it is about."""
    who = asker.principal
    return (
        ("own_division" in when and not _place(who.division))
        or ("own_unit" in when and not who.unit)
        or ("own_cause" in when and not asker.occasion.cause)
        or ("disputed" in when and not asker.disputed)
        or ("own_party" in when and not any(_mine(when, who)))
    )


def _mine(when: Toml, who: Principal) -> tuple[str, ...]:
    """Give what a party is known by, in the order of the fields that are compared."""
    return (who.party_code, who.party_number)[: len(when["own_party"])]


def _place(division: str) -> str:
    while division.endswith("00"):
        division = division[:-2]
    return division


def holds(rule: Toml, asker: Asker, row: Truth, where: Toml | None = None) -> bool:
    """Say whether every part of a condition holds for *row*; unknown is no."""
    compared = where or ({} if "field" not in rule else rule)
    who = asker.principal
    tests: list[bool] = []
    if "field" in compared:
        stored = comparing(row, compared["field"])
        known = stored is not None and stored != ()
        tests.append(known if "present" in compared else stored in compared["in"])
    if "granted_place" in rule:
        place = str(row.values["division"] or "")
        tests.append(place.startswith(_place(rule["granted_place"])))
    if "granted_cause" in rule:
        tests.append(_has(row, "caseNo", asker.occasion.cause))
    if "own_division" in rule:
        place, own = str(row.values[rule["own_division"]] or ""), _place(who.division)
        tests.append(bool(own) and place.startswith(own))
    if "own_unit" in rule:
        tests.append(bool(who.unit) and _has(row, rule["own_unit"], who.unit))
    if "own_cause" in rule:
        cause = asker.occasion.cause
        tests.append(bool(cause) and _has(row, rule["own_cause"], cause))
    if "disputed" in rule:
        tests.append(row.values[rule["disputed"]] in asker.disputed)
    if "told" in rule:
        # Nobody is told but by asking who looked at them, which has a probe of its own.
        tests.append(False)
    if "own_party" in rule:
        numbers = zip(
            rule["own_party"], (who.party_code, who.party_number), strict=False
        )
        tests.append(any(mine and row.values[name] == mine for name, mine in numbers))
    return all(tests)


def shown(row: Truth, name: str) -> Value:
    """Give a cell as it leaves its department: no ID number in a code's place."""
    stored = row.values[name]
    if ENTITIES[row.type].fields[name].kind is Kind.CREDIT_CODE and RESIDENT.fullmatch(
        str(stored)
    ):
        return blurred("id-number", Kind.TEXT, str(stored))
    if name not in row.fed:
        return None
    return () if stored is None and _listed(row, name) else stored


def comparing(row: Truth, name: str) -> Value:
    """Give what a comparison sees: an ID number in a code's place is no value."""
    stored = row.values[name]
    kind = ENTITIES[row.type].fields[name].kind
    if kind is Kind.CREDIT_CODE and RESIDENT.fullmatch(str(stored)):
        return None
    return stored


def _listed(row: Truth, name: str) -> bool:
    return ENTITIES[row.type].fields[name].kind is Kind.TEXTS


def _has(row: Truth, name: str, key: Value) -> bool:
    stored = row.values[name]
    return key in stored if isinstance(stored, tuple) else stored == key


def blurred(mask: str | None, kind: Kind, stored: Value) -> Value:
    """Blur a value as docs/policy.md says."""
    if isinstance(stored, tuple):
        return tuple(str(blurred(mask, Kind.TEXT, each)) for each in stored)
    text = str(stored)
    if mask == "null":
        return None
    if mask == "year":
        return f"{text[:4]}-01-01" if kind is Kind.DATE else None
    if mask == "hash":
        return HASHED
    if mask == "text":
        return NUMBER.sub(lambda number: _masked("id-number", number[0]), text)
    if kind not in {Kind.TEXT, Kind.CREDIT_CODE, Kind.DIVISION}:
        return None
    return _masked(str(mask), text)


def _masked(mask: str, text: str) -> str:
    if mask == "name":
        return text[0] + "*" * max(len(text) - 1, 1)
    if mask == "address":
        place = re.match(r".{1,20}?[县区旗]", text)
        return (place[0] if place else "") + "***"
    front, back = {"phone": (3, 2), "id-number": (1, 1)}[mask]
    if len(text) < 8:
        return "*" * len(text)
    return text[:front] + "*" * (len(text) - front - back) + text[-back:]


def same(expected: Value, given: object) -> bool:
    """Say whether the answer shows just what it should."""
    if expected == HASHED:
        return isinstance(given, str) and given != ""
    if isinstance(expected, tuple):
        return isinstance(given, list) and list(expected) == given
    if isinstance(expected, str) and "T" in expected and isinstance(given, str):
        try:
            return _moment(expected) == _moment(given)
        except ValueError:
            return expected == given
    return expected == given


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return zoned.astimezone(SHANGHAI)


def read(path: Path) -> Toml:
    """Read the policy as the text it is."""
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found
