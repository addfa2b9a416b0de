"""What a client may ask, and which document it means, whichever way it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from starlette.types import Receive

from zhitong.exceptions import (
    BodyMalformedError,
    DocumentNotTrustedError,
    DocumentUnknownError,
    IssuerUnavailableError,
    PersistedQueryNotFoundError,
    TokenError,
)
from zhitong.grants import Grant
from zhitong.infra.bodies import read_body
from zhitong.infra.clients_file import Clients, raised, read_clients
from zhitong.infra.door import Door
from zhitong.infra.kept_texts import KeptTexts
from zhitong.infra.occasions import read_occasion
from zhitong.infra.pace import Pace, client_of
from zhitong.infra.parameters import Parameters, from_body, from_query_string
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Caller
from zhitong.ports import Documents
from zhitong.resolvers.granted import HeldGrants
from zhitong.resolvers.granting import speaking
from zhitong.schema.engine import Question, document_hash
from zhitong.types import Allowance, Occasion, Principal

Headers = Mapping[bytes, bytes]
Text = tuple[str, str]
"""A document, and its SHA-256 in hex."""

_CLIENTS = 4_096
"""Allowances that are remembered, by principal."""


class NoDocuments:
    """The register of a gateway that has no trusted documents."""

    async def find(self, _digest: str, _principal: Principal) -> str | None:
        """Find nothing."""
        return None


class Intake:
    """Allowances, grants, trusted documents and the pace, common to all transports."""

    def __init__(
        self,
        settings: Settings,
        *,
        clients: Clients | None = None,
        documents: Documents | None = None,
        pace: Pace | None = None,
        grants: HeldGrants | None = None,
    ) -> None:
        self._settings = settings
        known = clients or read_clients(settings.clients, page=settings.page_limit)
        self.allowance: Callable[[Principal], Allowance] = lru_cache(_CLIENTS)(
            known.allowance
        )
        """What is configured for a principal."""
        self.pace = pace or Pace()
        self._documents = documents or NoDocuments()
        self._texts = KeptTexts()
        self._grants = grants

    def granted(self, principal: Principal, headers: Headers) -> tuple[Grant, ...]:
        """Give the grants in force that are for the purpose that is stated.

        What is configured is remembered; a grant is not, it may end.
        """
        if self._grants is None:
            return ()
        found = self._grants.of(principal, datetime.now(UTC))
        return speaking(found, principal, read_occasion(headers)) if found else ()

    def raised(
        self, principal: Principal, headers: Headers, digest: str | None = None
    ) -> Allowance:
        """Give what *principal* may ask now, by the document of *digest* if known."""
        grants = self.granted(principal, headers)
        return raised(self.allowance(principal), grants, digest)

    async def caller(self, door: Door, peer: str, headers: Headers) -> Caller:
        """Say who asks; who has no valid token is counted by address.

        One with a valid token is not held up by others behind the same address.
        """
        try:
            return await door.caller(peer, headers)
        except (TokenError, IssuerUnavailableError):
            self.pace.stranger(peer)
            raise

    async def parameters(
        self, method: str, query: bytes, headers: Headers, receive: Receive
    ) -> Parameters:
        """Read what is asked: a POST's body, a GET's query string."""
        limit, deepest = self._settings.body_bytes, self._settings.json_depth
        body = await read_body(
            receive,
            declared=headers.get(b"content-length"),
            limit=limit,
            seconds=self._settings.body_seconds,
        )
        if method == "POST":
            return from_body(body, deepest=deepest)
        return from_query_string(query, limit=limit, deepest=deepest)

    async def document(
        self, asked: Parameters, principal: Principal, allowance: Allowance
    ) -> Text:
        """Give the document that is asked: as it was written, or by its hash."""
        if asked.document is None:
            digest = asked.digest or ""
            return await self._by_hash(asked, principal, allowance), digest
        digest = document_hash(asked.document)
        if asked.digest not in {None, digest}:
            raise _not_its_hash()
        await self.check_trusted(digest, principal, allowance)
        return asked.document, digest

    async def check_trusted(
        self, digest: str, principal: Principal, allowance: Allowance
    ) -> None:
        """Raise where a client of trusted documents alone may not ask this one."""
        if (
            allowance.trusted_only
            and await self._documents.find(digest, principal) is None
        ):
            raise _not_trusted()

    def question(  # noqa: PLR0913 - what a question is made of
        self,
        asked: Parameters,
        text: Text,
        caller: Caller,
        *,
        occasion: Occasion,
        headers: Headers,
        allowance: Allowance,
        spend: Callable[[int], None],
        request_id: str,
        read_only: bool,
    ) -> Question:
        """Make the question of *caller* that is *asked*, the document being *text*."""
        return Question(
            document=text[0],
            digest=text[1],
            variables=asked.variables,
            operation=asked.operation,
            principal=caller.principal,
            occasion=occasion,
            request_id=request_id,
            once=caller.once,
            read_only=read_only,
            spend=spend,
            allowance=allowance,
            priced=headers.get(b"zhitong-cost") == b"1",
        )

    def keep(self, asked: Parameters, principal: Principal) -> None:
        """Keep a text that was answered for its client to ask by hash from now on."""
        if asked.automatic and asked.document is not None and asked.digest is not None:
            self._texts.keep(client_of(principal), asked.digest, asked.document)

    async def _by_hash(
        self, asked: Parameters, principal: Principal, allowance: Allowance
    ) -> str:
        """Find a trusted document; or the client's own text, unless that will not do.

        For who may ask trusted documents alone nothing that was sent is looked for.
        """
        digest, own = asked.digest or "", asked.automatic and not allowance.trusted_only
        found = self._texts.find(client_of(principal), digest) if own else None
        if found is None:
            found = await self._documents.find(digest, principal)
        if found is None:
            raise _not_sent() if own else _unknown()
        return found


def _unknown() -> DocumentUnknownError:
    return DocumentUnknownError(
        "没有为你登记这个可信查询：请核对 documentId，或向平台运维人员申请登记。",
        "No trusted document of this hash is registered for your client; check "
        "documentId or ask the operators to register it.",
    )


def _not_sent() -> PersistedQueryNotFoundError:
    return PersistedQueryNotFoundError(
        "没有这个哈希值的查询：请连同文本再发一次（APQ 客户端会自动这样做）。",
        "The text of this hash is not here; send it once with its text, as clients of "
        "automatic persisted queries do by themselves.",
    )


def _not_trusted() -> DocumentNotTrustedError:
    return DocumentNotTrustedError(
        "你的系统只能使用登记的可信查询：请以 documentId 提问，或申请登记这个查询。",
        "Your client may ask trusted documents only: send a documentId, or have this "
        "document registered.",
    )


def _not_its_hash() -> BodyMalformedError:
    return BodyMalformedError(
        "query 与所附的 SHA-256 不符，请核对；哈希值按 UTF-8 文本计算。",
        "The document is not that of the SHA-256 beside it; that is of its UTF-8 text.",
    )
