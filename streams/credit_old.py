"""The form of the credit system's older generation, of about 2015 to 2018.

Still met in cities' own sinks. One table for all parties; of licences in that
generation no fields were seen. The organisation code, the tax registration and the
severity of the dishonesty (CF_XDR_ZDM, CF_XDR_SWDJ, CF_SXYZCD) no decision has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from zhitong.decisions import Act, Copy, Penalty
from zhitong.rules.identifiers import CREDIT_PLACEHOLDER
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import day_as, fill, joined, no_resident_id
from zhitong.streams.confidence import Confidence
from zhitong.streams.credit import Separator, publicity_end, remark, sealed
from zhitong.streams.form import Form, Options, Stated, Status, Text, Writing
from zhitong.streams.receivers import IdNumber
from zhitong.types import Label


class OldOptions(Options, frozen=True, kw_only=True):
    """What is particular to the older generation."""

    separator: Separator
    dates: Text
    status: Status
    scope: Literal["0", "1", "2", "3", ""] = ""
    """CF_SYFW for all records; empty: not sent."""


def row(copy: Copy, writing: Writing) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry, form = copy.entry, writing.options(OldOptions)
    decision, penalty = entry.decision, entry.decision.penalty or Penalty()
    words = (writing.word("penalty_kinds", kind) for kind in penalty.kinds)
    kinds = [*dict.fromkeys(filter(None, words))]
    at = entry.at.astimezone(SHANGHAI)
    said = {
        "CF_WSH": decision.document_no,
        "CF_CFMC": decision.title,
        "CF_CFLB1": joined(kinds[:1], form.separator),
        "CF_CFLB2": joined(kinds[1:], form.separator),
        "CF_SY": decision.facts,
        "CF_YJ": decision.basis,
        "CF_JG": decision.content,
        "CF_JDRQ": day_as(decision.decided_on, form.dates),
        "CF_XZJG": decision.subject_name,
        "CF_ZT": form.status.of(entry),
        "DFBM": writing.config.division,
        "SJC": f"{day_as(at.date(), form.dates)} {at:%H:%M:%S}",
        "CF_SYFW": form.scope or None,
        "CF_GSJZQ": day_as(publicity_end(copy, penalty), form.dates),
        "CF_BM": decision.matter_code,
        "BZ": remark(entry),
    }
    return fill(FORM.table(decision), said | _party(copy, writing))


def _party(copy: Copy, writing: Writing) -> dict[str, object]:
    party = copy.entry.decision.party
    natural = party.kind == "NATURAL_PERSON"
    single = party.kind == "INDIVIDUAL_BUSINESS" and copy.gives("counterpartyCode")
    # Of the kinds of ID there is a column for the resident's alone.
    resident = natural and party.id_kind == "RESIDENT_ID"
    demanded = resident and IdNumber.PARTY in writing.receiver.id_numbers
    return {
        "CF_XDR_MC": party.name,
        "CF_XDR_SHXYM": party.code or (CREDIT_PLACEHOLDER if single else None),
        "CF_XDR_GSDJ": no_resident_id(party.registration_no),
        "CF_XDR_SFZ": sealed(party.id_number, writing.seal) if demanded else None,
        "CF_FR": party.representative,
    }


def _stated(options: Options, day: date) -> Iterator[Stated]:
    assert isinstance(options, OldOptions)  # noqa: S101 - as the form names them
    yield from options.status.at("cf", "CF_ZT")
    yield "cf", "CF_JDRQ", day_as(day, options.dates) or ""


FORM = Form(
    name="credit",
    version="2015",
    title=Label("双公示（较早一代）", "Double publicity, the older generation"),
    tables={"cf": frozenset({Act.PENALTY})},
    table_of=lambda _decision: "cf",
    row=row,
    id_numbers=frozenset({IdNumber.PARTY}),
    dictionaries={"penalty_kinds": [("cf", "CF_CFLB1")]},
    options=OldOptions,
    stated=_stated,
    reading=Label(
        "双公示较早一代的数据项（标准原文未读到，长度和必填均为配置规则）",
        "the older generation's columns: the standard was not seen, widths and what "
        "is required are a configured rule",
    ),
    source="双公示较早一代：字段见已部署系统 / fields as met in deployed systems",
    confidence=Confidence.DEPLOYED,
)
