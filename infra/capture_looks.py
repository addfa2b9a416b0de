"""Looks at a department's table: those by its version column, and whole sweeps.

A look compares fingerprints with what was seen and enters what differs. A sweep reads
every key there is, then asks for every key that was known: what is gone is work, never
a withdrawal. Both go in pages and note how far they are, so that whoever is killed goes
on from there.
"""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from zhitong.connectors.capture_book import CaptureBook, Item, Progress, Waiting
from zhitong.connectors.capture_table import CaptureTable, Print
from zhitong.connectors.session import State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import (
    CaptureError,
    CaptureKeyTwiceError,
    CaptureRowError,
    CaptureRowGoneError,
)
from zhitong.infra import capture_metrics
from zhitong.infra.capture_entering import Entering, Outcome, Step
from zhitong.ports import Pressure

PAGE = 1_000
"""Rows compared at once: keys and fingerprints."""
CHUNK = 100
"""Rows read whole and entered at once: what a kill may have done unnoted."""
ENTERED = (Step.RECORDED, Step.CORRECTED, Step.WITHDRAWN)


class Looks:
    """Looks at one source, whose capture this process owns."""

    def __init__(
        self,
        source: str,
        table: CaptureTable,
        book: CaptureBook,
        entering: Entering,
        pressure: Pressure | None = None,
    ) -> None:
        self._source = source
        self._table = table
        self._book = book
        self._entering = entering
        self._pressure = pressure
        self._state = capture_metrics.state_of(source)
        self._adopting = False
        self._left = 0
        """How many decisions may be changed yet without asking anybody."""
        self.steps: Counter[Step] = Counter()
        """What became of rows, since the beginning."""

    async def begin(self, rebind: str = "") -> None:
        """Look at the live tables and at what was noted; raise `CaptureError`.

        *rebind* says what becomes of rows where the binding is another than before:
        ``correct`` or ``adopt``.
        """
        await self._table.check()
        progress = await self._book.progress()
        await self._bind(progress, rebind)
        self._adopting = (await self._book.progress()).adopting
        if self._table.said.version is not None and not self._since(progress):
            # The first sweep reads everything; looks begin where it began.
            await self._book.unversioned()
            await self._book.looked(await self._mark(), None)
        await self._allow()
        await self._tell()

    async def _allow(self) -> None:
        progress, most = await self._book.progress(), self._table.said.most
        self._left = max(0, most - progress.changed)
        if progress.unasked:
            self._left = sys.maxsize

    async def _bind(self, progress: Progress, rebind: str) -> None:
        mapping = self._table.mapping
        if not progress.mapping:
            await self._book.bound(mapping)
        if progress.mapping in {"", mapping}:
            return
        if not rebind:
            raise CaptureError(
                f"{self._source} 的绑定已变：每一行都会显得变动过。请先确定这是更正"
                "（--rebind correct，逐件更正并推送），还是只换了读法（--rebind "
                "adopt，以后的变动才更正）",
                f"the binding of {self._source} has changed, and every row would look "
                "changed: say whether that corrects decisions (--rebind correct, each "
                "is corrected and sent) or only reads them otherwise (--rebind adopt, "
                "later changes are corrected)",
                source=self._source,
            )

        def deed(_row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=getpass.getuser(),
                action="rebind-capture",
                target=self._source,
                reason=rebind,
                detail={"mapping": mapping, "before": progress.mapping},
            )

        await self._book.rebind(mapping, deed, adopting=rebind == "adopt")

    async def look(self) -> None:
        """Look at what the version column shows; once to its end."""
        began = datetime.now(UTC)
        progress = await self._book.progress()
        mark, since = await self._mark(), self._since(progress)
        after: str | None = None
        while page := await self._page(after, since=since):
            await self._compare(page)
            if len(page) < PAGE:
                break
            after = page[-1].key
        await self._book.looked(mark, began)
        self._state.seen_to = began
        self._state.refused = await self._book.refused()

    async def _mark(self) -> str:
        return f"{self._column}={await self._table.mark()}"

    def _since(self, progress: Progress) -> str:
        """Give where a look begins; empty where another column said it before."""
        column, _, mark = progress.mark.partition("=")
        return mark if column == self._column else ""

    @property
    def _column(self) -> str:
        version = self._table.said.version
        return version.column if version else ""

    async def sweep(self) -> bool:
        """Do one page of the sweep, beginning one where none is under way.

        Says whether it is done with that.
        """
        progress = await self._book.progress()
        match progress.phase:
            case "":
                await self._begin_sweep()
            case "rows":
                await self._sweep_rows(progress)
            case _:
                return await self._sweep_gone(progress.place or "")
        return False

    async def under_way(self) -> bool:
        """Say whether a sweep has begun and is not done."""
        return bool((await self._book.progress()).phase)

    @property
    def busy(self) -> float:
        """Say how many seconds the department's server has worked for this."""
        return self._table.busy

    async def sweep_whole(self) -> None:
        """Sweep from where it is to its end."""
        while not await self.sweep():
            pass

    async def _begin_sweep(self) -> None:
        there, unnamed = await self._table.count()
        error = CaptureKeyTwiceError(
            f"有 {unnamed} 行决定没有主键，无法采集",
            f"{unnamed} decisions have no key and cannot be captured",
        )
        # No row has the empty key: it stands for all that have none.
        items = [_item("", error)] if unnamed else []
        await self._book.note([], items, [] if unnamed else [""])
        await self._book.sweeping(datetime.now(UTC), there)
        await self._allow()
        await self._tell()

    async def _sweep_rows(self, progress: Progress) -> None:
        page, before = await self._page(progress.place), self._entered
        await self._compare(page)
        if self._column and progress.swept_at is not None:
            late = self._entered - before
            capture_metrics.late.add(late, {"source": self._source})
        if len(page) < PAGE:
            await self._book.reached("gone", "")
        else:
            await self._book.reached("rows", page[-1].key)

    @property
    def _entered(self) -> int:
        return sum(self.steps[step] for step in ENTERED)

    async def _sweep_gone(self, place: str) -> bool:
        keys = await self._book.keys(place, PAGE)
        if keys:
            await self._missing(keys)
            await self._book.reached("gone", keys[-1])
        if len(keys) == PAGE:
            return False
        await self._book.swept()
        self._adopting = False
        await self._allow()
        await self._tell()
        return True

    async def _page(self, after: str | None, since: str = "") -> Sequence[Print]:
        page = await self._table.page(after, PAGE, since=since)
        if len(page) == PAGE and page[-1].key == after:
            # All of it is one key: what stands behind it must not be kept waiting.
            return await self._table.page(after, PAGE, since=since, passing=True)
        return page

    async def _compare(self, page: Sequence[Print]) -> None:
        """Enter what differs from what was seen."""
        times = Counter(each.key for each in page)
        keys = list(times)
        known = await self._book.known(keys)
        waiting = await self._book.waiting(keys)
        seals = {each.key: self._book.sealed(each.fingerprint) for each in page}
        twice = [key for key, many in times.items() if many > 1]
        seen = [
            key for key in keys if key in known and known[key].fingerprint == seals[key]
        ]
        obsolete = [key for key in seen if key in waiting and key not in twice]
        await self._book.note([], [_twice(key) for key in twice], obsolete)
        passed = {*seen, *twice, *_resting(waiting, seals)}
        differing = [key for key in keys if key not in passed]
        for start in range(0, len(differing), CHUNK):
            await self._enter(differing[start : start + CHUNK])

    async def _enter(self, keys: Sequence[str]) -> None:
        if self._pressure is not None:
            await self._pressure.calm()
        rows = await self._table.rows(keys)
        times = Counter(row.key for row in rows)
        twice = [key for key, many in times.items() if many > 1]
        once = [row for row in rows if row.key not in twice]
        known, waiting = await self._book.known(keys), await self._book.waiting(keys)
        try:
            outcome = await self._entering.enter(
                once,
                known,
                waiting,
                allowed=self._left,
                adopting=self._adopting,
            )
        except ExceptionGroup as group:
            # One of them says why: what keeps one row out here keeps all.
            raise _first(group) from group
        self._left -= outcome.changed
        if outcome.changed:
            await self._book.changed(outcome.changed)
        await self._note(outcome, twice, waiting)
        new = sum(one.key not in known for one in outcome.noted)
        self._state.behind = max(0, self._state.behind - new)

    async def _note(
        self, outcome: Outcome, twice: Sequence[str], waiting: Mapping[str, Waiting]
    ) -> None:
        closed = [each.key for each in outcome.noted if each.key in waiting]
        items = [*outcome.items, *map(_twice, twice)]
        await self._book.note(outcome.noted, items, closed)
        self.steps.update(outcome.steps)
        for step, many in outcome.steps.items():
            capture_metrics.entered.add(many, {"source": self._source, "step": step})

    async def _missing(self, keys: Sequence[str]) -> None:
        """Make work of what was registered and is gone, unless it was withdrawn.

        What waited and was never registered is nobody's work any more.
        """
        there = await self._table.standing(keys)
        gone = [key for key in keys if key not in there]
        known, waiting = await self._book.known(gone), await self._book.waiting(gone)
        ids = {key: one.decision_id for key, one in known.items() if one.decision_id}
        standing = await self._book.standing(ids.values())
        moved = await self._moved(ids)
        owed = {
            key: decision_id
            for key, decision_id in ids.items()
            if decision_id in standing and not standing[decision_id].withdrawn
            if decision_id not in moved
        }
        items = [
            _item(key, _gone(key), decision_id)
            for key, decision_id in owed.items()
            if not (key in waiting and waiting[key].fresh)
        ]
        over = [key for key in waiting if key not in owed]
        await self._book.note([], items, over)

    async def _moved(self, ids: Mapping[str, str]) -> set[str]:
        """Name the decisions of *ids* that stand under another key now."""
        holders = await self._book.holders(list(ids.values()))
        others = sorted(holders.keys() - ids.keys())
        there = await self._table.standing(others) if others else frozenset()
        return {holders[key] for key in there}

    async def _tell(self) -> None:
        (found,) = await self._book.states()
        seen = found["looked_at"]
        self._state.seen_to = seen if isinstance(seen, datetime) else None
        there, captured, items = (
            int(str(found[name])) for name in ("there", "captured", "items")
        )
        self._state.behind = max(0, there - captured)
        self._state.refused = items


def _first(group: ExceptionGroup[Exception]) -> Exception:
    (first, *_) = group.exceptions
    return _first(first) if isinstance(first, ExceptionGroup) else first


def _resting(waiting: Mapping[str, Waiting], seals: Mapping[str, bytes]) -> list[str]:
    """Name what was tried not long ago, is as it was and nobody has settled since."""
    return [
        key
        for key, one in waiting.items()
        if one.fresh and one.fingerprint == seals[key]
    ]


def _item(key: str, error: CaptureRowError, decision_id: str | None = None) -> Item:
    label = error.label
    return Item(
        key=key,
        code=error.code,
        zh=label.zh,
        en=label.en,
        decision_id=decision_id,
    )


def _twice(key: str) -> Item:
    return _item(
        key,
        CaptureKeyTwiceError(
            f"{key}：主键对应多行，不知道哪一行是这件决定，未采集",
            f"{key}: several rows have this key; which is the decision is not known, "
            "none was captured",
        ),
    )


def _gone(key: str) -> CaptureRowGoneError:
    return CaptureRowGoneError(
        f"{key}：登记过的行已不在，或已不是决定；台账未变，撤销须由该部门写明",
        f"{key}: a row that was registered is gone, or no decision any more; the "
        "ledger stands, a withdrawal is the department's to state",
    )
