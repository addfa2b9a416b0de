"""The city's decided cases as history of the ledger: receivers had them already."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from zhitong.connectors.history import Loaded, load_history
from zhitong.connectors.migrations import migrate
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import Act, Decision, Licence, Penalty
from zhitong.decisions import Party as Stated
from zhitong.infra.city import SEED, TODAY, City, build_city
from zhitong.infra.city_cases import Case, case_count, cases
from zhitong.infra.city_county_shapes import xihe_key
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.city_parties import BLANKS
from zhitong.infra.city_shapes import emergency_key
from zhitong.infra.city_systems import SYSTEMS
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings

DEMO = Settings().tenant
KEYS: Mapping[str, Callable[[Case], str]] = {
    "emergency": emergency_key,
    "xihe": xihe_key,
}
"""Case systems whose own key is more than a number."""


async def load_city_history(
    url: str,
    state: Path,
    scale: str,
    seed: int = SEED,
    tenant: str = DEMO,
) -> Loaded:
    """Load the decided cases into the platform's database, once.

    The keys of *state* are those the gateway uses.
    """
    await migrate(url, Path(__file__).parent / "migrations", tenant)
    return await load_history(
        url,
        Sealing(secret(state / "subject.key"), secret(state / "person.key")),
        stamp=_stamp(scale, seed, TODAY),
        told=_told(scale, seed, TODAY),
        receivers=_receivers(datetime.now(UTC).date(), tenant),
        at=datetime.now(UTC),
        tenant=tenant,
    )


def _told(scale: str, seed: int, today: date) -> Iterator[tuple[Decision, str]]:
    # Made here and not before: who has the history already needs no city.
    city = build_city(scale, seed, today)
    for system in SYSTEMS.values():
        if system.share:  # the one without has joined later, with no past of its own
            yield from decided(city, system.source)


def decided(city: City, source: str) -> Iterator[tuple[Decision, str]]:
    """Tell the decisions of one case system, each with the department's own code."""
    owner = tomllib.loads((BINDINGS / f"{source}.toml").read_text("utf-8"))["owner"]
    for case in cases(city, source, case_count(city, source)):
        if case.decided and case.document_no:
            yield _decision(source, case, case.decided, case.document_no), owner


def _decision(source: str, case: Case, day: date, document_no: str) -> Decision:
    act = Act(case.act)
    return Decision(
        local_id=KEYS.get(source, _number)(case),
        act=act,
        subject_code=case.subject.code,
        subject_name=case.subject_name,
        case_source=source,
        case_no=case.case_no,
        matter_code=case.matter,
        document_no=document_no,
        decided_on=day,
        division=case.division,
        title=case.title,
        facts=case.facts,
        basis=case.law,
        content=case.result,
        party=_party(case),
        officers=tuple(number for number, _ in case.officers),
        penalty=_penalty(case) if act is Act.PENALTY else None,
        licence=Licence(kind="OTHER") if act is Act.LICENCE else None,
    )


def _number(case: Case) -> str:
    return str(case.number)


def _party(case: Case) -> Stated:
    party = case.party
    return Stated(
        kind=party.kind,
        name=party.name,
        code=None if party.code in BLANKS else party.code,
        id_kind=None if party.id_number in BLANKS else "RESIDENT_ID",
        id_number=None if party.id_number in BLANKS else party.id_number,
    )


def _penalty(case: Case) -> Penalty:
    if case.fine is None:
        return Penalty(kinds=("WARNING",))
    return Penalty(kinds=("FINE",), fine=case.fine * 100)


def _receivers(day: date, tenant: str) -> Callable[[Act], Sequence[tuple[str, str]]]:
    configured = [
        one for one in read_receivers(tenant=tenant).receivers if one.in_force(day)
    ]
    by_act = {
        act: [(one.name, one.channel.place) for one in configured if act in one.acts]
        for act in Act
    }
    return by_act.__getitem__


def _stamp(scale: str, seed: int, today: date) -> str:
    """Name a load; another generator makes it another load."""
    made_by = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("city*.py")):
        made_by.update(module.read_bytes())
    return f"{scale}/{seed}/{today}/{made_by.hexdigest()[:16]}"
