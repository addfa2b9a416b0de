"""The form of the credit system: double publicity 双公示, rows CF_* and XK_*.

Four tables: penalties and licences, of natural persons (``_zrr``) and of all others
(``_fr``). Every version is the decision's whole new row: a withdrawal keeps the row,
says so in its status and remark, and ends its publicity; nothing is ever deleted.
Columns whose values no decision has (organisation code, tax number …) are not sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from msgspec import Meta

from zhitong.decisions import Act, Change, Copy, Decision, Entry, Licence, Penalty
from zhitong.rules.identifiers import CREDIT_PLACEHOLDER
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import (
    clean,
    day_as,
    fill,
    joined,
    masked,
    no_resident_id,
    ten_thousands,
)
from zhitong.streams.confidence import Confidence
from zhitong.streams.form import Form, Options, Seal, Stated, Status, Text, Writing
from zhitong.streams.receivers import IdNumber, Receivers
from zhitong.streams.schemas import SEPARATORS
from zhitong.types import Label

LONGEST_ID_NUMBER = 64
"""Characters, the widest column seen; what is longer is none and is left out."""

Separator = Annotated[str, Meta(pattern=f"^{SEPARATORS}$")]
"""Between several kinds of penalty."""


class CreditOptions(Options, frozen=True, kw_only=True):
    """What is particular to double publicity."""

    separator: Separator
    penalty_dates: Text
    licence_dates: Text
    penalty_status: Status
    licence_status: Status


def row(copy: Copy, writing: Writing) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry = copy.entry
    to = FORM.table(entry.decision)
    own = _penalty if entry.decision.act is Act.PENALTY else _licence
    said = _party(copy, writing) | own(copy, writing)
    prefix = "CF" if entry.decision.act is Act.PENALTY else "XK"
    # The tables' columns differ only in which of these they have.
    named = {
        name if name == "BZ" else f"{prefix}_{name}": v for name, v in said.items()
    }
    return fill(to, {name: v for name, v in named.items() if name in to.columns})


def _table(decision: Decision) -> str:
    kind = "cf" if decision.act is Act.PENALTY else "xk"
    natural = decision.party.kind == "NATURAL_PERSON"
    return f"{kind}_{'zrr' if natural else 'fr'}"


def _party(copy: Copy, writing: Writing) -> dict[str, object]:
    party, demanded = copy.entry.decision.party, writing.receiver.id_numbers
    # The placeholder says that there is no code, not that none is given.
    single = party.kind == "INDIVIDUAL_BUSINESS" and copy.gives("counterpartyCode")
    said: dict[str, object] = {
        "XDR_MC": party.name,
        "XDR_LB": writing.word("party_kinds", party.kind),
        "XDR_SHXYM": party.code or (CREDIT_PLACEHOLDER if single else None),
        "XDR_GSZC": no_resident_id(party.registration_no),
        "FRDB": party.representative,
    }
    if IdNumber.PARTY in demanded and party.kind == "NATURAL_PERSON":
        said["XDR_ZJLX"] = writing.word("id_kinds", party.id_kind)
        said["XDR_ZJHM"] = sealed(party.id_number, writing.seal)
    # A kind of ID without its number is of no use to anybody.
    if IdNumber.REPRESENTATIVE in demanded:
        kind = writing.word("id_kinds", party.representative_id_kind)
        said["FR_ZJLX"] = kind
        said["FR_ZJHM"] = sealed(party.representative_id_number, writing.seal)
    return said


def sealed(number: str | None, seal: Seal) -> str | None:
    """Seal an ID number; what is too long for one is left out."""
    cleaned = clean(number or "")
    return seal(cleaned) if 0 < len(cleaned) <= LONGEST_ID_NUMBER else None


def _penalty(copy: Copy, writing: Writing) -> dict[str, object]:
    entry, form = copy.entry, writing.options(CreditOptions)
    decision, penalty = entry.decision, entry.decision.penalty or Penalty()
    open_end = writing.config.penalty_open_end if copy.gives("validTo") else None
    kinds = [writing.word("penalty_kinds", kind) for kind in penalty.kinds]
    return {
        "WSH": decision.document_no,
        "WFXW": penalty.violation_type,
        "SY": decision.facts,
        "YJ": decision.basis,
        "CFLB": joined(dict.fromkeys(filter(None, kinds)), form.separator),
        "NR": decision.content,
        "NR_FK": ten_thousands(penalty.fine),
        "NR_WFFF": ten_thousands(penalty.confiscated),
        "NR_ZKDX": penalty.licence_affected,
        "JDRQ": day_as(decision.decided_on, form.penalty_dates),
        "YXQ": day_as(penalty.valid_to or open_end, form.penalty_dates),
        "GSJZQ": day_as(publicity_end(copy, penalty), form.penalty_dates),
        "CFJG": decision.subject_name,
        "CFJGDM": decision.subject_code,
        "SJLY": _unit(copy),
        "SJLYDM": entry.unit,
        "ZT": form.penalty_status.of(entry),
        "BZ": remark(entry),
    }


def _licence(copy: Copy, writing: Writing) -> dict[str, object]:
    entry, form = copy.entry, writing.options(CreditOptions)
    decision, licence = entry.decision, entry.decision.licence or Licence(kind="")
    valid_to = licence.valid_to or licence_end(copy, writing.config)
    return {
        "XKWS": decision.document_title,
        "WSH": decision.document_no,
        "XKLB": writing.word("licence_kinds", licence.kind),
        "XKZS": licence.certificate_name,
        "XKBH": masked(licence.certificate_no),
        "NR": decision.content,
        "JDRQ": day_as(decision.decided_on, form.licence_dates),
        "YXQZ": day_as(licence.valid_from, form.licence_dates),
        "YXQZI": day_as(valid_to, form.licence_dates),
        "XKJG": decision.subject_name,
        "XKJGDM": decision.subject_code,
        "ZT": form.licence_status.of(entry),
        "LYDW": _unit(copy),
        "LYDWDM": entry.unit,
        "BZ": remark(entry),
    }


def licence_end(copy: Copy, config: Receivers) -> date | None:
    """Give what is written for a licence for long; none where its end is kept back."""
    for_long = copy.entry.decision.licence and copy.gives("validTo")
    return config.licence_open_end if for_long else None


def remark(entry: Entry) -> str | None:
    """Say in words why there is another version; None for a first one."""
    if entry.change is Change.RECORDED:
        return None
    what = "撤销" if entry.change is Change.WITHDRAWN else "更正"
    parts = [f"{what}（第{entry.version}版）"]
    parts += [f"原因：{entry.reason}"] if entry.reason else []
    parts += [f"依据：{entry.basis}"] if entry.basis else []
    return "；".join(parts)


def publicity_end(copy: Copy, penalty: Penalty) -> date | None:
    """Give the day publicity ends: of what is withdrawn, today at the latest."""
    entry = copy.entry
    if entry.change is not Change.WITHDRAWN or not copy.gives("publicityTo"):
        return penalty.publicity_to
    today = entry.at.astimezone(SHANGHAI).date()
    return min(today, penalty.publicity_to or today)


def _unit(copy: Copy) -> str | None:
    entry = copy.entry
    if not copy.gives("recordedByName"):
        return None
    own = entry.unit == entry.decision.subject_code
    return entry.unit_name or (entry.decision.subject_name if own else None)


def _stated(options: Options, day: date) -> Iterator[Stated]:
    assert isinstance(options, CreditOptions)  # noqa: S101 - as the form names them
    yield from options.penalty_status.at("cf_fr", "CF_ZT")
    yield from options.licence_status.at("xk_fr", "XK_ZT")
    yield "cf_fr", "CF_JDRQ", day_as(day, options.penalty_dates) or ""
    yield "xk_fr", "XK_JDRQ", day_as(day, options.licence_dates) or ""


FORM = Form(
    name="credit",
    version="2018",
    title=Label("双公示（2018 年一代）", "Double publicity, generation of 2018"),
    tables={
        "cf_fr": frozenset({Act.PENALTY}),
        "cf_zrr": frozenset({Act.PENALTY}),
        "xk_fr": frozenset({Act.LICENCE}),
        "xk_zrr": frozenset({Act.LICENCE}),
    },
    table_of=_table,
    row=row,
    # It says which of the tables, those of natural persons or of others.
    needed=frozenset({"counterpartyKind"}),
    id_numbers=frozenset(IdNumber),
    dictionaries={
        "party_kinds": [("cf_fr", "CF_XDR_LB")],
        "id_kinds": [("cf_zrr", "CF_XDR_ZJLX")],
        "penalty_kinds": [("cf_fr", "CF_CFLB")],
        "licence_kinds": [("xk_fr", "XK_XKLB")],
    },
    options=CreditOptions,
    stated=_stated,
    reading=Label(
        "双公示数据标准（发改办财金〔2018〕424号的附件，原文未读到）",
        "the annex of the double-publicity standard, whose text was not seen",
    ),
    source="发改办财金〔2018〕424号；数据项依至少两个已部署系统 / columns as in two or "
    "more deployed systems",
    confidence=Confidence.DEPLOYED,
)
