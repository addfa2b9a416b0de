"""Cases of the city's case systems, before any table's shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from zhitong.infra.city import START, City
from zhitong.infra.city_bodies import COUNTIES, DISTRICTS, Officer, Subject
from zhitong.infra.city_matters import Matter
from zhitong.infra.city_parties import Counterparty, Party, stated
from zhitong.infra.city_systems import SYSTEMS, System
from zhitong.infra.city_words import CITY, address, happens, pick, stream

OPEN = frozenset({"FILED", "INVESTIGATING", "UNDER_REVIEW"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as every system would tell it."""

    number: int
    case_no: str
    title: str
    act: str
    status: str
    origin: str
    subject: Subject
    subject_name: str
    matter: str
    party: Party
    counterparty: Counterparty
    division: str
    place: str
    filed: date
    decided: date | None
    closed: date | None
    archived: date | None
    """A month or so after closing 归档."""
    document_no: str | None
    facts: str
    law: str
    result: str | None
    fine: int | None
    officers: tuple[tuple[str, str], ...]
    """Certificate and name, the one in charge first."""


_ACTS = (*("PENALTY",) * 45, *("COERCION",) * 3, "INSPECTION", "LICENCE")
_ORIGINS = (
    *("INSPECTION",) * 10,
    *("COMPLAINT",) * 5,
    *("MONITORING",) * 2,
    "ASSIGNED",
    "TRANSFERRED",
    "OTHER",
)
_CITY_WIDE = (*DISTRICTS * 3, *COUNTIES)
"""Where the city's own bureaus have cases; now and then outside the city proper."""
_CREW = (1, *(2,) * 5, 3)


def case_count(city: City, source: str) -> int:
    """Say how many cases *source* keeps; together the systems keep all."""
    total = city.scale.cases
    rest = sum(total * system.share // 100 for system in SYSTEMS.values())
    own = total * SYSTEMS[source].share // 100
    return own + (total - rest) * (source == "market")


def cases(city: City, source: str, count: int) -> Iterator[Case]:
    """Tell *count* cases in the order of filing; one in 400 was entered twice."""
    system = SYSTEMS[source]
    rng = stream(city.seed, "cases", source)
    units = _units(city, system)
    serials: Counter[int] = Counter()
    previous: Case | None = None
    for number in range(1, count + 1):
        if previous and not number % 400:
            yield replace(previous, number=number)
            continue
        filed = _filed(rng, city.today, number / count)
        serials[filed.year] += 1
        unit = pick(rng, [unit for unit in units if unit.valid_from <= filed])
        entry = _Entry(system, unit, filed, serials[filed.year], number)
        previous = _case(rng, city, entry)
        yield previous


def _units(city: City, system: System) -> Sequence[Subject]:
    return [
        unit
        for unit in city.subjects
        if unit.division in system.divisions
        and unit.status == "IN_FORCE"
        and system.field in {None, unit.field.name}
        and unit.code in city.signing
        and unit.code in city.powers
    ]


def _filed(rng: Random, today: date, progress: float) -> date:
    """Spread filing over the years, denser of late, on Mondays to Fridays."""
    span = (today - START).days
    reached = max(0.0, progress - rng.random() * 0.002) ** 0.7
    day = START + timedelta(days=int(span * reached))
    day -= timedelta(days=max(0, day.weekday() - 4))
    return max(day, START)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a case when it is filed."""

    system: System
    unit: Subject
    filed: date
    serial: int
    number: int

    def case_no(self) -> str:
        return self.system.case_no(self.unit, self.filed.year, self.serial)

    def document_no(self, rng: Random, act: str, decided: date | None) -> str | None:
        if not decided:
            return None
        number = self.system.document_no(self.unit, act, decided.year, self.serial)
        if happens(rng, 0.02):
            return number.replace("〔", "[").replace("〕", "] ")
        return number


def _case(rng: Random, city: City, entry: _Entry) -> Case:
    unit, filed = entry.unit, entry.filed
    matter = _matter(rng, city, unit)
    counterparty, dishonest = _counterparty(rng, city, unit, filed)
    party = stated(rng, counterparty)
    status, decided, closed = _course(rng, filed, city.today, slow=dishonest)
    fine = _fine(rng, matter, decided)
    place = address(rng, counterparty.division)
    return Case(
        number=entry.number,
        case_no=entry.case_no(),
        title=_title(matter),
        act=matter.power_type,
        status=status,
        origin=pick(rng, _ORIGINS),
        subject=unit,
        subject_name=unit.former[0][0]
        if unit.former and happens(rng, 0.02)
        else unit.name,
        matter=matter.code,
        party=party,
        counterparty=counterparty,
        division=counterparty.division,
        place=place,
        filed=filed,
        decided=decided,
        closed=closed,
        archived=_archived(entry, closed, status, city.today),
        document_no=entry.document_no(rng, matter.power_type, decided),
        facts=_facts(matter, party, place, filed),
        law=matter.law,
        result=_result(matter, decided, fine),
        fine=fine,
        officers=crew(rng, city, unit),
    )


def _title(matter: Matter) -> str:
    if matter.power:
        return f"涉嫌{matter.power.violation}案"
    return matter.name


def _facts(matter: Matter, party: Party, place: str, filed: date) -> str:
    day = f"{filed.year}年{filed.month}月{filed.day}日"
    if matter.power:
        return (
            f"{day}，执法人员在{place}检查时发现{party.name}{matter.power.violation}。"
        )
    return f"{day}，在{place}对{party.name}办理{matter.name}。"


def _matter(rng: Random, city: City, unit: Subject) -> Matter:
    own = city.powers[unit.code]
    act = pick(rng, _ACTS)
    fitting = [matter for matter in own if matter.power_type == act]
    return pick(rng, fitting or own[:1])


def _counterparty(
    rng: Random, city: City, unit: Subject, filed: date
) -> tuple[Counterparty, bool]:
    """Choose whom it is about; the blacklisted come more often and take longer."""
    division = unit.division
    if division == CITY:
        division = pick(rng, _CITY_WIDE)
    if division in city.dishonest and happens(rng, 0.16):
        return _existing(rng, city.dishonest[division], filed), True
    meeting = city.parties.get((division, unit.field.name))
    return _existing(rng, meeting or city.parties[division, "market"], filed), False


def _existing(
    rng: Random, parties: Sequence[Counterparty], filed: date
) -> Counterparty:
    """Choose one founded by then; a small circle may have none."""
    party = pick(rng, parties)
    for _ in range(20):
        if party.established is None or party.established <= filed:
            break
        party = pick(rng, parties)
    return party


def _course(
    rng: Random, filed: date, today: date, *, slow: bool
) -> tuple[str, date | None, date | None]:
    """Give status, day of decision and day of closing, as far as *today* knows."""
    age = (today - filed).days
    if age > 30 and happens(rng, 0.04):  # noqa: PLR2004 - no case ends in its first month
        ended = filed + timedelta(days=20 + int(rng.random() * 10))
        return pick(rng, ("DISMISSED", "DISMISSED", "TRANSFERRED")), None, ended
    until_decided = 12 + int(rng.random() * rng.random() * 140)
    if slow:
        until_decided *= 6
    if age < until_decided:
        return _stage(age / until_decided), None, None
    decided = filed + timedelta(days=until_decided)
    closed = decided + timedelta(days=3 + int(rng.random() * 60))
    if closed > today or happens(rng, 0.02):
        return "DECIDED", decided, None
    return "CLOSED", decided, closed


def _archived(
    entry: _Entry, closed: date | None, status: str, today: date
) -> date | None:
    if closed is None or status != "CLOSED":
        return None
    day = closed + timedelta(days=25 + entry.number % 20)
    return day if day <= today else None


def _stage(progress: float) -> str:
    return ("FILED", "INVESTIGATING", "INVESTIGATING", "UNDER_REVIEW")[
        int(progress * 4)
    ]


def _fine(rng: Random, matter: Matter, decided: date | None) -> int | None:
    if not matter.power or not decided or happens(rng, 0.08):
        return None
    lowest, highest = matter.power.lowest, matter.power.highest
    amount = lowest + (highest - lowest) * rng.random() ** 3
    return max(lowest, int(amount) // 100 * 100)


def _result(matter: Matter, decided: date | None, fine: int | None) -> str | None:
    if not decided:
        return None
    if matter.power_type != "PENALTY":
        return f"依法作出{matter.name}的决定"
    return f"罚款人民币{fine}元" if fine else "警告"


# --- officers ----------------------------------------------------------------


def crew(rng: Random, city: City, unit: Subject) -> tuple[tuple[str, str], ...]:
    """Put one to three officers of *unit* on a case, as a rule two."""
    roster = city.signing[unit.code]
    first = int(rng.random() * len(roster))
    size = min(pick(rng, _CREW), len(roster))
    chosen = [roster[(first + step) % len(roster)] for step in range(size)]
    return tuple((_certificate(rng, officer), officer.name) for officer in chosen)


def _certificate(rng: Random, officer: Officer) -> str:
    if not happens(rng, 0.01):
        return officer.certificate
    # A slip of the pen, an auxiliary's card, a number that is no certificate.
    return pick(
        rng, (f"{officer.certificate[:-1]}X", f"XG{officer.certificate}", "待补")
    )
