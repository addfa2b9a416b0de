"""Files in a folder: a batch is a data file, and a manifest that says it is whole.

``<receiver>-<number>.jsonl`` has one CloudEvent a line, in the order they are to be
taken in; ``<receiver>-<number>.manifest.json`` comes after it, with their ids, how many
there are and the SHA-256 of the data. Without a manifest there is no batch.

- Each file is written under another name, put on the disk, and renamed.
- What a batch is to hold is planned first, in the folder ``.zhitong``: who was killed
  writes the same events under the same names again, and what was laid down whole
  before is not laid down twice.
- Numbers are the day and a counter. Relays that share a folder take numbers of their
  own: a plan is linked, and who comes second takes the next.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import msgspec

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import EventPoisonError
from zhitong.streams.channels import FileChannel
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.producer import (
    BATCHES_OF_A_DAY,
    Fault,
    Unsent,
    away,
    behind,
    first_of,
    put,
)

BATCH_SECONDS = 20.0
KEPT_SECONDS = 30 * 86_400.0
"""How long it is known what was laid down, so that it can be once more."""
NEWEST = 200
"""Batches that are looked through for an event whose acknowledgement was lost."""
LARGEST = 1_048_576
"""Bytes of one event."""
_DRAFT_SECONDS = 86_400.0
_DRAFTS = f".{'[0-9a-f]' * 16}.part"
"""Ours alone: the receiver may have drafts there too."""
_PLANS = ".zhitong"
_FORM = "zhitong-batch/1"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch says of itself."""

    form: str = _FORM
    receiver: str
    batch: int
    file: str
    rows: int
    sha256: str
    """Of the data file's bytes, in hexadecimal."""
    first: str
    last: str
    events: tuple[str, ...]
    """Their ids, in the lines' order."""
    written: str


class FileSender:
    """A `Producer` that lays batches down in a folder."""

    def __init__(
        self,
        receiver: str,
        channel: FileChannel,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self._receiver = receiver
        self._channel = channel
        self._batch_seconds = batch_seconds
        self._folder = Path(channel.folder)
        self._plans = self._folder / _PLANS
        self._ending = threading.Event()
        self._known: dict[str, int] | None = None
        """The batches of the newest events."""
        self._latest = 0
        """The last batch that was looked through for them."""

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault | Unsent]:
        """Lay *events* down; what is not begun in time is given back."""
        if self._ending.is_set():
            return [Fault(seq=each.seq, error=away("closed")) for each in events]
        answers: dict[int, Ack | Fault | Unsent] = {
            each.seq: Unsent(seq=each.seq) for each in events
        }
        sound = self._sound(events, answers)
        until = time.monotonic() + self._batch_seconds
        try:
            for batch, number in self._batches(sound):
                if self._ending.is_set() or time.monotonic() > until:
                    break
                laid = self._lay(batch, number)
                answers |= {each.seq: put(each, laid) for each in batch}
        except OSError as error:
            fault = away(type(error).__name__)
            fault.__cause__ = error
            answers |= {
                seq: Fault(seq=seq, error=fault)
                for seq, answer in answers.items()
                if isinstance(answer, Unsent)
            }
        return [answers[event.seq] for event in events]

    def reset(self) -> None:
        """Begin anew by what lies there."""
        self._known = None

    def close(self) -> None:
        """End."""
        self._ending.set()

    def _sound(
        self,
        events: Sequence[Outgoing],
        answers: dict[int, Ack | Fault | Unsent],
    ) -> list[Outgoing]:
        """Give those that can stand on a line; the others' faults go into *answers*."""
        broken: set[str] = set()
        sound: list[Outgoing] = []
        for event in events:
            if event.key in broken:
                answers[event.seq] = behind(event.seq)
            elif b"\n" in event.payload or len(event.payload) > LARGEST:
                broken.add(event.key)
                answers[event.seq] = Fault(seq=event.seq, error=_poison())
            else:
                sound.append(event)
        return sound

    def _batches(
        self, events: Sequence[Outgoing]
    ) -> Iterable[tuple[Sequence[Outgoing], int]]:
        """Give the batches *events* come to: what was planned before, then new ones.

        A number of 0 is for a new one.
        """
        known = self._read()
        planned: dict[int, list[Outgoing]] = {}
        for event in events:
            # What is sent again is laid down again: the receiver asked for it.
            there = known.get(str(event.event_id), 0)
            number = event.place if event.replay else there
            planned.setdefault(number, []).append(event)
        new = planned.pop(0, [])
        for number, batch in planned.items():
            yield batch, number
        for start in range(0, len(new), self._channel.rows):
            yield new[start : start + self._channel.rows], 0

    def _lay(self, batch: Sequence[Outgoing], number: int) -> int:
        """Lay *batch* down as *number*, or a new one; give its number.

        What was planned and cannot be made whole, because some of it left by another
        relay, is given up: its number stays unused.
        """
        again = any(event.replay for event in batch)
        if number and not again and self._done(number).exists():
            return number
        plan = self._plan(number) if number else None
        data = b"".join(event.payload + b"\n" for event in batch)
        ids = tuple(str(event.event_id) for event in batch)
        digest = hashlib.sha256(data).hexdigest()
        if plan is None or (plan.events, plan.sha256) != (ids, digest):
            if plan is not None and not self._done(number).exists():
                # Its number is never another's: who planned it may be at work still.
                with suppress(FileNotFoundError):
                    self._planned(number).rename(self._void(number))
            plan = self._new(ids, digest)
        self._write(plan.file, data)
        self._write(_manifest(plan), msgspec.json.encode(plan) + b"\n")
        with suppress(FileNotFoundError):
            # Not there where it was laid down before, and is again.
            self._planned(plan.batch).rename(self._done(plan.batch))
        _settle(self._plans)
        assert self._known is not None  # noqa: S101 - batches were made of it
        self._known |= dict.fromkeys(plan.events, plan.batch)
        for old in list(self._known)[: -NEWEST * self._channel.rows]:
            del self._known[old]
        return plan.batch

    def _new(self, ids: tuple[str, ...], digest: str) -> Manifest:
        """Plan a batch under the next number that nobody has."""
        number = max([_today(), *self._numbers()])
        while True:
            number += 1
            plan = Manifest(
                receiver=self._receiver,
                batch=number,
                file=f"{self._receiver}-{number}.jsonl",
                rows=len(ids),
                sha256=digest,
                first=ids[0],
                last=ids[-1],
                events=ids,
                written=datetime.now(SHANGHAI).isoformat(timespec="seconds"),
            )
            draft = self._draft(self._plans, msgspec.json.encode(plan))
            try:
                os.link(draft, self._planned(number))
            except FileExistsError:
                continue
            finally:
                draft.unlink()
            # Planned and laid down by another since we looked: it is that one's.
            if self._done(number).exists() or self._void(number).exists():
                self._planned(number).unlink()
                continue
            _settle(self._plans)
            return plan

    def _numbers(self) -> Iterable[int]:
        # What is no number of a day up to now is nobody's of ours.
        latest = _today() + 2 * BATCHES_OF_A_DAY
        for path in self._plans.iterdir():
            stem = path.name.partition(".")[0]
            if stem.isdecimal() and int(stem) < latest:
                yield int(stem)

    def _read(self) -> dict[str, int]:
        """Read what was planned and laid down last; forget what is old."""
        if self._known is not None:
            # By another relay too: what it had under way when it died may be ours now.
            return self._noted(n for n in self._numbers() if n > self._latest)
        # The folder is the receiver's to make: it may not be mounted.
        if not self._folder.is_dir():
            raise FileNotFoundError(self._folder)
        self._plans.mkdir(mode=0o700, exist_ok=True)
        if self._plans.is_symlink():
            # Whoever made it chooses what is removed there.
            raise NotADirectoryError(self._plans)
        self._forget(self._plans, KEPT_SECONDS, "*.done", "*.void")
        self._forget(self._plans, _DRAFT_SECONDS, _DRAFTS)
        self._forget(self._folder, _DRAFT_SECONDS, _DRAFTS)
        self._known, self._latest = {}, 0
        return self._noted(self._numbers())

    def _noted(self, numbers: Iterable[int]) -> dict[str, int]:
        """Look through the newest of *numbers* for their events; give all known."""
        known = self._known or {}
        for number in sorted(set(numbers))[-NEWEST:]:
            plan = self._plan(number)
            if plan is not None:
                known |= dict.fromkeys(plan.events, number)
            self._latest = max(self._latest, number)
        self._known = known
        return known

    def _forget(self, folder: Path, seconds: float, *patterns: str) -> None:
        """Remove what is older, also what somebody who was killed has left."""
        long_ago = time.time() - seconds
        for path in [path for each in patterns for path in folder.glob(each)]:
            with suppress(FileNotFoundError):  # another relay has removed it
                if path.stat().st_mtime < long_ago:
                    path.unlink()

    def _plan(self, number: int) -> Manifest | None:
        for path in (self._done(number), self._planned(number)):
            with suppress(FileNotFoundError):
                return _decoded(path)
        return None

    def _planned(self, number: int) -> Path:
        return self._plans / f"{number}.plan"

    def _done(self, number: int) -> Path:
        return self._plans / f"{number}.done"

    def _void(self, number: int) -> Path:
        return self._plans / f"{number}.void"

    def _write(self, name: str, content: bytes) -> None:
        self._draft(self._folder, content).rename(self._folder / name)
        _settle(self._folder)

    def _draft(self, folder: Path, content: bytes) -> Path:
        """Put *content* on the disk under a name that nobody reads."""
        draft = folder / f".{token_hex(8)}.part"
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # On a full disk it would be one more each time.
            draft.unlink(missing_ok=True)
            raise
        return draft


def planned(folder: Path, number: int) -> Sequence[UUID]:
    """Name what the batch *number* was to hold; nothing where nobody knows any more."""
    plans = folder / _PLANS
    for kind in () if plans.is_symlink() else ("done", "plan", "void"):
        with suppress(OSError):
            plan = _decoded(plans / f"{number}.{kind}")
            return [UUID(event) for event in plan.events] if plan else []
    return []


def _today() -> int:
    return first_of(datetime.now(SHANGHAI).date())


def _manifest(plan: Manifest) -> str:
    return f"{plan.receiver}-{plan.batch}.manifest.json"


def _decoded(path: Path) -> Manifest | None:
    """Read a plan; one that is none says nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError:
        return None


def _settle(folder: Path) -> None:
    """Have the names of *folder* on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _poison() -> EventPoisonError:
    return EventPoisonError(
        "这件事件不能写成一行（有换行，或过大）",
        "this event cannot stand on a line: it has a line break, or is too large",
    )
