"""A corpus of tokens that no gateway may believe, by kind; and good ones beside them.

Each forgery is as near to a good token as it can be: signed by the issuer's own key
wherever the fault lies elsewhere, so that nothing but the fault refuses it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from zhitong.connectors.used_tokens import MemoryUsedTokens
from zhitong.infra.claims import Origin
from zhitong.infra.issuers import Issuer, Key, KeyRing
from zhitong.infra.tokens import LARGEST, LEEWAY, Verifier
from zhitong.rules.identifiers import credit_code, resident_id
from zhitong.types import Principal

NOW = 1_800_000_000
CERTIFICATE = "c" * 43
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: no part of a signature reaches it."""

Json = dict[str, object]


@dataclass(frozen=True)
class Forgery:
    """What is sent, and the code it is refused with."""

    authorization: str | None
    code: str = "TOKEN_INVALID"
    certificate: str = ""


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


KEYS: Mapping[str, Key] = {
    "city": ECKey.generate_key("P-256"),
    "province": RSAKey.generate_key(2_048),
    "bureau": RSAKey.generate_key(2_048),
    "audit": ECKey.generate_key("P-384"),
    "police": OKPKey.generate_key("Ed25519"),
    "sso": ECKey.generate_key("P-256"),
}
"""By issuer; the key's id is the issuer's name with ``-1``."""
ALGORITHM = {
    "city": "ES256",
    "province": "RS256",
    "bureau": "PS256",
    "audit": "ES384",
    "police": "Ed25519",
    "sso": "ES256",
}
STRANGER = ECKey.generate_key("P-256")
ROTATED_OUT = ECKey.generate_key("P-256")

CLAIMS: Json = {
    "iss": "city",
    "aud": "zhitong",
    "iat": NOW,
    "exp": NOW + 600,
    "jti": "1",
    "sub": "王建国",
    "tenant": "anze",
    "kind": "police",
    "unit": "11619900001481213H",
    "unit_name": "安泽市公安局",
    "role": "user",
    "division": "619900",
}
PARTY_CODE = credit_code("91619900MA0000000")
PARTY_NUMBER = resident_id("61990019791231003")
OUTSIDE: Json = {
    "iss": "sso",
    "aud": ["zhitong", "mail"],
    "iat": NOW,
    "exp": NOW + 600,
    "sub": "f3a1",
    "preferred_username": "li.xiuying",
    "org": {"code": "11619921MB21040067", "name": "东岭县应急管理局"},
    "groups": ["/staff", "/officers"],
    "email": "li@dongling.example",
}
ORIGINS = {
    "tenant": Origin(constant="anze"),
    "sub": Origin(path=("preferred_username",)),
    "unit": Origin(path=("org", "code")),
    "unit_name": Origin(path=("org", "name")),
    "kind": Origin(
        path=("groups",),
        values={"/officers": "own-officer", "/systems": "department", "/x": "platform"},
    ),
}


def public(key: Key) -> Key:
    """Give the public half of *key*."""
    return type(key).import_key(key.as_dict(private=False))


PUBLIC: Mapping[str, Key] = {name: public(key) for name, key in KEYS.items()}


def issuers() -> dict[str, Issuer]:
    """Give the issuers whose tokens count."""

    def ring(name: str) -> KeyRing:
        return KeyRing.pinned({f"{name}-1": PUBLIC[name]})

    return {
        "city": Issuer(name="city", ring=ring("city")),
        "province": Issuer(
            name="province",
            ring=ring("province"),
            algorithm="RS256",
            kinds=frozenset({"supervisor"}),
            tenants=frozenset({"beihe", "anze"}),
            units=frozenset({"11619900MB0001003U"}),
            divisions=("6199",),
            longest=3_600,
        ),
        "bureau": Issuer(name="bureau", ring=ring("bureau"), algorithm="PS256"),
        "audit": Issuer(
            name="audit",
            ring=ring("audit"),
            algorithm="ES384",
            audience="zhitong-audit",
            kinds=frozenset({"auditor", "audit"}),
        ),
        "police": Issuer(
            name="police",
            ring=ring("police"),
            algorithm="Ed25519",
            require_certificate=True,
            single_use_mutations=True,
        ),
        "sso": Issuer(name="sso", ring=ring("sso"), type="at+jwt", origins=ORIGINS),
    }


def verifier(clock: Clock | None = None, remembered: int = 4_096) -> Verifier:
    """Give a verifier that knows them."""
    return Verifier(
        issuers(),
        "zhitong",
        tenant="anze",
        used=MemoryUsedTokens(),
        clock=clock or Clock(),
        remembered=remembered,
    )


def b64(value: object) -> str:
    """Write *value*, or the bytes that it is, in base64url."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signature(first: str, issuer: str = "city", key: Key | None = None) -> bytes:
    """Sign anything, also what joserfc would refuse to."""
    algorithm = jws.JWSRegistry.algorithms[ALGORITHM[issuer]]
    return algorithm.sign(first.encode(), key or KEYS[issuer])


def header(issuer: str = "city", /, **changes: object) -> Json:
    """Give a good header, changed; `...` leaves one out."""
    typ = "at+jwt" if issuer == "sso" else "JWT"
    good: Json = {"alg": ALGORITHM[issuer], "kid": f"{issuer}-1", "typ": typ}
    return _changed(good, changes)


def but(**changes: object) -> Json:
    """Give good claims, changed; `...` leaves one out."""
    return _changed(CLAIMS, changes)


def _changed(good: Json, changes: Mapping[str, object]) -> Json:
    changed = {**good, **changes}
    return {name: value for name, value in changed.items() if value is not ...}


def token(
    claims: object = CLAIMS,
    head: object = None,
    issuer: str = "city",
    key: Key | None = None,
) -> str:
    """Write a token that *issuer*, or *key*, has signed."""
    first = f"{b64(header(issuer) if head is None else head)}.{b64(claims)}"
    return f"{first}.{b64(signature(first, issuer, key))}"


SUPERVISOR: Json = {
    "iss": "province",
    "kind": "supervisor",
    "unit": "11619900MB0001003U",
    "unit_name": "安泽市司法局",
}
AUDITOR: Json = {
    "iss": "audit",
    "aud": "zhitong-audit",
    "kind": "auditor",
    "role": "auditor",
}
ATTORNEY: Json = {"kind": "attorney", "identity": True, "client": "portal"}


def good() -> dict[str, tuple[str, str]]:
    """Give a good token, and its certificate, of each issuer and form."""
    bound = {"cnf": {"x5t#S256": CERTIFICATE}}
    return {
        "city": (token(), ""),
        "city, bound": (token(but(**bound)), CERTIFICATE),
        "party by code": (token(but(**ATTORNEY, party_code=PARTY_CODE)), ""),
        "party by number": (
            token(but(kind="party", party_number=PARTY_NUMBER)),
            "",
        ),
        "province": (token(but(**SUPERVISOR), issuer="province"), ""),
        "bureau": (token(but(iss="bureau"), issuer="bureau"), ""),
        "audit": (token(but(**AUDITOR), issuer="audit"), ""),
        "police": (token(but(iss="police"), issuer="police"), CERTIFICATE),
        "sso": (token(OUTSIDE, issuer="sso"), ""),
    }


POLICE = Principal(
    kind="police",
    unit="11619900001481213H",
    unit_name="安泽市公安局",
    person="王建国",
    division="619900",
    tenant="anze",
    issuer="city",
)

Group = Callable[[], Iterator[tuple[str, str | Forgery]]]
GROUPS: list[Group] = []


def group(made: Group) -> Group:
    """Put a group of forgeries into the corpus."""
    GROUPS.append(made)
    return made


@cache
def forgeries() -> Mapping[str, Forgery]:
    """Give the corpus by name."""
    found: dict[str, Forgery] = {}
    for made in GROUPS:
        for name, forged in made():
            full = f"{made.__name__.strip('_')}: {name}"
            assert full not in found
            found[full] = (
                Forgery(f"Bearer {forged}") if isinstance(forged, str) else forged
            )
    return found


PARTS = token().split(".")
"""Of one good token, for forgeries that take it apart."""


@group
def _algorithm() -> Iterator[tuple[str, str]]:
    texts = (
        "none None NONE nOnE null HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 "
        "PS512 ES384 ES512 ES256K EdDSA Ed25519 Ed448 SM2 es256 Es256 dir RSA-OAEP "
        "A128KW "
        "ECDH-ES PBES2-HS256+A128KW"
    )
    for text in (*texts.split(), "", "ES256 ", " ES256", "ES256\x00", "ЕS256"):
        yield repr(text), token(head=header(alg=text))
    for name, value in {
        "missing": ...,
        "null as such": None,
        "a number": 256,
        "a list": ["ES256"],
        "two in a list": ["ES256", "none"],
        "an object": {"ES256": True},
        "true": True,
    }.items():
        yield name, token(head=header(alg=value))


@group
def _none() -> Iterator[tuple[str, str]]:
    head = b64({"alg": "none", "kid": "city-1"})
    yield "without a signature", f"{head}.{PARTS[1]}."
    yield "without a third part", f"{head}.{PARTS[1]}"
    yield "with a good token's signature", f"{head}.{PARTS[1]}.{PARTS[2]}"
    yield "without a kid", f"{b64({'alg': 'none'})}.{PARTS[1]}."
    yield "raised to an auditor", f"{head}.{b64(but(**AUDITOR))}."


@group
def _hmac() -> Iterator[tuple[str, str]]:
    key = PUBLIC["city"]
    secrets = {
        "the public key as PEM": key.as_pem(private=False),
        "as PEM without its last line end": key.as_pem(private=False).rstrip(),
        "as DER": key.as_der(private=False),
        "as JWK": json.dumps(key.as_dict(private=False)).encode(),
        "its thumbprint": key.thumbprint().encode(),
        "nothing": b"",
        "the word secret": b"secret",
        "the kid": b"city-1",
        "the audience": b"zhitong",
    }
    for name, secret in secrets.items():
        for alg, digest in (("HS256", "sha256"), ("HS512", "sha512")):
            first = f"{b64(header(alg=alg))}.{PARTS[1]}"
            mac = hmac.digest(secret, first.encode(), digest)
            yield f"{alg} under {name}", f"{first}.{b64(mac)}"
    first = f"{PARTS[0]}.{PARTS[1]}"
    mac = hmac.digest(key.as_pem(private=False), first.encode(), "sha512")
    yield "as long as a signature, under ES256", f"{first}.{b64(mac)}"


@group
def _header_member() -> Iterator[tuple[str, str]]:
    theirs = STRANGER.as_dict(private=False)
    address = "https://evil.example/keys"
    members: Json = {
        "jwk": theirs,
        "jku": address,
        "x5u": address,
        "x5c": ["MIIB"],
        "x5t": "AAAA",
        "x5t#S256": "A" * 43,
        "cty": "JWT",
        "zip": "DEF",
        "enc": "A256GCM",
        "epk": theirs,
        "apu": "AA",
        "p2c": 2_000_000_000,
        "iv": "AA",
        "tag": "AA",
        "nonce": "AA",
        "url": address,
        "b64": True,
        "iss": "city",
        "aud": "zhitong",
        "exp": NOW + 600,
        "kind": "auditor",
        "keys": [theirs],
        "ver": 1,
        "ALG": "none",
        "Kid": "city-1",
        "": "x",
        "__proto__": {"alg": "none"},
    }
    for name, value in members.items():
        # Signed by the issuer: nothing but the member refuses it.
        yield repr(name), token(head=header("city", **{name: value}))
    yield "jwk, signed by it", token(head=header(jwk=theirs), key=STRANGER)
    yield "jwk alone", token(head={"alg": "ES256", "jwk": theirs}, key=STRANGER)
    yield "jku, signed by its", token(head=header(jku=address), key=STRANGER)
    private = STRANGER.as_dict(private=True)
    yield "jwk, private", token(head=header(jwk=private), key=STRANGER)
    crits: list[object] = [["exp"], ["b64"], [], ["x-unknown"], "b64", None, ["alg"]]
    for crit in (*crits, [1], {}):
        yield f"crit {crit}", token(head=header(crit=crit))
    head = b64(header(crit=["b64"], b64=False))
    raw = json.dumps(CLAIMS)
    for name, payload in {"encoded": PARTS[1], "as it is": raw}.items():
        signed = signature(f"{head}.{payload}")
        yield f"b64 false, {name}", f"{head}.{payload}.{b64(signed)}"
    yield "b64 false without crit", token(head=header(b64=False))


@group
def _kid() -> Iterator[tuple[str, str]]:
    texts = [
        "",
        "other",
        "CITY-1",
        "city-1 ",
        " city-1",
        "city-10",
        "city",
        "*",
        "city-1\x00",
        "city-1\n",
        "city-1/../province-1",
        "../../../../dev/null",
        "/dev/null",
        "C:\\Windows\\win.ini",
        "file:///etc/passwd",
        "https://evil.example/key",
        "' OR 1=1 --",
        "city-1' UNION SELECT 'key",
        "| id",
        "$(id)",
        "${jndi:ldap://evil.example/a}",
        "{{7*7}}",
        "city%2D1",
        "сity-1",
        "city\u20101",
        "\ufeffcity-1",
        "\u202ecity-1",
        "k" * 1_000,
        STRANGER.thumbprint(),
        KEYS["city"].thumbprint(),
    ]
    for text in texts:
        yield repr(text[:40]), token(head=header(kid=text))
    for name, value in {
        "missing": ...,
        "null": None,
        "a number": 1,
        "a list": ["city-1"],
        "an object": {"kid": "city-1"},
        "true": True,
    }.items():
        yield name, token(head=header(kid=value))
    yield "of another issuer", token(head=header(kid="sso-1"))
    yield "of another issuer's key", token(head=header(kid="sso-1"), key=KEYS["sso"])
    yield "a lone surrogate", token(head=header(kid="\ud800"))


@group
def _typ() -> Iterator[tuple[str, str]]:
    for text in ("at+jwt", "jwt", "JWE", "JOSE", "JWT ", "application/jwt", "", "dpop"):
        yield repr(text), token(head=header(typ=text))
    for name, value in {"null": None, "a number": 1, "a list": ["JWT"]}.items():
        yield name, token(head=header(typ=value))
    outside = header("sso", typ="JWT")
    yield "JWT where at+jwt is used", token(OUTSIDE, outside, issuer="sso")


def _headed(raw: bytes) -> str:
    first = f"{b64(raw)}.{PARTS[1]}"
    return f"{first}.{b64(signature(first))}"


@group
def _header_form() -> Iterator[tuple[str, str]]:
    plain = json.dumps(header()).encode()
    forms = {
        "a list": b'["alg","kid"]',
        "a text": b'"ES256"',
        "a number": b"256",
        "null": b"null",
        "true": b"true",
        "an empty object": b"{}",
        "no JSON": b"alg=ES256;kid=city-1",
        "cut off": plain[:-1],
        "with another behind it": plain + b"{}",
        "with a comma too many": plain[:-1] + b",}",
        "with a comment": plain + b"/* */",
        "in single quotes": plain.replace(b'"', b"'"),
        "not UTF-8": plain[:-1] + b',"x":"\xff"}',
        "UTF-16": plain.decode().encode("utf-16"),
        "with a byte order mark": b"\xef\xbb\xbf" + plain,
        "with alg twice, none first": b'{"alg":"none",' + plain[1:],
        "with alg twice, none last": plain[:-1] + b',"alg":"none"}',
        "with kid twice": plain[:-1] + b',"kid":"city-1"}',
        "with alg twice, once escaped": plain[:-1] + b',"a\\u006cg":"none"}',
        "with NaN": plain[:-1] + b',"x":NaN}',
        "nested deep": b"[" * 5_000,
        "nested deep in objects": b'{"a":' * 1_000,
        "a compressed stream": b"\x78\x9c\xab\x56\x4a\xcc\x49\x07\x00",
        "NUL": b"\x00",
    }
    for name, raw in forms.items():
        yield name, _headed(raw)
    yield "empty", f".{PARTS[1]}.{PARTS[2]}"


@group
def _signature() -> Iterator[tuple[str, str]]:
    first = f"{PARTS[0]}.{PARTS[1]}"
    raw = signature(first)
    r, s = raw[:32], raw[32:]
    order = ORDER.to_bytes(32, "big")
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    one = (1).to_bytes(32, "big")
    forms = {
        "zeros": bytes(64),
        "ones": b"\xff" * 64,
        "r zero": bytes(32) + s,
        "s zero": r + bytes(32),
        "both one": one + one,
        "r the order": order + s,
        "s the order": r + order,
        "both the order": order + order,
        "cut off by one": raw[:-1],
        "cut to half": r,
        "a byte longer": raw + b"\x00",
        "a byte before it": b"\x00" + raw,
        "twice": raw + raw,
        "DER": der,
        "halves swapped": s + r,
        "reversed": raw[::-1],
        "a bit changed": bytes([raw[0] ^ 1]) + raw[1:],
        "the last bit changed": raw[:-1] + bytes([raw[-1] ^ 1]),
        "hexadecimal": raw.hex().encode(),
        "of base64": base64.b64encode(raw),
        "a digest": hashlib.sha256(first.encode()).digest(),
        "a single byte": b"\x00",
        "8 KiB": b"\x00" * 5_000,
        "by a stranger": signature(first, key=STRANGER),
        "by the key of another issuer": signature(first, key=KEYS["sso"]),
        "by a key rotated out": signature(first, key=ROTATED_OUT),
        "of P-384": signature(first, "audit"),
        "of RS256": signature(first, "province"),
        "of PS256": signature(first, "bureau"),
        "of Ed25519": signature(first, "police"),
        "of the payload alone": signature(PARTS[1]),
        "of the header alone": signature(PARTS[0]),
        "of the decoded text": signature(json.dumps(header()) + json.dumps(CLAIMS)),
        "of the padded text": signature(f"{PARTS[0]}=.{PARTS[1]}="),
        "of a dot less": signature(PARTS[0] + PARTS[1]),
        "of another good token": signature(f"{PARTS[0]}.{b64(but(jti='2'))}"),
    }
    for name, made in forms.items():
        yield name, f"{first}.{b64(made)}"
    yield "empty", f"{first}."
    curve = ECKey.generate_key("secp256k1")
    head = f"{b64(header(alg='ES256K'))}.{PARTS[1]}"
    made = jws.JWSRegistry.algorithms["ES256K"].sign(head.encode(), curve)
    yield "of secp256k1", f"{head}.{b64(made)}"


@group
def _swap() -> Iterator[tuple[str, str]]:
    other = token(but(sub="李四", jti="2")).split(".")
    sso = token(OUTSIDE, issuer="sso").split(".")
    raised = b64(but(kind="auditor", role="auditor"))
    yield "another's payload", f"{PARTS[0]}.{other[1]}.{PARTS[2]}"
    yield "another's signature", f"{PARTS[0]}.{PARTS[1]}.{other[2]}"
    yield "another issuer's header", f"{sso[0]}.{PARTS[1]}.{PARTS[2]}"
    yield "another issuer's payload", f"{PARTS[0]}.{sso[1]}.{PARTS[2]}"
    yield "another issuer's signature", f"{PARTS[0]}.{PARTS[1]}.{sso[2]}"
    yield "another issuer's header and signature", f"{sso[0]}.{PARTS[1]}.{sso[2]}"
    yield "header and payload", f"{PARTS[1]}.{PARTS[0]}.{PARTS[2]}"
    yield "payload and signature", f"{PARTS[0]}.{PARTS[2]}.{PARTS[1]}"
    yield "the header twice", f"{PARTS[0]}.{PARTS[0]}.{PARTS[2]}"
    yield "a raised payload", f"{PARTS[0]}.{raised}.{PARTS[2]}"
    yield "a longer life", f"{PARTS[0]}.{b64(but(exp=NOW + 10**6))}.{PARTS[2]}"
    compact = b64(json.dumps(CLAIMS, separators=(",", ":")).encode())
    yield "the same payload written otherwise", f"{PARTS[0]}.{compact}.{PARTS[2]}"
    # No unused bits, so another last letter is another byte or none at all.
    yield "one letter of the payload", f"{PARTS[0]}.A{PARTS[1][1:]}.{PARTS[2]}"


def _loose(part: str) -> str:
    """Change bits at the end of *part* that decoding drops."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + letters[letters.index(part[-1]) ^ 1]


@group
def _form() -> Iterator[tuple[str, str]]:
    a, b, c = PARTS
    whole = token()
    yield "one part", a
    yield "two parts", f"{a}.{b}"
    yield "four parts", f"{whole}.{c}"
    yield "five parts, as a JWE has", f"{whole}.{b}.{c}"
    yield "six parts", f"{whole}.{a}.{b}.{c}"
    yield "a dot before", f".{whole}"
    yield "a dot behind", f"{whole}."
    yield "two dots between", f"{a}..{b}.{c}"
    yield "dots alone", ".."
    yield "colons between", f"{a}:{b}:{c}"
    yield "dots of full width", f"{a}．{b}．{c}"
    yield "dots percent-encoded", f"{a}%2E{b}%2E{c}"
    yield "padded", f"{whole}=="
    yield "header padded", f"{a}=.{b}.{c}"
    yield "payload padded", f"{a}.{b}==.{c}"
    yield "a blank inside", f"{a}.{b[:9]} {b[9:]}.{c}"
    yield "a tab inside", f"{a}.\t{b}.{c}"
    yield "a line end inside", f"{a}.{b}\n.{c}"
    yield "a line end behind", f"{whole}\n"
    yield "a NUL behind", f"{whole}\x00"
    yield "a NUL inside", f"{a}.{b}\x00.{c}"
    yield "a no-break space behind", f"{whole}\xa0"
    yield "quoted", f'"{whole}"'
    yield "in brackets", f"<{whole}>"
    yield "two, with a comma", f"{whole}, {whole}"
    yield "two, as two headers", f"{whole}, Bearer {whole}"
    yield "two, with a blank", f"{whole} {whole}"
    yield "a good one behind a forged one", f"{a}.{b}.AAAA, Bearer {whole}"
    yield "in small letters", whole.lower()
    yield "not ASCII", f"{a}.{b}.签名"
    yield "the other base64 alphabet", f"{a}.{b}.{'+/' + c[2:]}"
    yield "loose bits in the signature", f"{a}.{b}.{_loose(c)}"
    yield "header of an impossible length", f"{a}A.{b}.{c}"
    yield "flattened JSON", json.dumps({"protected": a, "payload": b, "signature": c})
    flat = {"payload": b, "signatures": [{"protected": a, "signature": c}]}
    yield "general JSON", json.dumps(flat)
    yield "the claims as JSON", json.dumps(CLAIMS)
    yield "base64 of a token", b64(whole.encode())
    yield "a character too long", "A" * (LARGEST - 1) + ".A"
    yield "a megabyte of letters", "A" * 1_000_000
    yield "a megabyte of dots", "." * 1_000_000
    yield "a megabyte of claims", token(but(unit_name="局" * 300_000))
    yield "a megabyte of header", token(head=header(kid="k" * 1_000_000))
    yield "a megabyte of signature", f"{a}.{b}.{'A' * 1_000_000}"
    yield "a PASETO", "v4.public." + b
    yield "a SAML assertion", b64(b"<saml:Assertion/>")


def _loosely_signed() -> Iterator[tuple[str, str]]:
    """Give tokens whose first parts have loose bits, signed as they stand."""
    for place in (0, 1):
        parts = [b64(header()), b64(CLAIMS)]
        for spaces in range(3):
            raw = json.dumps((header(), CLAIMS)[place]) + " " * spaces
            parts[place] = b64(raw.encode())
            if len(parts[place]) % 4:
                break
        parts[place] = _loose(parts[place])
        first = ".".join(parts)
        name = ("header", "payload")[place]
        yield f"loose bits in the {name}, signed", f"{first}.{b64(signature(first))}"


GROUPS.append(_loosely_signed)


def _claiming(raw: bytes) -> str:
    return token(raw)


@group
def _payload_form() -> Iterator[tuple[str, str]]:
    plain = json.dumps(CLAIMS).encode()
    forms = {
        "a list": json.dumps([CLAIMS]).encode(),
        "a text": b'"claims"',
        "a number": b"1",
        "null": b"null",
        "an empty object": b"{}",
        "an empty list": b"[]",
        "blanks": b"  ",
        "no JSON": b"iss=city&kind=police",
        "cut off": plain[:-1],
        "with another behind it": plain + plain,
        "with letters behind it": plain + b"x",
        "not UTF-8": plain.replace(b'"1"', b'"\xff"'),
        "UTF-16": plain.decode().encode("utf-16"),
        "UTF-32": plain.decode().encode("utf-32"),
        "with a byte order mark": b"\xef\xbb\xbf" + plain,
        "a token": token().encode(),
        "XML": b"<claims/>",
        "nested deep": b"[" * 5_000,
        "nested deep inside": plain[:-1] + b',"x":' + b"[" * 2_500,
        "with a number of 4,000 digits": plain.replace(
            str(NOW + 600).encode(), b"9" * 4_000
        ),
        "with a number of 5,000 digits": plain.replace(
            str(NOW + 600).encode(), b"9" * 5_000
        ),
        "with NaN": plain.replace(str(NOW + 600).encode(), b"NaN"),
        "with Infinity": plain.replace(str(NOW + 600).encode(), b"Infinity"),
        "with -Infinity": plain.replace(str(NOW).encode() + b",", b"-Infinity,"),
        "with an exponent": plain.replace(str(NOW + 600).encode(), b"1.8000006e9"),
        "with 1e400": plain.replace(str(NOW + 600).encode(), b"1e400"),
        "with a leading zero": plain.replace(
            str(NOW + 600).encode(), b"0" + str(NOW + 600).encode()
        ),
        "with a plus": plain.replace(
            str(NOW + 600).encode(), b"+" + str(NOW + 600).encode()
        ),
    }
    for name, raw in forms.items():
        yield name, _claiming(raw)
    for name in ("exp", "kind", "tenant", "role", "aud", "unit"):
        again = json.dumps({name: CLAIMS[name]})[1:-1]
        both = plain[:-1] + b"," + again.encode() + b"}"
        yield f"with {name} twice", _claiming(both)
    yield (
        "with kind twice, once escaped",
        _claiming(plain[:-1] + b',"k\\u0069nd":"auditor"}'),
    )
    yield (
        "with a member twice inside",
        _claiming(plain[:-1] + b',"cnf":{"x5t#S256":"a","x5t#S256":"b"}}'),
    )


WRONG: Json = {
    "missing": ...,
    "null": None,
    "a number": 7,
    "a negative number": -1,
    "a fraction": 0.5,
    "true": True,
    "an empty text": "",
    "a list": ["x"],
    "an object": {"x": "y"},
    "201 characters": "x" * 201,
}
RIGHT = {("nbf", "missing"), ("nbf", "null"), ("division", "an empty text")}
"""What is no fault."""


@group
def _claim() -> Iterator[tuple[str, str]]:
    for claim in (*CLAIMS, "nbf"):
        for name, value in WRONG.items():
            early = claim in {"iat", "nbf"} and name == "a number"
            if (claim, name) in RIGHT or early:
                continue
            if claim == "exp" and name == "a number":
                continue  # is an expired one
            yield f"{claim} {name}", token(but(**{claim: value}))
    for claim in ("iat", "exp", "nbf"):
        yield f"{claim} as a text", token(but(**{claim: str(NOW)}))
        yield f"{claim} as a date", token(but(**{claim: "2027-01-15T08:00:00Z"}))
        yield f"{claim} of 2^63", token(but(**{claim: 2**63}))
        yield f"{claim} of 2^64", token(but(**{claim: 2**64}))
        yield f"{claim} in milliseconds", token(but(**{claim: NOW * 1_000}))
        yield f"{claim} with a fraction", token(but(**{claim: NOW + 0.5}))
    for claim in ("client", "party_code", "party_number"):
        for name, value in {
            "null": None,
            "a number": 1,
            "a list": [PARTY_CODE],
        }.items():
            changed = but(kind="party", **{"party_code": PARTY_CODE, claim: value})
            yield f"{claim} {name}", token(changed)
    for name, value in {"null": None, "a text": "true", "one": 1}.items():
        yield f"identity {name}", token(but(identity=value))


@group
def _meaning() -> Iterator[tuple[str, str]]:
    changes: dict[str, Json] = {
        "issuer another": {"iss": "village"},
        "issuer of another key": {"iss": "sso"},
        "issuer in capitals": {"iss": "CITY"},
        "issuer with a blank": {"iss": "city "},
        "issuer with a slash": {"iss": "city/"},
        "audience another": {"aud": "elsewhere"},
        "audience in capitals": {"aud": "ZHITONG"},
        "audience longer": {"aud": "zhitong2"},
        "audience of another issuer": {"aud": "zhitong-audit"},
        "audience in a list": {"aud": ["zhitong"]},
        "tenant another": {"tenant": "beihe"},
        "tenant in capitals": {"tenant": "ANZE"},
        "tenant with more": {"tenant": "anze,beihe"},
        "tenant anyone": {"tenant": "*"},
        "kind of the platform itself": {"kind": "platform"},
        "kind unknown": {"kind": "god"},
        "kind in capitals": {"kind": "Police"},
        "kind anyone": {"kind": "*"},
        "kind two": {"kind": "police,auditor"},
        "role unknown": {"role": "root"},
        "role anyone": {"role": "*"},
        "role of operators": {"role": "operator"},
        "role of auditors": {"role": "auditor"},
        "role of management": {"role": "manager"},
        "role of systems": {"role": "service"},
        "an operator without the role": {"kind": "operator"},
        "an operator who audits": {"kind": "operator", "role": "auditor"},
        "an auditor who operates": {"kind": "auditor", "role": "operator"},
        "an auditor who manages": {"kind": "auditor", "role": "manager"},
        "a manager who asks": {"kind": "data-authority"},
        "an own officer as a system": {"kind": "own-officer", "role": "service"},
        "a party unnamed": {"kind": "party"},
        "an attorney of nobody": dict(ATTORNEY),
        "a party with a wrong code": {
            "kind": "party",
            "party_code": PARTY_CODE[:-1] + "7",
        },
        "a party with the placeholder": {"kind": "party", "party_code": "0" * 17 + "X"},
        "a party with a short code": {"kind": "party", "party_code": PARTY_CODE[:-1]},
        "a party with a wrong number": {
            "kind": "party",
            "party_number": PARTY_NUMBER[:-1] + "1",
        },
        "a party born on no day": {
            "kind": "party",
            "party_number": resident_id("61990019800231001"),
        },
        "a party with a small x": {
            "kind": "party",
            "party_number": PARTY_NUMBER.lower(),
        },
        "a party with one right and one wrong": {
            "kind": "party",
            "party_code": PARTY_CODE,
            "party_number": "1",
        },
        "police with a party": {"party_code": PARTY_CODE},
        "police with a party's number": {"party_number": PARTY_NUMBER},
        "division no digits": {"division": "6199;"},
        "division too long": {"division": "6" * 13},
        "division of full-width digits": {"division": "６１９９００"},
        "a name with a line end": {"sub": "王\nINFO forged"},
        "a name with a NUL": {"sub": "王\x00"},
        "a name turned round": {"unit_name": "\u202e局安公"},
        "a name with a zero-width space": {"unit_name": "安泽\u200b市"},
        "a name with a lone surrogate": {"sub": "\ud800"},
        "a client with an escape": {"client": "\x1b[2J"},
        "a number with a line end": {"jti": "1\n2"},
        "a claim we do not know": {"admin": True},
        "scope": {"scope": "*"},
        "an actor": {"act": {"sub": "other"}},
        "an event": {"events": {}},
        "a nonce": {"nonce": "x"},
        "a claim in capitals": {"Kind": "auditor"},
        "ends as it begins": {"exp": NOW},
        "ends before it begins": {"iat": NOW + 20, "exp": NOW + 10},
        "issued in the future": {"iat": NOW + LEEWAY + 1, "exp": NOW + 900},
        "not valid yet": {"nbf": NOW + LEEWAY + 1},
        "valid from long after": {"nbf": NOW + 10**8, "exp": NOW + 10**9},
    }
    for name, changed in changes.items():
        yield name, token(but(**changed))


@group
def _holder() -> Iterator[tuple[str, str | Forgery]]:
    bound = token(but(cnf={"x5t#S256": CERTIFICATE}))
    other = "d" * 43
    needs = token(but(iss="police"), issuer="police")
    yield "no certificate", Forgery(f"Bearer {bound}", "TOKEN_UNBOUND")
    yield "another certificate", Forgery(f"Bearer {bound}", "TOKEN_UNBOUND", other)
    yield (
        "a certificate in other letters",
        Forgery(f"Bearer {bound}", "TOKEN_UNBOUND", CERTIFICATE.upper()),
    )
    yield "none where one is needed", Forgery(f"Bearer {needs}", "TOKEN_UNBOUND")
    wrongly = token(but(iss="police", cnf={"x5t#S256": other}), issuer="police")
    yield (
        "another where one is needed",
        Forgery(f"Bearer {wrongly}", "TOKEN_UNBOUND", CERTIFICATE),
    )
    for name, cnf in {
        "nothing in it": {},
        "a key instead": {"jwk": STRANGER.as_dict(private=False)},
        "a thumbprint of a key": {"jkt": "A" * 43},
        "a key beside it": {"x5t#S256": CERTIFICATE, "jwk": {}},
        "too short": {"x5t#S256": CERTIFICATE[:-1]},
        "too long": {"x5t#S256": CERTIFICATE + "c"},
        "empty": {"x5t#S256": ""},
        "null": {"x5t#S256": None},
        "padded": {"x5t#S256": CERTIFICATE[:-1] + "="},
        "a list": [CERTIFICATE],
        "a text": CERTIFICATE,
    }.items():
        forged = token(but(cnf=cnf))
        yield (
            f"a bond with {name}",
            Forgery(f"Bearer {forged}", certificate=CERTIFICATE),
        )


@group
def _time() -> Iterator[tuple[str, Forgery]]:
    for name, changed in {
        "just over": {"iat": NOW - 600, "exp": NOW - LEEWAY},
        "over for years": {"iat": 1, "exp": 2},
        "over, and for long": {"iat": 0, "exp": NOW - LEEWAY},
        "over, though begun later": {"iat": NOW - 90, "nbf": NOW, "exp": NOW - 60},
        "in the days of two digits": {"exp": 7, "iat": 0},
    }.items():
        yield name, Forgery(f"Bearer {token(but(**changed))}", "TOKEN_EXPIRED")


@group
def _issuer() -> Iterator[tuple[str, str]]:
    def province(**changes: object) -> str:
        return token(but(**{**SUPERVISOR, **changes}), issuer="province")

    yield "speaks for a kind it may not", province(kind="police")
    yield "makes an auditor", province(kind="auditor", role="auditor")
    yield "makes an operator", province(kind="operator", role="operator")
    yield "speaks for another unit", province(unit="11619900001481213H")
    yield "speaks for another place", province(division="629900")
    yield "speaks for a wider place", province(division="61")
    yield "speaks for no place", province(division="")
    yield "speaks for its other tenant", province(tenant="beihe")
    yield "speaks for a tenant it may not", province(tenant="chuanqu")
    yield "speaks for too long", province(exp=NOW + 3_601)
    yield (
        "uses another's audience",
        token(but(**{**AUDITOR, "aud": "zhitong"}), issuer="audit"),
    )
    yield (
        "makes police of an audit office",
        token(but(iss="audit", aud="zhitong-audit"), issuer="audit"),
    )
    for one, other in (
        ("province", "bureau"),
        ("bureau", "province"),
        ("sso", "audit"),
        ("city", "audit"),
        ("audit", "city"),
        ("police", "province"),
    ):
        claims = but(iss=one)
        yield (
            f"{one} under {other}'s kid",
            token(claims, header(one, kid=f"{other}-1"), issuer=one),
        )
        yield (
            f"{one} under {other}'s algorithm",
            token(
                claims,
                header(one, alg=ALGORITHM[other]),
                issuer=one,
            ),
        )
    head = f"{b64(header('province'))}.{b64(but(**SUPERVISOR))}"
    pss = jws.JWSRegistry.algorithms["PS256"].sign(head.encode(), KEYS["province"])
    yield "signs with PSS where RS256 is its way", f"{head}.{b64(pss)}"
    long = jws.JWSRegistry.algorithms["RS512"].sign(head.encode(), KEYS["province"])
    yield "signs over another digest", f"{head}.{b64(long)}"
    yield "signs with a zero", f"{head}.{b64(bytes(256))}"
    yield "signs with a one", f"{head}.{b64((1).to_bytes(256, 'big'))}"
    yield "signs shorter than its key", f"{head}.{b64(bytes(255))}"
    edwards = f"{b64(header('police'))}.{b64(but(iss='police'))}"
    neutral = (1).to_bytes(32, "little") + bytes(32)
    yield "signs with the neutral point", f"{edwards}.{b64(neutral)}"
    yield "was rotated out", token(head=header(kid="city-0"), key=ROTATED_OUT)
    yield "was rotated out and says the new kid", token(key=ROTATED_OUT)


@group
def _outside() -> Iterator[tuple[str, str]]:
    changes: dict[str, Json] = {
        "audience without us": {"aud": ["mail", "files"]},
        "audience empty": {"aud": []},
        "audience of numbers": {"aud": [1]},
        "audience of many": {"aud": ["zhitong", *map(str, range(10))]},
        "issuer another": {"iss": "city"},
        "in no group of ours": {"groups": ["/staff"]},
        "in two groups of ours": {"groups": ["/officers", "/systems"]},
        "in no group at all": {"groups": ...},
        "in a group that is an object": {"groups": {"/officers": True}},
        "in a group by number": {"groups": [1]},
        "made the platform": {"groups": ["/x"]},
        "without a unit": {"org": {}},
        "with a unit that is a list": {"org": {"code": ["x"], "name": "x"}},
        "with a flat unit": {"org": "11619921MB21040067"},
        "without a name": {"preferred_username": ...},
        "with a name that is a number": {"preferred_username": 7},
        "with an empty name": {"preferred_username": ""},
        "with no times": {"iat": ..., "exp": ...},
        "with our claims instead": {
            **dict.fromkeys(OUTSIDE, ...),
            **CLAIMS,
            "iss": "sso",
        },
        "with a bond to a key": {"cnf": {"jkt": "A" * 43}},
        "with a name turned round": {"preferred_username": "\u202eli"},
    }
    for name, changed in changes.items():
        yield name, token(_changed(OUTSIDE, changed), issuer="sso")
    yield "x5t in the header", token(OUTSIDE, header("sso", x5t="AA"), issuer="sso")


@group
def _authorization() -> Iterator[tuple[str, Forgery]]:
    whole = token()
    for name, sent in {
        "absent": None,
        "empty": "",
        "a scheme alone": "Bearer",
        "a scheme and blanks": "Bearer   ",
        "no scheme": whole,
        "Basic": "Basic dTpw",
        "Basic with a token": f"Basic {whole}",
        "Digest": f"Digest {whole}",
        "Token": f"Token {whole}",
        "JWT": f"JWT {whole}",
        "DPoP": f"DPoP {whole}",
        "Negotiate": f"Negotiate {whole}",
        "a colon behind": f"Bearer: {whole}",
        "an equals sign": f"Bearer={whole}",
        "a tab between": f"Bearer\t{whole}",
        "a no-break space between": f"Bearer\xa0{whole}",
        "a blank before": f" Bearer {whole}",
        "quoted": f'"Bearer {whole}"',
        "of full width": f"Ｂearer {whole}",
        "another scheme first": f"Basic dTpw, Bearer {whole}",
        "plural": f"Bearers {whole}",
    }.items():
        yield name, Forgery(sent, "TOKEN_MISSING")
