"""What receivers are reached by that read no topic: their senders and their answers.

Secrets lie in the state folder, readable by us alone: ``receivers/<name>.secret`` of an
HTTP interface, ``receivers/<name>.password`` of a front-end database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from functools import partial
from pathlib import Path

from zhitong.connectors.front_end import FrontEndDatabase
from zhitong.decisions import Returned
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.guarded import Guarded
from zhitong.infra.receiver_keys import given_keys
from zhitong.infra.secret import read_private
from zhitong.infra.settings import Settings
from zhitong.ports import BatchBook
from zhitong.streams.addressed import Addressed
from zhitong.streams.channels import (
    Channel,
    FileChannel,
    FrontEndChannel,
    HttpChannel,
    KafkaChannel,
)
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.file_answers import FileAnswers
from zhitong.streams.file_drop import FileSender
from zhitong.streams.front_end_push import AnswerReader, FrontEndSender
from zhitong.streams.http_push import File, HttpSender
from zhitong.streams.producer import Producer
from zhitong.streams.receivers import Receivers
from zhitong.streams.relay import Make
from zhitong.streams.returns import ReturnDesk

_FILING_SECONDS = 30.0


def desk(settings: Settings, config: Receivers, book: BatchBook) -> ReturnDesk:
    """Give who files what comes back, by the keys and rules of now."""
    return ReturnDesk(
        book, partial(given_keys, settings.state), partial(_signs, config)
    )


def filing(desk: ReturnDesk) -> File:
    """Have *desk* file what a sender's thread gets, on the loop that runs here."""
    return partial(_file, desk, asyncio.get_running_loop())


def producers(
    settings: Settings, config: Receivers, desk: ReturnDesk, broker: Make
) -> Mapping[str, Make]:
    """Give what makes each receiver's sender; *broker* makes those of topics."""
    file = filing(desk)
    found: dict[str, Make] = {}
    for name, channel in config.kafka.items():
        found[name] = partial(_on, channel, broker)
    for name, other in _channels(config).items():
        found[name] = partial(_guarded, settings, name, other, file)
    return found


def _on(channel: Channel, broker: Make) -> Producer:
    return Addressed(broker(), channel)


def _guarded(settings: Settings, name: str, channel: Channel, file: File) -> Producer:
    made = producer(settings, name, channel, file)
    return Guarded(name, Addressed(made, channel))


def producer(settings: Settings, name: str, channel: Channel, file: File) -> Producer:
    """Make the sender of the receiver *name*; called on the loop that runs."""
    if isinstance(channel, HttpChannel):
        return HttpSender(channel, partial(_secret, settings.state, name), file)
    if isinstance(channel, FrontEndChannel):
        store = _front_end(settings, name, channel)
        return FrontEndSender(store, channel, asyncio.get_running_loop())
    assert isinstance(channel, FileChannel)  # noqa: S101 - topics have a sender of their own
    return FileSender(name, channel)


def readers(
    settings: Settings, config: Receivers, book: BatchBook, desk: ReturnDesk
) -> Mapping[str, AnswerReader | FileAnswers]:
    """Give who reads the answers of those who write them where the batches lie."""
    found: dict[str, AnswerReader | FileAnswers] = {}
    for name, channel in _channels(config).items():
        if isinstance(channel, FrontEndChannel):
            store = _front_end(settings, name, channel)
            found[name] = AnswerReader(
                receiver=name,
                place=channel.place,
                store=store,
                book=book,
                desk=desk,
            )
        if isinstance(channel, FileChannel):
            found[name] = FileAnswers(
                receiver=name,
                place=channel.place,
                folder=Path(channel.folder),
                book=book,
                desk=desk,
            )
    return found


def _channels(config: Receivers) -> Mapping[str, Channel]:
    """Give the channels of those who read no topic, whatever rules are in force."""
    return {
        one.name: one.channel
        for one in config.receivers
        if not isinstance(one.channel, KafkaChannel)
    }


def _front_end(
    settings: Settings, name: str, channel: FrontEndChannel
) -> FrontEndDatabase:
    path = settings.state / "receivers" / f"{name}.password"
    return FrontEndDatabase(
        channel.address, channel.tables, partial(read_private, path)
    )


def _secret(state: Path, name: str) -> bytes:
    return read_private(state / "receivers" / f"{name}.secret").encode()


def _signs(config: Receivers, name: str) -> bool:
    """Say whether *name* signs by the rules of today, or by its last ones."""
    today = config.on(datetime.now(SHANGHAI).date()).get(name)
    last = [one for one in config.receivers if one.name == name]
    rules = today or (last[-1] if last else None)
    return rules is None or rules.acknowledge.signed


def _file(
    desk: ReturnDesk, loop: asyncio.AbstractEventLoop, returned: Sequence[Returned]
) -> None:
    """File from another thread; raise `LedgerUnavailableError` where it cannot be."""
    taking = desk.take(returned)
    try:
        future = asyncio.run_coroutine_threadsafe(taking, loop)
    except RuntimeError as error:
        # The loop has ended, and so does this process.
        taking.close()
        raise _unfiled() from error
    try:
        future.result(_FILING_SECONDS)
    except (TimeoutError, CancelledError) as error:
        future.cancel()
        raise _unfiled() from error


def _unfiled() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复，回执未登记",
        "the platform's database does not answer; the receipt is not filed",
    )
