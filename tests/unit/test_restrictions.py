"""Where several reasons meet at one field, each is told, whichever came first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from zhitong.resolvers.restrictions import restrict, restrict_all
from zhitong.schema.access_report import access
from zhitong.types import (
    Allow,
    Deny,
    Inquiry,
    Label,
    Mask,
    MaskKind,
    Occasion,
    Principal,
    Restrictions,
    Ruling,
    Rulings,
)

UNREAD = (
    Ruling(Deny("silence", Label("未许可", "not allowed"), Label("申请", "apply"))),
)
UNSOUGHT = (Ruling(Deny("look-up", Label("不可查找", "no key"), Label("无", "none"))),)
MASKED = (Ruling(Mask("phone", MaskKind.PHONE, Label("脱敏", "masked"))),)
PLACE = ("Counterparty", "phone")


def inquiry() -> Inquiry:
    return Inquiry(
        principal=Principal(kind="police", unit="U", unit_name="局", person="王"),
        occasion=Occasion(),
        id="1",
    )


@pytest.mark.parametrize("order", [*permutations((UNREAD, UNSOUGHT, MASKED))])
def test_each_reason_is_told_whatever_their_order(order: Sequence[Rulings]) -> None:
    asked = inquiry()
    for rulings in order:
        restrict(asked, *PLACE, rulings)
    told = access(asked)["access"]
    assert isinstance(told, list)
    assert [entry["rule"] for entry in told] == ["phone", "look-up", "silence"]


def test_a_reason_told_twice_is_told_once() -> None:
    asked = inquiry()
    again = (Ruling(Allow("own"), None), *UNREAD)
    restrict(asked, *PLACE, UNREAD)
    restrict(asked, *PLACE, (*UNREAD,))
    restrict_all(asked, {PLACE: (again, UNREAD)})
    assert asked.restrictions[PLACE] == (UNREAD, again)
    assert len(access(asked)["access"]) == 1  # type: ignore[arg-type]


def test_what_is_kept_for_others_is_not_changed_by_a_question() -> None:
    kept: Restrictions = {PLACE: (UNREAD,)}
    asked = inquiry()
    restrict_all(asked, kept)
    restrict(asked, *PLACE, UNSOUGHT)
    assert kept == {PLACE: (UNREAD,)}
    assert asked.restrictions == {PLACE: (UNREAD, UNSOUGHT)}
