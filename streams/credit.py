"""The form of the credit system: double publicity 双公示, rows CF_* and XK_*.

Four tables: penalties and licences, of natural persons (``_zrr``) and of all others
(``_fr``). Every version is the decision's whole new row: a withdrawal keeps the row,
says so in its status and remark, and ends its publicity; nothing is ever deleted.
Columns whose values no decision has (organisation code, tax number …) are not sent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from zhitong.decisions import Act, Change, Copy, Decision, Entry, Licence, Penalty
from zhitong.exceptions import ReceiverError
from zhitong.rules.identifiers import CREDIT_PLACEHOLDER
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import (
    clean,
    fill,
    joined,
    masked,
    no_resident_id,
    ten_thousands,
)
from zhitong.streams.receivers import IdNumber, Receiver, Receivers, Status
from zhitong.streams.schemas import Table, tables

Seal = Callable[[str], str]

LONGEST_ID_NUMBER = 64
"""Characters, the widest column seen; what is longer is none and is left out."""


def table(decision: Decision) -> Table:
    """Say which table a penalty or licence belongs in; raise for another act."""
    if decision.act not in {Act.PENALTY, Act.LICENCE}:
        raise ReceiverError(
            "双公示格式只有行政处罚和行政许可",
            "double publicity is for penalties and licences alone",
        )
    kind = "cf" if decision.act is Act.PENALTY else "xk"
    natural = decision.party.kind == "NATURAL_PERSON"
    return tables()[f"{kind}_{'zrr' if natural else 'fr'}"]


def row(
    copy: Copy, receiver: Receiver, config: Receivers, seal: Seal
) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry = copy.entry
    to = table(entry.decision)
    own = _penalty if entry.decision.act is Act.PENALTY else _licence
    said = _party(copy, receiver, config, seal) | own(copy, config)
    prefix = "CF" if entry.decision.act is Act.PENALTY else "XK"
    # The tables' columns differ only in which of these they have.
    named = {
        name if name == "BZ" else f"{prefix}_{name}": v for name, v in said.items()
    }
    return fill(to, {name: v for name, v in named.items() if name in to.columns})


def _party(
    copy: Copy, receiver: Receiver, config: Receivers, seal: Seal
) -> dict[str, object]:
    party, words = copy.entry.decision.party, config.words
    # The placeholder says that there is no code, not that none is given.
    single = party.kind == "INDIVIDUAL_BUSINESS" and copy.gives("counterpartyCode")
    said: dict[str, object] = {
        "XDR_MC": party.name,
        "XDR_LB": words.party_kinds.get(party.kind),
        "XDR_SHXYM": party.code or (CREDIT_PLACEHOLDER if single else None),
        "XDR_GSZC": no_resident_id(party.registration_no),
        "FRDB": party.representative,
    }
    if IdNumber.PARTY in receiver.id_numbers and party.kind == "NATURAL_PERSON":
        said["XDR_ZJLX"] = words.id_kinds.get(party.id_kind or "")
        said["XDR_ZJHM"] = _sealed(party.id_number, seal)
    # A kind of ID without its number is of no use to anybody.
    if IdNumber.REPRESENTATIVE in receiver.id_numbers:
        said["FR_ZJLX"] = words.id_kinds.get(party.representative_id_kind or "")
        said["FR_ZJHM"] = _sealed(party.representative_id_number, seal)
    return said


def _sealed(number: str | None, seal: Seal) -> str | None:
    cleaned = clean(number or "")
    return seal(cleaned) if 0 < len(cleaned) <= LONGEST_ID_NUMBER else None


def _penalty(copy: Copy, config: Receivers) -> dict[str, object]:
    entry, form = copy.entry, config.credit
    decision, penalty = entry.decision, entry.decision.penalty or Penalty()
    open_end = config.penalty_open_end if copy.gives("validTo") else None
    kinds = [config.words.penalty_kinds.get(kind, "") for kind in penalty.kinds]
    return {
        "WSH": decision.document_no,
        "WFXW": penalty.violation_type,
        "SY": decision.facts,
        "YJ": decision.basis,
        "CFLB": joined(filter(None, dict.fromkeys(kinds)), form.separator),
        "NR": decision.content,
        "NR_FK": ten_thousands(penalty.fine),
        "NR_WFFF": ten_thousands(penalty.confiscated),
        "NR_ZKDX": penalty.licence_affected,
        "JDRQ": _day(decision.decided_on, form.penalty_dates),
        "YXQ": _day(penalty.valid_to or open_end, form.penalty_dates),
        "GSJZQ": _day(_publicity_end(copy, penalty), form.penalty_dates),
        "CFJG": decision.subject_name,
        "CFJGDM": decision.subject_code,
        "SJLY": _unit(copy),
        "SJLYDM": entry.unit,
        "ZT": _status(entry, form.penalty_status),
        "BZ": remark(entry),
    }


def _licence(copy: Copy, config: Receivers) -> dict[str, object]:
    entry, form = copy.entry, config.credit
    decision, licence = entry.decision, entry.decision.licence or Licence(kind="")
    valid_to = licence.valid_to or licence_end(copy, config)
    return {
        "XKWS": decision.document_title,
        "WSH": decision.document_no,
        "XKLB": config.words.licence_kinds.get(licence.kind),
        "XKZS": licence.certificate_name,
        "XKBH": masked(licence.certificate_no),
        "NR": decision.content,
        "JDRQ": _day(decision.decided_on, form.licence_dates),
        "YXQZ": _day(licence.valid_from, form.licence_dates),
        "YXQZI": _day(valid_to, form.licence_dates),
        "XKJG": decision.subject_name,
        "XKJGDM": decision.subject_code,
        "ZT": _status(entry, form.licence_status),
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


def _publicity_end(copy: Copy, penalty: Penalty) -> date | None:
    """Give the day publicity ends: of what is withdrawn, today at the latest."""
    entry = copy.entry
    if entry.change is not Change.WITHDRAWN or not copy.gives("publicityTo"):
        return penalty.publicity_to
    today = entry.at.astimezone(SHANGHAI).date()
    return min(today, penalty.publicity_to or today)


def _status(entry: Entry, status: Status) -> str:
    return status.withdrawn if entry.change is Change.WITHDRAWN else status.stands


def _unit(copy: Copy) -> str | None:
    entry = copy.entry
    if not copy.gives("recordedByName"):
        return None
    own = entry.unit == entry.decision.subject_code
    return entry.unit_name or (entry.decision.subject_name if own else None)


def _day(day: date | None, form: str) -> str | None:
    # strftime's %Y writes the year 25 as 25; no form means that.
    return None if day is None else day.strftime(form.replace("%Y", f"{day.year:04d}"))
