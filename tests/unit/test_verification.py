"""What must hold of rows and heads, one rule at a time; the tables are elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from zhitong.evidence import Head, Signature, stamp
from zhitong.rules.faults import FaultKind, Faults
from zhitong.rules.head_chain import Chain
from zhitong.rules.head_checks import (
    HeadChecks,
    HeadRow,
    KeyRow,
    Seen,
    check_keys,
)
from zhitong.rules.matching import Matching
from zhitong.rules.merkle import NONE, digest, leaf
from zhitong.rules.noted_keys import Keys
from zhitong.rules.verification import (
    DECISIONS,
    DEEDS,
    LOOKS,
    check_rows,
    micros,
    sent,
    written,
)

OF = digest("sha256")
AT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)
NOW = micros(stamp(AT))
SUBJECTS = [bytes([each]) * 16 for each in (1, 2, 3)]
BODY: dict[str, object] = {
    "record": "r1",
    "at": stamp(AT),
    "who": {"kind": "police", "unit": "u", "person": "p", "more": 1},
    "party": "",
    "purpose": "",
    "cause": "",
    "protected": True,
    "looks": [
        {"subjects": [each.hex() for each in SUBJECTS[1:]]},
        {"subjects": [each.hex() for each in SUBJECTS[:2]]},
    ],
}
COLUMNS = ("r1", sent(stamp(AT)), "police", "u", "p", "", "", "", True)


def array(elements: Sequence[bytes]) -> bytes:
    """Write what PostgreSQL's array_send gives for a bytea[]."""
    if not elements:
        return struct.pack(">iii", 0, 0, 17)
    head = struct.pack(">iiiii", 1, 0, 17, len(elements), 1)
    return head + b"".join(struct.pack(">i", len(one)) + one for one in elements)


def look(**changes: object) -> tuple[object, ...]:
    body = orjson.dumps(BODY | changes)
    return (*COLUMNS, array(SUBJECTS), body, leaf(OF, body))


def found(*rows: tuple[object, ...]) -> list[str]:
    faults = Faults()
    check_rows(OF, LOOKS, rows, faults, Keys())
    return [f"{fault.kind} {fault.column}".strip() for fault in faults.listed]


def test_a_look_says_what_its_body_says() -> None:
    assert found(look()) == []


def test_a_look_from_before_the_log_has_its_subjects_together() -> None:
    together = [each.hex() for each in SUBJECTS]
    old = look(looks=["Case@market 1 no=ALLOW"], subjects=together)
    assert found(old) == []


@pytest.mark.parametrize("place", range(len(COLUMNS)))
def test_each_column_of_a_look_is_compared(place: int) -> None:
    row = list(look())
    row[place] = b"" if isinstance(row[place], bytes) else "other"
    assert found(tuple(row)) == [f"COLUMN_DIFFERS {LOOKS.columns[place]}"]


@pytest.mark.parametrize(
    "subjects",
    [
        *([], SUBJECTS[:2], SUBJECTS[::-1], [*SUBJECTS, SUBJECTS[2]]),
        [SUBJECTS[0] + SUBJECTS[1], SUBJECTS[2]],
        [SUBJECTS[0][:15], SUBJECTS[0][15:] + SUBJECTS[1], SUBJECTS[2]],
    ],
)
def test_subjects_are_compared_one_by_one(subjects: list[bytes]) -> None:
    row = list(look())
    row[9] = array(subjects)
    assert found(tuple(row)) == ["COLUMN_DIFFERS subjects"]


def test_a_look_that_found_no_row_has_no_subjects() -> None:
    row = list(look(looks=[{"subjects": []}]))
    row[9] = array([])
    assert found(tuple(row)) == []


@pytest.mark.parametrize("subject", ["02", "0" * 31, "0" * 33, "x" * 32])
def test_a_subject_is_a_digest_or_the_body_is_unreadable(subject: str) -> None:
    assert found(look(looks=[{"subjects": [subject]}])) == ["BODY_UNREADABLE"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"null"])
def test_a_body_that_is_no_look_is_unreadable(body: bytes) -> None:
    assert found((*look()[:10], body, leaf(OF, body))) == ["BODY_UNREADABLE"]


def test_a_moment_is_read_in_whatever_form_it_was_written() -> None:
    for text in ("2026-11-22T09:30:00Z", "2026-11-22T17:30:00+08:00"):
        assert sent(text) == sent("2026-11-22T09:30:00.000000Z")
    assert written(micros("2026-11-22T09:30:00Z")) == "2026-11-22T09:30:00.000000Z"
    assert written(2**62) == f"{2**62}µs"


DECIDED = {
    "decision": "d",
    "version": 1,
    "at": stamp(AT),
    "change": "RECORDED",
    "unit": "u",
    "who": "p",
    "contentHash": "c",
    "previous": None,
}
UNSIGNED = {"basis": "", "reason": "", "findings": [], "origin": "PLATFORM"}
SINCE = {**UNSIGNED, "signature": None}


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        pytest.param({}, [], id="before the log"),
        pytest.param({"basis": "", "reason": ""}, [], id="form 1"),
        pytest.param({**SINCE, "form": 2}, [], id="form 2"),
        pytest.param(
            {"basis": "", "reason": "", "form": 2}, ["BODY_UNREADABLE"], id="torn"
        ),
        pytest.param(
            {**UNSIGNED, "form": 2}, ["BODY_UNREADABLE"], id="signature taken out"
        ),
        pytest.param({**SINCE, "form": 99}, ["BODY_UNREADABLE"], id="unknown"),
    ],
)
def test_a_decision_s_body_has_what_its_form_must_have(
    more: dict[str, object], kinds: list[str]
) -> None:
    body, at = orjson.dumps(DECIDED | more), sent(stamp(AT))
    row = ("d/1", at, 1, "RECORDED", "u", "p", at, "c", "c", None, "", "")
    faults = Faults()
    check_rows(OF, DECISIONS, [(*row, body, leaf(OF, body))], faults, Keys())
    assert [fault.kind for fault in faults.listed] == kinds


def test_rows_and_leaves_meet_in_any_order() -> None:
    faults, matching = Faults(), Matching()
    matching.sealed([(0, "LOOK", "a", b"1"), (1, "LOOK", "b", b"2")], faults)
    matching.stand("LOOK", [("b", b"2"), ("c", b"3")], faults)
    matching.stand("LOOK", [("a", b"x")], faults)
    matching.sealed([(2, "LOOK", "c", b"3"), (3, "LOOK", "d", b"4")], faults)
    assert [str(one) for one in faults.listed] == ["LEAF_DIFFERS access_entry a #0"]
    assert [str(one) for one in matching.settle({}, Keys())] == [
        "ROW_MISSING access_entry d #3"
    ]


def test_what_is_not_sealed_waits_with_its_own_leaf_or_is_named() -> None:
    faults, matching = Faults(), Matching()
    matching.stand("DEED", [("a", b"1"), ("b", b"2"), ("c", b"3")], faults)
    queue = {("DEED", "a"): b"1", ("DEED", "b"): b"x", ("LOOK", "z"): b"1"}
    assert [str(one) for one in matching.settle(queue, Keys())] == [
        "QUEUE_DIFFERS deed b",
        "ROW_UNSEALED deed c",
        "QUEUE_ORPHAN unsealed LOOK z",
    ]


def test_two_rows_of_one_name_are_not_one() -> None:
    faults, matching = Faults(), Matching()
    matching.stand("LOOK", [("a", b"1"), ("a", b"2")], faults)
    matching.sealed([(0, "LOOK", "a", b"1")], faults)
    assert [str(one) for one in matching.settle({}, Keys())] == [
        "ROW_UNSEALED access_entry a"
    ]


def test_a_deed_that_archives_excuses_the_leaves_it_names_and_no_others() -> None:
    said = {
        "deed": "d",
        "at": stamp(AT),
        "kind": "ARCHIVE",
        "who": "",
        "unit": "",
        "action": "archive-records",
        "target": "",
        "reason": "",
        "detail": {"leaf_kind": "LOOK", "numbers": [[2, 3]], "records": 2},
    }
    body, keys, faults = orjson.dumps(said), Keys(), Faults()
    row = ("d", sent(stamp(AT)), "ARCHIVE", "", "", "archive-records", "", "")
    check_rows(OF, DEEDS, [(*row, body, leaf(OF, body))], faults, keys)
    assert not faults.totals
    assert [keys.gone("LOOK", each) for each in range(1, 5)] == [
        False,
        True,
        True,
        False,
    ]
    assert not keys.gone("DEED", 2)


# --- heads -------------------------------------------------------------------

HEAD = Head(origin="a", hash="sha256", size=3, root=bytes(32), at=AT, previous=NONE)
SIGNED = Signature(key_id="k", algorithm="x", value=b"good")
KEY = KeyRow("k", "head", "x", b"", NOW - 10**9, None)
ROW = HeadRow("a", 3, NOW, HEAD.note, [SIGNED], [])


def head_faults(row: HeadRow, *keys: KeyRow) -> list[str]:
    def verify(_spki: bytes, _algorithm: str, _text: bytes, value: bytes) -> bool:
        return value == b"good"

    faults = Faults()
    known = {key.key_id: key for key in keys or (KEY,)}
    HeadChecks(OF, "a", "sha256", known, verify).check(row, faults)
    return [f"{fault.kind} {fault.column}".strip() for fault in faults.listed]


def test_a_head_that_every_key_in_force_has_signed_holds() -> None:
    assert head_faults(ROW) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"origin": "b"}, "HEAD_DIFFERS origin", id="origin"),
        pytest.param({"size": 4}, "HEAD_DIFFERS size", id="size"),
        pytest.param({"at": NOW + 1}, "HEAD_DIFFERS at", id="at"),
        pytest.param({"note": b"x"}, "HEAD_MALFORMED note", id="note"),
        pytest.param(
            {"note": replace(HEAD, hash="sm3").note}, "HEAD_DIFFERS note", id="hash"
        ),
        pytest.param({"signatures": []}, "SIGNATURE_MISSING", id="unsigned"),
        pytest.param(
            {"signatures": [replace(SIGNED, value=b"")]},
            "SIGNATURE_INVALID",
            id="forged",
        ),
        pytest.param(
            {"signatures": [replace(SIGNED, algorithm="y")]},
            "SIGNATURE_INVALID",
            id="algorithm",
        ),
    ],
)
def test_what_is_wrong_with_a_head_is_named(
    change: dict[str, object], fault: str
) -> None:
    assert fault in head_faults(replace(ROW, **change))  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        pytest.param(replace(KEY, key_id="l"), "KEY_UNKNOWN", id="unknown"),
        pytest.param(replace(KEY, purpose="receipt"), "KEY_NOT_THEN", id="purpose"),
        pytest.param(replace(KEY, since=NOW + 10**8), "KEY_NOT_THEN", id="not yet"),
        pytest.param(replace(KEY, retired=NOW - 10**8), "KEY_NOT_THEN", id="no more"),
    ],
)
def test_a_signature_by_a_key_that_may_not_sign_is_named(
    key: KeyRow, fault: str
) -> None:
    assert fault in head_faults(ROW, key)


def test_while_keys_change_both_sign() -> None:
    assert head_faults(ROW, KEY, replace(KEY, key_id="l")) == ["SIGNATURE_MISSING"]


def seen(size: int, at: int, previous: bytes, root: bytes = b"r") -> Seen:
    return Seen(size, at, root, previous, b"%d" % size, f"{size}@", frozenset())


Step = Callable[[Chain], None]


@pytest.mark.parametrize(
    ("second", "root", "kind"),
    [
        pytest.param(seen(2, 5, b"1"), b"r", None, id="goes on"),
        pytest.param(seen(2, 5, b"x"), b"r", FaultKind.PREVIOUS_DIFFERS, id="chain"),
        pytest.param(seen(2, 3, b"1"), b"r", FaultKind.TIME_BACK, id="time"),
        pytest.param(seen(2, 5, b"1"), b"q", FaultKind.ROOT_DIFFERS, id="root"),
        pytest.param(seen(2, 5, b"1"), None, None, id="no root to be had"),
    ],
)
def test_heads_follow_each_other(
    second: Seen, root: bytes | None, kind: FaultKind | None
) -> None:
    faults = Faults()
    chain = Chain(OF, faults)
    chain.add(seen(1, 4, NONE), b"r")
    chain.add(second, root)
    assert list(faults.totals) == ([] if kind is None else [kind])
    if kind is FaultKind.ROOT_DIFFERS:
        assert faults.listed[0].detail == "leaves 1…1"


def test_a_key_is_as_its_deed_says() -> None:
    spki = b"key"
    since = AT - timedelta(days=1)
    row = KeyRow("2c70e12b7a0646f9", "head", "x", spki, micros(stamp(since)), None)
    said = Keys()
    said.added[row.key_id] = {
        "purpose": "head",
        "algorithm": "x",
        "spki": spki.hex(),
        "since": stamp(since),
    }
    assert list(check_keys([row], said)) == []
    for column, value in (
        ("purpose", "receipt"),
        ("algorithm", "y"),
        ("spki", b"other"),
        ("since", 0),
        ("retired", 0),
    ):
        changed = replace(row, **{column: value})  # type: ignore[arg-type]  # a table
        columns = {fault.column for fault in check_keys([changed], said)}
        assert columns == {column}
    assert [one.kind for one in check_keys([], said)] == ["KEY_MISSING"]
    assert [one.kind for one in check_keys([row], Keys())] == ["KEY_UNPROVED"]
