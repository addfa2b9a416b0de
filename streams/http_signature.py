"""How a push is signed: the national sharing platform's headers, and over the body.

The convention's ``sign`` is base64(HMAC-SHA256(secret, sid + rid + rtime)): it covers
who calls what and when, and no byte of what is sent. So beside it stand Content-Digest
(RFC 9530), and a signature by HTTP Message Signatures (RFC 9421, ``hmac-sha256``) with
the same secret over method, address, digest, media type and Idempotency-Key. Whoever
knows the convention alone ignores them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from uuid import UUID

LABEL = "zhitong"
"""Of our signature, where a message may bear several."""


def convention(
    secret: bytes, family: str, requester: str, interface: str, milliseconds: int
) -> dict[str, str]:
    """Write the four headers of the convention, under the names of *family*."""
    said = f"{interface}{requester}{milliseconds}"
    return {
        f"{family}_rid": requester,
        f"{family}_sid": interface,
        f"{family}_rtime": str(milliseconds),
        f"{family}_sign": _base64(_mac(secret, said)),
    }


def whole(  # noqa: PLR0913 - what a signature covers
    *,
    secret: bytes,
    requester: str,
    url: str,
    media: str,
    event: UUID,
    body: bytes,
    at: int,
) -> dict[str, str]:
    """Write the headers that cover *body* and where it goes; *at*: in seconds."""
    headers = {
        "content-type": media,
        # A string of structured fields, as the draft of this header has it.
        "idempotency-key": f'"{event}"',
        "content-digest": f"sha-256=:{_base64(hashlib.sha256(body).digest())}:",
    }
    covered = {"@method": "POST", "@target-uri": url, **headers}
    named = " ".join(f'"{name}"' for name in covered)
    params = f'({named});created={at};keyid="{requester}";alg="hmac-sha256"'
    signature = _base64(_mac(secret, base(covered, params)))
    return {
        **headers,
        "signature-input": f"{LABEL}={params}",
        "signature": f"{LABEL}=:{signature}:",
    }


def base(covered: Mapping[str, str], params: str) -> str:
    """Write the signature base of RFC 9421 over what is *covered*."""
    lines = [f'"{name}": {value}' for name, value in covered.items()]
    return "\n".join([*lines, f'"@signature-params": {params}'])


def _mac(secret: bytes, text: str) -> bytes:
    return hmac.new(secret, text.encode(), hashlib.sha256).digest()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
