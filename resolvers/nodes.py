"""Node ids: base64url of ``Type:source:key``, so an id names where its row lies."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from zhitong.exceptions import NodeIdError

LONGEST = 500


@dataclass(frozen=True, slots=True)
class NodeId:
    """A row's place: its type, its source, its key there."""

    type: str
    source: str
    key: str

    def __str__(self) -> str:
        text = f"{self.type}:{self.source}:{self.key}".encode()
        return base64.urlsafe_b64encode(text).decode().rstrip("=")


def node_id(text: str) -> NodeId:
    """Read an id; raise `NodeIdError` on anything else."""
    try:
        padded = text[:LONGEST] + "=" * (-len(text[:LONGEST]) % 4)
        parts = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        type_name, source, key = parts.split(":", 2)
        if "\0" in key:
            raise ValueError(key)  # noqa: TRY301 - one refusal for all that is wrong
    except (ValueError, binascii.Error) as error:
        raise NodeIdError(
            "不是本服务的 id，请使用查询结果中 id 字段的值",
            "not an id of this service; use the value of an id field",
        ) from error
    return NodeId(type_name, source, key)
