"""The soak's checker finds what it is there to find, in histories made by hand."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from soak_check import (
    Arrived,
    Effect,
    Held,
    Kept,
    Leaf,
    Log,
    Message,
    Receiver,
    Sent,
    Tree,
    check,
    root_of,
)
from soak_crew import growths
from soak_faults import kinds
from soak_ledger import Act, Attempt, Ledger, Result, read
from soak_load import scripts
from soak_nemesis import plan
from soak_report import by_rule
from soak_summary import Summary

from zhitong.rules import merkle

KEYS = {"a": "k1", "b": "k1", "c": "k2"}
"""Three decisions, two of them of one case."""
VERSIONS = (("a", 1), ("b", 1), ("a", 2), ("c", 1))
"""In the order in which they were taken."""


def mark(decision: str, version: int) -> str:
    return f"soak7n{ord(decision)}s{version}e"


def digest(decision: str, version: int) -> bytes:
    return hashlib.sha256(f"{decision}{version}".encode()).digest()


def attempt(decision: str, version: int, **more: Any) -> Attempt:  # noqa: ANN401 - its fields
    events = frozenset(
        (f"{decision}{version}", name) for name in ("credit", "province")
    )
    return Attempt(
        mark=mark(decision, version),
        local=f"soak-{decision}",
        version=version,
        act=Act.RECORD if version == 1 else Act.CORRECT,
        planned=0.0,
        began=0.0,
        **{
            "result": Result.OK,
            "decision": decision,
            "digest": digest(decision, version).hex(),
            "events": events,
            **more,
        },
    )


def receiver() -> Receiver:
    return Receiver(
        messages=[
            Message(
                event=f"{decision}{version}",
                key=KEYS[decision],
                digest=digest(decision, version),
                marks=frozenset({mark(decision, version)}),
            )
            for decision, version in VERSIONS
        ],
        inbox=[
            Arrived(
                event=f"{decision}{version}",
                decision=decision,
                version=version,
                answer="HELD",
                digest=digest(decision, version),
            )
            for decision, version in VERSIONS
        ],
        effects=[
            Effect(decision=d, version=v, marks=frozenset({mark(d, v)}))
            for d, v in (("a", 2), ("b", 1), ("c", 1))
        ],
        written=VERSIONS,
    )


def body(decision: str, version: int) -> bytes:
    return f"leaf of {decision}{version}".encode()


@pytest.fixture
def attempts() -> list[Attempt]:
    return [attempt(*version) for version in VERSIONS]


@pytest.fixture
def held() -> Held:
    """Give what everybody holds where nothing has gone wrong."""
    looks = [hashlib.sha256(b"\0look").digest()] * 3
    leaves = [hashlib.sha256(b"\0" + body(*each)).digest() for each in VERSIONS]
    log = [*looks, *leaves]
    return Held(
        kept=[
            Kept(
                decision=decision,
                version=version,
                local=f"soak-{decision}",
                digest=digest(decision, version).hex(),
                marks=frozenset({mark(decision, version)}),
            )
            for decision, version in VERSIONS
        ],
        leaves={
            each: Leaf(
                body=body(*each), number=3 + place, path=Tree(log).path(3 + place)
            )
            for place, each in enumerate(VERSIONS)
        },
        log=Log(leaves=log, root=Tree(log).root),
        sent=[
            Sent(
                event=f"{decision}{version}",
                receiver=name,
                decision=decision,
                version=version,
                key=KEYS[decision],
                seq=seq,
                digest=digest(decision, version),
            )
            for seq, (decision, version) in enumerate(VERSIONS)
            for name in ("credit", "province")
        ],
        receivers={"credit": receiver(), "province": receiver()},
        receipts=frozenset(
            (f"{decision}{version}", name)
            for decision, version in VERSIONS
            for name in ("credit", "province")
        ),
        left={"outbox": 0},
    )


def at_credit(held: Held, **more: Any) -> Held:  # noqa: ANN401 - its fields
    changed = replace(held.receivers["credit"], **more)
    return replace(held, receivers={**held.receivers, "credit": changed})


def test_where_nothing_has_gone_wrong_nothing_is_said(
    attempts: list[Attempt], held: Held
) -> None:
    assert check(attempts, held) == []


def test_of_what_nobody_knows_there_may_be_all(
    attempts: list[Attempt], held: Held
) -> None:
    unknown = replace(attempts[3], result=Result.UNKNOWN, events=frozenset())
    assert check([*attempts[:3], unknown], held) == []


def test_of_what_nobody_knows_there_may_be_nothing(
    attempts: list[Attempt], held: Held
) -> None:
    unknown = attempt("d", 1, result=Result.UNKNOWN, events=frozenset())
    assert check([*attempts, unknown], held) == []


def test_what_comes_twice_on_a_topic_is_left_out_by_receivers(
    attempts: list[Attempt], held: Held
) -> None:
    messages = held.receivers["credit"].messages
    again = at_credit(held, messages=[*messages[:3], messages[0], *messages[2:]])
    assert check(attempts, again) == []


Spoil = Callable[[Held], Held]


def lost(held: Held) -> Held:
    return replace(held, kept=held.kept[:3])


def other_content(held: Held) -> Held:
    return replace(held, kept=[*held.kept[:3], replace(held.kept[3], digest="00")])


def never_sent(held: Held) -> Held:
    strange = replace(held.kept[3], local="soak-d", decision="d")
    return replace(held, kept=[*held.kept, strange])


def strange_text(held: Held) -> Held:
    marks = frozenset({mark("c", 1), "soak7n1s1e"})
    return replace(held, kept=[*held.kept[:3], replace(held.kept[3], marks=marks)])


def another_s_text(held: Held) -> Held:
    messages = [*held.receivers["credit"].messages]
    messages[3] = replace(messages[3], marks=frozenset({mark("b", 1)}))
    return at_credit(held, messages=messages)


def without_leaf(held: Held) -> Held:
    left = {at: leaf for at, leaf in held.leaves.items() if at != ("c", 1)}
    return replace(held, leaves=left)


def unsealed(held: Held) -> Held:
    leaf = replace(held.leaves["c", 1], number=None, path=None)
    return replace(held, leaves={**held.leaves, ("c", 1): leaf})


def another_leaf(held: Held) -> Held:
    leaf = replace(held.leaves["c", 1], body=b"something else")
    return replace(held, leaves={**held.leaves, ("c", 1): leaf})


def without_proof(held: Held) -> Held:
    leaf = replace(held.leaves["c", 1], path=(bytes(32),))
    return replace(held, leaves={**held.leaves, ("c", 1): leaf})


def another_log(held: Held) -> Held:
    leaves = [*held.log.leaves[:1], bytes(32), *held.log.leaves[2:]]
    return replace(held, log=replace(held.log, leaves=leaves))


def unsigned(held: Held) -> Held:
    return replace(held, log=replace(held.log, signed=False))


def not_sent(held: Held) -> Held:
    return replace(held, sent=[s for s in held.sent if s.event != "c1"])


def sent_twice(held: Held) -> Held:
    return replace(held, sent=[*held.sent, replace(held.sent[-1], seq=9)])


def not_on_topic(held: Held) -> Held:
    return at_credit(held, messages=held.receivers["credit"].messages[:3])


def altered_on_topic(held: Held) -> Held:
    *first, last = held.receivers["credit"].messages
    return at_credit(held, messages=[*first, replace(last, digest=bytes(32))])


def strange_on_topic(held: Held) -> Held:
    *first, last = held.receivers["credit"].messages
    return at_credit(held, messages=[*first, last, replace(last, event="d1")])


def inverted_versions(held: Held) -> Held:
    one, two, three, *rest = held.receivers["credit"].messages
    return at_credit(held, messages=[three, two, one, *rest])


def inverted_case(held: Held) -> Held:
    one, two, *rest = held.receivers["credit"].messages
    return at_credit(held, messages=[two, one, *rest])


def inverted_outbox(held: Held) -> Held:
    sent = [replace(s, seq=-1) if s.event == "a2" else s for s in held.sent]
    return replace(held, sent=sent)


def not_in_inbox(held: Held) -> Held:
    return at_credit(held, inbox=held.receivers["credit"].inbox[:3])


def twice_in_inbox(held: Held) -> Held:
    inbox = held.receivers["credit"].inbox
    return at_credit(held, inbox=[*inbox, inbox[-1]])


def rejected(held: Held) -> Held:
    *first, last = held.receivers["credit"].inbox
    return at_credit(held, inbox=[*first, replace(last, answer="REJECTED")])


def no_effect(held: Held) -> Held:
    return at_credit(held, effects=held.receivers["credit"].effects[:2])


def two_effects(held: Held) -> Held:
    effects = held.receivers["credit"].effects
    return at_credit(held, effects=[*effects, effects[-1]])


def old_effect(held: Held) -> Held:
    old = Effect(decision="a", version=1, marks=frozenset({mark("a", 1)}))
    return at_credit(held, effects=[old, *held.receivers["credit"].effects[1:]])


def effect_twice(held: Held) -> Held:
    return at_credit(held, written=[*VERSIONS, ("c", 1)])


def effect_back(held: Held) -> Held:
    return at_credit(held, written=[("a", 2), ("a", 1), ("b", 1), ("c", 1)])


def no_receipt(held: Held) -> Held:
    return replace(held, receipts=held.receipts - {("c1", "credit")})


def receipt_for_nothing(held: Held) -> Held:
    return replace(held, receipts=held.receipts | {("d1", "credit")})


def still_waiting(held: Held) -> Held:
    return replace(held, left={"outbox": 1})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lost, "acknowledged, 0 times in the ledger"),
        (other_content, "another content"),
        (never_sent, "nobody has sent it"),
        (strange_text, "refused or never sent"),
        (another_s_text, "which it is no part of"),
        (without_leaf, "no leaf"),
        (unsealed, "not sealed"),
        (another_leaf, "proof of inclusion does not hold"),
        (without_proof, "proof of inclusion does not hold"),
        (another_log, "do not make the root"),
        (unsigned, "signature"),
        (not_sent, "has left 0 times"),
        (sent_twice, "2 times in the sent log"),
        (not_on_topic, "is not on the topic"),
        (altered_on_topic, "is nothing that was sent"),
        (strange_on_topic, "is nothing that was sent"),
        (inverted_versions, "another order on the topic"),
        (inverted_case, "another order on the topic"),
        (inverted_outbox, "after a later version"),
        (not_in_inbox, "is not in the inbox"),
        (twice_in_inbox, "2 times in the inbox"),
        (rejected, "was rejected"),
        (no_effect, "has no effect"),
        (two_effects, "has 2 effects"),
        (old_effect, "effect of a is of 1"),
        (effect_twice, "took effect twice"),
        (effect_back, "after a later one"),
        (no_receipt, "has no final receipt"),
        (receipt_for_nothing, "was never sent"),
        (still_waiting, "left in outbox"),
    ],
)
def test_what_was_planted_is_found(
    attempts: list[Attempt], held: Held, spoil: Spoil, said: str
) -> None:
    assert any(said in fault for fault in check(attempts, spoil(held)))


def test_what_was_refused_and_is_there_is_found(
    attempts: list[Attempt], held: Held
) -> None:
    refused = replace(attempts[3], result=Result.REFUSED, events=frozenset())
    faults = check([*attempts[:3], refused], held)
    assert any("refused, and in the ledger" in fault for fault in faults)


def test_of_what_nobody_knows_a_part_is_found(
    attempts: list[Attempt], held: Held
) -> None:
    unknown = replace(attempts[3], result=Result.UNKNOWN, events=frozenset())
    assert check([*attempts[:3], unknown], not_sent(held))


@pytest.mark.parametrize("size", range(1, 20))
def test_its_tree_is_the_standard_s(size: int) -> None:
    of = merkle.digest("sha256")
    leaves = [merkle.leaf(of, bytes([number])) for number in range(size)]
    tree = Tree(leaves)
    assert tree.root == merkle.root(of, leaves)
    for number, leaf in enumerate(leaves):
        path = merkle.inclusion(of, leaves, number)
        assert tree.path(number) == tuple(path)
        assert root_of(leaf, number, size, path) == tree.root
        assert root_of(leaf, number, size, [*path, bytes(32)]) is None


def test_a_killed_soak_s_ledger_says_all_that_may_be_claimed(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(path, seed=7)
    answered, asked = attempt("a", 1), attempt("b", 1, result=Result.UNKNOWN)
    for each in (answered, asked):
        ledger.begin(replace(each, result=Result.UNKNOWN, events=frozenset()))
    ledger.settle(answered)
    half = tmp_path / "half"
    half.write_text(path.read_text("utf-8") + '{"settle": {"ma', "utf-8")
    ledger.close()
    head, found = read(half)
    assert head == {"seed": 7}
    assert found == [answered, replace(asked, events=frozenset())]


def test_a_seed_says_what_is_done_and_what_breaks() -> None:
    def drawn(seed: int) -> tuple[object, ...]:
        planned = plan(kinds(), seed)
        faults = [next(planned) for _ in range(100)]
        load = list(itertools.islice(scripts(seed, 0.5), 100))
        return load, [(f.kind.name, f.place, f.pause) for f in faults]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_each_kind_is_done_once_before_any_is_done_again() -> None:
    able = kinds()
    planned = plan(able, 7)
    names = [next(planned).kind.name for _ in able]
    assert sorted(names) == sorted(kind.name for kind in able)
    assert len(set(names)) == len(names) >= 25


def test_growth_is_measured_once_a_process_is_warm() -> None:
    warming = [(float(at), 100.0 + min(at, 10)) for at in range(100)]
    leaking = [(float(at), 100.0 + at) for at in range(100)]
    brief = [(float(at), 100.0 + at) for at in range(20)]
    samples = {("a", 1): warming, ("b", 2): leaking, ("c", 3): brief}
    found = growths(samples, 0.0, warm=10, least=60)
    assert [one.name for one in found] == ["b", "a"]
    assert found[0].share > 0.3
    assert found[1].share == 0.0


def test_growth_is_measured_from_when_nothing_is_struck() -> None:
    struck = [(float(at), 100.0 if at < 50 else 140.0) for at in range(200)]
    leaking = [(float(at), 100.0 + at) for at in range(200)]
    found = growths({("a", 1): struck, ("b", 2): leaking}, 60.0, warm=10, least=60)
    assert [(one.name, one.share > 0.0) for one in found] == [("b", True), ("a", False)]
    assert growths({("a", 1): struck}, 150.0, warm=10, least=60) == []


def _report(seed: int, decisions: int, faults: dict[str, str], said: list[str]) -> str:
    return json.dumps(
        {
            "seed": seed,
            "seconds": 1800.0,
            "decisions": decisions,
            "versions": decisions + 1,
            "by_rule": by_rule(said),
            "results": {"ok": decisions + 1, "unknown": 2},
            "faults": [{"name": n, "trouble": why} for n, why in faults.items()],
            "memory": [],
            "violations": said,
        }
    )


def test_all_seeds_are_added_up(tmp_path: Path) -> None:
    lost = "soak2n1s1e: acknowledged, 0 times in the ledger"
    first, second = {"relay killed": ""}, {"relay killed": "", "wal full": "no disk"}
    (tmp_path / "soak-1.json").write_text(_report(1, 600_000, first, []))
    (tmp_path / "soak-2.json").write_text(_report(2, 500_000, second, [lost]))
    (tmp_path / "soak-summary.json").write_text("{}")

    summary = Summary.of(tmp_path)
    said = dict(summary.lines())

    assert said["decisions acknowledged"] == "1,100,000"
    assert said["faults"] == "2 of 1 kinds"
    assert said["faults that could not be done"] == "1"
    assert said["acknowledged and lost"] == "1"
    assert said["twice"] == said["out of order"] == "0"
    assert summary.violations == [f"seed 2: {lost}"]
    assert lost in summary.write(tmp_path).read_text("utf-8")


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("x: acknowledged, 0 times in the ledger", "acknowledged and lost"),
        ("credit: e1 is not in the inbox", "acknowledged and lost"),
        ("x: acknowledged, 2 times in the ledger", "twice"),
        ("credit: ('d', 1) took effect twice", "twice"),
        ("credit: d has 2 effects", "twice"),
        ("credit: case k is in another order on the topic", "out of order"),
    ],
)
def test_each_fault_counts_as_what_was_promised(said: str, what: str) -> None:
    assert {name for name, many in by_rule([said]).items() if many} == {what}
