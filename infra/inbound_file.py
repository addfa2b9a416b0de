"""Reading who sends to us: the file ``inbound.toml`` beside the receivers' folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from zhitong.exceptions import ReceiverError
from zhitong.inbound import Tidings
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.streams import names
from zhitong.streams.confidence import Confidence
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.receivers import Receivers
from zhitong.types import Label

INBOUND = "inbound.toml"
NAMED = Label("发送方文件", "the senders' file")

_Text = Annotated[str, Meta(min_length=1)]
_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,30}$")]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not let anybody in."""


class _Label(_Form, frozen=True, kw_only=True):
    zh: _Text
    en: _Text


class _Sender(_Form, frozen=True, kw_only=True):
    name: _Name
    title: _Label
    partitions: Annotated[int, Meta(ge=1, le=64)]
    types: Annotated[list[Tidings], Meta(min_length=1)]
    source: _Text
    confidence: Confidence


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    senders: list[_Sender] = []


def read_senders(path: Path, tenant: str) -> tuple[InboundSender, ...]:
    """Read *path* for *tenant*: without it nobody sends; raise `ReceiverError`."""
    if not path.exists():
        return ()
    file = read_form(path, _File, NAMED, ReceiverError)
    known = [one.name for one in file.senders]
    for name in known:
        if name in names.RESERVED or known.count(name) > 1:
            raise ReceiverError(
                f"{path.name}：发送方 {name} 写了两次，或是平台自己的名称",
                f"{path.name}: the sender {name} is there twice, or is the platform's "
                "own name",
            )
    return tuple(
        InboundSender(
            tenant=tenant,
            name=one.name,
            title=Label(one.title.zh, one.title.en),
            partitions=one.partitions,
            types=frozenset(one.types),
            source=one.source,
            confidence=one.confidence,
        )
        for one in file.senders
    )


def needed_words(config: Receivers) -> Mapping[str, frozenset[str]]:
    """Give what each dictionary must have: the texts that we write by it."""
    every = (config, *(one for _, one in config.later))
    return {
        name: frozenset(
            text for one in every for text in one.words.get(name, {}).values()
        )
        for name in config.words
    }
