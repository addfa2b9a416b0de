"""Refused tokens: the log is told which check failed, and nothing of the token."""

from __future__ import annotations

import secrets

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from zhitong.exceptions import TokenError, TokenMissingError, TokenReplayedError
from zhitong.infra.issuers import Issuer, KeyRing
from zhitong.infra.refused_tokens import LOGGER, SECONDS
from zhitong.infra.tokens import Verifier
from zhitong.types import TokenUse

KEY, OTHER = (ECKey.generate_key("P-256") for _ in range(2))
KID = "city-1"
NOW = 1_790_000_000
CANARY = "金丝雀"
CLAIMS: dict[str, object] = {
    "iss": "city",
    "aud": "zhitong",
    "exp": NOW + 60,
    "iat": NOW,
    "jti": "8f2c",
    "sub": CANARY,
    "tenant": "anze",
    "kind": "police",
    "unit": "11619900001481213H",
    "unit_name": CANARY,
    "role": "user",
    "division": "",
    "identity": True,
}


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Used:
    async def use(self, token: TokenUse) -> None:
        raise TokenReplayedError("用过了", f"used before {token.number}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> Verifier:
    public = ECKey.import_key(KEY.as_dict(private=False))
    ring = KeyRing.pinned({KID: public})
    issuers = {
        "city": Issuer(name="city", ring=ring),
        "court": Issuer(
            name="court",
            ring=KeyRing.pinned({"court-1": public}),
            kinds=frozenset({"court"}),
        ),
    }
    return Verifier(issuers, "zhitong", used=Used(), clock=clock)


def token(kid: str = KID, key: ECKey = KEY, **changes: object) -> str:
    header = {"alg": "ES256", "kid": kid, "typ": "JWT"}
    return jwt.encode(header, CLAIMS | changes, key)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == LOGGER.name]


REFUSED = [
    pytest.param("a.b.c", "TOKEN_INVALID form", "-", id="form"),
    pytest.param(f"a.b.{'c' * 9_000}", "TOKEN_INVALID form", "-", id="length"),
    pytest.param(token(kid=CANARY), "TOKEN_INVALID key", "-", id="key"),
    pytest.param(token(key=OTHER), "TOKEN_INVALID signature", "city", id="signature"),
    pytest.param(token(admin=CANARY), "TOKEN_INVALID claims", "city", id="claims"),
    pytest.param(token(iss=CANARY), "TOKEN_INVALID issuer", "city", id="issuer"),
    pytest.param(token(aud=CANARY), "TOKEN_INVALID audience", "city", id="audience"),
    pytest.param(token(tenant=CANARY), "TOKEN_INVALID tenant", "city", id="tenant"),
    pytest.param(
        token("court-1", iss="court"), "TOKEN_INVALID speaker", "court", id="speaker"
    ),
    pytest.param(token(nbf=NOW + 99), "TOKEN_INVALID time", "city", id="not yet"),
    pytest.param(
        token(exp=NOW - 99, iat=NOW - 999), "TOKEN_EXPIRED expired", "city", id="over"
    ),
    pytest.param(
        token(cnf={"x5t#S256": "A" * 43}),
        "TOKEN_UNBOUND certificate",
        "city",
        id="certificate",
    ),
]


@pytest.mark.parametrize(("refused", "what", "issuer"), REFUSED)
async def test_the_log_has_the_code_the_reason_and_our_name_of_the_issuer_alone(
    refused: str,
    what: str,
    issuer: str,
    verifier: Verifier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        with pytest.raises(TokenError):
            await verifier.admit(f"Bearer {refused}")
    (line,) = lines(caplog)
    assert line.endswith(f"{what}, 签发方 issuer {issuer}")
    assert CANARY not in caplog.text
    assert refused not in caplog.text


async def test_a_token_that_is_used_again_is_told_as_well(
    verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await verifier.admit(f"Bearer {token()}")
    with pytest.raises(TokenReplayedError):
        await caller.once()
    (line,) = lines(caplog)
    assert line.endswith("TOKEN_REPLAYED replayed, 签发方 issuer city")
    assert "8f2c" not in caplog.text


def test_a_minute_has_one_line_of_an_issuer_and_the_next_tells_how_many_there_were(
    verifier: Verifier, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*tokens: str) -> None:
        for each in tokens:
            with pytest.raises(TokenError):
                verifier.verify(f"Bearer {each}")

    forged = token(key=OTHER)
    refuse(forged, forged, forged, token(aud="other"), "a.b.c")
    clock.now += SECONDS - 1
    refuse(forged)
    assert len(lines(caplog)) == 2, "one of the city's tokens, one of nobody's"
    clock.now += 1
    refuse(forged)
    assert lines(caplog)[-1].endswith(
        "TOKEN_INVALID signature, 签发方 issuer city; 此前未记 not told before: "
        "TOKEN_INVALID audience × 1, TOKEN_INVALID signature × 3"
    )


def test_a_clock_that_is_set_back_silences_nobody(
    verifier: Verifier, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with pytest.raises(TokenError):
            verifier.verify(f"Bearer {token(key=OTHER)}")
        clock.now -= 3_600
    assert len(lines(caplog)) == 2


def test_there_are_no_more_lines_than_issuers_whatever_is_sent(
    verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(300):
        with pytest.raises(TokenError):
            verifier.verify(f"Bearer {token(kid=secrets.token_hex(8))}")
    assert len(lines(caplog)) == 1


async def test_no_token_and_a_good_one_are_nothing_to_tell(
    verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TokenMissingError):
        verifier.verify(None)
    await verifier.admit(f"Bearer {token()}")
    assert lines(caplog) == []
