"""``zhitong audit``: what can be said to it, and what it then does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from zhitong.connectors.evidence_export import Chosen
from zhitong.infra import audit, audit_export
from zhitong.infra.settings import Settings

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with the log."""
    log = verb("verify", "核验整个日志 verify the whole log", verify)
    witness = log.add_mutually_exclusive_group()
    witness.add_argument(
        "--witness", default="", metavar="地址", help="见证人 a witness's address"
    )
    witness.add_argument(
        "--witness-heads",
        metavar="文件",
        type=Path,
        help="见证人给出的树头 heads that a witness gave out, JSON lines",
    )
    log.add_argument(
        "--witness-key", metavar="公钥", type=Path, help="其公钥 its public key, PEM"
    )
    log.add_argument(
        "--quorum",
        type=_count,
        metavar="人数",
        help="须有几个见证人 how many witnesses must have seen a head",
    )
    log.add_argument(
        "--archive",
        nargs="+",
        metavar="文件",
        type=Path,
        help="归档文件 files with archived rows",
    )
    log.add_argument(
        "--now",
        metavar="时刻",
        type=_moment,
        help="副本的时刻 when a copy was made, ISO 8601",
    )
    log.add_argument(
        "--from",
        dest="first",
        type=int,
        default=0,
        metavar="叶号",
        help="只读此号起的行 read rows from this number on",
    )
    log.add_argument(
        "--quick", action="store_true", help="只读最新的行 the newest rows alone"
    )
    log.add_argument("--json", action="store_true", help="以 JSON 打印 print JSON")
    export = verb("export", "导出证据 export evidence for a stranger", _export)
    chosen = export.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--record", nargs="+", metavar="登记号", help="records")
    chosen.add_argument("--decision", metavar="决定号", help="all its versions")
    chosen.add_argument("--case", metavar="案号", help="all that the log has of it")
    export.add_argument(
        "--out", metavar="文件", type=Path, required=True, help="the zip"
    )
    export.add_argument("--because", metavar="原因", required=True, help="why")


def _count(text: str) -> int:
    """Read a number of one or more."""
    found = int(text)
    if found < 1:
        raise ValueError(text)
    return found


def _moment(text: str) -> datetime:
    """Read a moment; without a zone it would be another one elsewhere."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def verify(settings: Settings, given: argparse.Namespace) -> bool:
    """Verify the log, as *given* says."""
    asked = audit.Asked(
        witness=given.witness,
        witness_heads=given.witness_heads,
        witness_key=given.witness_key,
        quorum=given.quorum,
        archives=given.archive,
        now=given.now,
        first=given.first,
        quick=given.quick,
        as_json=given.json,
    )
    return audit.verify(settings, asked)


def _export(settings: Settings, given: argparse.Namespace) -> None:
    chosen = Chosen(
        records=given.record or (), decision=given.decision or "", case=given.case or ""
    )
    audit_export.export(settings, chosen, given.out, given.because)
