"""What others send us: each message judged once, nothing lost, nothing held up."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sending import OTHER_PARTY, Platform, came, payload, platform, told, wire

from zhitong.inbound import LARGEST, Effect, Fate, Fault, Judged, Told

pytestmark = pytest.mark.integration

NUMBER = "11010519491231002X"


@pytest.fixture
async def here(database: str) -> AsyncIterator[Platform]:
    """Give the platform, its database empty."""
    async with platform(database) as made:
        yield made


def fates(judged: list[Judged]) -> list[Fate]:
    return [each.fate for each in judged]


async def test_a_listing_is_entered_repaired_and_removed_each_as_it_was_told_last(
    here: Platform,
) -> None:
    judged = await here.take(
        told("listing.entered"),
        told("repair.granted"),
        told("repair.revoked", 2),
        told("objection.raised"),
        told("objection.resolved", 2),
        told("listing.removed", 2),
    )
    assert fates(judged) == [Fate.ACCEPTED] * 6
    assert await here.states() == {
        "LISTING L-1": "REMOVED 2",
        "OBJECTION O-1": "REJECTED 2",
        "REPAIR R-1": "REVOKED 2",
    }
    history = await here.rows(
        "select kind, version, status from inbound_history order by kind, version"
    )
    assert [(row["kind"], row["status"]) for row in history] == [
        ("LISTING", "ENTERED"),
        ("LISTING", "REMOVED"),
        ("OBJECTION", "RAISED"),
        ("OBJECTION", "REJECTED"),
        ("REPAIR", "GRANTED"),
        ("REPAIR", "REVOKED"),
    ]
    # What is not said again stays; a repair has the party of its listing.
    (row,) = await here.rows(
        "select party_name, listing_no, reason from inbound_state where kind = 'REPAIR'"
    )
    assert tuple(row) == ("安泽市某某化工有限公司", "L-1", "材料虚假")


async def test_the_same_event_again_changes_nothing_and_other_content_is_held(
    here: Platform,
) -> None:
    first = told("listing.entered")
    again = wire(first)
    other = told("listing.entered", 2, event_id=first.event_id)
    judged = await here.take(first, again, other)
    # Signed anew its bytes are others; what is said is the same.
    assert fates(judged) == [Fate.ACCEPTED, Fate.DUPLICATE, Fate.QUARANTINED]
    assert judged[2].reasons == (Fault.ID_REUSED,)
    assert fates(await here.take(first)) == [Fate.DUPLICATE]
    assert await here.states() == {"LISTING L-1": "ENTERED 1"}


async def test_a_message_at_the_same_place_is_known_and_has_no_second_verdict(
    here: Platform,
) -> None:
    message = came(wire(told("listing.entered")), offset=7)
    assert fates(list(await here.book.take([message]))) == [Fate.ACCEPTED]
    assert await here.book.take([message, message]) == []
    (row,) = await here.rows("select count(*) as many from inbound_verdict")
    assert row["many"] == 1


async def test_an_older_version_is_stale(here: Platform) -> None:
    await here.take(told("listing.entered"), told("listing.removed", 5))
    judged = await here.take(
        told("listing.entered", 3), told("listing.entered", 5, reason="别的")
    )
    assert fates(judged) == [Fate.STALE, Fate.STALE]
    assert await here.states() == {"LISTING L-1": "REMOVED 5"}
    # Entered once more: a new version, which holds.
    assert fates(await here.take(told("listing.entered", 6))) == [Fate.ACCEPTED]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "three"])
async def test_what_comes_before_its_predecessor_waits_and_is_judged_when_it_comes(
    here: Platform, *, together: bool
) -> None:
    late = [
        told("repair.revoked", 2),
        told("repair.granted"),
        told("listing.removed", 2),
    ]
    if together:
        judged = await here.take(*late, told("listing.entered"))
    else:
        judged = [one for each in late for one in await here.take(each)]
        held = await here.rows("select needs_kind, needs_subject from inbound_held")
        assert {tuple(row) for row in held} == {
            ("REPAIR", "R-1"),
            ("LISTING", "L-1"),
        }
        assert await here.states() == {}
        judged += await here.take(told("listing.entered"))
    assert fates(judged) == [Fate.WAITING] * 3 + [Fate.ACCEPTED] * 4
    assert await here.states() == {
        "LISTING L-1": "REMOVED 2",
        "REPAIR R-1": "REVOKED 2",
    }
    assert await here.rows("select * from inbound_held") == []
    assert len(await here.rows("select * from inbound_verdict")) == 7


async def test_a_listing_from_before_the_pushing_began_is_not_waited_for(
    here: Platform,
) -> None:
    judged = await here.take(
        told("repair.granted", followsHistory=True),
        told("listing.removed", 2, subject="L-2", followsHistory=True),
        told("repair.revoked", 2, subject="R-2", followsHistory=True),
        told("objection.resolved", 2, followsHistory=True),
    )
    assert fates(judged) == [Fate.ACCEPTED] * 4


def bent(value: bytes, **attributes: object) -> bytes:
    return json.dumps({**payload(value), **attributes}).encode()


def deep(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return value


DEEP = base64.urlsafe_b64encode(b"[" * 90_000).decode()
BAD = {
    "no JSON": (b"\xff\x00 nothing", Fault.UNREADABLE),
    "a tombstone": (b"", Fault.UNREADABLE),
    "no event": (b'{"a": 1}', Fault.UNREADABLE),
    "a header that nobody can read": (
        bent(wire(told("listing.entered")), data={"jws": f"{DEEP}.e30.e30"}),
        Fault.UNSIGNED,
    ),
    "data that are too deep": (
        wire(told("listing.entered", reason=deep(400))),
        Fault.MALFORMED,
    ),
    "no signature": (
        bent(wire(told("listing.entered")), data={"jws": "e30.e30.e30"}),
        Fault.UNSIGNED,
    ),
    "another's signature": (
        wire(told("listing.entered"), "provincial"),
        Fault.WRONG_SIGNER,
    ),
    "another's event": (
        wire(told("listing.entered", sender="provincial"), "credit"),
        Fault.FOREIGN_EVENT,
    ),
    "another city's event": (
        wire(told("listing.entered", tenant="beihe")),
        Fault.FOREIGN_EVENT,
    ),
    "another subject in the envelope": (
        bent(wire(told("listing.entered")), subject="L-9"),
        Fault.FOREIGN_EVENT,
    ),
    "a type of nobody's": (
        wire(told("listing.entered", type="cn.zhitong.inbound.listing.entered.v9")),
        Fault.TYPE_UNKNOWN,
    ),
    "a type that is not granted": (
        wire(told("supervision.issued")),
        Fault.TYPE_NOT_GRANTED,
    ),
    "a column too many": (wire(told("listing.entered", more="?")), Fault.MALFORMED),
    "no such day": (
        wire(told("listing.entered", listedOn="2026-02-30")),
        Fault.MALFORMED,
    ),
    "a null character": (wire(told("listing.entered", reason="\0")), Fault.MALFORMED),
    "a null character in its subject": (
        wire(told("listing.entered", subject="L\0")),
        Fault.MALFORMED,
    ),
    "an ID number": (
        wire(told("listing.entered", reason=f"身份证{NUMBER}")),
        Fault.ID_NUMBER,
    ),
    "a decision nobody knows": (
        wire(told("listing.entered", decisionId=str(uuid4()))),
        Fault.DECISION_UNKNOWN,
    ),
    "a dictionary without a code in use": (
        wire(told("dictionary.updated")),
        Fault.CODE_MISSING,
    ),
}


async def test_a_bad_message_is_quarantined_and_stops_none_behind_it(
    here: Platform,
) -> None:
    values = [value for value, _ in BAD.values()]
    among = [one for n, bad in enumerate(values) for one in (bad, good(n))]
    judged = await here.take(*among)
    assert fates(judged) == [Fate.QUARANTINED, Fate.ACCEPTED] * len(BAD)
    for each, (kind, (_, fault)) in zip(judged[::2], BAD.items(), strict=True):
        assert {one.partition(":")[0] for one in each.reasons} == {fault}, kind
    assert len(await here.states()) == len(BAD)
    held = await here.rows(
        "select h.reasons, m.raw from inbound_held h join inbound_message m"
        " using (message_id)"
    )
    assert sorted(row["raw"] for row in held) == sorted(values)
    # No reason says a word of what a message has.
    assert NUMBER not in str([row["reasons"] for row in held])


def good(number: int) -> Told:
    return told("listing.entered", subject=f"G-{number}")


async def test_a_signature_that_was_changed_does_not_hold(here: Platform) -> None:
    said = payload(wire(told("listing.entered")))
    signed = said["data"]["jws"]  # type: ignore[index]
    head, body, signature = signed.split(".")
    swapped = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    value = bent(json.dumps(said).encode(), data={"jws": f"{head}.{body}.{swapped}"})
    (judged,) = await here.take(value)
    assert judged.reasons == (Fault.UNSIGNED,)


async def test_a_dictionary_is_taken_whole_or_not_at_all_and_names_what_is_missing(
    here: Platform,
) -> None:
    whole = ["法人及非法人组织", "个体工商户", "自然人", "其他"]
    codes = [{"code": str(i), "text": text} for i, text in enumerate(whole)]
    (judged,) = await here.take(told("dictionary.updated", codes=codes[:1]))
    assert judged.reasons == ("CODE_MISSING: 个体工商户", "CODE_MISSING: 自然人")
    assert await here.states() == {}
    (judged,) = await here.take(told("dictionary.updated", 2, codes=codes))
    assert judged.fate is Fate.ACCEPTED
    # The same dictionary of another sender is another thing.
    (judged,) = await here.take(
        told("dictionary.updated", sender="provincial", codes=codes),
        sender="provincial",
    )
    assert judged.fate is Fate.ACCEPTED


async def test_nobody_repairs_what_is_anothers(here: Platform) -> None:
    mine, others = uuid4(), uuid4()
    await here.decision(mine)
    await here.decision(others, OTHER_PARTY)
    await here.take(told("listing.entered", decisionId=str(mine)))
    judged = await here.take(
        told("repair.granted", counterpartyCode=OTHER_PARTY),
        told("repair.granted", decisionId=str(others), subject="R-2"),
        told("repair.granted", subject="R-3"),
    )
    assert fates(judged) == [Fate.QUARANTINED, Fate.QUARANTINED, Fate.ACCEPTED]
    assert judged[0].reasons == judged[1].reasons == (Fault.FOREIGN_SUBJECT,)


async def test_what_was_told_of_a_decision_is_not_told_of_another_later(
    here: Platform,
) -> None:
    first, second = uuid4(), uuid4()
    await here.decision(first)
    await here.decision(second)  # of the same party: its code says nothing
    judged = await here.take(
        told("listing.entered", decisionId=str(first)),
        told("listing.removed", 2, decisionId=str(second)),
    )
    assert fates(judged) == [Fate.ACCEPTED, Fate.QUARANTINED]
    assert judged[1].reasons == (Fault.FOREIGN_SUBJECT,)
    effects = await here.rows("select change, decision_id from inbound_effect")
    assert [tuple(row) for row in effects] == [(Effect.LISTED, str(first))]


async def test_what_is_too_large_is_not_read_and_only_its_beginning_is_kept(
    here: Platform,
) -> None:
    fits = wire(told("listing.entered"))
    fits += b" " * (LARGEST - len(fits))
    judged = await here.take(fits, fits + b" ")
    assert fates(judged) == [Fate.ACCEPTED, Fate.QUARANTINED]
    assert judged[1].reasons == (Fault.TOO_LARGE,)
    (row,) = await here.rows(
        "select length(raw) as kept, hash from inbound_message where message_id = $1",
        judged[1].message,
    )
    assert row["kept"] == LARGEST + 1
    assert row["hash"] == hashlib.sha256(fits + b" ").digest()
    (huge,) = await here.take(b" " * (3 * LARGEST))
    assert huge.reasons == (Fault.TOO_LARGE,)
    (row,) = await here.rows("select max(length(raw)) as kept from inbound_message")
    assert row["kept"] == LARGEST + 1


async def test_what_is_told_of_a_decision_is_left_for_those_who_tell_receivers(
    here: Platform,
) -> None:
    name = uuid4()
    await here.decision(name)
    await here.take(
        told("listing.entered", decisionId=str(name)),
        told("repair.granted"),
        told("listing.removed", 2),
        told("listing.entered", subject="L-2"),  # of no decision
    )
    found = await here.rows("select change, decision_id, taken_at from inbound_effect")
    assert sorted(tuple(row) for row in found) == [
        (Effect.LISTED, str(name), None),
        (Effect.REPAIRED, str(name), None),
        (Effect.UNLISTED, str(name), None),
    ]


async def test_what_cannot_be_stored_is_set_aside_alone(
    here: Platform,
) -> None:
    # Whatever the rules leave through: here a table that refuses one subject.
    await here.rows("alter table inbound_state add check (subject <> 'L-2')")
    judged = await here.take(
        told("listing.entered"),
        told("listing.entered", subject="L-2"),
        told("listing.entered", subject="L-3"),
    )
    assert fates(judged) == [Fate.ACCEPTED, Fate.QUARANTINED, Fate.ACCEPTED]
    assert judged[1].reasons == (Fault.UNSTORABLE,)
