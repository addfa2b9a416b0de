"""What is refused: a decision nobody could identify, or values that cannot be.

Nothing is refused for a rule of law; `zhitong.rules.checks` finds, the ledger
registers. No refusal repeats an ID number or a long text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from zhitong.decisions import Decision, Party
from zhitong.exceptions import DecisionFormatError, DecisionUnidentifiedError
from zhitong.rules.check import Limits
from zhitong.rules.document_numbers import normalised
from zhitong.rules.identifiers import credit_code_fault
from zhitong.rules.resident_ids import born, plain
from zhitong.rules.texts import CONTROL, FREE, SENT, leaves

CODES = {
    "party.kind": frozenset({"LEGAL_PERSON", "INDIVIDUAL_BUSINESS", "NATURAL_PERSON"}),
    "party.id_kind": frozenset(
        {
            "RESIDENT_ID",
            "PASSPORT",
            "HK_MACAO_PERMIT",
            "TAIWAN_PERMIT",
            "FOREIGN_PERMANENT_RESIDENT",
            "OTHER",
        }
    ),
    "penalty.kinds": frozenset(
        {
            "WARNING",
            "CRITICISM",
            "FINE",
            "CONFISCATED_GAINS",
            "CONFISCATED_GOODS",
            "LICENCE_SUSPENDED",
            "QUALIFICATION_LOWERED",
            "LICENCE_REVOKED",
            "BUSINESS_RESTRICTED",
            "PRODUCTION_SUSPENDED",
            "CLOSURE_ORDERED",
            "OCCUPATION_RESTRICTED",
            "DETENTION",
            "OTHER",
        }
    ),
    "penalty.procedure": frozenset({"SIMPLE", "ORDINARY", "EXPEDITED"}),
    "review.opinion": frozenset(
        {"AGREE", "NOT_TO_DECIDE", "CORRECT", "RETURN", "TRANSFER"}
    ),
    "licence.kind": frozenset(
        {
            "ORDINARY",
            "CONCESSION",
            "ACCREDITATION",
            "APPROVAL",
            "REGISTRATION",
            "OTHER",
        }
    ),
}
CODES["party.representative_id_kind"] = CODES["party.id_kind"]
"""The closed lists; schema/codes.py has them with their labels."""
RESIDENT_ID = "RESIDENT_ID"
_DIVISION = re.compile(r"[1-9][0-9]{5}")
_PLACES = frozenset({"party.id_number", "party.representative_id_number"})
_SEALED_ZH = (
    "请填入 idNumber（法定代表人的填入 representativeIdNumber），在那里加密保存；"
    "此处填写应有的编号，没有就留空"
)
_SEALED_EN = (
    "idNumber is where it is sealed (the representative's: representativeIdNumber); "
    "here goes the number that is due, or none"
)


def admit(decision: Decision, limits: Limits, today: date) -> None:
    """Raise `DecisionUnidentifiedError` or `DecisionFormatError`, or let it pass.

    *today* is the day in Asia/Shanghai.
    """
    for zh, en in _unidentified(decision, limits):
        raise DecisionUnidentifiedError(zh, en)
    for name, zh, en in _misshapen(decision, limits, today):
        raise DecisionFormatError(zh, en, field=SENT[name])


def stated(text: str, name: str, limits: Limits) -> str:
    """Take a reason or a basis without the blanks around it, or raise."""
    bare = text.strip()
    if not bare:
        raise DecisionFormatError(
            f"{name} 不能为空，请写明", f"{name} is empty; please state it", field=name
        )
    for zh, en in _unfit(name, bare, limits):
        raise DecisionFormatError(zh, en, field=name)
    return bare


def _unidentified(decision: Decision, limits: Limits) -> Iterator[tuple[str, str]]:
    fault = credit_code_fault(decision.subject_code)
    if fault:
        yield (
            f"执法主体代码无效：{fault.zh}；请改正后重发",
            f"the subject's code is none: {fault.en}; correct it and send it again",
        )
    if not _bare(decision.local_id):
        yield (
            "没有本部门的决定编号（localId），请填写本系统内唯一的编号",
            "localId is missing; give the number that is unique in your own system",
        )
    most = limits.texts["local_id"]
    if len(decision.local_id) > most:
        yield (
            f"本部门的决定编号（localId）超过 {most} 字，请缩短",
            f"localId has more than {most} characters; shorten it",
        )
    if not _bare(normalised(decision.document_no)):
        yield (
            "没有决定书文号（documentNo），请填写",
            "documentNo is missing; give the number of the decision",
        )
    if not _bare(decision.party.name):
        yield (
            "没有当事人名称（counterpartyName），请填写",
            "counterpartyName is missing; say whom it is about",
        )


def _misshapen(
    decision: Decision, limits: Limits, today: date
) -> Iterator[tuple[str, str, str]]:
    if decision.decided_on > today:
        yield (
            "decided_on",
            f"决定日期 {decision.decided_on} 在今天（{today}）之后，请核对日期",
            f"{decision.decided_on} is after today ({today}); check the day",
        )
    if decision.division and not _DIVISION.fullmatch(decision.division):
        yield (
            "division",
            "行政区划代码应为六位数字",
            "a division code has six digits",
        )
    yield from _amounts(decision, limits)
    yield from _texts(decision, limits)
    yield from _codes(decision)
    yield from _numbers(decision.party)
    yield from _misplaced(decision, limits, today)


def _amounts(decision: Decision, limits: Limits) -> Iterator[tuple[str, str, str]]:
    penalty = decision.penalty
    for name in ("fine", "confiscated"):
        amount = getattr(penalty, name) if penalty else None
        if amount is not None and not 0 <= amount <= limits.amount:
            yield (
                f"penalty.{name}",
                f"金额 {name} 不能是负数，也不能这样大，请核对",
                f"the amount {name} cannot be negative, nor as large; check it",
            )


def _texts(decision: Decision, limits: Limits) -> Iterator[tuple[str, str, str]]:
    for name, text in leaves(decision):
        for zh, en in _unfit(name, text, limits):
            yield name, zh, en
    if len(decision.officers) > limits.officers:
        yield (
            "officers",
            f"执法证号超过 {limits.officers} 个，请核对",
            f"there are more than {limits.officers} certificates; check them",
        )


def _unfit(name: str, text: str, limits: Limits) -> Iterator[tuple[str, str]]:
    most = limits.texts.get(name, limits.texts["other"])
    sent = SENT.get(name, name)
    if len(text) > most:
        yield (
            f"{sent} 有 {len(text)} 字，最多 {most} 字，请缩短",
            f"{sent} has {len(text)} characters, {most} are taken; shorten it",
        )
    elif CONTROL.search(text):
        yield (
            f"{sent} 含有控制字符，请去掉",
            f"{sent} has control characters; remove them",
        )


def _codes(decision: Decision) -> Iterator[tuple[str, str, str]]:
    for name, text in leaves(decision):
        if name in CODES and text not in CODES[name]:
            allowed = ", ".join(sorted(CODES[name]))
            yield (
                name,
                f"{SENT[name]} 的代码不在代码表内，可用：{allowed}",
                f"{SENT[name]} is not in its code list: {allowed}",
            )


def _numbers(party: Party) -> Iterator[tuple[str, str, str]]:
    pairs = (
        ("id_number", party.id_kind, party.id_number),
        (
            "representative_id_number",
            party.representative_id_kind,
            party.representative_id_number,
        ),
    )
    for name, kind, number in pairs:
        if kind != RESIDENT_ID or number is None:
            continue
        if number.endswith("x") and born(number.upper()):
            yield (
                f"party.{name}",
                "公民身份号码末位的 x 应为大写 X，请改正（号码不在此显示）",
                "a resident ID number ends in a capital X, not x (not shown here)",
            )
        elif not born(number):
            yield (
                f"party.{name}",
                "公民身份号码的位数、日期或校验码不对，请逐位核对（号码不在此显示）",
                "the resident ID number is none; compare each place (not shown here)",
            )


def _misplaced(
    decision: Decision, limits: Limits, today: date
) -> Iterator[tuple[str, str, str]]:
    """Find ID numbers where a number of another kind is due.

    What stands there leaves in the clear; in its own field it is sealed.
    """
    party = decision.party
    own = {
        plain(number)
        for kind, number in (
            (party.id_kind, party.id_number),
            (party.representative_id_kind, party.representative_id_number),
        )
        if kind == RESIDENT_ID and number
    }
    for name, text in leaves(decision):
        if name in FREE or name in _PLACES:
            continue
        number = plain(text)
        known = any(one in number for one in own)
        # A department's own key may be any number; only one it states is told there.
        if known or (name != "local_id" and _persons(number, limits, today)):
            yield (
                name,
                f"{SENT[name]} 中是公民身份号码，{_SEALED_ZH}",
                f"{SENT[name]} holds a resident ID number; {_SEALED_EN}",
            )


def _persons(number: str, limits: Limits, today: date) -> bool:
    day = born(number)
    # Division, day and serial number make many a case number; one in eleven passes.
    if day is None or today.year - day.year < limits.person_years:
        return False
    # All in digits, a credit code may pass for an ID number too.
    return credit_code_fault(number) is not None


def _bare(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()
