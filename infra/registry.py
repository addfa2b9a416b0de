"""The sources in use: read from binding files, reloaded while running, watched."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from zhitong.connectors.binding import Binding
from zhitong.connectors.binding_file import locate, read_binding, read_folder
from zhitong.connectors.mapping import Drift
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.pseudonyms import Pseudonyms
from zhitong.exceptions import BindingError, SourceError
from zhitong.types import EntityType

LOGGER = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""Longer than any question takes."""
COMPLAINANTS = "complainants"
"""The name of the complainants' own database, which no binding reaches."""
Address = Callable[[str], str | None]
"""The database URL of a name, where there is one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A source in use and the binding it was made from."""

    binding: Binding
    url: str
    source: PostgreSQLSource


class Registry:
    """Holds the sources; a reload replaces what changed and leaves the rest."""

    def __init__(
        self,
        folders: Sequence[Path],
        entities: Mapping[str, EntityType],
        address: Address,
        tenant: str,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._folders = folders
        self._pseudonyms = pseudonyms
        self._entities = entities
        self._address = address
        self._tenant = tenant
        self._entries: dict[str, Entry] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def sources(self) -> Mapping[str, PostgreSQLSource]:
        """Give the sources by name, as they are now."""
        return {name: entry.source for name, entry in self._entries.items()}

    def entry(self, name: str) -> Entry | None:
        """Give a source with its binding and address, if it is in use."""
        return self._entries.get(name)

    async def load(self) -> tuple[list[str], list[BindingError]]:
        """Read every binding; return the names in use and what was refused.

        A refused file leaves the source as it was; a source that is away is taken
        in all the same, and looked at when it is back.
        """
        bindings: dict[str, Binding] = {}
        errors: list[BindingError] = []
        for folder in self._folders:
            found, wrong = read_folder(folder, self._entities)
            bindings |= found
            errors += wrong
        # A binding bears its file's name, so a refused one still has its file.
        files = {path.stem for each in self._folders for path in each.glob("*.toml")}
        for name in self._entries.keys() - files:
            self._retire(self._entries.pop(name))
        for binding in bindings.values():
            try:
                self._take(binding)
            except BindingError as error:
                errors.append(error)
        # Also those that did not change: who reloads has perhaps mended a table.
        await self.check()
        return sorted(self._entries), errors

    def digests(self) -> Mapping[str, str]:
        """Digest each binding's file as it is now: SHA-256 by its name."""
        return {
            path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in self._folders
            for path in sorted(folder.glob("*.toml"))
        }

    def _take(self, binding: Binding) -> None:
        refuse_foreign(binding, self._tenant)
        database = binding.database or binding.name
        url = database if "://" in database else self._address(database)
        if url is None:
            variable = f"ZHITONG_DATABASE_{database.upper().replace('-', '_')}"
            raise BindingError(
                f"{binding.name}.toml：不知道数据库 {database} 的地址，"
                f"请设置 {variable}",
                f"{binding.name}.toml: no address for database {database}; "
                f"set {variable}",
            )
        self._refuse_complainants(binding, url)
        known = self._entries.get(binding.name)
        if known is not None and (known.binding, known.url) == (binding, url):
            return
        if known is not None:
            self._retire(known)
        source = PostgreSQLSource(binding, self._entities, url, self._pseudonyms)
        self._entries[binding.name] = Entry(binding, url, source)

    def _refuse_complainants(self, binding: Binding, url: str) -> None:
        own = self._address(COMPLAINANTS)
        if own is not None and place_of(url) == place_of(own):
            raise BindingError(
                f"{binding.name}.toml：举报人库不得作为来源",
                f"{binding.name}.toml: the complainants' store is no source",
            )

    def _retire(self, entry: Entry) -> None:
        """Let go of a source once the questions that hold it have been answered."""
        closing = asyncio.create_task(_close_later(entry.source))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def findings(self) -> list[str]:
        """Say where bindings and live databases differ, by file and line."""
        return [
            finding
            for name, source in sorted(self.sources().items())
            for folder in self._folders
            if (folder / f"{name}.toml").exists()
            for finding in differences(folder / f"{name}.toml", source.drifts)
        ]

    async def check(self) -> None:
        """Look at every live database again."""
        await asyncio.gather(*map(self._look, self.sources().values()))

    async def _look(self, source: PostgreSQLSource) -> None:
        try:
            await source.inspect()
        except SourceError as error:
            LOGGER.warning("source %s: %s (%s)", source.name, error.code, error)

    async def watch(self, seconds: float) -> None:
        """Check on a schedule, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.check()

    def states(self) -> Mapping[str, str]:
        """Say of each source: ready, drift (some fields lost) or away."""
        return {name: one.state for name, one in sorted(self.sources().items())}

    async def close(self) -> None:
        """Drop every connection."""
        for closing in self._closing:
            closing.cancel()
        sources = self.sources().values()
        await asyncio.gather(
            *(source.close() for source in sources),
            *self._closing,
            return_exceptions=True,
        )


def place_of(url: str) -> tuple[str, int, str]:
    """Say which database *url* means, whoever asks for it and how."""
    parts = urlsplit(url)
    # Of several servers of one database the first stands for it.
    parts = parts._replace(netloc=parts.netloc.split(",")[0])
    host = parts.hostname or "localhost"
    with suppress(OSError):
        host = socket.gethostbyname(host)
    return host, parts.port or 5432, parts.path.strip("/") or (parts.username or "")


def refuse_foreign(binding: Binding, tenant: str) -> None:
    """Raise `BindingError` where *binding* is of another tenant than *tenant*."""
    if binding.tenant == tenant:
        return
    raise BindingError(
        f"{binding.name}.toml：绑定属于 {binding.tenant}，而本网关服务于 {tenant}"
        "（ZHITONG_TENANT）",
        f"{binding.name}.toml: is of the tenant {binding.tenant}, and this gateway "
        f"serves {tenant} (ZHITONG_TENANT)",
    )


def platform_source(
    path: Path,
    entities: Mapping[str, EntityType],
    url: str,
    pseudonyms: Pseudonyms | None = None,
) -> PostgreSQLSource:
    """Bind the platform's own database, a source like any other."""
    return PostgreSQLSource(read_binding(path, entities), entities, url, pseudonyms)


def differences(path: Path, drifts: Iterable[Drift]) -> list[str]:
    """Say what the binding in *path* names and its database does not have."""
    return [
        f"{locate(path, f'types.{drift.type}.fields.{name}')} "
        f"{drift.type}.{name}: {drift.what.zh} / {drift.what.en}"
        for drift in drifts
        for name in drift.fields
    ]


async def _close_later(source: PostgreSQLSource) -> None:
    try:
        await asyncio.sleep(GRACE_SECONDS)
    finally:
        await source.close()
