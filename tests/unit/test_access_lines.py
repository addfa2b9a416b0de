"""Whose a line of the broker's access lists is, and what is to become of it."""

from __future__ import annotations

import pytest
from kafka.admin import (
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourceType,
)

from zhitong.streams.access_lists import Line, compare_lines

OURS, THEIRS = "zhitong.anze.credit", "zhitong.beihe.credit"


def line(user: str, name: str, kind: str = "TOPIC", permission: str = "ALLOW") -> Line:
    """Write a line; a *name* that ends in ``*`` is a prefix, but for ``*`` itself."""
    prefix = name != "*" and name.endswith("*")
    return Line(
        f"User:{user}",
        "*",
        ACLOperation.READ,
        ACLPermissionType[permission],
        ResourceType[kind],
        name.removesuffix("*") if prefix else name,
        ACLResourcePatternType["PREFIXED" if prefix else "LITERAL"],
    )


WANTED = line(OURS, "zhitong.anze.credit.v1")


def test_what_is_as_declared_is_left_and_what_lacks_is_named() -> None:
    assert compare_lines([WANTED], [WANTED], "anze") == (set(), set(), set())
    assert compare_lines([], [WANTED], "anze") == ({WANTED}, set(), set())


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(line(OURS, "another.v1"), id="ours may read another's"),
        pytest.param(line(THEIRS, "zhitong.anze.credit.v1"), id="another reads ours"),
        pytest.param(line("admin", "zhitong.anze.*"), id="a prefix within ours"),
        pytest.param(line(OURS, "zhitong.anze.credit.v1", "GROUP"), id="another kind"),
        pytest.param(
            line(OURS, "zhitong.anze.credit.v1", permission="DENY"), id="denied"
        ),
    ],
)
def test_what_is_ours_and_not_declared_is_surplus(one: Line) -> None:
    assert compare_lines([WANTED, one], [WANTED], "anze") == (set(), {one}, set())


@pytest.mark.parametrize(
    ("one", "reaches"),
    [
        pytest.param(line("admin", "*"), True, id="all topics"),
        pytest.param(line("admin", "zhitong*"), True, id="a wider prefix"),
        pytest.param(line("admin", "kafka-cluster", "CLUSTER"), True, id="the cluster"),
        pytest.param(line("admin", "*", permission="DENY"), False, id="denied"),
        pytest.param(line(THEIRS, "zhitong.beihe.credit.v1"), False, id="their own"),
        pytest.param(line(THEIRS, "zhitong.anzeb.v1"), False, id="a like name"),
        pytest.param(line("admin", "zhitong.beihe*"), False, id="a prefix beside ours"),
    ],
)
def test_what_is_another_s_stays_and_is_said_where_it_reaches_ours(
    one: Line, *, reaches: bool
) -> None:
    wide = {one} if reaches else set()
    assert compare_lines([WANTED, one], [WANTED], "anze") == (set(), set(), wide)
