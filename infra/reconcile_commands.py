"""``zhitong reconcile``: compare now what was due, sent, kept and answered."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime

import orjson

from zhitong.connectors.reconciliation import Reconciliations
from zhitong.exceptions import ReceiverError, SettingsError
from zhitong.infra.broker_access import way
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.reconciler import Reconciler, Report
from zhitong.infra.reconciliation import SEND_SECONDS, line, tell_receivers, terms
from zhitong.infra.settings import Settings
from zhitong.rules.reconciliation import MEANINGS, Difference
from zhitong.streams import names
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.topic_reading import TopicReading


def describe(one: argparse.ArgumentParser) -> None:
    """Add what can be said to the command."""
    one.add_argument("--receiver", metavar="接收方", default="", help="only this one")
    one.add_argument(
        "--since",
        metavar="时刻",
        type=datetime.fromisoformat,
        help="自此时起（ISO 8601，带时区） from this moment on, with its zone",
    )
    one.add_argument(
        "--full", action="store_true", help="全部，不只是新的 everything, not the new"
    )
    one.add_argument("--json", action="store_true", help="打印 JSON print JSON")


def reconcile(settings: Settings, given: argparse.Namespace) -> bool:
    """Reconcile now and print what is wrong; say whether nothing is."""
    since: datetime | None = given.since
    if since is not None and since.tzinfo is None:
        raise SettingsError(
            "--since 须带时区，如 2026-11-22T09:30:00+08:00",
            "--since must have its zone, as in 2026-11-22T09:30:00+08:00",
        )
    report = asyncio.run(_reconcile(settings, given.receiver, since, whole=given.full))
    shown = [each for each in report.open if given.receiver in ("", each.receiver)]
    if given.json:
        _print(report, shown)
    else:
        _show(report, shown)
    if report.unread:
        raise next(iter(report.unread.values()))
    return not shown


async def _reconcile(
    settings: Settings, receiver: str, since: datetime | None, *, whole: bool
) -> Report:
    known = terms(settings)
    there = sorted(known.receivers)
    if receiver and receiver not in there:
        raise ReceiverError(
            f"没有这个接收方 {receiver}，有 {'、'.join(there)}",
            f"there is no receiver {receiver}, only {', '.join(there)}",
            receiver=receiver,
        )
    book = Reconciliations(await own_platform(settings))
    reading = TopicReading(way(settings, names.RECONCILER))
    producer = KafkaSender(way(settings, names.RECONCILER), SEND_SECONDS)
    only = (receiver,) if receiver else ()
    try:
        # One at a time: the hourly one may be at work.
        await book.wait()
        asked = terms(settings, only)
        if asked.others:
            say(
                "无主题可读，凭回执核对 no topic to read, by receipts: "
                + "、".join(sorted(asked.others))
            )
        reconciler = Reconciler(book, reading, asked)
        report = await reconciler.run(since, whole=whole)
        await tell_receivers(book, producer, settings, whole=whole)
        return report
    finally:
        reading.close()
        producer.close()
        await book.close()


def _show(report: Report, shown: list[Difference]) -> None:
    for each in shown:
        found = report.open[each].astimezone()
        remedy = each.remedy
        todo = f"{remedy.zh} {remedy.en}" if " --" not in remedy.en else remedy.zh
        say(line(each), f"  {found:%Y-%m-%d %H:%M:%S}  {todo}")
    for topic in report.unread:
        say(f"未读 not read: {topic}")
    kind = "全部 everything" if report.whole else f"{report.since.isoformat()} 起 since"
    say(
        f"对账 Reconciled: {kind}，记录 records {report.records:,}，"
        f"区间 windows {report.windows:,}，不符 differences {len(shown):,}"
    )


def _print(report: Report, shown: list[Difference]) -> None:
    said = {
        "whole": report.whole,
        "since": report.since,
        "records": report.records,
        "windows": report.windows,
        "unread": list(report.unread),
        "differences": [
            {
                "kind": each.kind,
                "receiver": each.receiver,
                "event": each.event_id,
                "decision": each.decision_id,
                "version": each.version,
                "topic": each.topic,
                "partition": each.partition,
                "offset": each.offset,
                "foundAt": report.open[each],
                "zh": MEANINGS[each.kind].zh,
                "en": MEANINGS[each.kind].en,
                "remedy": each.remedy.en,
            }
            for each in shown
        ],
    }
    text = orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.write(text.decode())
