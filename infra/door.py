"""Who a request is from: its token and the certificate it came with, together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.types import Scope

from zhitong.infra.certificates import Certificates
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Caller, Verifier
from zhitong.types import Principal


class Door:
    """Lets requests in, or raises a `TokenError`."""

    def __init__(self, verifier: Verifier, settings: Settings) -> None:
        self._verifier = verifier
        self._certificates = Certificates(settings.certificate_header, settings.proxies)

    async def caller(self, peer: str, headers: Mapping[bytes, bytes]) -> Caller:
        """Say who sent *headers* from the address *peer*."""
        return await self._verifier.admit(*self._shown(peer, headers))

    def again(
        self, peer: str, headers: Mapping[bytes, bytes]
    ) -> Callable[[], Principal]:
        """Give what says so again later, while an answer is going out."""
        shown = self._shown(peer, headers)
        return lambda: self._verifier.verify(*shown)

    def _shown(self, peer: str, headers: Mapping[bytes, bytes]) -> tuple[str, str]:
        certificate = self._certificates.thumbprint(peer, headers)
        return headers.get(b"authorization", b"").decode("latin-1"), certificate


def peer(scope: Scope) -> str:
    """Give the address that *scope*'s connection is from; empty: it has none."""
    return str((scope.get("client") or ("",))[0])
