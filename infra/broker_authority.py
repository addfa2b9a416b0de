"""The embedded broker's own authority, and its nodes' certificates.

A node proves itself by it to clients, and to the other nodes' controllers, which take
whoever has such a certificate: the authority signs for nodes alone.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zhitong.exceptions import EmbeddedError
from zhitong.infra.secret import private

NODE = "zhitong.node"
"""Whom a node's certificate names: the user that nodes are to each other."""
LIFE = timedelta(days=397)
"""How long a node's certificate holds."""
EARLY = timedelta(days=30)
"""How long before its end a start makes another."""

_AUTHORITY_LIFE = timedelta(days=3650)
# A clock that is a little behind takes it too.
_BEFORE = timedelta(hours=1)


def authorities(folder: Path) -> Path:
    """Name the file that clients of the broker of *folder* trust."""
    return folder / "authority" / "ca.pem"


def certify(folder: Path, home: Path, life: timedelta = LIFE) -> None:
    """Give the node of *home* a new key and certificate, in one file."""
    key, issuer = _authority(folder)
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NODE)])
    # The same address for all: they listen on this machine alone.
    there = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    signed = (
        _begun(name, issuer.subject, own.public_key(), life)
        .add_extension(x509.SubjectAlternativeName([there]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    home.mkdir(parents=True, exist_ok=True)
    private(certificate(home), _secret(own) + _public(signed) + _public(issuer))


def certificate(home: Path) -> Path:
    """Name the file with a node's key and certificate."""
    return home / "node.pem"


def ends(home: Path) -> datetime | None:
    """Say until when the certificate of the node of *home* holds; None: it has none."""
    file = certificate(home)
    if not file.exists():
        return None
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc


def due(home: Path) -> bool:
    """Say whether the node of *home* has no certificate that holds for a while."""
    until = ends(home)
    return until is None or until < datetime.now(UTC) + EARLY


def _authority(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Read the authority, made at first use."""
    public = authorities(folder)
    secret = public.with_name("ca.key")
    if not public.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zhitong kafka")])
        made = (
            _begun(name, name, key.public_key(), _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        public.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The one that says that both are there comes last.
        private(secret, _secret(key))
        private(public, _public(made))
    found = serialization.load_pem_private_key(secret.read_bytes(), None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise EmbeddedError(f"{secret} 不是签发用的私钥", f"{secret} is no such key")
    return found, x509.load_pem_x509_certificate(public.read_bytes())


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    life: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + life) - _BEFORE)
        .not_valid_after(now + life)
    )


def _secret(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _public(found: x509.Certificate) -> str:
    return found.public_bytes(serialization.Encoding.PEM).decode()
