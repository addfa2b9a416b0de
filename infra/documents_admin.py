"""``zhitong documents``: which documents are trusted, for whose clients."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
from collections.abc import Sequence
from pathlib import Path

from zhitong.connectors.session import State
from zhitong.connectors.trusted_documents import DocumentRegister, Trusted
from zhitong.exceptions import ClientsError, DocumentInvalidError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.settings import Settings
from zhitong.requesters import KINDS
from zhitong.schema.gate import Bounds
from zhitong.schema.trusted import check_trusted

ANYBODY = "任何系统 anybody"


def show(settings: Settings) -> None:
    """Print the trusted documents, each with whom it is for."""
    found = asyncio.run(_all(settings))
    say(*map(_line, found) if found else ("没有可信查询 No trusted documents",))


def add(settings: Settings, files: Sequence[Path], whom: Trusted, because: str) -> None:
    """Register the document of each file for the clients that *whom* names."""
    if whom.kind and whom.kind not in KINDS:
        raise ClientsError(
            f"没有请求方类别 {whom.kind}", f"there is no requester kind {whom.kind}"
        )
    read = [_document(settings, file, whom) for file in files]
    for one, cost in read:
        new = asyncio.run(_add(settings, one, because))
        word = "已登记 Added" if new else "早已登记 There already"
        say(f"{word}: {one.digest}  {one.title}  成本 cost {cost}")


def remove(settings: Settings, digest: str, because: str) -> None:
    """Distrust a document, for all clients at once."""
    count = asyncio.run(_remove(settings, digest.removeprefix("sha256:"), because))
    if not count:
        raise DocumentInvalidError(
            f"没有登记 {digest[:80]}，zhitong documents list 列出现有的",
            f"{digest[:80]} is not registered; zhitong documents list shows what is",
        )
    say(f"已撤下 Removed: {digest}")


def bounds(settings: Settings) -> Bounds:
    """Give the bounds of documents that the settings have."""
    return Bounds(
        settings.document_tokens,
        settings.document_bytes,
        settings.document_depth,
        aliases=settings.document_aliases,
        directives=settings.document_directives,
    )


def _document(settings: Settings, file: Path, whom: Trusted) -> tuple[Trusted, int]:
    try:
        raw = file.read_bytes()
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentInvalidError(
            f"{file} 读不成，或不是 UTF-8 文本", f"{file} cannot be read as UTF-8 text"
        ) from error
    cost = check_trusted(text, bounds(settings), settings.page_size)
    digest = hashlib.sha256(raw).hexdigest()
    return (
        Trusted(
            digest=digest,
            document=text,
            title=file.name,
            kind=whom.kind,
            unit=whom.unit,
            client=whom.client,
        ),
        cost,
    )


async def _all(settings: Settings) -> Sequence[State]:
    async with DocumentRegister(await own_platform(settings)) as register:
        return await register.all()


async def _add(settings: Settings, one: Trusted, because: str) -> bool:
    async with DocumentRegister(await own_platform(settings)) as register:
        return await register.add(one, getpass.getuser(), because)


async def _remove(settings: Settings, digest: str, because: str) -> int:
    async with DocumentRegister(await own_platform(settings)) as register:
        return await register.remove(digest, getpass.getuser(), because)


def _line(state: State) -> str:
    whom = "/".join(str(state[part]) for part in ("kind", "unit", "client"))
    return (
        f"{state['digest']}  {state['title']}  {state['size']} B  "
        f"{ANYBODY if whom == '//' else whom}  {state['added_by']} "
        f"{state['added_at']:%Y-%m-%d %H:%M}"
    )
