"""Speaking to a witness over HTTP: what it has seen, and its word for a head."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from zhitong.connectors.witness_forms import Mine, Page, Place, Submission, Word
from zhitong.exceptions import SettingsError, WitnessRefusedError
from zhitong.infra.exchange import exchange
from zhitong.infra.key_sources import checked

SECONDS = 5.0
LARGEST = 8 * 1024 * 1024
"""Bytes of an answer; a page of a thousand heads has one million."""
_ENCODE = msgspec.json.Encoder().encode
_Form = TypeVar("_Form")


class WitnessAwayError(Exception):
    """No witness answers there, or something that is none."""


class _Details(msgspec.Struct, frozen=True):
    reason: str = ""
    size: str = "0"


class _Extensions(msgspec.Struct):
    code: str
    zh: str
    en: str
    details: _Details = _Details()


class _Problem(msgspec.Struct):
    extensions: _Extensions


class _Refusal(msgspec.Struct):
    errors: tuple[_Problem, ...]


class WitnessClient:
    """The witness at *url*; each call blocks, for some seconds at most."""

    def __init__(self, url: str, *, seconds: float = SECONDS) -> None:
        safe(url)
        self._url = url
        self._seconds = seconds

    def key(self) -> Mine:
        """Ask who it is."""
        return self._read("/key", Mine)

    def head(self) -> Word | None:
        """Ask for the last head that has its word; None: it has seen none."""
        status, body = self._send("GET", "/head")
        if status == HTTPStatus.NOT_FOUND:
            return None
        return _decoded(body, Word)

    def heads(self, size: int = 0) -> Iterator[Word]:
        """Ask for every head of *size* leaves or more that has its word."""
        place: Place | None = Place(size=size)
        while place is not None:
            where = urlencode({"from": place.size, "after": place.after})
            page = self._read(f"/heads?{where}", Page)
            yield from page.heads
            place = page.next

    def countersign(self, asked: Submission) -> Word:
        """Ask for its word; raise `WitnessRefusedError` with its reason."""
        status, body = self._send("POST", "/countersign", _ENCODE(asked))
        if status == HTTPStatus.OK:
            return _decoded(body, Word)
        said = _decoded(body, _Refusal).errors[0].extensions
        if said.code != WitnessRefusedError.code:
            raise WitnessAwayError(said.code)
        raise WitnessRefusedError(
            said.zh, said.en, reason=said.details.reason, size=said.details.size
        )

    def _read(self, path: str, form: type[_Form]) -> _Form:
        status, body = self._send("GET", path)
        if status != HTTPStatus.OK:
            raise WitnessAwayError(status)
        return _decoded(body, form)

    def _send(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        try:
            return exchange(
                self._url, method, path, body, seconds=self._seconds, largest=LARGEST
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WitnessAwayError(type(error).__name__) from error


def safe(url: str) -> str:
    """Give *url* if a witness may be asked there; raise `SettingsError`."""
    try:
        return checked(url)
    except SettingsError as error:
        raise SettingsError(
            f"见证人地址 {url!r} 不可用：须为 https，或本机的 http。",
            f"The witness's address {url!r} will not do: it must be https, or http "
            "on this machine.",
        ) from error


def _decoded(body: bytes, form: type[_Form]) -> _Form:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WitnessAwayError(type(error).__name__) from error
