"""The lists of powers of the city's enforcement subjects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from zhitong.infra.city_bodies import Subject
from zhitong.infra.city_words import CITY, FIELDS, Field, Power, happens, stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One version of an item of the list of powers."""

    code: str
    version: int
    name: str
    power_type: str
    parent: str
    subject: Subject
    law: str
    benchmark: str
    valid_from: date
    valid_to: date | None = None
    status: str = "IN_FORCE"
    power: Power | None = None


_KINDS = {
    "LICENCE": 1,
    "PENALTY": 2,
    "COERCION": 3,
    "INSPECTION": 6,
    "REWARD": 8,
    "OTHER": 10,
}

_Template = tuple[str, str, str, Power | None]
"""Kind, name, basis and, for a penalty, what is punished."""


def matters(seed: int, units: Sequence[Subject], count: int) -> tuple[Matter, ...]:
    """Give the current version of *count* items, the commonest of each unit first."""
    rng = stream(seed, "matters")
    active = [unit for unit in units if unit.status == "IN_FORCE"]
    templates = {field.name: _templates(field) for field in FIELDS.values()}
    made: list[Matter] = []
    for serial in range(max(map(len, templates.values()))):
        for unit in active:
            own = templates[unit.field.name]
            if len(made) < count and serial < len(own):
                made.append(_matter(rng, unit, serial, own[serial]))
    return tuple(made)


def _templates(field: Field) -> tuple[_Template, ...]:
    first, second, *rest = (
        ("PENALTY", f"对{power.violation}的处罚", power.law, power)
        for power in field.penalties()
    )
    rules = field.rules
    return (
        first,
        second,
        ("INSPECTION", f"对{field.checked}的监督检查", f"{rules}第十二条", None),
        (
            "COERCION",
            "查封、扣押涉嫌违法的场所、设施或者财物",
            f"{rules}第二十条",
            None,
        ),
        ("LICENCE", field.licence, f"{rules}第八条", None),
        *rest,
        ("REWARD", f"对举报{field.category}违法行为的奖励", f"{rules}第五条", None),
        ("OTHER", f"{field.category}信用等级评定", f"{rules}第六条", None),
    )


def _matter(rng: Random, unit: Subject, serial: int, template: _Template) -> Matter:
    kind, name, law, power = template
    number = f"{_KINDS[kind]:02d}{serial + 1:03d}"
    version = 1 + happens(rng, 0.4) + happens(rng, 0.2)
    later = date(2022, 1, 1) + timedelta(days=rng.randrange(1500))
    benchmark = "不适用"
    if power:
        middle = (power.lowest + power.highest) // 2
        benchmark = (
            f"较轻：{power.lowest}元以上{middle}元以下；"
            f"较重：{middle}元以上{power.highest}元以下"
        )
    return Matter(
        code=unit.code + number,
        version=version,
        name=name,
        power_type=kind,
        parent=f"{CITY}{unit.field.number:02d}{number}",
        subject=unit,
        law=law,
        benchmark=benchmark,
        valid_from=unit.valid_from if version == 1 else later,
        status="SUSPENDED" if happens(rng, 0.02) else "IN_FORCE",
        power=power,
    )


def earlier_versions(matter: Matter) -> Iterator[Matter]:
    """Give the versions before *matter*, oldest first, without a gap."""
    opened = matter.subject.valid_from
    span = (matter.valid_from - opened) // matter.version
    for version in range(1, matter.version):
        yield replace(
            matter,
            version=version,
            name=matter.name.replace("监督检查", "检查"),
            valid_from=opened + span * (version - 1),
            valid_to=(
                matter.valid_from
                if version + 1 == matter.version
                else opened + span * version
            )
            - timedelta(days=1),
            status="CANCELLED",
        )
