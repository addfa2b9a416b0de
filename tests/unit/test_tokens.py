"""No token is believed but one a pinned issuer gave, for us, for now."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from stdnum.cn import uscc

from zhitong.exceptions import (
    SettingsError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
)
from zhitong.infra.city_bodies import subjects
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.issuers import Issuer, KeyRing
from zhitong.infra.tokens import Verifier

NOW = 1_800_000_000
POLICE = replace(DEMO_PRINCIPALS["police"], issuer="city")
KEY = ECKey.generate_key("P-256")
OTHER_KEY = ECKey.generate_key("P-256")
PUBLIC = ECKey.import_key(KEY.as_dict(private=False))
KID = KEY.thumbprint()
HEADER = {"alg": "ES256", "kid": KID, "typ": "JWT"}
CLAIMS: dict[str, object] = {
    "iss": "city",
    "aud": "zhitong",
    "iat": NOW,
    "exp": NOW + 600,
    "jti": "1",
    "sub": POLICE.person,
    "tenant": "anze",
    "kind": POLICE.kind,
    "unit": POLICE.unit,
    "unit_name": POLICE.unit_name,
    "role": POLICE.role,
    "division": POLICE.division,
    "identity": POLICE.identity,
}


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object = CLAIMS, header: object = HEADER, key: ECKey = KEY) -> str:
    """Sign anything, also what joserfc would refuse to."""
    first = f"{b64(header)}.{b64(claims)}"
    algorithm = jws.JWSRegistry.algorithms["ES256"]
    return f"{first}.{b64(algorithm.sign(first.encode(), key))}"


def hs256(secret: bytes) -> str:
    first = f"{b64({'alg': 'HS256', 'kid': KID})}.{b64(CLAIMS)}"
    return f"{first}.{b64(hmac.digest(secret, first.encode(), 'sha256'))}"


def but(**changes: object) -> dict[str, object]:
    changed = {**CLAIMS, **changes}
    return {name: value for name, value in changed.items() if value is not ...}


def verifier(clock: Clock | None = None, remembered: int = 4_096) -> Verifier:
    city = Issuer(name="city", ring=KeyRing.pinned({KID: PUBLIC}))
    return Verifier(
        {"city": city}, "zhitong", clock=clock or Clock(), remembered=remembered
    )


def test_a_good_token_tells_its_principal() -> None:
    assert verifier().verify(f"Bearer {signed()}") == POLICE


def test_the_scheme_is_read_in_any_case() -> None:
    assert verifier().verify(f"bearer  {signed()} ") == POLICE


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dTpw", signed()]
)
def test_without_a_bearer_token_it_is_missing(authorization: str | None) -> None:
    with pytest.raises(TokenMissingError):
        verifier().verify(authorization)


PARTS = signed().split(".")
FORGERIES = {
    "alg none": f"{b64({'alg': 'none', 'kid': KID})}.{b64(CLAIMS)}.",
    "alg none with a signature": signed(header={**HEADER, "alg": "none"}),
    "alg None": signed(header={**HEADER, "alg": "None"}),
    "alg nOnE": signed(header={**HEADER, "alg": "nOnE"}),
    "alg es256": signed(header={**HEADER, "alg": "es256"}),
    "alg ES384": signed(header={**HEADER, "alg": "ES384"}),
    "alg missing": signed(header={"kid": KID}),
    "alg a list": signed(header={**HEADER, "alg": ["ES256"]}),
    "HS256 with the public key": hs256(KEY.as_pem(private=False)),
    "embedded jwk": signed(
        header={**HEADER, "jwk": OTHER_KEY.as_dict(private=False)}, key=OTHER_KEY
    ),
    "jku": signed(header={**HEADER, "jku": "https://evil.example/keys"}, key=OTHER_KEY),
    "x5u": signed(header={**HEADER, "x5u": "https://evil.example/cert"}),
    "crit": signed(header={**HEADER, "crit": ["b64"], "b64": False}),
    "crit unknown": signed(header={**HEADER, "crit": ["exp"]}),
    "kid missing": signed(header={"alg": "ES256"}),
    "kid of nobody": signed(header={**HEADER, "kid": "other"}),
    "kid traversal": signed(header={**HEADER, "kid": "../../dev/null"}),
    "kid SQL": signed(header={**HEADER, "kid": "' OR 1=1 --"}),
    "kid a number": signed(header={**HEADER, "kid": 1}),
    "typ of another use": signed(header={**HEADER, "typ": "at+jwt"}),
    "header a list": signed(header=["alg", "kid", "b64"]),
    "header a text": signed(header="alg b64 kid"),
    "header no JSON": f"{b64(b'{alg')}.{PARTS[1]}.{PARTS[2]}",
    "header no base64": f"A.{PARTS[1]}.{PARTS[2]}",
    "another's key": signed(key=OTHER_KEY),
    "changed payload": f"{PARTS[0]}.{b64(but(role='operator'))}.{PARTS[2]}",
    "cut off": signed()[:-4],
    "no signature": f"{PARTS[0]}.{PARTS[1]}.",
    "zero signature": f"{PARTS[0]}.{PARTS[1]}.{b64(bytes(64))}",
    "two parts": f"{PARTS[0]}.{PARTS[1]}",
    "four parts": f"{signed()}.{PARTS[2]}",
    "one part": "x",
    "padding": f"{signed()}==",
    "not ASCII": f"{PARTS[0]}.{PARTS[1]}.签名",
    "two tokens": f"{signed()}, {signed()}",
    "a megabyte": signed(but(unit_name="局" * 300_000)),
    "a megabyte of dots": "." * 1_000_000,
    "payload a list": signed([CLAIMS]),
    "payload a text": signed("claims"),
    "payload no JSON": signed(b"{"),
    "payload nested deep": signed(b"[" * 5_000),
    "wrong issuer": signed(but(iss="village")),
    "wrong audience": signed(but(aud="elsewhere")),
    "audience a list": signed(but(aud=["zhitong"])),
    "exp missing": signed(but(exp=...)),
    "exp a text": signed(but(exp=str(NOW + 600))),
    "exp a fraction": signed(but(exp=NOW + 600.5)),
    "exp true": signed(but(exp=True)),
    "exp null": signed(but(exp=None)),
    "exp before iat": signed(but(iat=NOW + 20, exp=NOW + 10)),
    "iat missing": signed(but(iat=...)),
    "iat to come": signed(but(iat=NOW + 31)),
    "nbf to come": signed(but(nbf=NOW + 31)),
    "nbf a text": signed(but(nbf="now")),
    "jti missing": signed(but(jti=...)),
    "sub missing": signed(but(sub=...)),
    "sub empty": signed(but(sub="")),
    "unit a number": signed(but(unit=1)),
    "role missing": signed(but(role=...)),
    "division no digits": signed(but(division="6199;")),
    "a claim we do not know": signed(but(admin=True)),
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_invalid_and_not_told_why(token: str) -> None:
    with pytest.raises(TokenInvalidError) as caught:
        verifier().verify(f"Bearer {token}")
    assert caught.value.label.en == (
        "The token is not one that a trusted issuer gave for this gateway; "
        "get a new one."
    )


def test_clocks_may_differ_by_thirty_seconds() -> None:
    early = signed(but(iat=NOW + 30, nbf=NOW + 30))
    assert verifier().verify(f"Bearer {early}") == POLICE
    late = signed(but(iat=NOW - 600, exp=NOW - 29))
    assert verifier().verify(f"Bearer {late}") == POLICE


def test_a_token_whose_time_is_over_has_expired() -> None:
    with pytest.raises(TokenExpiredError):
        verifier().verify(f"Bearer {signed(but(iat=NOW - 600, exp=NOW - 30))}")


def test_a_remembered_token_expires_all_the_same() -> None:
    clock = Clock()
    judge = verifier(clock)
    header = f"Bearer {signed()}"
    assert judge.verify(header) == POLICE
    clock.now = NOW + 629.9
    assert judge.verify(header) == POLICE
    clock.now = NOW + 630
    for _ in range(2):  # remembered, then looked at anew
        with pytest.raises(TokenExpiredError):
            judge.verify(header)


def test_a_token_is_checked_once_and_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[str] = []
    judge = verifier(remembered=2)
    fair_check = judge._check

    def counting(token: str) -> object:
        checked.append(token)
        return fair_check(token)

    monkeypatch.setattr(judge, "_check", counting)
    first, second, third = (signed(but(jti=str(n))) for n in range(3))
    for token in (first, second, first, third, first, second):
        judge.verify(f"Bearer {token}")
    # The third pushes out the second, which was used longest ago.
    assert checked == [first, second, third, second]


def test_two_issuers_with_one_key_id_are_refused() -> None:
    city = Issuer(name="city", ring=KeyRing.pinned({KID: PUBLIC}))
    village = Issuer(name="village", ring=KeyRing.pinned({KID: PUBLIC}))
    with pytest.raises(SettingsError, match=KID):
        Verifier({"city": city, "village": village}, "zhitong")


def test_an_issuer_speaks_only_under_its_own_name() -> None:
    city = Issuer(name="city", ring=KeyRing.pinned({KID: PUBLIC}))
    other_kid = OTHER_KEY.thumbprint()
    village = Issuer(
        name="village",
        ring=KeyRing.pinned(
            {other_kid: ECKey.import_key(OTHER_KEY.as_dict(private=False))}
        ),
    )
    judge = Verifier({"c": city, "v": village}, "zhitong", clock=Clock())
    token = signed(CLAIMS, {**HEADER, "kid": other_kid}, OTHER_KEY)
    with pytest.raises(TokenInvalidError):
        judge.verify(f"Bearer {token}")


@pytest.mark.parametrize("name", DEMO_PRINCIPALS)
def test_the_demo_issuer_speaks_for_every_demo_principal(
    name: str, tmp_path: Path
) -> None:
    issuer = DemoIssuer(tmp_path)
    judge = Verifier({"demo": issuer.issuer}, "zhitong")
    token = issuer.issue(DEMO_PRINCIPALS[name])
    assert judge.verify(f"Bearer {token}") == DEMO_PRINCIPALS[name]


@pytest.mark.parametrize("principal", DEMO_PRINCIPALS.values(), ids=DEMO_PRINCIPALS)
def test_the_demo_units_have_valid_credit_codes(principal: object) -> None:
    unit = getattr(principal, "unit", "")
    assert uscc.validate(unit) == unit


def test_the_county_officers_unit_is_the_one_of_the_demo_city() -> None:
    officer = DEMO_PRINCIPALS["own-officer"]
    (bureau,) = [each for each in subjects(1, 200) if each.code == officer.unit]
    assert bureau.name == f"安泽市{officer.unit_name}"
    assert bureau.division == officer.division


def test_the_demo_key_is_ours_alone_and_outlives_the_process(tmp_path: Path) -> None:
    token = DemoIssuer(tmp_path / "state").issue(
        DEMO_PRINCIPALS["police"], timedelta(minutes=5)
    )
    assert (tmp_path / "state/demo-issuer.json").stat().st_mode & 0o777 == 0o600
    again = Verifier({"demo": DemoIssuer(tmp_path / "state").issuer}, "zhitong")
    assert again.verify(f"Bearer {token}") == DEMO_PRINCIPALS["police"]
    assert [path.name for path in (tmp_path / "state").iterdir()] == [
        "demo-issuer.json"
    ]


def test_a_demo_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    DemoIssuer(tmp_path)
    (tmp_path / "demo-issuer.json").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        DemoIssuer(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not json"])
def test_a_damaged_demo_key_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "demo-issuer.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"demo-issuer\.json"):
        DemoIssuer(tmp_path)
