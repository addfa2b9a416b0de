"""The exchange file of the catalogue, written and read: all of a file, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import orjson

from zhitong.catalogue import ExchangeStatus, Exported, Incoming, Outgoing, Reply
from zhitong.evidence import stamp
from zhitong.exceptions import CatalogueFileError
from zhitong.infra.catalogue_forms import (
    BACK,
    OUT,
    ApplicationForm,
    CatalogueForm,
    GrantForm,
    GrantStateForm,
    RepliesForm,
    ReplyForm,
    ResourceForm,
    StateForm,
)
from zhitong.infra.exchange_grants import Desk, grant_form, shown
from zhitong.requesters import KINDS
from zhitong.rules.catalogue_difference import differences
from zhitong.types import Label

MOST = 20
"""Faults of one file that are named: whoever mends it reads no more at a time."""
PARTS: Mapping[str, Mapping[str, type[msgspec.Struct]]] = {
    OUT: {
        "catalogs": ResourceForm,
        "states": StateForm,
        "grants": GrantForm,
        "grant_states": GrantStateForm,
    },
    BACK: {
        "replies": ReplyForm,
        "applications": ApplicationForm,
        "grants": GrantStateForm,
    },
}
"""The lists of each form: each entry that is wrong is named."""
SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE

Fault = tuple[str, Label]
_UNFIT = (msgspec.ValidationError, UnicodeEncodeError)
"""What the library says of a wrong form, and of half a character for a word of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What a file that comes in is held against."""

    tenant: str
    exported: Exported | None
    """What was given out last; None: nothing ever was."""
    catalogs: bytes
    """The resources as they are bound here, as `body` has them."""
    desk: Desk
    """What enters applications."""


def body(catalogs: Sequence[Mapping[str, object]]) -> bytes:
    """Write the resources as their digest is computed over."""
    return orjson.dumps(catalogs, option=orjson.OPT_SORT_KEYS)


def written(tenant: str, catalogs: bytes, at: datetime, given: Outgoing) -> bytes:
    """Write the file that goes out; *catalogs* as `body` has them."""
    resources = orjson.loads(catalogs)
    status, opinion = given.review
    whole = {
        "format": OUT,
        "tenant": tenant,
        "version": hashlib.sha256(catalogs).hexdigest(),
        "exported_at": stamp(at),
        "share_scopes": {kind: label.zh for kind, label in KINDS.items()},
        "catalogs": resources,
        "states": [_state(one["catalog_id"], given.replies) for one in resources],
        "review": {"status": status.value, "opinion": opinion},
        "grants": [grant_form(one, at) for one in given.grants],
        "grant_states": [
            {
                "apply_id": one.grant,
                "external_id": one.external_id,
                "status": one.status.value,
                "opinion": one.opinion,
            }
            for _, one in sorted(given.grant_replies.items())
        ],
    }
    return orjson.dumps(whole, option=SORTED)


def _state(resource: str, replies: Mapping[str, Reply]) -> dict[str, object]:
    said = replies.get(resource)
    status = ExchangeStatus.NOT_REPORTED if said is None else said.status
    return {
        "catalog_id": resource,
        "external_id": "" if said is None else said.external_id,
        "status": status.value,
        "opinion": "" if said is None else said.opinion,
    }


def read(path: Path, register: Register) -> Incoming:
    """Read a file of the exchange platform's, or a whole catalogue.

    Raises `CatalogueFileError`, which names every place where the file is wrong.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _wrong(path, [("1", Label("读不了", f"{error.strerror}"))]) from error
    said = _said(path, raw)
    whole = isinstance(said, Mapping) and said.get("format") == OUT
    digest = hashlib.sha256(raw).hexdigest()
    try:
        made, faults = (
            _whole(msgspec.convert(said, CatalogueForm), digest, register)
            if whole
            else _back(msgspec.convert(said, RepliesForm), digest, register)
        )
    except _UNFIT as error:
        wrong = list(_form_faults(said, PARTS[OUT if whole else BACK]))
        raise _wrong(path, wrong or [_fault("$", error)]) from error
    if faults:
        raise _wrong(path, faults)
    return made


def _said(path: Path, raw: bytes) -> object:
    try:
        said: object = json.loads(raw.decode("utf-8"))
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
    except ValueError as error:  # Python reads no number of thousands of digits
        what = Label("有过长的数", "has a number that is too long")
        raise _wrong(path, [("1", what)]) from error
    return said


def _form_faults(
    said: object, parts: Mapping[str, type[msgspec.Struct]]
) -> Iterator[Fault]:
    """Name each entry whose form is wrong: the library stops at the first."""
    for name, form in parts.items():
        listed = said.get(name) if isinstance(said, Mapping) else None
        for number, one in enumerate(listed if isinstance(listed, list) else ()):
            try:
                msgspec.convert(one, form)
            except _UNFIT as error:
                yield _fault(f"$.{name}[{number}]", error)


def _fault(where: str, error: Exception) -> Fault:
    what, _, inside = str(error).partition(" - at `$")
    return where + inside.rstrip("`"), Label(f"格式有误：{what}", what)


# --- what the exchange platform says -----------------------------------------


def _back(
    form: RepliesForm, digest: str, register: Register
) -> tuple[Incoming, list[Fault]]:
    desk = register.desk
    applications, faults = desk.applied(form.applications)
    entered = {one.apply_id for one in form.applications}
    said, more = desk.replied(form.grants, entered, "grants")
    made = Incoming(
        file=digest,
        replies=[_reply(one, form.version) for one in form.replies],
        grant_replies=said,
        applications=applications,
    )
    return made, [*_faults(form, register), *faults, *more]


def _reply(one: ReplyForm | StateForm, version: str) -> Reply:
    return Reply(
        resource=one.catalog_id,
        external_id=one.external_id,
        status=ExchangeStatus(one.status),
        opinion=one.opinion,
        version=version,
    )


def _faults(form: RepliesForm, register: Register) -> Iterator[Fault]:
    exported = register.exported
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
    ids = [one.catalog_id for one in form.replies]
    yield from _resources(ids, exported.resources, "replies")


def _resources(ids: Sequence[str], known: frozenset[str], part: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for number, one in enumerate(ids):
        place, word = f"$.{part}[{number}].catalog_id", shown(one)
        if one not in known:
            yield place, Label(f"目录没有资源 {word}", f"the catalogue has no {word}")
        elif one in seen:
            first = f"{part}[{seen[one]}]"
            yield (
                place,
                Label(
                    f"{word} 在 {first} 已有答复", f"{first} is about {word} already"
                ),
            )
        seen.setdefault(one, number)


# --- a whole catalogue -------------------------------------------------------


def _whole(
    form: CatalogueForm, digest: str, register: Register
) -> tuple[Incoming, list[Fault]]:
    desk = register.desk
    applications, faults = desk.restored(form.grants)
    entered = {one.apply_id for one in form.grants}
    said, more = desk.replied(form.grant_states, entered, "grant_states")
    unsaid = ExchangeStatus.NOT_REPORTED.value
    made = Incoming(
        file=digest,
        replies=[
            _reply(one, form.version)
            for one in form.states
            if one.status != unsaid or one.external_id or one.opinion
        ],
        grant_replies=said,
        applications=applications,
        body=register.catalogs,
    )
    return made, [*_whole_faults(form, register), *faults, *more]


def _whole_faults(form: CatalogueForm, register: Register) -> Iterator[Fault]:
    if form.tenant != register.tenant:
        yield (
            "$.tenant",
            Label(
                f"是 {shown(form.tenant)} 的目录，本平台是 {register.tenant}",
                f"is the catalogue of {shown(form.tenant)}, not {register.tenant}",
            ),
        )
    if register.exported is not None:
        yield (
            "$.format",
            Label(
                "本平台已导出过目录；整个目录只由还没有导出过的平台收下，平台的答复"
                "用答复文件",
                "this platform has given out a catalogue already, and takes replies "
                "alone, in their own form",
            ),
        )
    given = body([msgspec.to_builtins(one) for one in form.catalogs])
    if hashlib.sha256(given).hexdigest() != form.version:
        yield (
            "$.version",
            Label("不是 catalogs 的摘要", "is not the digest of its catalogs"),
        )
    known = orjson.loads(register.catalogs)
    yield from _unlike(orjson.loads(given), known)
    ids = [one.catalog_id for one in form.states]
    bound = frozenset(one["catalog_id"] for one in known)
    yield from _resources(ids, bound, "states")


def _unlike(
    given: Sequence[Mapping[str, object]], known: Sequence[Mapping[str, object]]
) -> Iterator[Fault]:
    """Say where a file's resources are not those that are bound here."""
    own = {one["catalog_id"]: one for one in known}
    for number, one in enumerate(given):
        mine = own.pop(one["catalog_id"], None)
        if mine == one:
            continue
        said = differences([one], [] if mine is None else [mine])
        what = said[0] if said else Label("名称不同", "its names differ")
        yield (
            f"$.catalogs[{number}]",
            Label(
                f"与这里的绑定不同（文件 → 这里）：{what.zh}",
                f"is not as bound here (file, then here): {what.en}",
            ),
        )
    for name in own:
        yield (
            "$.catalogs",
            Label(f"没有这里的资源 {name}", f"lacks the resource {name} that is here"),
        )


def _wrong(path: Path, faults: Sequence[Fault]) -> CatalogueFileError:
    named = faults[:MOST]
    return CatalogueFileError(
        "\n".join(f"{path.name}:{place} {what.zh}" for place, what in named),
        "\n".join(f"{path.name}:{place} {what.en}" for place, what in named),
    )
