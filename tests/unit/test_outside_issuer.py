"""An outside issuer over HTTP: its keys come, go and fail as real ones do."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from zhitong.exceptions import (
    IssuerUnavailableError,
    TokenExpiredError,
    TokenInvalidError,
)
from zhitong.infra.issuers import KEPT_SECONDS, PAUSE_SECONDS, STALE_SECONDS, Issuer
from zhitong.infra.issuers_file import read_issuers
from zhitong.infra.key_sources import LARGEST
from zhitong.infra.tokens import Caller, Verifier
from zhitong.schema.engine import problem
from zhitong.types import Principal

PAGES = Path(__file__).parents[2] / "docs" / "errors"
NOW = 1_800_000_000
OLD, NEW = "2026-a", "2026-b"
OFFICER = Principal(
    kind="own-officer",
    unit="11619921MB21040067",
    unit_name="东岭县应急管理局",
    person="li.xiuying",
    division="619921",
    tenant="anze",
    client="case-system",
    identity=True,
)
FILE = """\
[[issuers]]
name = "{name}"
algorithm = "ES256"
kids = ["2026-a", "2026-b"]
{keys}
kinds = ["own-officer", "department"]
tenants = ["anze"]
divisions = ["619921"]

[issuers.claims]
tenant = {{is = "anze"}}
kind = {{claim = ["realm", "roles"], values = {{officer = "own-officer"}}}}
person = {{claim = "preferred_username"}}
unit = {{claim = "https://anze.example/unit"}}
unit_name = {{claim = "org"}}
division = {{claim = "region"}}
client = {{claim = "azp"}}
identity = {{claim = "amr", values = {{idcard = "true"}}}}
"""


def told(caller: Caller) -> Principal:
    """Give whom a token told of; its issuer listens elsewhere in each test."""
    return replace(caller.principal, issuer="")


class Clock:
    """Both clocks, which tests move."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@dataclass
class Outside:
    """An OIDC issuer that listens on this machine, and can be led astray."""

    keys: dict[str, ECKey]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    answer: Callable[[str], Response] | None = None
    """Instead of the right one."""

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/realms/city/.well-known/openid-configuration", self._about),
                Route("/realms/city/certs", self._certs),
            ]
        )

    @property
    def name(self) -> str:
        return f"{self.url}/realms/city"

    def token(self, kid: str = OLD, **changes: object) -> str:
        claims: dict[str, object] = {
            "iss": self.name,
            "aud": ["account", "zhitong"],
            "iat": NOW,
            "exp": NOW + 7_200,
            "sub": "0b5f6c1e",
            "preferred_username": OFFICER.person,
            "https://anze.example/unit": OFFICER.unit,
            "org": OFFICER.unit_name,
            "region": OFFICER.division,
            "azp": "case-system",
            "amr": ["pwd", "idcard"],
            "realm": {"roles": ["offline_access", "officer"]},
            "email_verified": False,
            **changes,
        }
        head = {"alg": "ES256", "kid": kid, "typ": "JWT"}
        payload = json.dumps(claims).encode()
        return "Bearer " + jws.serialize_compact(
            head, payload, self.keys[kid], ["ES256"]
        )

    async def _about(self, _request: Request) -> Response:
        return self._said(
            "about", {"issuer": self.name, "jwks_uri": f"{self.name}/certs"}
        )

    async def _certs(self, _request: Request) -> Response:
        keys = [
            {**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()
        ]
        return self._said("certs", {"keys": keys})

    def _said(self, what: str, right: object) -> Response:
        self.asked.append(what)
        return self.answer(what) if self.answer else JSONResponse(right)


@asynccontextmanager
async def listening(
    outside: Outside, certificate: Path | None = None
) -> AsyncIterator[None]:
    """Listen for *outside*: under TLS where there is a *certificate*, with its key."""
    config = uvicorn.Config(
        outside.app, log_level="critical", lifespan="off", ssl_certfile=certificate
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "https" if certificate else "http"
        outside.url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        # Who connects before it serves waits in the listener's queue.
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    made = Outside({OLD: ECKey.generate_key("P-256")})
    async with listening(made):
        yield made


@dataclass
class Gate:
    """A verifier of one outside issuer, and the clock of both."""

    clock: Clock
    issuer: Issuer
    verifier: Verifier


@pytest.fixture
def gate(outside: Outside, tmp_path: Path) -> Gate:
    return gateway(tmp_path, outside.name, "discovery = true")


def gateway(folder: Path, name: str, keys: str) -> Gate:
    path = folder / "issuers.toml"
    path.write_text(FILE.format(name=name, keys=keys), encoding="utf-8")
    found, _ = read_issuers(path)
    clock = Clock()
    (issuer,) = found.values()
    issuer.ring._clock = clock
    return Gate(clock, issuer, Verifier(found, "zhitong", clock=clock))


async def test_its_token_is_read_in_our_words(outside: Outside, gate: Gate) -> None:
    await gate.verifier.refresh()
    assert outside.asked == ["about", "certs"]
    caller = await gate.verifier.admit(outside.token())
    assert caller.principal == replace(OFFICER, issuer=outside.name)
    assert outside.asked == ["about", "certs"]  # the keys were at hand


async def test_without_a_first_look_the_first_token_has_the_keys_read(
    outside: Outside, gate: Gate
) -> None:
    assert told(await gate.verifier.admit(outside.token())) == OFFICER
    assert outside.asked == ["about", "certs"]


async def test_keys_may_be_named_by_address_as_well(
    outside: Outside, tmp_path: Path
) -> None:
    keys = f'jwks_uri = "{outside.name}/certs"'
    gate = gateway(tmp_path, outside.name, keys)
    assert told(await gate.verifier.admit(outside.token())) == OFFICER
    assert outside.asked == ["certs"]


async def test_a_rotation_is_seen_at_once_and_the_old_key_counts_until_it_is_removed(
    outside: Outside, gate: Gate
) -> None:
    await gate.verifier.refresh()
    before = outside.token()
    await gate.verifier.admit(before)
    outside.keys[NEW] = ECKey.generate_key("P-256")
    gate.clock.now += PAUSE_SECONDS
    for sent in (outside.token(NEW), before, outside.token()):
        assert told(await gate.verifier.admit(sent)) == OFFICER
    fresh = outside.token()
    del outside.keys[OLD]
    gate.clock.now += KEPT_SECONDS
    await gate.verifier.refresh()
    for gone in (before, fresh):  # remembered, or never seen
        with pytest.raises(TokenInvalidError):
            await gate.verifier.admit(gone)
        with pytest.raises(TokenInvalidError):
            gate.verifier.verify(gone)
    assert told(await gate.verifier.admit(outside.token(NEW))) == OFFICER


async def test_a_key_that_is_replaced_under_its_name_ends_what_it_verified(
    outside: Outside, gate: Gate
) -> None:
    sent = outside.token()
    await gate.verifier.admit(sent)
    outside.keys[OLD] = ECKey.generate_key("P-256")
    await gate.verifier.refresh()
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(sent)


async def test_what_was_verified_is_not_verified_again_for_a_fresh_look(
    outside: Outside, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = outside.token()
    await gate.verifier.admit(sent)
    await gate.verifier.refresh()
    monkeypatch.setattr(gate.verifier, "_check", None)
    assert told(await gate.verifier.admit(sent)) == OFFICER


async def test_a_kid_that_is_not_there_has_the_keys_read_once_in_a_while(
    outside: Outside, gate: Gate
) -> None:
    await gate.verifier.refresh()
    outside.asked.clear()
    stranger = Outside({NEW: ECKey.generate_key("P-256")}, outside.url)
    gate.clock.now += PAUSE_SECONDS
    forged = [stranger.token(NEW, jti=str(n)) for n in range(20)]
    outcomes = await asyncio.gather(
        *(gate.verifier.admit(each) for each in forged), return_exceptions=True
    )
    assert {type(each) for each in outcomes} == {TokenInvalidError}
    assert outside.asked == ["about", "certs"]
    gate.clock.now += PAUSE_SECONDS
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(forged[0])
    assert outside.asked == ["about", "certs"] * 2


async def test_a_kid_that_is_not_allowed_has_nothing_read(
    outside: Outside, gate: Gate
) -> None:
    await gate.verifier.refresh()
    outside.asked.clear()
    outside.keys["2027-x"] = ECKey.generate_key("P-256")
    gate.clock.now += PAUSE_SECONDS
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(outside.token("2027-x"))
    assert outside.asked == []
    await gate.verifier.refresh()  # published, and not taken all the same
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(outside.token("2027-x"))


async def test_an_outage_is_not_ours_for_an_hour_and_then_nobody_is_believed(
    outside: Outside, gate: Gate
) -> None:
    await gate.verifier.refresh()
    outside.answer = lambda _: Response(status_code=503)
    for _ in range(5):
        gate.clock.now += KEPT_SECONDS
        await gate.verifier.refresh()
        assert told(await gate.verifier.admit(outside.token())) == OFFICER
    gate.clock.now = NOW + STALE_SECONDS
    for sent in (outside.token(), outside.token(jti="unseen")):
        with pytest.raises(IssuerUnavailableError):
            await gate.verifier.admit(sent)
        with pytest.raises(IssuerUnavailableError):
            gate.verifier.verify(sent)
    outside.answer = None
    gate.clock.now += PAUSE_SECONDS
    assert told(await gate.verifier.admit(outside.token())) == OFFICER


async def test_an_issuer_that_is_away_at_the_start_is_waited_for(
    tmp_path: Path,
) -> None:
    made = Outside({OLD: ECKey.generate_key("P-256")})
    async with listening(made):
        gate = gateway(tmp_path, made.name, "discovery = true")
    await gate.verifier.refresh()  # nobody listens: said in the log, not raised
    with pytest.raises(IssuerUnavailableError):
        await gate.verifier.admit(made.token())


async def test_the_page_on_it_shows_what_the_caller_is_told(
    outside: Outside, gate: Gate
) -> None:
    outside.answer = lambda _: Response(status_code=503)
    with pytest.raises(IssuerUnavailableError) as caught:
        await gate.verifier.admit(outside.token())
    page = (PAGES / "issuer-unavailable.md").read_text("utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    assert json.loads(shown) == {"errors": [problem(caught.value)]}
    assert f"HTTP {caught.value.status}\n" in page
    assert outside.name not in shown  # who its issuers are is not the caller's matter


def certificate(path: Path, address: str) -> Path:
    """Write a certificate for *address*, signed by itself, and its key to *path*."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sso of the city")])
    today = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.mark.parametrize(
    ("address", "trusted", "believed"),
    [
        pytest.param("127.0.0.1", True, True, id="its own"),
        pytest.param("127.0.0.1", False, False, id="of an unknown authority"),
        pytest.param("127.0.0.2", True, False, id="of another address"),
    ],
)
async def test_over_tls_its_certificate_is_looked_at(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    trusted: bool,
    believed: bool,
) -> None:
    made = Outside({OLD: ECKey.generate_key("P-256")})
    path = certificate(tmp_path / "sso.pem", address)
    # What OpenSSL itself reads, as an operator would set it.
    monkeypatch.setenv("SSL_CERT_FILE", str(path) if trusted else "/dev/null")
    async with listening(made, path):
        gate = gateway(tmp_path, made.name, "discovery = true")
        if believed:
            assert told(await gate.verifier.admit(made.token())) == OFFICER
            return
        with pytest.raises(IssuerUnavailableError):
            await gate.verifier.admit(made.token())
        assert made.asked == []


def redirect(_what: str) -> Response:
    return RedirectResponse("https://evil.example/keys")


def said(body: object) -> Callable[[str], Response]:
    return lambda _: JSONResponse(body)


def raw(body: bytes) -> Callable[[str], Response]:
    return lambda _: Response(body)


ASTRAY: dict[str, Callable[[str], Response]] = {
    "a redirect": redirect,
    "a page": raw(b"<html>"),
    "nothing": raw(b""),
    "a list": said([]),
    "too much": raw(b" " * (LARGEST + 1)),
    "nested deep": raw(b"[" * 100_000),
    "not UTF-8": raw(b"\xff"),
    "another issuer": said({"issuer": "https://evil.example", "jwks_uri": "x"}),
    "an error": lambda _: Response(status_code=500),
    "keys and no issuer": said({"keys": []}),
}


@pytest.mark.parametrize("answer", ASTRAY.values(), ids=ASTRAY)
async def test_an_issuer_that_says_something_else_changes_nothing(
    answer: Callable[[str], Response], outside: Outside, gate: Gate
) -> None:
    await gate.verifier.refresh()
    outside.answer = answer
    with pytest.raises(IssuerUnavailableError):
        await gate.issuer.ring.refresh()
    await gate.verifier.refresh()
    assert told(await gate.verifier.admit(outside.token())) == OFFICER


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/certs",
        "file:///etc/passwd",
        "ftp://127.0.0.1/certs",
        "//127.0.0.1/certs",
        "https://user:word@127.0.0.1/certs",
        "http://127.0.0.1.evil.example/certs",
        "http://[::1",
        "",
        None,
    ],
)
async def test_a_configuration_that_sends_us_elsewhere_is_not_followed(
    address: str | None, outside: Outside, gate: Gate
) -> None:
    about = {"issuer": outside.name, "jwks_uri": address}
    outside.answer = lambda what: JSONResponse(about if what == "about" else {})
    with pytest.raises(IssuerUnavailableError):
        await gate.issuer.ring.refresh()
    assert outside.asked == ["about"]


async def test_an_empty_key_set_ends_all_its_tokens(
    outside: Outside, gate: Gate
) -> None:
    await gate.verifier.admit(outside.token())
    sent = outside.token()
    outside.keys.clear()
    await gate.verifier.refresh()
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(sent)


async def test_a_file_of_keys_is_read_again_as_well(tmp_path: Path) -> None:
    made = Outside({OLD: ECKey.generate_key("P-256")}, "https://city.example")

    def write() -> None:
        keys = [
            {**key.as_dict(private=False), "kid": kid} for kid, key in made.keys.items()
        ]
        (tmp_path / "city.json").write_text(json.dumps({"keys": keys}))

    write()
    gate = gateway(tmp_path, made.name, 'jwks = "city.json"')
    await gate.verifier.refresh()
    sent = made.token()
    assert told(await gate.verifier.admit(sent)) == OFFICER
    made.keys = {NEW: ECKey.generate_key("P-256")}
    write()
    await gate.verifier.refresh()
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(sent)
    assert told(await gate.verifier.admit(made.token(NEW))) == OFFICER


async def test_a_token_of_another_tenants_gateway_does_not_count(
    outside: Outside, gate: Gate
) -> None:
    sent = outside.token()
    assert told(await gate.verifier.admit(sent)) == OFFICER
    issuers = {gate.issuer.name: gate.issuer}
    other = Verifier(issuers, "zhitong", tenant="beihe", clock=gate.clock)
    with pytest.raises(TokenInvalidError):
        await other.admit(sent)


@pytest.mark.parametrize(
    "changes",
    [
        {"realm": {"roles": ["offline_access"]}},
        {"region": "619922"},
        {"region": None},
        {"aud": "account"},
        {"iss": "https://evil.example"},
        {"exp": NOW + 100_000},
        {"amr": 7, "org": 7},
    ],
)
async def test_it_cannot_say_what_it_was_not_given_to_say(
    changes: dict[str, object], outside: Outside, gate: Gate
) -> None:
    with pytest.raises(TokenInvalidError):
        await gate.verifier.admit(outside.token(OLD, **changes))


async def test_its_token_expires(outside: Outside, gate: Gate) -> None:
    sent = outside.token(exp=NOW + 60)
    await gate.verifier.admit(sent)
    gate.clock.now += 90
    with pytest.raises(TokenExpiredError):
        await gate.verifier.admit(sent)


async def test_a_token_without_a_number_is_numbered_by_itself(
    outside: Outside, gate: Gate
) -> None:
    await gate.verifier.admit(outside.token())
    await gate.verifier.admit(outside.token(azp="other"))
    numbers = {each.claims.jti for each in gate.verifier._verified.values()}
    assert len(numbers) == 2
    assert all(len(base64.b16decode(each, casefold=True)) == 32 for each in numbers)
