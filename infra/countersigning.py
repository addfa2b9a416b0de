"""Countersigning: each head goes to the witnesses, and their words are kept.

The rules:

1. Only the newest head goes out, with a proof from the last the witness has seen: one
   word covers all before it. A witness that was away is caught up with by one proof.
2. No other head goes out before the word for the last one is kept here; what a witness
   has and we lack, as after a crash, is asked for first.
3. Each witness is on its own: one that hangs holds up no other, and nothing waits for
   any of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry import metrics

from zhitong.connectors.countersignatures import Countersignatures, Latest
from zhitong.connectors.loan import LOST
from zhitong.connectors.signers import verify
from zhitong.connectors.witness_forms import Submission, Word
from zhitong.evidence import Head
from zhitong.exceptions import SettingsError, WitnessRefusedError, ZhitongError
from zhitong.infra.note import find
from zhitong.infra.settings import Settings
from zhitong.infra.witness_client import WitnessAwayError, WitnessClient, safe
from zhitong.infra.witness_key import PUBLIC_NAME, read_public
from zhitong.infra.witnessing import NOTE, demo_folder
from zhitong.rules.key_notes import key_id
from zhitong.rules.witnessing import HONEST

EVERY_SECONDS = 1.0
_log = logging.getLogger("zhitong.countersigning")
_meter = metrics.get_meter("zhitong.countersigning")
_words = _meter.create_counter(
    "zhitong.evidence.countersigned",
    unit="{head}",
    description="Heads that a witness gave its word for, by its key.",
)
_faults = _meter.create_counter(
    "zhitong.evidence.witness.faults",
    unit="{fault}",
    description="Times a witness was away or gave no word, by the reason.",
)


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A witness, by its address and the one key that it is believed by."""

    url: Callable[[], str]
    """Asked each time: the demo's witness may come back elsewhere."""
    spki: Callable[[], bytes]
    """Read at each beginning, as a file that may not be there yet."""


def witnesses(settings: Settings) -> Sequence[WitnessAt]:
    """Name the witnesses of *settings*; raise `SettingsError` where one is wrong."""
    if not settings.witnesses:
        return [_demo(settings.state)]
    found = [_named(each) for each in settings.witnesses.split(",")]
    if len(found) < settings.witness_quorum:
        raise SettingsError(
            "ZHITONG_WITNESS_QUORUM 大于 ZHITONG_WITNESSES 中的见证人数",
            "ZHITONG_WITNESS_QUORUM is more than the witnesses in ZHITONG_WITNESSES",
        )
    return found


def pinned(settings: Settings) -> Callable[[], Mapping[str, bytes]]:
    """Give what names the keys that heads are believed by; files are read at once.

    Raises `SettingsError`, `WitnessError`. The demo's may come later: none until then.
    """
    found = witnesses(settings)
    if settings.witnesses:
        keys = {key_id(spki): spki for spki in (each.spki() for each in found)}
        if len(keys) < settings.witness_quorum:
            raise SettingsError(
                "ZHITONG_WITNESSES 中不同的公钥少于 ZHITONG_WITNESS_QUORUM",
                "ZHITONG_WITNESSES has fewer different keys than "
                "ZHITONG_WITNESS_QUORUM",
            )
        return lambda: keys

    def there() -> Mapping[str, bytes]:
        try:
            return {key_id(spki): spki for spki in (each.spki() for each in found)}
        except WitnessAwayError:
            return {}

    return there


def _named(text: str) -> WitnessAt:
    url, found, file = text.strip().rpartition("=")
    if not found or not file:
        raise SettingsError(
            f"ZHITONG_WITNESSES 中的 {text!r} 应写作 地址=公钥文件",
            f"{text!r} in ZHITONG_WITNESSES must be address=public key file",
        )
    safe(url)
    return WitnessAt(lambda: url, lambda: read_public(Path(file)))


def _demo(state: Path) -> WitnessAt:
    def url() -> str:
        note = find(demo_folder(state) / NOTE)
        if note is None:
            raise WitnessAwayError("zhitong witness")
        return note.url

    def spki() -> bytes:
        file = demo_folder(state) / PUBLIC_NAME
        if not file.exists():
            raise WitnessAwayError("zhitong witness")
        return read_public(file)

    return WitnessAt(url, spki)


class Countersigning:
    """Has the heads of the log at *url* countersigned, as long as it runs."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._asking = [_Asking(url, each) for each in witnesses(settings)]

    async def run(self) -> None:
        """Ask until cancelled, whatever happens to the database or to a witness."""
        async with asyncio.TaskGroup() as group:
            for each in self._asking:
                group.create_task(each.run())

    def wake(self) -> None:
        """Say that there is a new head."""
        for each in self._asking:
            each.news.set()


@dataclass(slots=True)
class _Session:
    """What is known of a witness while nothing goes wrong."""

    book: Countersignatures
    client: WitnessClient
    spki: bytes
    key_id: str
    trusts: set[str]
    """The operator's keys that count there."""
    base: int = 0
    """The size of the last head that it has seen."""


@dataclass(slots=True)
class _Asking:
    """One witness."""

    database: str
    witness: WitnessAt
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _session: _Session | None = None
    _said: str = ""
    _changed: bool = False

    async def run(self) -> None:
        try:
            while True:
                await self._try()
                await self._wait()
        finally:
            self._end()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(EVERY_SECONDS):
                await self.news.wait()
        except TimeoutError:
            pass
        self.news.clear()

    async def _try(self) -> None:
        try:
            await self._round()
        except WitnessAwayError as error:
            self._say("WITNESS_AWAY", logging.WARNING, str(error))
        except WitnessRefusedError as error:
            reason = error.details["reason"]
            _faults.add(1, {"reason": reason})
            if reason not in HONEST:
                self._say(error.code, logging.ERROR, str(error))
            elif reason == "CLOCK":
                self._say(error.code, logging.WARNING, str(error))
        except ZhitongError as error:
            self._say(error.code, logging.ERROR, str(error))
        except LOST as error:
            self._say("LEDGER_UNAVAILABLE", logging.WARNING, type(error).__name__)
        else:
            if self._said:
                _log.warning("见证恢复 the witness gives its word again")
            self._said = ""
            return
        # Whatever was believed of either side is asked anew.
        self._end()

    async def _round(self) -> None:
        session = self._session
        if session is None:
            session = self._session = await self._begin()
        latest = await session.book.latest()
        if latest is None or latest.countersigned:
            return
        asked = await self._submission(session, latest)
        word = await asyncio.to_thread(session.client.countersign, asked)
        if word.note != asked.note:
            raise WitnessAwayError("another head's word")
        await self._keep(session, word)
        session.base = latest.size
        if asked.keys:
            session.trusts |= {each.key_id for each in asked.signatures}

    async def _begin(self) -> _Session:
        """Learn who answers there and what it has seen; keep what we lack."""
        spki = await asyncio.to_thread(self.witness.spki)
        client = WitnessClient(await asyncio.to_thread(self.witness.url))
        mine = await asyncio.to_thread(client.key)
        if mine.spki != spki:
            raise WitnessAwayError(f"another key, {mine.key_id}")
        book = await Countersignatures.open(self.database, key_id(spki), spki)
        session = _Session(book, client, spki, key_id(spki), set(mine.trusts))
        with ExitStack() as undoing:
            undoing.callback(book.close)
            await self._catch_up(session)
            undoing.pop_all()
        return session

    async def _catch_up(self, session: _Session) -> None:
        """Keep the words that we lack, as when one of us was killed."""
        size = await session.book.last()
        last = await asyncio.to_thread(session.client.head)
        words = await asyncio.to_thread(_heads, session.client, size)
        strange = [each for each in words if not await self._keep(session, each)]
        if strange and not self._changed:
            self._changed = True
            _log.error(
                "LOG_CHANGED: 见证人签过的日志头有 %d 个不在我们这里，日志被改动过，"
                "请执行 zhitong audit verify the witness has given its word for %d "
                "heads that we have not, the first of size %d: the log was changed",
                len(strange),
                len(strange),
                strange[0].head.size,
            )
        session.base = _checked(last).size if last else 0

    async def _submission(self, session: _Session, latest: Latest) -> Submission:
        signatures = await session.book.signatures(latest)
        known = all(each.key_id in session.trusts for each in signatures)
        notes = () if known else await session.book.notes()
        # A log that is shorter than what was seen proves nothing: it is for the
        # witness to say so.
        proof = (
            await session.book.proof(session.base, latest.size)
            if 0 < session.base < latest.size
            else ()
        )
        return Submission(
            note=latest.note.decode(),
            signatures=tuple(signatures),
            base=session.base,
            proof=tuple(proof),
            keys=tuple(notes),
        )

    async def _keep(self, session: _Session, word: Word) -> bool:
        """Keep *word*, if its key has signed it; say whether its head is ours."""
        _checked(word)
        said = word.countersignature
        text = said.text(word.note.encode())
        signature = said.signature
        if signature.key_id != session.key_id or not verify(
            session.spki, signature.algorithm, text, signature.value
        ):
            raise WitnessAwayError("a word that is not signed by its key")
        ours = await session.book.keep(word)
        if ours:
            _words.add(1, {"witness": session.key_id})
        return ours

    def _end(self) -> None:
        if self._session is not None:
            self._session.book.close()
        self._session = None

    def _say(self, code: str, level: int, text: str) -> None:
        """Say a state when it begins, not each second."""
        if self._said != code:
            _log.log(level, "%s: %s", code, text)
        self._said = code


def _checked(word: Word) -> Head:
    """Give the head of *word*; whoever answers could have written anything."""
    try:
        head, _ = word.head, word.countersignature
    except ValueError as error:
        raise WitnessAwayError("no head") from error
    return head


def _heads(client: WitnessClient, size: int) -> Sequence[Word]:
    return list(client.heads(size))
