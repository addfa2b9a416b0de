"""The witness at work: each word of it on the disk before anybody has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

from zhitong.connectors.signers import FileSigner
from zhitong.connectors.witness_forms import Mine, Page, Place, Submission, Word
from zhitong.connectors.witness_store import WitnessStore
from zhitong.connectors.witness_trust import Trust
from zhitong.evidence import Countersignature, Signature, stamp
from zhitong.exceptions import BodyMalformedError, WitnessRefusedError
from zhitong.rules.head_notes import read_head
from zhitong.rules.witnessing import (
    HONEST,
    Bounds,
    Refused,
    Shown,
    Witnessed,
    judge,
)
from zhitong.types import Label

LARGEST_PAGE = 1_000
_SIGNED = frozenset({Refused.ROLLBACK, Refused.CHANGED_ROOT, Refused.FORK})
"""What a trusted key has signed and must not have."""
_WHY: Mapping[Refused, Label] = MappingProxyType(
    {
        Refused.ORIGIN: Label("不是所见证的日志", "it is another log"),
        Refused.UNSIGNED: Label(
            "没有受信任的密钥签名", "no key that is trusted has signed it"
        ),
        Refused.FORGED: Label(
            "冒用受信任密钥的签名", "a signature is not that of the key it names"
        ),
        Refused.KEY_NOTE: Label(
            "换钥说明不是受信任的密钥所签", "no trusted key names the new one"
        ),
        Refused.ROLLBACK: Label("日志比以前短", "the log is shorter than it was"),
        Refused.CHANGED_ROOT: Label(
            "日志长度未变而内容已变", "the log is as long as it was, and another"
        ),
        Refused.FORK: Label(
            "不能证明日志接着以前的往下长", "it is not shown to go on from before"
        ),
        Refused.BASE: Label(
            "证明的起点不是上次所见", "the proof begins elsewhere than what was seen"
        ),
        Refused.OVERTAKEN: Label(
            "更晚的日志头已有签字", "a later head has its word already"
        ),
        Refused.TIME_BACK: Label(
            "时间早于上一个日志头", "it is older than the head before it"
        ),
        Refused.CLOCK: Label(
            "时间与见证人的时钟相差太多", "its time is far from the witness's clock"
        ),
    }
)
_log = logging.getLogger("zhitong.witness")


class WitnessDesk:
    """Takes heads in, gives its word or says why not."""

    def __init__(
        self,
        store: WitnessStore,
        trust: Trust,
        key: FileSigner,
        bounds: Bounds,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._trust = trust
        self._key = key
        self._bounds = bounds
        self._clock = clock
        self._turn = asyncio.Lock()

    @property
    def last(self) -> Word | None:
        """The last head that has its word."""
        return self._store.last

    @property
    def mine(self) -> Mine:
        """Who this witness is."""
        return Mine(
            key_id=self._key.key_id,
            algorithm=self._key.algorithm,
            spki=self._key.spki,
            origin=self._bounds.origin,
            trusts=tuple(self._trust.current),
        )

    async def page(self, place: Place, limit: int) -> Page:
        """Give some of the heads that have its word, from *place* on."""
        return await asyncio.to_thread(self._store.page, place, limit)

    async def countersign(self, raw: bytes) -> Word:
        """Give its word for the head in *raw*; raise `WitnessRefusedError`."""
        async with self._turn:
            # Signatures and the disk: others may look meanwhile.
            return await asyncio.to_thread(self._countersign, raw)

    def _countersign(self, raw: bytes) -> Word:
        try:
            asked = msgspec.json.decode(raw, type=Submission)
            head = read_head(asked.note.encode())
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BodyMalformedError(
                "这不是一个日志头，格式见 docs/witness.md。",
                "This is no head of a log; docs/witness.md has its form.",
            ) from error
        if not all(map(self._trust.follow, asked.keys)):
            raise self._refused(Refused.KEY_NOTE, raw, signed=False)
        good, bad = self._trust.weigh(asked.note.encode(), asked.signatures)
        known = self._store.last
        reason = judge(
            Witnessed(head=known.head if known else None),
            Shown(head=head, good=good, bad=bad, base=asked.base, proof=asked.proof),
            self._bounds,
            self._clock(),
            lambda _: self._store.find(asked.note) is not None,
        )
        if reason is not None:
            raise self._refused(reason, raw, signed=bool(good))
        return self._store.find(asked.note) or self._word(asked, good)

    def _word(self, asked: Submission, good: frozenset[str]) -> Word:
        seen, signer = self._clock(), self._key
        unsigned = Countersignature(
            seen=seen,
            signature=Signature(
                key_id=signer.key_id, algorithm=signer.algorithm, value=b""
            ),
        )
        word = Word(
            note=asked.note,
            signatures=tuple(one for one in asked.signatures if one.key_id in good),
            seen=stamp(seen),
            key_id=signer.key_id,
            algorithm=signer.algorithm,
            value=signer.sign(unsigned.text(asked.note.encode())),
        )
        self._store.keep(word)
        return word

    def _refused(
        self, reason: Refused, raw: bytes, *, signed: bool
    ) -> WitnessRefusedError:
        why, last = _WHY[reason], self._store.last
        if reason not in HONEST and self._store.refuse(
            reason, raw, signed=signed, now=stamp(self._clock())
        ):
            level = logging.ERROR if reason in _SIGNED else logging.WARNING
            _log.log(
                level,
                "%s %s：%s，已留作证据 kept as evidence: %s",
                WitnessRefusedError.code,
                reason,
                why.zh,
                why.en,
            )
        return WitnessRefusedError(
            f"见证人不签：{why.zh}（{reason}）",
            f"the witness gives no word: {why.en} ({reason})",
            reason=reason,
            size=str(last.head.size if last else 0),
        )
