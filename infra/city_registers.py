"""The rows of the registers: justice, market regulation's and the credit office's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from zhitong.infra.city import City
from zhitong.infra.city_codes import codes_of, dashed, moment, slashed
from zhitong.infra.city_credit import Licence, licences
from zhitong.infra.city_matters import Matter, earlier_versions
from zhitong.infra.city_parties import Counterparty
from zhitong.infra.city_words import CITY, WORDS, stream

Record = tuple[object, ...]
Batch = Mapping[str, Sequence[Record]]
"""Rows by table, in the order of the table's columns."""

LONG_TERM = "2099/12/31"
"""How licence records write "no end"."""


# --- justice -----------------------------------------------------------------


def justice(city: City) -> Iterator[Batch]:
    """Give the rows of the justice bureau."""
    yield {
        "zfzt": list(_subjects(city)),
        "zfzt_cym": [
            (unit.code, place, *former)
            for unit in city.subjects
            for place, former in enumerate(unit.former, 1)
        ],
        "zfwt": list(_delegations(city)),
        "zfry": list(_officers(city)),
        "qzsx": list(_matters(city.matters)),
        "qzsx_ls": list(
            _matters(
                version
                for matter in city.matters
                for version in earlier_versions(matter)
            )
        ),
    }


def _subjects(city: City) -> Iterator[Record]:
    code = codes_of("justice")
    for unit in city.subjects:
        yield (
            unit.code,
            unit.name,
            code("subject_kind", unit.kind),
            code("level", unit.level),
            unit.division,
            unit.parent,
            unit.predecessor,
            unit.delegated_by,
            unit.valid_from,
            unit.valid_to,
            code("validity", unit.status),
            unit.phone,
        )


def _delegations(city: City) -> Iterator[Record]:
    for serial, unit in enumerate(city.subjects, 1):
        if unit.delegated_by is None:
            continue
        handed_down = [matter.code for matter in city.powers.get(unit.code, ())]
        yield (
            f"安委〔{unit.valid_from.year}〕{serial}号",
            unit.delegated_by,
            unit.code,
            "、".join(handed_down),
            5000,
            unit.valid_from,
            date(2029, 7, 14),
        )


def _officers(city: City) -> Iterator[Record]:
    code = codes_of("justice")
    for serial, officer in enumerate(city.officers, 1):
        unit = officer.subject
        yield (
            serial,
            officer.certificate,
            "安泽市司法局" if officer.auxiliary else "安泽市人民政府",
            officer.name,
            "1" if officer.male else "2",
            code("staff", "AUXILIARY" if officer.auxiliary else "OFFICER"),
            unit.code,
            unit.name,
            unit.field.category,
            "安泽市"
            if unit.division == CITY
            else f"安泽市{WORDS.divisions[unit.division].name}",
            unit.division,
            officer.valid_from,
            officer.valid_to,
            code("validity", officer.status),
            officer.phone,
            officer.id_number,
        )


def _matters(matters: Iterable[Matter]) -> Iterator[Record]:
    code = codes_of("justice")
    for matter in matters:
        unit = matter.subject
        yield (
            matter.code,
            matter.version,
            matter.name,
            code("power_type", matter.power_type),
            matter.parent,
            unit.code,
            f"{unit.field.category}执法科",
            code("level", unit.level),
            matter.law,
            "立案、调查取证、审查、告知、决定、送达、执行"
            if matter.power
            else "受理、审查、决定、送达、事后监管",
            matter.benchmark,
            unit.phone,
            matter.valid_from,
            matter.valid_to,
            code("validity", matter.status),
        )


# --- market regulation -------------------------------------------------------


def market_registers(city: City) -> Iterator[Batch]:
    """Give the register of counterparties and the licences beside it."""
    yield {"xdr": [_counterparty(party) for party in city.counterparties]}
    yield {"xkz": [_market_licence(licence) for licence in licences_of(city, "market")]}


def _counterparty(party: Counterparty) -> Record:
    code = codes_of("market")
    return (
        party.number,
        party.code,
        party.registration,
        party.name,
        "；".join(party.former) or None,
        code("xdr_lx", party.kind),
        party.industry.code if party.industry else None,
        party.division,
        party.established,
        code("djzt", party.status),
        party.representative,
        party.phone,
        party.address,
        party.id_number,
    )


def licences_of(city: City, field: str) -> Sequence[Licence]:
    """Share the licences out: three in four by market regulation."""
    market = city.scale.licences * 3 // 4
    return licences(
        stream(city.seed, "licences", field),
        city.today,
        [
            party
            for division in ("619902", "619903", "619921", "619922")
            for party in city.parties[division, field]
            if party.industry
        ],
        [
            unit
            for unit in city.subjects
            if unit.field.name == field
            and unit.kind == "STATUTORY"
            and unit.status == "IN_FORCE"
        ],
        market if field == "market" else city.scale.licences - market,
    )


def _market_licence(licence: Licence) -> Record:
    code = codes_of("market")
    return (
        licence.number,
        licence.licence_no,
        "食品经营许可证",
        licence.document_no,
        code("xklb", licence.kind),
        "预包装食品销售；热食类食品制售" if licence.number % 3 else "预包装食品销售",
        licence.stated.code,
        licence.stated.name,
        licence.subject.code,
        licence.subject.name,
        slashed(licence.issued),
        slashed(licence.issued),
        slashed(licence.until) or LONG_TERM,
        code("zjzt", licence.status),
    )


# --- the credit office -------------------------------------------------------

_BASES = {
    "SERIOUS_DISHONESTY": (
        "拒不履行行政处罚决定，情节严重",
        "严重失信主体名单管理办法",
    ),
    "ABNORMAL_OPERATION": ("通过登记的住所无法联系", "企业经营异常名录管理暂行办法"),
    "DISHONEST_JUDGMENT_DEBTOR": (
        "有履行能力而拒不履行生效法律文书",
        "关于公布失信被执行人名单信息的若干规定",
    ),
    "KEY_ATTENTION": ("一年内两次以上被处罚", "安泽市信用分类管理办法"),
}


def credit(city: City) -> Iterator[Batch]:
    """Give the rows of the credit office."""
    yield {"sxmd": list(_listings(city)), "xyxf": list(_repairs(city))}


def _listings(city: City) -> Iterator[Record]:
    code = codes_of("credit")
    for serial, entry in enumerate(city.listings, 1):
        reason, basis = _BASES[entry.kind]
        yield (
            serial,
            entry.number,
            code("mdlb", entry.kind),
            entry.decided_by.field.category,
            entry.stated.code,
            entry.stated.name,
            entry.decided_by.name,
            entry.decided_by.code,
            reason,
            f"《{basis}》",
            entry.document_no,
            dashed(entry.listed),
            dashed(entry.due),
            dashed(entry.removed) or ("/" if serial % 3 else None),
            code("lrzt", entry.status, serial),
        )


def _repairs(city: City) -> Iterator[Record]:
    code = codes_of("credit")
    for serial, repair in enumerate(city.repairs, 1):
        yield (
            serial,
            repair.number,
            repair.listing.number,
            code("sqlb", repair.kind),
            repair.listing.party.code,
            moment(repair.applied, serial),
            moment(repair.accepted, serial) if repair.accepted else None,
            moment(repair.decided, serial) if repair.decided else None,
            code("blzt", repair.status),
            repair.applicant,
            repair.phone,
        )
