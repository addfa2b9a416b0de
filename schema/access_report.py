"""The extensions of an answer: what was withheld and why, what is missing or old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from zhitong.resolvers.explanation import described
from zhitong.types import (
    All,
    Allow,
    Deny,
    Inquiry,
    Label,
    Mask,
    MaskKind,
    Not,
    Predicate,
    Rulings,
)

READINGS: Mapping[MaskKind, Label] = {
    MaskKind.AMOUNT_BAND: Label(
        "金额档次的下限，不是金额本身", "the lower edge of a band, not the amount"
    ),
    MaskKind.YEAR: Label(
        "只有年份，月日一律写作 1 月 1 日",
        "the year alone; 1 January stands for any day",
    ),
    MaskKind.HASH: Label(
        "代号：同一单位看到的相同值代号相同，其他单位的代号不同",
        "a pseudonym: equal values have equal ones for one unit, others for another",
    ),
}
"""How to read what looks like a value and is none."""


def access(inquiry: Inquiry) -> dict[str, object]:
    """Say of each field that was asked for what was not, or not wholly, given."""
    entries = [
        entry
        for type_name, field in sorted(inquiry.restrictions)
        for entry in _told(inquiry, type_name, field)
    ]
    return {"access": entries} if entries else {}


def _told(inquiry: Inquiry, type_name: str, field: str) -> Sequence[dict[str, object]]:
    """Give each reason once, in an order that is not of the moment."""
    said = inquiry.restrictions[type_name, field]
    entries = [entry for one in said for entry in _entries(type_name, field, one)]
    if len(said) == 1:
        return entries
    once = {
        orjson.dumps(entry, option=orjson.OPT_SORT_KEYS): entry for entry in entries
    }
    return [once[text] for text in sorted(once)]


def _entries(
    type_name: str, field: str, rulings: Rulings
) -> Iterator[dict[str, object]]:
    before: list[Predicate] = []
    for ruling in rulings:
        verdict = ruling.verdict
        rows = [*map(Not, before), *([ruling.under] if ruling.under else [])]
        if ruling.under is not None:
            before.append(ruling.under)
        if isinstance(verdict, Allow):
            continue
        entry: dict[str, object] = {
            "type": type_name,
            "field": field.partition("@")[0],
            "verdict": type(verdict).__name__.upper(),
            "rule": verdict.rule,
            "reason": {"zh": verdict.reason.zh, "en": verdict.reason.en},
        }
        if verdict.source:
            entry["source"] = verdict.source
        if "@" in field:
            entry["from"] = field.partition("@")[2]
        if isinstance(verdict, Mask):
            entry["mask"] = verdict.kind
            if verdict.kind in READINGS:
                said = READINGS[verdict.kind]
                entry["reading"] = {"zh": said.zh, "en": said.en}
        if isinstance(verdict, Deny):
            entry["remedy"] = {"zh": verdict.remedy.zh, "en": verdict.remedy.en}
        if rows:
            entry["rows"] = described(rows[0] if len(rows) == 1 else All(tuple(rows)))
        yield entry


def gaps(inquiry: Inquiry) -> dict[str, object]:
    """Name the sources whose part of the answer is missing."""
    entries = [
        {
            "source": gap.source,
            "title": {"zh": gap.title.zh, "en": gap.title.en},
            "type": gap.type,
            "code": gap.code,
            "detail": {"zh": gap.detail.zh, "en": gap.detail.en},
            **({"fields": list(gap.fields)} if gap.fields else {}),
        }
        for gap in inquiry.gaps
    ]
    return {"sources": entries} if entries else {}


def ages(inquiry: Inquiry) -> dict[str, object]:
    """Say of counts that were not asked for this question from when they are."""
    entries = [
        {"source": source, "type": type_name, "at": at.isoformat()}
        for (source, type_name), at in sorted(inquiry.as_of.items())
    ]
    return {"asOf": entries} if entries else {}
