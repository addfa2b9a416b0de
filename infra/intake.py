"""What a client may ask, and which document it means, whichever way it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from zhitong.exceptions import (
    BodyMalformedError,
    DocumentNotTrustedError,
    DocumentUnknownError,
)
from zhitong.grants import Grant
from zhitong.infra.clients_file import Clients, raised, read_clients
from zhitong.infra.occasions import read_occasion
from zhitong.infra.pace import Pace
from zhitong.infra.parameters import Parameters
from zhitong.infra.settings import Settings
from zhitong.ports import Documents
from zhitong.resolvers.granted import HeldGrants
from zhitong.resolvers.granting import speaking
from zhitong.schema.engine import document_hash
from zhitong.types import Allowance, Principal

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
        known = clients or read_clients(settings.clients, page=settings.page_limit)
        self.allowance: Callable[[Principal], Allowance] = lru_cache(_CLIENTS)(
            known.allowance
        )
        """What is configured for a principal."""
        self.pace = pace or Pace()
        self._documents = documents or NoDocuments()
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

    async def document(
        self, asked: Parameters, principal: Principal, allowance: Allowance
    ) -> Text:
        """Give the document that is asked: as it was written, or by its hash.

        A document that comes with a hash is never kept for others to ask.
        """
        if asked.document is None:
            digest = asked.digest or ""
            found = await self._documents.find(digest, principal)
            if found is None:
                raise _unknown()
            return found, digest
        digest = document_hash(asked.document)
        if asked.digest not in {None, digest}:
            raise _not_its_hash()
        if (
            allowance.trusted_only
            and await self._documents.find(digest, principal) is None
        ):
            raise _not_trusted()
        return asked.document, digest


def _unknown() -> DocumentUnknownError:
    return DocumentUnknownError(
        "没有为你登记这个可信查询：请核对 documentId，或向平台运维人员申请登记。",
        "No trusted document of this hash is registered for your client; check "
        "documentId or ask the operators to register it.",
    )


def _not_trusted() -> DocumentNotTrustedError:
    return DocumentNotTrustedError(
        "你的系统只能使用登记的可信查询：请以 documentId 提问，或申请登记这个查询。",
        "Your client may ask trusted documents only: send a documentId, or have this "
        "document registered.",
    )


def _not_its_hash() -> BodyMalformedError:
    return BodyMalformedError(
        "query 与所附的 SHA-256 不符；查询不会自动登记，只发其一即可。",
        "The document is not that of the SHA-256 beside it; nothing is registered by "
        "asking, so send one of both.",
    )
