"""The query that tells what the policy gives whom, and why."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import strawberry

from zhitong.exceptions import ForbiddenError, ScalarError
from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import (
    OWN,
    Explanation,
    Part,
    Place,
    Stricter,
    anybody,
    caller,
    may_ask,
    place,
)
from zhitong.resolvers.grant_reasons import MOST, READ, SAID, Reason, Why, named
from zhitong.resolvers.policy import Caller
from zhitong.resolvers.read import Ask
from zhitong.schema.context import Context
from zhitong.schema.objects import Info, described, field_with
from zhitong.schema.scalars import CreditCode, DateTime
from zhitong.types import Inquiry, Label, Occasion, Order

FIELD = Label("类型.字段，如 Counterparty.phone", "Type.field, as Counterparty.phone")
KIND = Label(
    "调用方类别，不写为本人；问其他类别须为管理、审计、运维或监督人员",
    "Requester kind, one's own unless said; others' is for managers, auditors, "
    "operators and supervisors",
)
OCCASION = Label(
    "假设说明的目的、依据、事由和凭据；不写为本次请求所说明的",
    "What would be stated; what this request states without it",
)
UNIT = Label(
    "哪个单位的授权，不写为本单位；只说明提问人看得到的",
    "Whose grants, one's own unit's without it; those that who asks may see",
)
SOURCE = Label("只就这个来源", "As this source shares it")
ALL = Label("策略的说明", "What the policy says of a field, and why")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who is asked about, and where."""

    asking: Caller
    place: Place

    def of(self, unit: str | None) -> Caller | None:
        """Take one of *unit*; None: no unit is named, nor meant."""
        principal = self.asking.principal
        if unit not in {None, principal.unit}:
            other = anybody(principal.kind, identity=principal.identity, unit=str(unit))
            return replace(self.asking, principal=other)
        return None if principal.unit == OWN else self.asking


@strawberry.input(description="为何查询，凭什么。\n\nWhy, and by which papers.")
class PolicyOccasion:
    """The headers of a question, as an input."""

    purpose: str = strawberry.field(default="", description="目的\n\nPurpose")
    basis: str = strawberry.field(default="", description="依据\n\nLegal basis")
    cause: str = strawberry.field(default="", description="事由\n\nThe case")
    letter: str = strawberry.field(default="", description="单位介绍信\n\nThe letter")
    mandate: str = strawberry.field(
        default="", description="委托书\n\nThe letter of the attorney's firm"
    )
    authorisation: str = strawberry.field(
        default="", description="授权书\n\nThe party's power of attorney"
    )
    licence: str = strawberry.field(
        default="", description="律师执业证\n\nThe lawyer's licence"
    )
    approval: str = strawberry.field(
        default="", description="审批单\n\nThe approval to copy or export"
    )
    identity: bool = strawberry.field(
        default=False,
        description="有效证件是否经核验（问其他类别时）\n\n"
        "Whether an ID document was checked, where another kind is asked about",
    )


@strawberry.type(description="一条裁定。\n\nOne verdict.")
class PolicyVerdict:
    """A verdict for some rows."""

    verdict: str = strawberry.field(description="ALLOW、MASK 或 DENY\n\nOr of these")
    rows: str = strawberry.field(
        description="对哪些记录；空为其余全部\n\nFor which rows; empty: all the others"
    )
    rule: str = strawberry.field(description="规则名称\n\nThe rule's name")
    ruleSource: str = strawberry.field(
        description="规则依据\n\nThe text the rule rests on"
    )
    mask: str | None = strawberry.field(description="脱敏方式\n\nHow it is blurred")
    reasonZh: str | None = strawberry.field(description="理由\n\nWhy, in Chinese")
    reasonEn: str | None = strawberry.field(description="理由（英文）\n\nWhy")
    remedyZh: str | None = strawberry.field(description="怎么办\n\nRemedy, in Chinese")
    remedyEn: str | None = strawberry.field(description="怎么办（英文）\n\nRemedy")


@strawberry.type(
    description="一个来源的收紧。\n\nA source that shares a field more strictly."
)
class PolicyTightening:
    """What one source's binding says."""

    source: str = strawberry.field(description="来源\n\nThe source")
    sharing: str = strawberry.field(description="共享属性\n\nIts sharing attribute")
    basis: str = strawberry.field(description="依据\n\nThe law it rests on")


@strawberry.type(
    description="一件授权对一个字段起什么作用。\n\nWhat one grant does for a field."
)
class PolicyGrant:
    """A grant that names the field: what it gives, or why nothing."""

    grantId: str = strawberry.field(description="授权编号\n\nThe grant's id")
    state: str = strawberry.field(description="状态\n\nIts state")
    owner: str = strawberry.field(description="数源部门代码\n\nCode of the owner")
    purpose: str = strawberry.field(description="目的\n\nIts purpose")
    validFrom: DateTime = strawberry.field(description="期限起\n\nValid from")
    validTo: DateTime = strawberry.field(
        description="期限止，不含\n\nValid to; not itself in it"
    )
    why: str = strawberry.field(
        description="OPENS 给出，DOCUMENTS 只在其可信查询中给出；其余是不给出的缘由："
        f"{'、'.join(sorted(set(Why) - {Why.OPENS, Why.DOCUMENTS}))}\n\n"
        "OPENS, DOCUMENTS (in those it names alone), or why it gives nothing"
    )
    whyZh: str = strawberry.field(description="同上，中文\n\nThat in words, in Chinese")
    whyEn: str = strawberry.field(description="同上，英文\n\nThat in words")
    rule: str = strawberry.field(description="拒绝的规则\n\nThe rule that denies")
    sources: list[str] = strawberry.field(
        description="在哪些来源给出\n\nThe sources where it opens the field"
    )
    verdicts: list[PolicyVerdict] = strawberry.field(
        description="给出什么，对哪些记录\n\nWhat it gives, for which rows"
    )


@strawberry.type(
    description="规则对一个字段的说明。\n\nWhat the policy says of a field."
)
class PolicyExplanation:
    """All of it, for one kind on one occasion."""

    asked: strawberry.Private[_Asked]

    kind: str = strawberry.field(description="调用方类别\n\nRequester kind")
    type: str = strawberry.field(description="类型\n\nType")
    field: str = strawberry.field(description="字段\n\nField")
    sharing: str = strawberry.field(description="共享属性\n\nSharing attribute")
    grade: str = strawberry.field(description="分级（GB/T 43697）\n\nGrade of the data")
    mask: str | None = strawberry.field(
        description="声明的脱敏方式\n\nThe mask it declares"
    )
    verdicts: list[PolicyVerdict] = strawberry.field(
        description="裁定，依次适用\n\nThe verdicts, tried in order"
    )
    rows: str = strawberry.field(
        description="能看到哪些记录；空为全部\n\nWhich rows are seen; empty: every row"
    )
    rowSources: list[str] = strawberry.field(
        description="记录范围的依据\n\nWhat the limits of the rows rest on"
    )
    countsOnly: bool = strawberry.field(
        description="是否只给数量\n\nWhether counts alone are given"
    )
    smallest: int = strawberry.field(
        description="小于此数的数量不显示\n\nCounts below this are suppressed"
    )
    compared: str = strawberry.field(
        description="可用来筛选、分组、检索的记录：ALL、SOME、NONE\n\n"
        "Rows it may be filtered, grouped and searched by"
    )
    ordered: bool = strawberry.field(
        description="是否可用来排序\n\nWhether a list may be ordered by it"
    )
    lookup: PolicyVerdict | None = strawberry.field(
        description="可否按其值精确查找\n\nWhether rows are found by its exact value"
    )
    stricter: list[PolicyTightening] = strawberry.field(
        description="收紧共享的来源\n\nSources that share it more strictly"
    )

    @strawberry.field(
        description="单位写明这个字段的授权，最近申请的在前；看不到授权登记的为空\n\n"
        "A unit's grants that name the field, latest first; null for who may not see "
        "the register of grants"
    )
    async def grants(
        self,
        info: Info,
        unit: Annotated[
            CreditCode | None, strawberry.argument(description=str(UNIT))
        ] = None,
    ) -> list[PolicyGrant] | None:
        """Read them as anything is read, under the policy of who asks."""
        return await _grants(info.context, self.asked.of(unit), self.asked.place)


def _verdict(part: Part) -> PolicyVerdict:
    return PolicyVerdict(
        verdict=part.verdict,
        rows=part.rows,
        rule=part.rule,
        ruleSource=part.source,
        mask=part.mask,
        reasonZh=part.reason.zh if part.reason else None,
        reasonEn=part.reason.en if part.reason else None,
        remedyZh=part.remedy.zh if part.remedy else None,
        remedyEn=part.remedy.en if part.remedy else None,
    )


def _tightening(one: Stricter) -> PolicyTightening:
    return PolicyTightening(source=one.source, sharing=one.sharing, basis=one.basis)


async def _grants(
    context: Context, asking: Caller | None, place: Place
) -> list[PolicyGrant] | None:
    reader, inquiry = context.reader, context.inquiry
    entity = context.entities["AccessGrant"]
    compared = ("unit", "items", "lookups", "appliedAt")
    if asking is None or not all(
        reader.comparable(inquiry, entity, name) is True for name in compared
    ):
        return None
    found = await reader.rows(
        inquiry,
        Ask(
            entity=entity,
            fields=READ,
            where=named(place, asking.principal.unit),
            order=Order("appliedAt", descending=True),
            limit=MOST,
        ),
    )
    return [
        _granted(reader.reason(asking, place, inquiry.at, row.values))
        for row in found.rows
    ]


def _granted(found: Reason) -> PolicyGrant:
    grant, said = found.grant, SAID[found.why]
    return PolicyGrant(
        grantId=grant.id,
        state=found.state.value,
        owner=grant.owner,
        purpose=grant.purpose,
        validFrom=DateTime(grant.valid_from.isoformat()),
        validTo=DateTime(grant.valid_to.isoformat()),
        why=found.why.value,
        whyZh=said.zh,
        whyEn=said.en,
        rule=found.rule,
        sources=list(found.sources),
        verdicts=list(map(_verdict, found.parts)),
    )


def _given(found: Explanation, asked: _Asked) -> PolicyExplanation:
    return PolicyExplanation(
        asked=asked,
        kind=found.kind,
        type=found.type,
        field=found.field,
        sharing=found.sharing,
        grade=found.grade,
        mask=found.mask,
        verdicts=list(map(_verdict, found.verdicts)),
        rows=found.rows,
        rowSources=list(found.row_sources),
        countsOnly=found.counts_only,
        smallest=found.smallest,
        compared=found.compared,
        ordered=found.ordered,
        lookup=None if found.lookup is None else _verdict(found.lookup),
        stricter=list(map(_tightening, found.stricter)),
    )


def _asking(
    inquiry: Inquiry, kind: str | None, stated: PolicyOccasion | None
) -> Caller:
    """Take who is asked about; raise where that is not for this caller to know."""
    principal = inquiry.principal
    said = inquiry.occasion if stated is None else _occasion(stated)
    if kind is None or kind == principal.kind:
        return caller(principal, said)
    if kind not in KINDS:
        raise ScalarError("没有这个调用方类别", "there is no such requester kind")
    if not may_ask(principal, kind):
        raise ForbiddenError(
            "只能查询本类调用方的规则；其他类别的由管理、审计、运维和监督人员查询。",
            "You may ask what your own kind of requester is given; what others are is "
            "for managers, auditors, operators and supervisors.",
        )
    identity = stated is not None and stated.identity
    said = Occasion() if stated is None else said
    return caller(anybody(kind, identity=identity), said)


def _occasion(stated: PolicyOccasion) -> Occasion:
    return Occasion(**{one.name: getattr(stated, one.name) for one in fields(Occasion)})


def explain_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root."""

    def resolve(
        info: Info,
        field: str,
        kind: str | None = None,
        occasion: PolicyOccasion | None = None,
        source: str | None = None,
    ) -> PolicyExplanation:
        context: Context = info.context
        sources = context.sources()
        where = place(field, context.entities, sources, source or "")
        asking = _asking(context.inquiry, kind, occasion)
        return _given(context.reader.explain(asking, where), _Asked(asking, where))

    annotations = {
        "info": Info,
        "field": Annotated[str, strawberry.argument(description=str(FIELD))],
        "kind": described(str | None, KIND),
        "occasion": described(PolicyOccasion | None, OCCASION),
        "source": described(str | None, SOURCE),
        "return": PolicyExplanation | None,
    }
    return field_with(resolve, annotations, ALL)
