"""The issuers' file says whose tokens count, and what is wrong in it is named."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from zhitong.exceptions import SettingsError
from zhitong.infra.claims import Claims, Origin
from zhitong.infra.demo_issuer import NAME
from zhitong.infra.issuers_file import _Claims, _Issuer, read_issuers
from zhitong.infra.serving import _trusted
from zhitong.infra.settings import Settings
from zhitong.requesters import ROLES

PAGE = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text("utf-8")
KEY = ECKey.generate_key("P-256")
INLINE = """\
[[issuers]]
name = "city"
algorithm = "ES256"
kids = ["city-1", "city-2"]
jwks = "city.json"
kinds = ["department", "own-officer"]
tenants = ["anze"]
"""
OUTSIDE = """\
[[issuers]]
name = "https://sso.anze.example/realms/city"
algorithm = "RS256"
type = "at+jwt"
kids = ["2026-a"]
discovery = true
audience = "zhitong"
kinds = ["own-officer"]
tenants = ["anze"]
units = ["11619921MB21040067"]
divisions = ["619900", "619921"]
longest_hours = 0.5
require_certificate = true
single_use_mutations = true

[issuers.claims]
tenant = {is = "anze"}
kind = {claim = "groups", values = {"/officers" = "own-officer"}}
person = {claim = "preferred_username"}
unit = {claim = ["org", "code"]}
unit_name = {claim = ["org", "name"]}
"""


def written(folder: Path, text: str, keys: object = None) -> Path:
    said = {"keys": [{**KEY.as_dict(private=False), "kid": "city-1"}]}
    (folder / "city.json").write_text(json.dumps(said if keys is None else keys))
    path = folder / "issuers.toml"
    path.write_text(text, encoding="utf-8")
    return path


async def test_an_issuer_with_its_file_of_keys(tmp_path: Path) -> None:
    found, demo = read_issuers(written(tmp_path, INLINE))
    (issuer,) = found.values()
    assert not demo
    assert (issuer.name, issuer.algorithm, issuer.type) == ("city", "ES256", "JWT")
    assert issuer.kinds == {"department", "own-officer"}
    assert issuer.longest == 86_400
    assert issuer.origins is None
    await issuer.ring.refresh()
    key = issuer.ring.key("city-1")
    assert key is not None
    assert key.thumbprint() == KEY.thumbprint()
    assert issuer.ring.key("city-2") is None


def test_an_outside_issuer_with_its_claims_in_our_words(tmp_path: Path) -> None:
    found, demo = read_issuers(written(tmp_path, f"demo = true\n{OUTSIDE}"))
    issuer = found["https://sso.anze.example/realms/city"]
    assert demo
    assert issuer.divisions == ("6199", "619921")
    assert issuer.longest == 1_800
    assert issuer.require_certificate
    assert issuer.single_use_mutations
    assert issuer.type == "at+jwt"
    assert issuer.origins == {
        "tenant": Origin(constant="anze"),
        "kind": Origin(path=("groups",), values={"/officers": "own-officer"}),
        "sub": Origin(path=("preferred_username",)),
        "unit": Origin(path=("org", "code")),
        "unit_name": Origin(path=("org", "name")),
    }


def test_the_file_in_the_documents_is_right_and_its_keys_are_explained(
    tmp_path: Path,
) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "anze-case-systems.json").write_text('{"keys": []}')
    found, demo = read_issuers(written(tmp_path, text))
    inside, outside = found.values()
    assert not demo
    assert inside.origins is None
    assert outside.origins is not None
    assert set(outside.origins) - {"sub"} < set(_Claims.__struct_fields__)
    words = {*_Issuer.__struct_fields__, *_Claims.__struct_fields__, "demo"}
    assert {word for word in words if not re.search(f"`{word}[` ]", PAGE)} - {
        "person"
    } == set()


def test_the_kinds_and_roles_in_the_documents_are_those_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`[^|]+`) \|$", PAGE, flags=re.MULTILINE)
    (_, *rows) = rows  # the first is the table's head
    stated = {role: set(kinds.strip("`").split("` `")) for role, kinds in rows}
    assert stated == ROLES


def test_every_claim_in_the_documents_is_one_and_none_is_left_out() -> None:
    table = PAGE.partition("类别和角色")[0]
    stated = re.findall(r"^\| ((?:`\w+` ?)+)\|", table, flags=re.MULTILINE)
    assert sorted(" ".join(stated).replace("`", "").split()) == sorted(
        Claims.__struct_fields__
    )


WRONG = {
    "nothing": ("", "issuers"),
    "no TOML": ("[[", "issuers.toml"),
    "none": ("issuers = []", "issuers"),
    "a misspelt key": (INLINE + 'kind = ["police"]', "kind"),
    "HS256": (INLINE.replace("ES256", "HS256"), "algorithm"),
    "none as algorithm": (INLINE.replace("ES256", "none"), "algorithm"),
    "two algorithms": (INLINE.replace('"ES256"', '["ES256"]'), "algorithm"),
    "no kids": (INLINE.replace('["city-1", "city-2"]', "[]"), "kids"),
    "no kinds": (INLINE.replace('["department", "own-officer"]', "[]"), "kinds"),
    "a kind there is not": (INLINE.replace('"department"', '"god"'), "god"),
    "the platform's kind": (INLINE.replace('"department"', '"platform"'), "platform"),
    "no tenants": (INLINE.replace('tenants = ["anze"]', ""), "tenants"),
    "two sources of keys": (INLINE + "discovery = true", "exactly one"),
    "no source of keys": (INLINE.replace('jwks = "city.json"', ""), "exactly one"),
    "no file of keys": (INLINE.replace("city.json", "gone.json"), "gone.json"),
    "keys of another kind": (INLINE.replace("ES256", "ES384"), "city.json"),
    "one twice": (INLINE + INLINE, "city"),
    "plain http": (
        OUTSIDE.replace("discovery = true", 'jwks_uri = "http://sso.example/k"'),
        "http://sso.example/k",
    ),
    "discovery over http": (OUTSIDE.replace("https:", "http:"), "http://sso"),
    "an address of a file": (
        OUTSIDE.replace("discovery = true", 'jwks_uri = "file:///etc/passwd"'),
        "file:",
    ),
    "an address with a password": (
        OUTSIDE.replace("discovery = true", 'jwks_uri = "https://a:b@sso.example/k"'),
        "https://a:b@sso.example/k",
    ),
    "no unit": (OUTSIDE.replace('unit = {claim = ["org", "code"]}', ""), "unit"),
    "a claim and a constant": (
        OUTSIDE.replace('{is = "anze"}', '{is = "anze", claim = "t"}'),
        "exactly one",
    ),
    "values of a constant": (
        OUTSIDE.replace('{is = "anze"}', '{is = "anze", values = {a = "b"}}'),
        "values",
    ),
    "a group for the platform": (
        OUTSIDE.replace('= "own-officer"}', '= "platform"}'),
        "platform",
    ),
    "a role there is not": (OUTSIDE + 'role = {is = "root"}', "root"),
    "a unit with a wrong code": (OUTSIDE.replace("MB21040067", "MB21040068"), "068"),
    "every place": (OUTSIDE.replace('"619900", "619921"', '"000000"'), "zeros"),
    "a life of nothing": (OUTSIDE.replace("0.5", "0"), "longest_hours"),
}


@pytest.mark.parametrize(("text", "named"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=named):
        read_issuers(written(tmp_path, text))


def test_without_a_file_the_demos_issuer_counts_alone(tmp_path: Path) -> None:
    trusted = _trusted(Settings(state=tmp_path))
    assert [each.name for each in trusted.values()] == [NAME]


def test_with_a_file_the_demos_issuer_counts_only_if_that_says_so(
    tmp_path: Path,
) -> None:
    path, state = written(tmp_path, INLINE), tmp_path / "state"
    settings = Settings(state=state, issuers=str(path))
    assert [each.name for each in _trusted(settings).values()] == ["city"]
    assert not state.exists()  # nor is a key made for it
    written(tmp_path, f"demo = true\n{INLINE}")
    assert [each.name for each in _trusted(settings).values()] == ["city", NAME]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"issuers\.toml"):
        read_issuers(tmp_path / "issuers.toml")


def key(**changes: object) -> dict[str, object]:
    return {**KEY.as_dict(private=False), "kid": "city-1", **changes}


KEY_SETS = {
    "no JSON": "x",
    "no keys": {},
    "keys that are an object": {"keys": {"city-1": key()}},
    "a kid twice": {"keys": [key(), key()]},
    "a private key": {"keys": [{**KEY.as_dict(private=True), "kid": "city-1"}]},
    "a key to encrypt with": {"keys": [key(use="enc")]},
    "a key for another algorithm": {"keys": [key(alg="ES384")]},
    "a shared secret": {"keys": [{"kty": "oct", "k": "AAAA", "kid": "city-1"}]},
    "an RSA key": {
        "keys": [{**RSAKey.generate_key(2_048).as_dict(private=False), "kid": "city-1"}]
    },
    "a point off the curve": {"keys": [key(x=key()["y"])]},
    "half a point": {"keys": [key(y=None)]},
}


@pytest.mark.parametrize("keys", KEY_SETS.values(), ids=KEY_SETS)
def test_a_file_of_keys_that_will_not_do_stops_the_start(
    keys: object, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"city\.json"):
        read_issuers(written(tmp_path, INLINE, keys))


@pytest.mark.parametrize("bits", [1_024, 16_384])
def test_an_rsa_key_is_neither_short_nor_endless(bits: int, tmp_path: Path) -> None:
    number = (1 << bits) - 1  # odd; nothing signs with it
    modulus = number.to_bytes(bits // 8, "big")
    n = base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()
    keys = {"keys": [{"kty": "RSA", "kid": "city-1", "n": n, "e": "AQAB"}]}
    text = INLINE.replace("ES256", "RS256")
    with pytest.raises(SettingsError, match=r"city\.json"):
        read_issuers(written(tmp_path, text, keys))


def test_keys_that_nobody_asked_for_are_not_even_looked_at(tmp_path: Path) -> None:
    strange = {"kty": "oct", "k": "AAAA", "kid": "another"}
    found, _ = read_issuers(
        written(tmp_path, INLINE, {"keys": [strange, {"kty": "EC"}, 7, key()]})
    )
    assert "city" in found
