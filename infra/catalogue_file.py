"""The exchange file of the catalogue: its two forms, written and read.

Keys are lower-case, as the city's exchange platforms have them (domain.md section 5.1).
One form goes out, the other comes back; docs/ has a JSON Schema of each.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import orjson

from zhitong.catalogue import ExchangeStatus, Exported, Reply
from zhitong.evidence import stamp
from zhitong.exceptions import CatalogueFileError
from zhitong.requesters import KINDS
from zhitong.types import Cycle, Grade, Kind, Label, MaskKind, Sharing

OUT = "zhitong-catalogue-1"
BACK = "zhitong-catalogue-reply-1"
MOST = 20
"""Faults of one file that are named: whoever mends it reads no more at a time."""

Text = Annotated[str, msgspec.Meta(max_length=2_000, pattern=r"^[^\0]*$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\0]*$")]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Status = Literal[0, 1, 2, 3, 4, 5, 8]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt one must not pass in silence."""


class ItemForm(_Form, frozen=True, kw_only=True):
    """One field of a resource."""

    item_name: Name
    item_label: Name
    item_label_en: Name
    data_type: Kind
    share_type: Sharing
    share_basis: str
    share_scope: list[str]
    grade: Grade
    mask: MaskKind | None
    code_list: str | None
    grantable: bool


class ResourceForm(_Form, frozen=True, kw_only=True):
    """One type of one source."""

    catalog_id: Name
    catalog_name: Name
    catalog_name_en: Name
    org_code: Name
    org_name: Name
    org_name_en: Name
    lead: Literal["lead", "second", "unsettled"]
    update_cycle: Cycle | None
    share_type: Sharing
    grade: Grade
    items: Annotated[list[ItemForm], msgspec.Meta(min_length=1)]


class StateForm(_Form, frozen=True, kw_only=True):
    """What is known of a resource on the exchange platform."""

    catalog_id: Name
    external_id: Text
    status: Status


class CatalogueForm(_Form, frozen=True, kw_only=True):
    """What goes out: the whole catalogue."""

    format: Literal["zhitong-catalogue-1"]
    tenant: Name
    version: Digest
    """SHA-256 of ``catalogs`` as canonical JSON: sorted keys, no spaces, UTF-8."""
    exported_at: datetime
    share_scopes: dict[str, str]
    """The requester kinds that share_scope names."""
    catalogs: list[ResourceForm]
    states: list[StateForm]


class ReplyForm(_Form, frozen=True, kw_only=True):
    """What the platform says of one resource."""

    catalog_id: Name
    status: Status
    external_id: Text = ""
    opinion: Text = ""


class RepliesForm(_Form, frozen=True, kw_only=True):
    """What comes back: the platform's replies on one version."""

    format: Literal["zhitong-catalogue-reply-1"]
    version: Digest
    replies: list[ReplyForm]


def body(catalogs: Sequence[Mapping[str, object]]) -> bytes:
    """Write the resources as their digest is computed over."""
    return orjson.dumps(catalogs, option=orjson.OPT_SORT_KEYS)


def written(
    tenant: str, catalogs: bytes, at: datetime, replies: Mapping[str, Reply]
) -> bytes:
    """Write the file that goes out; *catalogs* as `body` has them."""
    resources = orjson.loads(catalogs)
    whole = {
        "format": OUT,
        "tenant": tenant,
        "version": hashlib.sha256(catalogs).hexdigest(),
        "exported_at": stamp(at),
        "share_scopes": {kind: label.zh for kind, label in KINDS.items()},
        "catalogs": resources,
        "states": [_state(one["catalog_id"], replies) for one in resources],
    }
    option = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(whole, option=option)


def _state(resource: str, replies: Mapping[str, Reply]) -> dict[str, object]:
    said = replies.get(resource)
    return {
        "catalog_id": resource,
        "external_id": "" if said is None else said.external_id,
        "status": (ExchangeStatus.NOT_REPORTED if said is None else said.status).value,
    }


def read(path: Path, exported: Exported | None) -> tuple[tuple[Reply, ...], str]:
    """Read the platform's replies on what was *exported*, and the file's digest.

    Raises `CatalogueFileError`, which names every place where the file is wrong.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _wrong(path, [("1", Label("读不了", f"{error.strerror}"))]) from error
    form = _form(path, raw)
    faults = list(_faults(form, exported))
    if faults:
        raise _wrong(path, faults)
    replies = tuple(
        Reply(
            resource=one.catalog_id,
            external_id=one.external_id,
            status=ExchangeStatus(one.status),
            opinion=one.opinion,
            version=form.version,
        )
        for one in form.replies
    )
    return replies, hashlib.sha256(raw).hexdigest()


def _form(path: Path, raw: bytes) -> RepliesForm:
    try:
        said = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what = Label("不是 UTF-8", "is no UTF-8")
        raise _wrong(path, [(str(line), what)]) from error
    except json.JSONDecodeError as error:
        what = Label(f"不是 JSON：{error.msg}", f"is no JSON: {error.msg}")
        raise _wrong(path, [(f"{error.lineno}:{error.colno}", what)]) from error
    except RecursionError as error:
        what = Label("嵌套太深", "is nested too deep")
        raise _wrong(path, [("1", what)]) from error
    try:
        return msgspec.convert(said, RepliesForm)
    except msgspec.ValidationError as error:
        faults = list(_form_faults(said)) or [_fault("$", error)]
        raise _wrong(path, faults) from error


def _form_faults(said: object) -> Iterator[tuple[str, Label]]:
    """Name each reply whose form is wrong: the library stops at the first."""
    replies = said.get("replies") if isinstance(said, Mapping) else None
    for number, one in enumerate(replies if isinstance(replies, list) else ()):
        try:
            msgspec.convert(one, ReplyForm)
        except msgspec.ValidationError as error:
            yield _fault(f"$.replies[{number}]", error)


def _fault(where: str, error: Exception) -> tuple[str, Label]:
    what, _, inside = str(error).partition(" - at `$")
    return where + inside.rstrip("`"), Label(f"格式有误：{what}", what)


def _faults(
    form: RepliesForm, exported: Exported | None
) -> Iterator[tuple[str, Label]]:
    if exported is None or form.version != exported.version:
        last = "" if exported is None else exported.version[:16]
        yield (
            "$.version",
            Label(
                f"答复的不是最近导出的目录，最近导出的是 {last or '（没有）'}",
                "is not about the catalogue that was last exported: "
                f"{last or 'there is none'}",
            ),
        )
        return
    seen: dict[str, int] = {}
    for number, one in enumerate(form.replies):
        place = f"$.replies[{number}].catalog_id"
        shown = re.sub(r"[^\w@.\- ]", "?", one.catalog_id)[:80]
        if one.catalog_id not in exported.resources:
            yield (
                place,
                Label(f"目录没有资源 {shown}", f"the catalogue has no {shown}"),
            )
        elif one.catalog_id in seen:
            first = seen[one.catalog_id]
            yield (
                place,
                Label(
                    f"{shown} 在 replies[{first}] 已有答复",
                    f"replies[{first}] is about {shown} already",
                ),
            )
        seen.setdefault(one.catalog_id, number)


def _wrong(path: Path, faults: Sequence[tuple[str, Label]]) -> CatalogueFileError:
    named = faults[:MOST]
    return CatalogueFileError(
        "\n".join(f"{path.name}:{place} {what.zh}" for place, what in named),
        "\n".join(f"{path.name}:{place} {what.en}" for place, what in named),
    )


def schemas() -> dict[str, dict[str, object]]:
    """Give the JSON Schema of each form, by the name of its file in docs/."""
    return {
        "catalogue.schema.json": msgspec.json.schema(CatalogueForm),
        "catalogue-reply.schema.json": msgspec.json.schema(RepliesForm),
    }
