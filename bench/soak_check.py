"""The checker of a soak: what was attempted against what every part then holds.

Pure: a ledger from outside the system, and `Held`, which `soak_facts` has read. Every
version that was acknowledged is there once, in every part; of what was refused there is
nothing; of what nobody knows there is all or nothing; nothing else is anywhere, and
nothing went out of order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from soak_ledger import Attempt, Result

Version = tuple[str, int]
"""Decision id and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version in the ledger of decisions."""

    decision: str
    version: int
    local: str
    digest: str
    marks: frozenset[str]
    """Of steps, found in its content and its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A version's audit leaf, and what the platform proves of it."""

    body: bytes
    number: int | None = None
    """Where it is in the sealed log; None: it is not."""
    path: tuple[bytes, ...] | None = None
    """The platform's own proof, where it was asked for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The sealed log: all its leaves, and the root that its last signed head names."""

    leaves: Sequence[bytes] = ()
    root: bytes = b""
    signed: bool = True
    """Whether that head's signature holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An event in the log of what was sent; *seq* is the order of the outbox."""

    event: str
    receiver: str
    decision: str
    version: int
    key: str
    seq: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record on a receiver's topic; each partition's are in their order."""

    event: str
    key: str
    digest: bytes
    marks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A row of a receiver's inbox."""

    event: str
    decision: str
    version: int
    answer: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A decision's row in a receiver's tables."""

    decision: str
    version: int
    marks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What one receiver has."""

    messages: Sequence[Message] = ()
    inbox: Sequence[Arrived] = ()
    effects: Sequence[Effect] = ()
    written: Sequence[Version] = ()
    """Each change of a row of its tables, in the order in which they came about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Everything the platform and its receivers hold."""

    kept: Sequence[Kept] = ()
    leaves: Mapping[Version, Leaf] = field(default_factory=dict)
    log: Log = field(default_factory=Log)
    sent: Sequence[Sent] = ()
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    receipts: frozenset[tuple[str, str]] = frozenset()
    """Event and receiver of each final receipt."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Rows where none is to be left: outbox, parked keys, dead letters …"""


def check(attempts: Sequence[Attempt], held: Held) -> list[str]:
    """Name everything that does not hold."""
    rules: Sequence[Callable[[Sequence[Attempt], Held], Iterable[str]]] = (
        _ledger,
        _marks,
        _leaves,
        _events,
        _topics,
        _inboxes,
        _effects,
        _changes,
        _order,
        _answered,
    )
    return [fault for rule in rules for fault in rule(attempts, held)]


def _ledger(attempts: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that what is ok is there once, as it was sent; what was refused is not."""
    rows: dict[tuple[str, int], list[Kept]] = {}
    for row in held.kept:
        rows.setdefault((row.local, row.version), []).append(row)
    named = {(each.local, each.version) for each in attempts}
    for each in attempts:
        found = rows.get((each.local, each.version), [])
        mine = [row for row in found if each.mark in row.marks]
        if each.result is Result.OK:
            if len(mine) != 1:
                yield f"{each.mark}: acknowledged, {len(mine)} times in the ledger"
            elif (mine[0].decision, mine[0].digest) != (each.decision, each.digest):
                yield f"{each.mark}: the ledger has another content than was answered"
        elif each.result is Result.REFUSED and mine:
            yield f"{each.mark}: refused, and in the ledger"
        elif len(mine) > 1:
            yield f"{each.mark}: {len(mine)} times in the ledger"
    for local, version in rows.keys() - named:
        yield f"{local}/{version}: in the ledger, and nobody has sent it"


def _marks(attempts: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that no text is anywhere that was not sent, or was refused."""
    sent = {a.mark: a for a in attempts if a.result is not Result.REFUSED}
    of = {(row.decision, row.version): row for row in held.kept}
    for where, version, marks in _texts(held):
        row = of.get(version)
        for mark in marks:
            step = sent.get(mark)
            if step is None:
                yield f"{where}: {mark} stands there, and was refused or never sent"
            elif row is None or step.local != row.local or step.version > version[1]:
                yield f"{where}: {mark} stands in {version}, which it is no part of"
        if row is not None and not marks & row.marks:
            yield f"{where}: {version} has not the text of its version"


def _texts(held: Held) -> Iterator[tuple[str, Version, frozenset[str]]]:
    """Give all texts that are of a version, wherever they are: where, of which."""
    events = {(s.event, s.receiver): (s.decision, s.version) for s in held.sent}
    for row in held.kept:
        yield "ledger", (row.decision, row.version), row.marks
    for name, receiver in held.receivers.items():
        for message in receiver.messages:
            if (message.event, name) in events:
                yield f"{name}: topic", events[message.event, name], message.marks
        for effect in receiver.effects:
            at = effect.decision, effect.version
            yield f"{name}: effect", at, effect.marks


def _leaves(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each version has a leaf in the sealed log, under its signed head."""
    if not held.log.signed:
        yield "log: the signature of its last head does not hold"
    tree = Tree(held.log.leaves)
    if held.log.leaves and tree.root != held.log.root:
        yield "log: its leaves do not make the root of its last head"
    for row in held.kept:
        at = row.decision, row.version
        leaf = held.leaves.get(at)
        if leaf is None or leaf.number is None:
            yield f"{at}: {'no leaf' if leaf is None else 'its leaf is not sealed'}"
            continue
        digest = hashlib.sha256(b"\0" + leaf.body).digest()
        proofs = [tree.path(leaf.number)]
        if leaf.path is not None:
            proofs.append(leaf.path)
        size = len(held.log.leaves)
        for path in proofs:
            if root_of(digest, leaf.number, size, path) != held.log.root:
                yield f"{at}: its leaf's proof of inclusion does not hold"
    for decision, version in held.leaves.keys() - {
        (row.decision, row.version) for row in held.kept
    }:
        yield f"{decision, version}: a leaf without a version"


def _events(attempts: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each version has left once for each receiver, and all that was named."""
    sent = Counter((each.event, each.receiver) for each in held.sent)
    for (event, receiver), count in sent.items():
        if count > 1:
            yield f"{receiver}: {event} is {count} times in the sent log"
    left = Counter((each.decision, each.version, each.receiver) for each in held.sent)
    for row in held.kept:
        for name in held.receivers:
            if (count := left[row.decision, row.version, name]) != 1:
                at = row.decision, row.version
                yield f"{name}: {at} has left {count} times by the sent log"
    kept = {(row.decision, row.version) for row in held.kept}
    for each in held.sent:
        if (each.decision, each.version) not in kept:
            yield f"{each.receiver}: {each.event} was sent and stands in no ledger"
    for attempt in attempts:
        # One by one: a difference of a set and keys goes through all the keys.
        if missing := [event for event in attempt.events if event not in sent]:
            yield f"{attempt.mark}: {len(missing)} events answered and not sent"


def _topics(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each event is on its topic, byte for byte, and nothing else is."""
    for name, receiver in held.receivers.items():
        sent = {each.event: each for each in held.sent if each.receiver == name}
        found = {message.event for message in receiver.messages}
        for event in sent.keys() - found:
            yield f"{name}: {event} is not on the topic"
        for message in receiver.messages:
            was = sent.get(message.event)
            if was is None or (was.digest, was.key) != (message.digest, message.key):
                yield f"{name}: {message.event} on the topic is nothing that was sent"


def _inboxes(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each event is in its inbox once, byte for byte, and nothing else."""
    for name, receiver in held.receivers.items():
        sent = {each.event: each for each in held.sent if each.receiver == name}
        found = Counter(row.event for row in receiver.inbox)
        for event in sent.keys() - found.keys():
            yield f"{name}: {event} is not in the inbox"
        for event, count in found.items():
            if count > 1:
                yield f"{name}: {event} is {count} times in the inbox"
        for row in receiver.inbox:
            was = sent.get(row.event)
            if was is None or was.digest != row.digest:
                yield f"{name}: {row.event} in the inbox is nothing that was sent"
            if row.answer == "REJECTED":
                # All that is sent here is as the receivers' forms want it.
                yield f"{name}: {row.event} was rejected"


def _effects(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each decision has one row, of the last version that was taken."""
    for name, receiver in held.receivers.items():
        last: dict[str, int] = {}
        for row in receiver.inbox:
            if row.answer == "HELD":
                last[row.decision] = max(row.version, last.get(row.decision, 0))
        found = Counter(effect.decision for effect in receiver.effects)
        for decision in last.keys() - found.keys():
            yield f"{name}: {decision} has no effect"
        for effect in receiver.effects:
            if found[effect.decision] != 1:
                yield f"{name}: {effect.decision} has {found[effect.decision]} effects"
            elif last.get(effect.decision) != effect.version:
                yield f"{name}: effect of {effect.decision} is of {effect.version}"


def _changes(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each change of a receiver's tables came once, and in its order."""
    for name, receiver in held.receivers.items():
        reached: dict[str, int] = {}
        for decision, version in receiver.written:
            if version == reached.get(decision):
                yield f"{name}: {decision, version} took effect twice"
            elif version < reached.get(decision, 0):
                yield f"{name}: {decision, version} took effect after a later one"
            reached[decision] = version


def _order(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that versions, and a case's events, keep the ledger's order on the topic.

    What came twice counts where it came first: receivers leave out the rest.
    """
    for name, receiver in held.receivers.items():
        cases: dict[str, list[str]] = {}
        versions: dict[str, int] = {}
        for each in sorted(held.sent, key=lambda one: one.seq):
            if each.receiver != name:
                continue
            cases.setdefault(each.key, []).append(each.event)
            if each.version <= versions.get(each.decision, 0):
                yield f"{name}: {each.event} has left after a later version"
            versions[each.decision] = each.version
        topic: dict[str, dict[str, None]] = {}
        for message in receiver.messages:
            topic.setdefault(message.key, {}).setdefault(message.event)
        for key, events in cases.items():
            came = list(topic.get(key, ()))
            if sorted(came) == sorted(events) and came != events:
                yield f"{name}: case {key} is in another order on the topic"


def _answered(_: Sequence[Attempt], held: Held) -> Iterator[str]:
    """See that each event has its final receipt, and nothing waits anywhere."""
    sent = {(each.event, each.receiver) for each in held.sent}
    for event, receiver in sent - held.receipts:
        yield f"{receiver}: {event} has no final receipt"
    for event, receiver in held.receipts - sent:
        yield f"{receiver}: {event} has a receipt and was never sent"
    for what, count in held.left.items():
        if count:
            yield f"{count:,} rows left in {what}"


class Tree:
    """RFC 6962's tree over *leaves*, written apart from the platform's own."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            row = self._levels[-1]
            above = [_node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
            # The last of an odd row has no neighbour yet: it goes up as it is.
            self._levels.append(above + row[len(above) * 2 :])

    @property
    def root(self) -> bytes:
        """The root; of no leaves, nothing."""
        return self._levels[-1][0] if self._levels[0] else b""

    def path(self, number: int) -> tuple[bytes, ...]:
        """Give the audit path of leaf *number*, nearest first."""
        found = []
        for row in self._levels[:-1]:
            if number ^ 1 < len(row):
                found.append(row[number ^ 1])
            number >>= 1
        return tuple(found)


def root_of(leaf: bytes, number: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Give the root that *path* leads to from *leaf*; None: it is no path of it."""
    steps, found, width = list(path), leaf, size
    if not 0 <= number < size:
        return None
    while width > 1:
        if number ^ 1 < width:
            if not steps:
                return None
            beside = steps.pop(0)
            found = _node(beside, found) if number & 1 else _node(found, beside)
        number, width = number >> 1, (width + 1) >> 1
    return None if steps else found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
