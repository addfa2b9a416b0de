"""Which client certificate a request came with, as the proxy that saw it says.

TLS ends at the proxy; who else sends its header would choose a certificate for
himself, and is refused. Proxies write it in one of four ways, all of which come down
to the SHA-256 of the certificate: hexadecimal (Envoy, HAProxy), base64url (RFC 8705),
``:base64 of the DER:`` (RFC 9440), or the percent-encoded PEM (nginx, Apache).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import ssl
from collections.abc import Mapping
from urllib.parse import unquote

from zhitong.exceptions import CertificateUntrustedError, SettingsError
from zhitong.infra.claims import THUMBPRINT

_HEXADECIMAL = re.compile("([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}")
_LARGEST = 16_384

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Certificates:
    """Reads the certificate header, from proxies alone."""

    def __init__(self, header: str = "", proxies: str = "") -> None:
        self._header = header.strip().lower().encode("latin-1")
        self._proxies = tuple(
            map(_network, filter(None, map(str.strip, proxies.split(","))))
        )
        if bool(self._header) != bool(self._proxies):
            raise SettingsError(
                "ZHITONG_CERTIFICATE_HEADER 与 ZHITONG_PROXIES 须同时设置。",
                "ZHITONG_CERTIFICATE_HEADER and ZHITONG_PROXIES go together.",
            )

    def thumbprint(self, peer: str, headers: Mapping[bytes, bytes]) -> str:
        """Give the certificate's SHA-256 in base64url, empty without one.

        Raises `CertificateUntrustedError` if it is not a proxy of ours that says it.
        """
        if not self._header or self._header not in headers:
            return ""
        if not self._trusted(peer):
            raise CertificateUntrustedError(
                "客户端证书请求头只能由受信任的代理发送。",
                "The client certificate header is taken from trusted proxies only.",
            )
        stated = headers[self._header]
        return thumbprint(stated) if stated else ""

    def _trusted(self, peer: str) -> bool:
        try:
            address: Address = ipaddress.ip_address(peer)
        except ValueError:  # a socket of this machine has no address
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._proxies)


def thumbprint(stated: bytes) -> str:
    """Bring what a proxy wrote down to one form; raise `CertificateUntrustedError`."""
    try:
        text = stated.decode("ascii")
        if len(text) > _LARGEST:
            raise ValueError(_LARGEST)  # noqa: TRY301 - one place tells
        if _HEXADECIMAL.fullmatch(text):
            return _base64url(bytes.fromhex(text.replace(":", "")))
        if re.fullmatch(THUMBPRINT, text):
            return text
        if text.startswith(":") and text.endswith(":"):
            return _digest(base64.b64decode(text[1:-1], validate=True))
        return _digest(ssl.PEM_cert_to_DER_cert(unquote(text)))
    except ValueError as error:
        raise CertificateUntrustedError(
            "代理发送的客户端证书请求头无法读取。",
            "The client certificate header that the proxy sent cannot be read.",
        ) from error


def _digest(der: bytes) -> str:
    if not der:
        raise ValueError("no certificate")
    return _base64url(hashlib.sha256(der).digest())


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(
            f"ZHITONG_PROXIES 中的 {text} 不是地址或网段。",
            f"{text} in ZHITONG_PROXIES is no address or network.",
        ) from error
