"""What is said where nothing is given: the reason, and what the caller can do."""

from __future__ import annotations

from collections.abc import Iterable

from zhitong.types import Deny, Label, Occasion, Principal

UNSTATED = {
    "purpose": Label(
        "目的（请求头 zhitong-purpose）", "a purpose (header zhitong-purpose)"
    ),
    "basis": Label(
        "依据（请求头 zhitong-basis）", "a legal basis (header zhitong-basis)"
    ),
    "cause": Label(
        "事由案件（请求头 zhitong-cause）", "a cause (header zhitong-cause)"
    ),
    "letter": Label(
        "单位介绍信文号（请求头 zhitong-letter）",
        "the number of the unit's letter (header zhitong-letter)",
    ),
    "identity": Label(
        "经核验的有效身份证件（由签发方在令牌中写明）",
        "an ID document that the issuer has checked (in the token)",
    ),
    "mandate": Label(
        "委托书文号（请求头 zhitong-mandate）",
        "the number of the law firm's letter (header zhitong-mandate)",
    ),
    "authorisation": Label(
        "授权书文号（请求头 zhitong-authorisation）",
        "the number of the party's authorisation (header zhitong-authorisation)",
    ),
    "licence": Label(
        "律师执业证号（请求头 zhitong-licence）",
        "the number of the lawyer's licence (header zhitong-licence)",
    ),
    "approval": Label(
        "复制、导出的审批单号（请求头 zhitong-approval）",
        "the number of the approval to copy or export (header zhitong-approval)",
    ),
}
"""What a rule may require, and how a caller is told to state it."""
WORDS = (
    Label("文字中的公民身份号码已遮盖", "ID numbers in the text are masked"),
    "个人信息保护法第28条：敏感个人信息，最小必要",
)
"""Why people's own words are not given whole, and by which text."""
UNBLURRED = Label(
    "只给脱敏后的内容，而这个字段没有脱敏方式",
    "it is given masked alone, and there is no way to mask it",
)
SILENCE = Deny(
    "silence",
    Label("没有规则允许", "no rule allows it"),
    Label(
        "如确需使用，请向数据主管部门申请共享授权",
        "apply to the data authority for a sharing grant",
    ),
)


def missing(
    requires: Iterable[str], principal: Principal, occasion: Occasion
) -> tuple[str, ...]:
    """Name what of *requires* is not stated."""
    return tuple(
        name
        for name in requires
        if not getattr(principal if name == "identity" else occasion, name)
    )


def unstated(name: str, lacking: Iterable[str], source: str) -> Deny:
    """Deny until what is *lacking* is stated."""
    texts = [UNSTATED[each] for each in lacking]
    return Deny(
        name,
        Label(
            f"有条件共享，缺少{'、'.join(text.zh for text in texts)}",
            f"shared on condition; missing: {', '.join(text.en for text in texts)}",
        ),
        Label("补充后重新查询", "add it and ask again"),
        source,
    )


def for_purposes(name: str, purposes: Iterable[str], source: str) -> Deny:
    """Deny for any purpose but these."""
    known = sorted(purposes)
    return Deny(
        name,
        Label("所述目的不在允许之列", "the stated purpose is not one that allows it"),
        Label(
            f"如属于下列目的之一，请在请求头 zhitong-purpose 写明：{'、'.join(known)}",
            f"if one of these is true, state it in header zhitong-purpose: "
            f"{', '.join(known)}",
        ),
        source,
    )
