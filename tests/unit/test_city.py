"""The demo city: repeatable, consistent with itself and imperfect on purpose."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from zhitong.connectors.binding_file import read_folder
from zhitong.exceptions import SettingsError
from zhitong.infra.city import START, TODAY, City, build_city
from zhitong.infra.city_bodies import agency_code
from zhitong.infra.city_cases import OPEN, Case, case_count, cases
from zhitong.infra.city_load import BINDINGS, HARBOUR_CASES, SOURCES, batches
from zhitong.infra.city_matters import earlier_versions
from zhitong.infra.city_parties import BLANKS
from zhitong.infra.city_shapes import case_batches
from zhitong.infra.city_systems import SYSTEMS
from zhitong.rules.identifiers import credit_code_fault, resident_id
from zhitong.schema.entities import ENTITIES

CASE_SYSTEMS = ("market", "emergency", "transport", "dongling", "xihe")


@pytest.fixture(scope="module")
def city() -> City:
    return build_city("small")


@pytest.fixture(scope="module")
def told(city: City) -> Sequence[Case]:
    return [
        case
        for source in CASE_SYSTEMS
        for case in cases(city, source, case_count(city, source))
    ]


def test_the_same_seed_gives_the_same_rows_in_every_source() -> None:
    first, second = build_city("small"), build_city("small")
    for source in SOURCES:
        assert list(batches(first, source)) == list(batches(second, source))


def test_another_seed_gives_other_people_in_the_same_agencies(city: City) -> None:
    other = build_city("small", seed=7)
    assert [unit.code for unit in other.subjects] == [
        unit.code for unit in city.subjects
    ]
    assert [officer.name for officer in other.officers] != [
        officer.name for officer in city.officers
    ]


def test_the_small_city_has_the_size_it_says(city: City, told: Sequence[Case]) -> None:
    assert len(city.subjects) == 30
    assert len(city.officers) == 200
    assert len(city.matters) == 300
    assert len(city.counterparties) == 2000
    assert len(city.listings) == 120
    assert len(city.repairs) == 40
    assert len(told) == 1500


def test_an_unknown_scale_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="small, medium, large"):
        build_city("huge")


def test_codes_of_agencies_and_firms_are_valid(city: City) -> None:
    codes = [unit.code for unit in city.subjects]
    codes += [party.code for party in city.counterparties if party.code]
    assert [code for code in codes if credit_code_fault(code)] == []
    assert len(codes) > 1500


def test_two_firms_never_share_a_code_except_where_one_was_entered_twice(
    city: City,
) -> None:
    names = {(party.code, party.name) for party in city.counterparties if party.code}
    codes = Counter(party.code for party in city.counterparties if party.code)
    assert len(names) == len(codes)
    assert 1 <= sum(count > 1 for count in codes.values()) <= 6


def test_every_person_has_a_valid_id_number(city: City) -> None:
    numbers = [officer.id_number for officer in city.officers]
    numbers += [party.id_number for party in city.counterparties if party.id_number]
    assert [number for number in numbers if resident_id(number[:17]) != number] == []
    natural = [party for party in city.counterparties if party.kind == "NATURAL_PERSON"]
    assert all(party.id_number and not party.code for party in natural)
    assert 150 < len(natural) < 350


def test_a_matter_has_one_current_version_and_older_ones_without_a_gap(
    city: City,
) -> None:
    assert len({matter.code for matter in city.matters}) == 300
    revised = [matter for matter in city.matters if matter.version > 1]
    assert len(revised) > 100
    for matter in revised:
        chain = [*earlier_versions(matter), matter]
        assert [one.version for one in chain] == [*range(1, matter.version + 1)]
        for old, new in pairwise(chain):
            assert old.valid_to is not None
            assert (new.valid_from - old.valid_to).days == 1


def test_a_case_runs_in_order_and_never_beyond_today(told: Sequence[Case]) -> None:
    for case in told:
        days = [case.filed, case.decided or case.filed]
        days.append(case.closed or days[-1])
        assert START <= days[0] <= days[1] <= days[2] <= TODAY
        assert case.filed.weekday() < 5 or case.filed == START
        assert (case.decided is not None) == (case.status in {"DECIDED", "CLOSED"})
        assert not (case.fine and case.act != "PENALTY")
        assert not (case.fine and case.decided is None)


def test_a_case_belongs_to_its_subject_matter_and_place(
    city: City, told: Sequence[Case]
) -> None:
    matters = {matter.code: matter for matter in city.matters}
    for case in told:
        assert matters[case.matter].subject is case.subject
        assert case.subject.status == "IN_FORCE"
        assert case.subject.valid_from <= case.filed
        if case.subject.division != "619900":
            assert case.division == case.subject.division


def test_cases_have_one_to_three_officers_two_as_a_rule(
    city: City, told: Sequence[Case]
) -> None:
    sizes = Counter(len(case.officers) for case in told)
    assert set(sizes) == {1, 2, 3}
    assert sizes.most_common(1)[0][0] == 2
    home = {officer.certificate: officer.subject.code for officer in city.officers[1:]}
    strays = [
        number
        for case in told
        for number, _ in case.officers
        if home.get(number) != case.subject.code and number in home
    ]
    assert set(strays) <= {city.officers[-1].certificate}
    unknown = [
        number for case in told for number, _ in case.officers if number not in home
    ]
    assert 5 < len(unknown) < 80


def test_about_one_business_in_twenty_is_stated_imperfectly(
    told: Sequence[Case],
) -> None:
    stated = [case for case in told if case.counterparty.code]
    wrong = [case for case in stated if case.party.code != case.counterparty.code]
    assert 0.03 < len(wrong) / len(stated) < 0.07
    codes = [case.party.code for case in wrong]
    assert any(code in BLANKS for code in codes)
    assert any(code and len(code) == 15 for code in codes)
    assert any(code and "O" in code for code in codes)
    assert any(code and "I" in code for code in codes)
    former = [case for case in wrong if case.party.name != case.counterparty.name]
    assert former
    assert all(case.party.name in case.counterparty.former for case in former)


def test_blacklisted_firms_have_open_cases_in_each_county(
    city: City, told: Sequence[Case]
) -> None:
    listed = {
        entry.party.code
        for entry in city.listings
        if entry.kind == "SERIOUS_DISHONESTY" and entry.status == "LISTED"
    }
    found = Counter(
        case.division
        for case in told
        if case.status in OPEN and case.party.code in listed
    )
    assert found["619921"] >= 2
    assert found["619922"] >= 2


def test_some_cases_were_entered_twice_under_one_number(
    told: Sequence[Case],
) -> None:
    numbers = Counter(case.case_no for case in told)
    assert Counter(numbers.values()) == {1: 1498, 2: 1}


def test_today_is_an_argument_not_the_clock() -> None:
    earlier = date(2024, 2, 29)
    city = build_city("small", today=earlier)
    for source in CASE_SYSTEMS:
        for case in cases(city, source, case_count(city, source)):
            assert case.filed <= earlier
    assert all(entry.listed < earlier for entry in city.listings)


@pytest.mark.parametrize("source", SOURCES)
def test_the_owner_named_by_a_binding_is_an_agency_of_the_city(
    city: City, source: str
) -> None:
    text = (BINDINGS / f"{source}.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["owner"] in {unit.code for unit in city.subjects}


@pytest.mark.parametrize("folder", [BINDINGS, BINDINGS.parent / "extra"], ids=str)
def test_the_bindings_are_free_of_faults(folder: Path) -> None:
    bindings, errors = read_folder(folder, ENTITIES)
    assert errors == []
    assert set(bindings) in ({*SOURCES}, {"harbour", "sample"})


def test_five_systems_feed_every_date_format_unit_and_officer_shape() -> None:
    bindings, _ = read_folder(BINDINGS, ENTITIES)
    formats, units, officers, divisions = set(), set(), set(), set()
    for source in CASE_SYSTEMS:
        fields = bindings[source].types["CaseRecord"].fields
        for name, field in fields.items():
            if name.endswith("On"):
                formats.add(None if isinstance(field, str) else field.format)
            if name == "fine":
                units.add("yuan" if isinstance(field, str) else field.unit)
            if name == "officerCertificates" and not isinstance(field, str):
                officers.add("link" if field.table else "cell")
            if name == "division":
                divisions.add("column" if isinstance(field, str) else "constant")
    assert formats == {
        None,
        "yyyymmdd",
        "yyyy-mm-dd",
        "yyyy/mm/dd",
        "yyyy年m月d日",
        "epoch-s",
        "epoch-ms",
    }
    assert units == {"yuan", "wan-yuan", "fen"}
    assert officers == {"link", "cell"}
    assert divisions == {"column", "constant"}


def test_the_harbour_has_cases_of_its_own_agency(city: City) -> None:
    (batch,) = case_batches(city, "harbour", HARBOUR_CASES)
    assert len(batch["anjian"]) == len(batch["dangshiren"]) == HARBOUR_CASES
    assert {row[6] for row in batch["anjian"]} == {agency_code("619900", 6)}


def test_the_shares_of_the_systems_make_a_whole() -> None:
    assert sum(system.share for system in SYSTEMS.values()) == 100
