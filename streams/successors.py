"""Receivers that succeed 接替 another: the same body, on a new topic, in a new form.

A change that readers would not bear gets a topic of its own, read under a name of its
own: ``credit-v2`` succeeds ``credit``. From its first day to the last day of the one
before, which has to be stated, both are sent every decision: the body moves when it is
ready. What it had on the old topic alone follows it to the new one: a later version of
such a decision goes to both, and on the new topic it is the first there is
(``followshistory``). After its last day the old topic still has corrections and
withdrawals of what went there: a version that was left out would make its reader wait
for it, and with it for the withdrawal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from zhitong.streams.receivers import Receiver


def heirs(
    receivers: Sequence[Receiver], due: Sequence[str], had: Collection[str]
) -> tuple[str, ...]:
    """Name those *due* that succeed somebody who *had* a decision, and had it not."""
    before = {one.name: one.succeeds for one in receivers if one.succeeds}
    return tuple(
        name
        for name in due
        if name not in had and not set(had).isdisjoint(_line(before, name))
    )


def _line(before: Mapping[str, str], name: str) -> Iterator[str]:
    """Name whom *name* succeeds, and whom that one did, and so on; never a ring."""
    seen = {name}
    while (name := before.get(name, "")) and name not in seen:
        seen.add(name)
        yield name


def mistakes(receivers: Sequence[Receiver]) -> Iterator[tuple[str, str]]:
    """Say what is wrong with who succeeds whom, in both languages."""
    blocks: dict[str, list[Receiver]] = {}
    for one in sorted(receivers, key=lambda one: one.since):
        blocks.setdefault(one.name, []).append(one)
    before: dict[str, str] = {}
    for name, own in blocks.items():
        if own[0].succeeds:
            before[name] = own[0].succeeds
    for name, other in before.items():
        if other not in blocks or name in {other, *_line(before, other)}:
            yield (
                f"{name} 的 succeeds 应是另一个接收方，且不成环：{other}",
                f"{name} succeeds {other}, which is no other receiver, or in a ring",
            )
        elif [*before.values()].count(other) > 1:
            yield f"{other} 只能有一个接替者", f"{other} is succeeded by one alone"
        else:
            yield from _unlike(blocks[other][-1], blocks[name][0])


def _unlike(old: Receiver, new: Receiver) -> Iterator[tuple[str, str]]:
    """Compare the last rules of one with the first of who succeeds it."""
    both = f"{old.name}, {new.name}"
    if old.until is None:
        yield (
            f"{old.name} 由 {new.name} 接替，须写明终止日期 until",
            f"{new.name} succeeds {old.name}, which must say when it ends: until",
        )
    elif not old.since <= new.since <= old.until:
        yield (
            f"{both}：接替者须在前者的 since 与 until 之间开始，期间同时推送",
            f"{both}: who succeeds begins while the other is still sent to",
        )
    if (old.kind, old.unit, old.purpose) != (new.kind, new.unit, new.purpose):
        yield (
            f"{both}：接替者须是同一单位：kind、unit、purpose 相同",
            f"{both}: they are one body, with the same kind, unit and purpose",
        )
    if not old.acts <= new.acts:
        yield (
            f"{both}：接替者的 acts 不能少于前者",
            f"{both}: who succeeds has all of the acts that the other had",
        )
