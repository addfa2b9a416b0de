"""What changed between two AsyncAPI documents, for who reads or answers by the old one.

A topic is known by its address, a message by its name. A topic of ours that is gone, or
has another number of partitions, or another kind of message, breaks its readers: a new
kind of message is one they have never been told of. A topic more breaks nobody. Of the
topics that we read it is the other way round. Messages that are on no topic go to who
is reached by another channel, and are compared by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias, cast

from zhitong.exceptions import SchemasError
from zhitong.rules.schema_changes import (
    Difference,
    Schema,
    Side,
    Weight,
    differences,
)
from zhitong.types import Label

Document: TypeAlias = Mapping[str, object]
_ACTIONS = {"send": Side.SENT, "receive": Side.RECEIVED}


def stream_differences(before: Document, after: Document) -> tuple[Difference, ...]:
    """Name what changed from *before* to *after*; raise `SchemasError` as its parts."""
    return tuple(dict.fromkeys(_compare(before, after)))


def _compare(before: Document, after: Document) -> Iterator[Difference]:
    if before.get("info") != after.get("info"):
        label = Label("文档说明改了", "what it says of itself changed")
        yield Difference("info", label, Weight.WORDS)
    for name in ("asyncapi", "defaultContentType"):
        if before.get(name) != after.get(name):
            yield Difference(name, Label("改了", "is another"), Weight.BREAKING)
    had, has = _channels(before), _channels(after)
    sides = _sides(before) | _sides(after)
    for topic in sorted(has.keys() - had.keys()):
        yield Difference(topic, Label("新主题", "a new topic"), Weight.ADDITIVE)
    for topic in sorted(had.keys() - has.keys()):
        yield Difference(topic, Label("主题没有了", "it is gone"), Weight.BREAKING)
    for topic in sorted(had.keys() & has.keys()):
        old, new = had[topic], has[topic]
        if _sides(before).get(topic) != _sides(after).get(topic):
            label = Label("收发方向改了", "who writes and who reads changed")
            yield Difference(topic, label, Weight.BREAKING)
        if _partitions(old) != _partitions(new):
            label = Label("分区数改了", "another number of partitions")
            yield Difference(topic, label, Weight.BREAKING)
        parts = (before, old), (after, new)
        ones, others = (_messages(*part) for part in parts)
        yield from _all(topic, ones, others, sides.get(topic, Side.SENT))
    yield from _apart(before, after, had)


def _apart(
    before: Document, after: Document, topics: Mapping[str, Document]
) -> Iterator[Difference]:
    """Compare what no topic had: messages to who is reached by another channel."""
    listed = {name for one in topics.values() for name in _mapping(one, "messages")}
    ones, others = (_mapping(_component(one), "messages") for one in (before, after))
    for name in sorted(ones.keys() - listed):
        if name not in others:
            label = Label("少了一种消息", "one kind of message fewer")
            yield Difference(name, label, Weight.BREAKING)
            continue
        had, has = _whole(before, ones[name]), _whole(after, others[name])
        yield from _message(name, had, has, Side.SENT)


def _all(
    topic: str,
    had: Mapping[str, Document],
    has: Mapping[str, Document],
    side: Side,
) -> Iterator[Difference]:
    ours = side is Side.SENT
    for name in sorted(has.keys() - had.keys()):
        label = Label("多了一种消息", "one more kind of message")
        weight = Weight.BREAKING if ours else Weight.ADDITIVE
        yield Difference(f"{topic} {name}", label, weight)
    for name in sorted(had.keys() - has.keys()):
        label = Label("少了一种消息", "one kind of message fewer")
        yield Difference(f"{topic} {name}", label, Weight.BREAKING)
    for name in sorted(had.keys() & has.keys()):
        # A message stands on several topics alike: named once, by itself.
        yield from _message(name, had[name], has[name], side)


def _message(
    name: str, before: Document, after: Document, side: Side
) -> Iterator[Difference]:
    if before.get("contentType") != after.get("contentType"):
        label = Label("内容类型改了", "another content type")
        yield Difference(name, label, Weight.BREAKING)
    for part in ("headers", "payload"):
        had, has = _schema(before.get(part)), _schema(after.get(part))
        yield from differences(had, has, side, f"{name}/{part}")
    yield from differences(_key(before), _key(after), side, f"{name}/key")
    words = ("title", "summary", "examples")
    if any(before.get(word) != after.get(word) for word in words):
        label = Label("文字或示例改了", "words or examples changed")
        yield Difference(name, label, Weight.WORDS)


def _channels(document: Document) -> dict[str, Document]:
    found = _mapping(document, "channels").values()
    return {str(one["address"]): one for one in cast("list[Document]", [*found])}


def _sides(document: Document) -> dict[str, Side]:
    """Say of each address who reads it."""
    sides: dict[str, Side] = {}
    for said in _mapping(document, "operations").values():
        channel = cast("Document", said["channel"])
        found = _resolved(document, channel)
        sides[str(found["address"])] = _ACTIONS[str(said["action"])]
    return sides


def _component(document: Document) -> Document:
    return cast("Document", document.get("components", {}))


def _partitions(channel: Document) -> object:
    bindings = cast("Mapping[str, Document]", channel.get("bindings", {}))
    return bindings.get("kafka", {}).get("partitions")


def _messages(document: Document, channel: Document) -> dict[str, Document]:
    said = cast("Mapping[str, Document]", channel["messages"])
    return {name: _whole(document, one) for name, one in said.items()}


def _whole(document: Document, value: object) -> Document:
    """Give *value* with what it refers to in its place."""

    def put(part: object) -> object:
        if isinstance(part, Mapping):
            if "$ref" in part:
                return put(_resolved(document, part))
            return {name: put(one) for name, one in part.items()}
        return [put(one) for one in part] if isinstance(part, list) else part

    return cast("Document", put(value))


def _resolved(document: Document, reference: Document) -> Document:
    place = str(reference["$ref"])
    found: object = document
    for name in place.removeprefix("#/").split("/"):
        if not isinstance(found, Mapping) or name not in found:
            raise SchemasError(
                f"文档中没有 {place}", f"there is no {place} in the document"
            )
        found = found[name]
    return cast("Document", found)


def _key(message: Document) -> Schema:
    bindings = cast("Mapping[str, Document]", message.get("bindings", {}))
    return _schema(bindings.get("kafka", {}).get("key"))


def _schema(value: object) -> Schema:
    return cast("Schema", value) if isinstance(value, Mapping) else {}


def _mapping(document: Document, name: str) -> Mapping[str, Document]:
    return cast("Mapping[str, Document]", document.get(name, {}))
