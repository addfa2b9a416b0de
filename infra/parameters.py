"""The parameters of GraphQL over HTTP, out of a body or a query string."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from zhitong.exceptions import BodyMalformedError, BodyTooLargeError
from zhitong.infra.bodies import parse_object

_MOST_PARAMETERS = 20
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})", re.ASCII)


class Parameters(NamedTuple):
    """What the specification names; other members are ignored, as it allows."""

    document: str | None
    digest: str | None
    """The SHA-256 of a document, as the client says it."""
    automatic: bool
    """Whether it says so by the protocol in which it would send the text next."""
    variables: Mapping[str, object] | None
    operation: str | None


def from_body(body: bytes, *, deepest: int) -> Parameters:
    """Read the parameters of a POST."""
    return from_members(parse_object(body, deepest=deepest))


def from_query_string(raw: bytes, *, limit: int, deepest: int) -> Parameters:
    """Read the parameters of a GET; *variables* and *extensions* are JSON there."""
    if len(raw) > limit:
        raise BodyTooLargeError(
            f"查询串超过 {limit} 字节上限，请改用 POST。",
            f"The query string is larger than {limit} bytes; use POST.",
        )
    members: dict[str, object] = dict(_pairs(raw))
    for name in ("variables", "extensions"):
        text = members.get(name)
        if isinstance(text, str):
            members[name] = _object(text, deepest)
    return from_members(members)


def _pairs(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise BodyMalformedError(
            "查询串不是百分号编码的 UTF-8，请更正。",
            "The query string is not percent-encoded UTF-8; correct it.",
        ) from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise BodyMalformedError(
                f"参数 {name[:40]!r} 出现了多次，请只保留一个。",
                f"The parameter {name[:40]!r} appears more than once; keep one.",
            )
        found[name] = value
    return found


def _object(text: str, deepest: int) -> dict[str, object] | None:
    if text in ("", "null"):
        return None
    return parse_object(text.encode(), deepest=deepest)


def from_members(members: Mapping[str, object]) -> Parameters:
    """Read the parameters as the members of an object that is parsed."""
    document = members.get("query")
    digest, automatic = _digest(members)
    if document is None and digest is not None:
        pass  # asked by its hash alone
    elif not isinstance(document, str) or not document:
        raise _wrong("query", "非空字符串", "a text that is not empty")
    operation = members.get("operationName")
    if operation is not None and not isinstance(operation, str):
        raise _wrong("operationName", "字符串或 null", "a text or null")
    variables = members.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise _wrong("variables", "对象或 null", "an object or null")
    extensions = members.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise _wrong("extensions", "对象或 null", "an object or null")
    return Parameters(
        document=document,
        digest=digest,
        automatic=automatic,
        variables=variables,
        operation=operation or None,
    )


def _digest(members: Mapping[str, object]) -> tuple[str | None, bool]:
    """Read a document's hash: ``documentId``, or the extension ``persistedQuery``."""
    extensions = members.get("extensions")
    persisted = (
        extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    )
    said, automatic = members.get("documentId"), False
    if said is None and isinstance(persisted, dict):
        said, automatic = persisted.get("sha256Hash"), True
        if persisted.get("version", 1) != 1:
            raise _wrong("persistedQuery.version", " 1", "1")
    if said is None:
        return None, False
    found = _DIGEST.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        raise _wrong(
            "documentId",
            " SHA-256（64 位十六进制）",
            "a SHA-256 in 64 hexadecimal digits",
        )
    return found[1].lower(), automatic


def _wrong(name: str, zh: str, en: str) -> BodyMalformedError:
    return BodyMalformedError(f"成员 {name} 必须是{zh}。", f"{name} must be {en}.")
