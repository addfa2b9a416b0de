"""What the stretches of a log were left with, put together: the whole is checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.x509 import Certificate

from zhitong.connectors.evidence_log import Log
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.log_check import (
    STRETCH,
    Found,
    Plan,
    Stretch,
    check_stretch,
    stretches,
)
from zhitong.connectors.record_archive import archived
from zhitong.connectors.sealing import Sealing
from zhitong.connectors.signers import key_id, verify
from zhitong.evidence import LeafKind, stamp
from zhitong.exceptions import SettingsError
from zhitong.rules import unseen
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.head_chain import Chain, Witnessed
from zhitong.rules.head_checks import check_keys
from zhitong.rules.matching import Matching
from zhitong.rules.merkle import Digest, digest, node
from zhitong.rules.noted_keys import Keys
from zhitong.rules.tree_parts import DEPTH, Whole
from zhitong.rules.verification import TABLES, micros
from zhitong.types import Label

WITNESS = "witness"
GRACE = 60_000_000
"""Microseconds that a witness's word may be on its way to us."""
NEWEST = 10_000
"""Leaves whose bodies a quick check reads."""

Spread = Callable[[Plan, Sequence[Stretch]], AsyncIterator[Found]]
"""Checks stretches elsewhere, and gives what it has found in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How thoroughly a log is checked, and against what."""

    witnessed: Sequence[Witnessed] | None = None
    """What a witness has seen; None: there is no witness."""
    witness_keys: Sequence[bytes] = ()
    """Public keys (SPKI) that its words may be signed with; none: registered ones."""
    rows_from: int = 0
    quick: bool = False
    """The bodies and signatures of the newest leaves alone."""
    quorum: int = 1
    """How many witnesses must have seen a head for it to count."""
    grace: int = GRACE
    width: int = STRETCH
    now: int | None = None
    """As of when the log is looked at, in microseconds since 2000; None: as of now."""
    late: int | None = None
    """How old the newest head may be, in microseconds; None: that is not looked at."""
    sealing: Sealing | None = None
    """Opens sealed ID numbers; None: they are not looked at."""
    authorities: Sequence[Certificate] = ()
    """Whose timestamps count; none: whose they are is not looked at."""
    archives: Sequence[Path] | None = None
    """Files with archived rows; None: they are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check has found."""

    origin: str
    hash: str
    leaves: int
    heads: int
    rows: int
    root: str
    """Of the whole tree, in hexadecimal; empty where numbers are missing."""
    witnessed: int
    """Heads that the witness has seen."""
    excused: int
    """Leaves whose rows are gone, as a deed says that they were archived."""
    unseen: Sequence[Label]
    """What was not looked at, and what it would take."""
    faults: Faults


class _Together:
    def __init__(self, of: Digest, faults: Faults, chain: Chain) -> None:
        self._of = of
        self._chain = chain
        self._whole = Whole(of)
        self._gap = False
        self._blocks: list[bytes] = []
        self.faults = faults
        self.matching = Matching()
        self.keys = Keys()
        self.rows = 0
        self.leaves = 0
        self.roots: dict[int, bytes] = {}
        self.root = b""

    def add(self, found: Found, stretch: Stretch) -> None:
        """Take the next stretch."""
        self.faults.merge(found.faults)
        self.matching.merge(found.matching, self.faults)
        self.keys.merge(found.keys)
        self.rows += found.rows
        roots: dict[int, bytes] = {}
        if not self._gap:
            end = stretch.first + found.part.size
            sizes = {*(seen.size for seen in found.heads), *stretch.sizes, end}
            roots = self._whole.roots(found.part, sorted(sizes))
            self._blocks += found.part.blocks
            self.leaves = end
            self.root = roots[end]
            self.roots |= {size: roots[size] for size in stretch.sizes if size in roots}
        self._gap = self._gap or found.gap is not None
        if self._gap:
            self.root = b""
            self.leaves = found.next
            roots = {
                size: root
                for size, root in roots.items()
                if found.gap is not None and size <= found.gap
            }
        for seen in found.heads:
            self._chain.add(seen, roots.get(seen.size))
            if not self._gap and seen.size > self.leaves:
                self.faults.add(
                    Fault(kind=FaultKind.HEAD_BEYOND, table="head", id=seen.place)
                )

    def nodes(self, kept: Iterable[tuple[int, int, bytes]]) -> None:
        """Hold the kept roots of subtrees against those of the leaves."""
        if self._gap:
            return
        levels = [self._blocks]
        for level, place, digest_kept in kept:
            while len(levels) < level and len(levels[-1]) >= 1 << DEPTH:
                levels.append(self._above(levels[-1]))
            here = levels[level - 1] if level <= len(levels) else []
            if place >= len(here) or here[place] != digest_kept:
                first = place << DEPTH * level
                last = ((place + 1) << DEPTH * level) - 1
                self.faults.add(
                    Fault(
                        kind=FaultKind.NODE_DIFFERS,
                        table="tree_node",
                        id=f"{level}/{place}",
                        detail=f"leaves {first}…{last}",
                    )
                )

    def _above(self, level: Sequence[bytes]) -> list[bytes]:
        found = list(level[: len(level) >> DEPTH << DEPTH])
        for _ in range(DEPTH):
            found = [
                node(self._of, left, right)
                for left, right in zip(found[::2], found[1::2], strict=True)
            ]
        return found


async def check(
    rows: EvidenceRows, wanted: Wanted, spread: Spread | None = None
) -> Checked:
    """Check the log that *rows* have; raise `SettingsError` where there is none."""
    log = await rows.log()
    of, faults = log.digest, Faults()
    keys = {key.key_id: key for key in await rows.keys()}
    plan = Plan(log.origin, log.hash, keys, rows_from=wanted.rows_from)
    chain = Chain(of, faults, _trusted(wanted, plan, faults), quorum=wanted.quorum)
    chain.now = await _now(rows) if wanted.now is None else wanted.now
    chain.settled = chain.now - wanted.grace
    chain.late = wanted.late
    sizes = sorted({words[0].head.size for words in chain.witnessed.values()})
    parts = await stretches(rows, sizes, wanted.width)
    if wanted.quick:
        newest = max(0, sum(part.leaves for part in parts) - NEWEST)
        plan = replace(plan, rows_from=max(newest, plan.rows_from), signed_from=newest)
    together = _Together(of, faults, chain)
    found = (spread or _here(rows))(plan, parts)
    place = 0
    async for one in found:
        together.add(one, parts[place])
        place += 1
    await _settle(rows, together, plan, wanted, chain.now)
    _archived(together, wanted, log)
    chain.settle(together.leaves, together.roots)
    await _number(rows, faults)
    return Checked(
        origin=log.origin,
        hash=log.hash,
        leaves=together.leaves,
        heads=chain.count,
        rows=together.rows,
        root=together.root.hex(),
        witnessed=len(wanted.witnessed or ()),
        excused=len(together.matching.excused),
        unseen=await _unseen(rows, together, wanted, whole=not plan.rows_from),
        faults=faults,
    )


async def _now(rows: EvidenceRows) -> int:
    """Give the later of two clocks: who keeps the database may stop its own."""
    return max(await rows.clock(), micros(stamp(datetime.now(UTC))))


def _here(rows: EvidenceRows) -> Spread:
    async def found(plan: Plan, parts: Sequence[Stretch]) -> AsyncIterator[Found]:
        for part in parts:
            yield await check_stretch(rows, plan, part)

    return found


def _trusted(
    wanted: Wanted, plan: Plan, faults: Faults
) -> dict[bytes, list[Witnessed]]:
    """Give what a witness has really said of this log, by digest of the note."""
    of = digest(plan.hash)
    found: dict[bytes, list[Witnessed]] = {}
    # A word under another name than its key's would count as another witness's.
    keys = {key_id(spki): spki for spki in wanted.witness_keys} or {
        key.key_id: key.spki for key in plan.keys.values() if key.purpose == WITNESS
    }
    for each in wanted.witnessed or ():
        if each.head.origin != plan.origin:
            continue
        name = each.word.signature.key_id
        if name in keys and each.holds(keys[name], verify):
            found.setdefault(of(each.head.note), []).append(each)
        else:
            kind = FaultKind.WITNESS_WORD
            place = f"{each.head.size}@{stamp(each.head.at)}"
            detail = f"key {name}"
            faults.add(Fault(kind=kind, table="witness", id=place, detail=detail))
    seen = {each.word.signature.key_id for words in found.values() for each in words}
    if len(seen) < wanted.quorum:
        detail = f"{len(seen)} of {wanted.quorum}" if seen else ""
        faults.add(
            Fault(
                kind=FaultKind.WITNESS_MISSING,
                table="witness",
                id=plan.origin,
                detail=detail,
            )
        )
    return found


async def _settle(
    rows: EvidenceRows, together: _Together, plan: Plan, wanted: Wanted, now: int
) -> None:
    """Weigh what is left once all stretches have come."""
    async for kept in rows.nodes():
        together.nodes(kept)
    together.faults.merge(await rows.stamps(wanted.authorities))
    archives = {deed for deed, *_ in together.keys.archived}
    sealed = await rows.numbers([(LeafKind.DEED.value, deed) for deed in archives])
    together.keys.bound({deed: number for (_, deed), number in sealed.items()})
    together.faults.extend(await rows.archives(together.keys))
    if plan.rows_from:
        # Rows that are in no leaf, and keys' deeds, are found where all rows are read.
        together.faults.extend(
            fault
            for fault in together.matching.settle({}, together.keys)
            if fault.kind is not FaultKind.ROW_UNSEALED
        )
        return
    queue = dict(await rows.queue())
    for (kind, place), number in (await rows.numbers(list(queue))).items():
        # What has a number waits no more.
        del queue[kind, place]
        twice = f"{kind} {place}"
        fault = FaultKind.QUEUE_DIFFERS
        together.faults.add(
            Fault(kind=fault, table="unsealed", id=twice, number=number)
        )
    together.faults.extend(together.matching.settle(queue, together.keys))
    together.faults.extend(check_keys(plan.keys.values(), together.keys))
    together.faults.extend(await rows.late(now - GRACE))
    together.faults.extend(await rows.strays())
    together.faults.merge(await rows.standing())
    together.faults.merge(await rows.persons(together.keys.erased, wanted.sealing))


def _archived(together: _Together, wanted: Wanted, log: Log) -> None:
    """Look for the rows that are lawfully gone in the files they should be in."""
    if wanted.archives is None:
        return
    found: dict[str, bytes] = {}
    differs, missing = FaultKind.ARCHIVE_DIFFERS, FaultKind.ARCHIVE_MISSING
    for path in wanted.archives:
        try:
            found.update(archived(path, log))
        except SettingsError:
            fault = Fault(kind=differs, table="archive", id=path.name)
            together.faults.add(fault)
    for record, (number, leaf) in together.matching.excused.items():
        if found.get(record) != leaf:
            kind = differs if record in found else missing
            together.faults.add(
                Fault(kind=kind, table="access_entry", id=record, number=number)
            )


async def _unseen(
    rows: EvidenceRows, together: _Together, wanted: Wanted, *, whole: bool
) -> Sequence[Label]:
    """Say what was not looked at, of what there is to see."""
    found = []
    if not whole:
        found.append(unseen.NO_ROWS)
    elif wanted.sealing is None:
        found.append(unseen.NO_SECRETS)
    if not wanted.authorities and await rows.stamped():
        found.append(unseen.NO_AUTHORITY)
    if wanted.archives is None and together.matching.excused:
        found.append(unseen.NO_ARCHIVES)
    if wanted.late is None:
        found.append(unseen.NO_MOMENT)
    return found


async def _number(rows: EvidenceRows, faults: Faults) -> None:
    """Say of each listed row which leaf it is."""
    kinds = {table.name: kind for kind, table in TABLES.items()}
    places = [
        (kinds[fault.table].value, fault.id)
        for fault in faults.listed
        if fault.number is None and fault.table in kinds
    ]
    numbers = await rows.numbers(places)
    for at, fault in enumerate(faults.listed):
        kind = kinds.get(fault.table)
        if kind is not None and fault.number is None:
            number = numbers.get((kind.value, fault.id))
            faults.listed[at] = replace(fault, number=number)
