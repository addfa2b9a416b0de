"""A client certificate is believed of our proxies alone, however they write it."""

from __future__ import annotations

import base64
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from zhitong.exceptions import CertificateUntrustedError, SettingsError
from zhitong.infra.certificates import Certificates, thumbprint

HEADER = b"x-client-cert"
PROXY = "10.0.0.5"


def certificate() -> bytes:
    """Make a real one, in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emergency bureau")])
    now = datetime(2026, 11, 22, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


DER = certificate()
DIGEST = hashlib.sha256(DER).digest()
EXPECTED = base64.urlsafe_b64encode(DIGEST).rstrip(b"=").decode()
WRITTEN = {
    "hexadecimal": DIGEST.hex(),
    "hexadecimal in capitals with colons": DIGEST.hex(":").upper(),
    "base64url": EXPECTED,
    "RFC 9440": f":{base64.b64encode(DER).decode()}:",
    "PEM, percent-encoded": quote(ssl.DER_cert_to_PEM_cert(DER)),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_however_a_proxy_writes_it_it_is_the_same(written: str) -> None:
    found = Certificates("X-Client-Cert", "10.0.0.5, 192.168.0.0/16")
    for peer in (PROXY, "192.168.7.8", "::ffff:10.0.0.5"):
        assert found.thumbprint(peer, {HEADER: written.encode()}) == EXPECTED


@pytest.mark.parametrize(
    "peer", ["10.0.0.6", "127.0.0.1", "::1", "", "unix", "10.0.0.5.evil.example"]
)
def test_from_anybody_else_it_is_refused_and_not_ignored(peer: str) -> None:
    found = Certificates("x-client-cert", PROXY)
    with pytest.raises(CertificateUntrustedError):
        found.thumbprint(peer, {HEADER: EXPECTED.encode()})
    with pytest.raises(CertificateUntrustedError):
        found.thumbprint(peer, {HEADER: b""})
    assert found.thumbprint(peer, {}) == ""


def test_a_client_without_one_has_none() -> None:
    found = Certificates("x-client-cert", PROXY)
    assert found.thumbprint(PROXY, {}) == ""
    assert found.thumbprint(PROXY, {HEADER: b""}) == ""


def test_without_the_settings_no_header_says_anything() -> None:
    assert Certificates().thumbprint(PROXY, {HEADER: EXPECTED.encode()}) == ""


@pytest.mark.parametrize(
    "written",
    [
        EXPECTED[:-1],
        f"{EXPECTED}=",
        f"{EXPECTED}, {EXPECTED}",
        DIGEST.hex()[:-2],
        hashlib.sha1(DER, usedforsecurity=False).hexdigest(),
        ":",
        "::",
        ":no base64:",
        "-----BEGIN CERTIFICATE-----",
        "Hash=" + DIGEST.hex(),
        "证书",
        "a" * 20_000,
        "\x00",
    ],
)
def test_what_is_no_certificate_is_refused(written: str) -> None:
    with pytest.raises(CertificateUntrustedError):
        thumbprint(written.encode())


@pytest.mark.parametrize(
    ("header", "proxies", "named"),
    [
        ("x-client-cert", "", "ZHITONG_PROXIES"),
        ("", PROXY, "ZHITONG_CERTIFICATE_HEADER"),
        ("x-client-cert", "proxy.example", "proxy.example"),
        ("x-client-cert", "10.0.0.5/8", "10.0.0.5/8"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    header: str, proxies: str, named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        Certificates(header, proxies)
