"""Apache Kafka's own jars: from a Maven repository, checked, kept in a cache.

``python -m zhitong.infra.broker_jars`` fetches them into the cache folder of the
settings; it exits with 1 and says why where that cannot be done.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import BinaryIO

from zhitong.exceptions import EmbeddedError, SettingsError
from zhitong.infra.settings import from_environment

LIST = Path(__file__).parent / "kafka" / "artefacts.txt"
"""The artefacts, each with its digest."""

_SIDE_BY_SIDE = 8
_SECONDS = 30.0
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Artefact:
    """One jar: where a Maven repository has it, and what it must be."""

    group: str
    name: str
    version: str
    digest: str
    """SHA-256 in hexadecimal."""

    @property
    def file(self) -> str:
        """The jar's file name."""
        return f"{self.name}-{self.version}.jar"

    @property
    def path(self) -> str:
        """The jar's place under a repository's address."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.file}"


def artefacts(source: Path = LIST) -> tuple[Artefact, ...]:
    """Read the list of what a broker runs on."""
    lines = source.read_text("utf-8").splitlines()
    return tuple(_artefact(line) for line in lines if line and line[0] != "#")


def kept_jars(folder: Path, wanted: Sequence[Artefact]) -> tuple[Path, ...]:
    """Give the jars in *folder*, all of them, or none where one lacks or differs."""
    paths = tuple(folder / artefact.file for artefact in wanted)
    with _threads() as pool:
        right = pool.map(_is_right, paths, wanted)
        return paths if all(right) else ()


def fetch_jars(
    folder: Path, wanted: Sequence[Artefact], repository: str
) -> tuple[Path, ...]:
    """Bring what lacks or differs in *folder* from *repository*; give all jars.

    Raises `EmbeddedError` where the repository cannot be reached or gives
    anything but what the list says; nothing wrong is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _threads() as pool:
        return tuple(pool.map(lambda each: _fetch(folder, each, repository), wanted))


def _artefact(line: str) -> Artefact:
    coordinates, digest = line.split()
    group, name, version = coordinates.split(":")
    return Artefact(group, name, version, digest.removeprefix("sha256:"))


def _fetch(folder: Path, artefact: Artefact, repository: str) -> Path:
    target = folder / artefact.file
    if _is_right(target, artefact):
        return target
    address = f"{repository.rstrip('/')}/{artefact.path}"
    with _draft(target) as file:
        digest = _download(address, file)
        if digest != artefact.digest:
            raise EmbeddedError(
                f"{address} 的 SHA-256 是 {digest}，应为 {artefact.digest}：未保留。"
                "请检查代理或镜像，或用 ZHITONG_MAVEN 换一个",
                f"{address} has the SHA-256 {digest} and not {artefact.digest}, so "
                "it was not kept: look at the proxy or mirror, or name another with "
                "ZHITONG_MAVEN",
            )
    return target


def _download(address: str, file: BinaryIO) -> str:
    """Write what *address* gives into *file*; give its digest."""
    sha = hashlib.sha256()
    try:
        # Made here, so that it takes proxies from the environment as it is now.
        opener = urllib.request.build_opener()
        with opener.open(address, timeout=_SECONDS) as answer:
            while chunk := answer.read(_CHUNK):
                sha.update(chunk)
                file.write(chunk)
            # Reading by chunks ends in silence where the connection does.
            if left := getattr(answer, "length", 0):
                raise IncompleteRead(b"", left)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise EmbeddedError(
            f"取不到 {address}（{error}）：请检查网络和代理（HTTPS_PROXY），"
            "或用 ZHITONG_MAVEN 指定可用的 Maven 镜像，然后执行 make broker",
            f"cannot get {address} ({error}): look at the network and HTTPS_PROXY, or "
            "name a Maven mirror with ZHITONG_MAVEN, then run make broker",
        ) from error
    return sha.hexdigest()


@contextmanager
def _draft(target: Path) -> Iterator[BinaryIO]:
    """Give a file that becomes *target* when the block ends well, else nothing."""
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    draft = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        draft.chmod(0o644)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _is_right(path: Path, artefact: Artefact) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == artefact.digest
    except FileNotFoundError:
        return False


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE)


def main() -> None:
    """Fetch the jars as the settings say."""
    try:
        settings = from_environment()
        fetch_jars(settings.jars, artefacts(), settings.maven)
    except (EmbeddedError, SettingsError) as error:
        sys.exit(f"{error.code}: {error.label.zh}\n  {error.label.en}")


if __name__ == "__main__":
    main()
