"""Every kind of forged token in the corpus is refused, and told nothing of why."""

from __future__ import annotations

import base64
import time
from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from forgeries import (
    CERTIFICATE,
    KEYS,
    NOW,
    PARTY_NUMBER,
    POLICE,
    Clock,
    Forgery,
    but,
    forgeries,
    good,
    token,
    verifier,
)
from joserfc import jws

from zhitong.exceptions import (
    TokenError,
    TokenExpiredError,
    TokenInvalidError,
    TokenReplayedError,
)
from zhitong.infra import claims, tokens
from zhitong.infra.issuers import Issuer, Key
from zhitong.infra.tokens import Verifier

TEXTS = {
    "TOKEN_INVALID": "The token is not one that a trusted issuer gave for this "
    "gateway; get a new one.",
    "TOKEN_EXPIRED": "The token has expired; get a new one.",
    "TOKEN_MISSING": "There is no token; send one as Authorization: Bearer … "
    "(in the demo: zhitong token police).",
    "TOKEN_UNBOUND": "The token goes with a client certificate; the request has "
    "none, or another.",
}


@pytest.mark.parametrize("name", good())
async def test_what_the_corpus_is_made_from_is_good(name: str) -> None:
    sent, certificate = good()[name]
    caller = await verifier().admit(f"Bearer {sent}", certificate)
    assert caller.principal.tenant == "anze"


@pytest.mark.parametrize(
    "forgery", forgeries().values(), ids=[ascii(name) for name in forgeries()]
)
async def test_a_forged_token_is_refused_and_not_told_why(forgery: Forgery) -> None:
    judge = verifier()
    for _ in range(2):  # what was refused is not remembered as good
        with pytest.raises(TokenError) as caught:
            await judge.admit(forgery.authorization, forgery.certificate)
        assert caught.value.status == 401
        assert (caught.value.code, caught.value.label.en) == (
            forgery.code,
            TEXTS[forgery.code],
        )
    with pytest.raises(TokenError):
        judge.verify(forgery.authorization, forgery.certificate)
    assert len(judge._verified) <= (forgery.code == "TOKEN_UNBOUND")


def unsigned(sent: str, *_: object) -> bytes:
    return tokens._decoded(sent.split(".")[1])


def any_algorithm(sent: str, _: object, issuer: Issuer, key: Key) -> bytes:
    first, _, last = sent.rpartition(".")
    algorithm = jws.JWSRegistry.algorithms[issuer.algorithm]
    if not algorithm.verify(first.encode(), tokens._decoded(last), key):
        raise ValueError
    return unsigned(sent)


def loose(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class AnyHeader(msgspec.Struct, frozen=True):
    alg: str
    kid: str
    typ: str = "JWT"


TAKEN_OUT: dict[str, tuple[object, str, object]] = {
    "the signature": (tokens, "_signed", unsigned),
    "the issuer's algorithm and type": (tokens, "_signed", any_algorithm),
    "canonical base64": (tokens, "_decoded", loose),
    "nothing else in the header": (tokens, "Header", AnyHeader),
    "no member twice": (claims, "_members", dict),
    "claims that fit each other": (tokens, "coherent", lambda _: True),
    "a party named": (claims, "_names_its_party", lambda _: True),
    "texts that can be seen": (claims, "_visible", lambda _: True),
    "whom an issuer speaks for": (Issuer, "may_say", lambda *_: True),
    "the times": (Verifier, "_check_times", lambda *_: None),
    "the certificate": (tokens, "_check_holder", lambda *_: None),
}
"""Each check that refuses, as it would be if it were missing."""


@pytest.mark.parametrize(
    ("where", "name", "instead"), TAKEN_OUT.values(), ids=TAKEN_OUT
)
def test_without_any_one_check_the_corpus_would_show_it(
    where: object, name: str, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, instead)
    judge, believed = verifier(), 0
    for forgery in forgeries().values():
        try:
            judge.verify(forgery.authorization, forgery.certificate)
        except TokenError as error:
            believed += error.code != forgery.code
        else:
            believed += 1
    assert believed > 0


def test_the_corpus_has_two_hundred_kinds_and_no_two_alike() -> None:
    kinds = {(each.authorization, each.certificate) for each in forgeries().values()}
    assert len(forgeries()) == len(kinds)
    assert len(kinds) >= 200
    groups = Counter(name.partition(":")[0] for name in forgeries())
    print(f"\n{len(kinds)} kinds:", dict(groups))  # noqa: T201 - read with -s


def test_what_a_forged_token_costs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the work, and print what it took: no machine's pace fails a test."""
    checked: list[str] = []
    fair = tokens._signed

    def counted(sent: str, *given: object) -> bytes:
        checked.append(sent)
        return fair(sent, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "_signed", counted)
    took: list[tuple[float, str]] = []
    for name, forgery in forgeries().items():
        checked.clear()
        started = time.process_time()
        with pytest.raises(TokenError):
            verifier().verify(forgery.authorization, forgery.certificate)
        took.append((time.process_time() - started, name))
        assert len(checked) <= 1, name
    took.sort(reverse=True)
    for seconds, name in took[:5]:
        print(f"{seconds * 1_000:7.2f} ms CPU  {name}")  # noqa: T201 - read with -s


@pytest.mark.parametrize("size", [tokens.LARGEST + 1, 50_000_000])
def test_a_token_too_long_is_refused_before_it_is_decoded_or_digested(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(tokens, "_decoded", touched)
    monkeypatch.setattr(tokens, "_digest", touched)
    with pytest.raises(TokenInvalidError):
        verifier().verify(f"Bearer {'A' * (size - 4)}.A.A")


def test_the_payload_is_not_read_before_the_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(*_: object) -> object:
        raise AssertionError

    monkeypatch.setattr(tokens, "own_claims", read)
    first = token().rpartition(".")[0]
    with pytest.raises(TokenInvalidError):
        verifier().verify(f"Bearer {first}.{'A' * 86}")
    with pytest.raises(AssertionError):
        verifier().verify(f"Bearer {token()}")


async def test_a_token_for_one_change_is_refused_the_second_time() -> None:
    judge = verifier()
    sent = f"Bearer {token(but(iss='police'), issuer='police')}"
    first = await judge.admit(sent, CERTIFICATE)
    await first.once()
    again = await judge.admit(sent, CERTIFICATE)
    assert again.principal == replace(POLICE, issuer="police")  # it may still read
    with pytest.raises(TokenReplayedError):
        await again.once()


async def test_another_token_of_the_same_number_is_refused_as_well() -> None:
    judge = verifier()
    for sub, fine in (("王建国", True), ("李四", False)):
        sent = token(but(iss="police", sub=sub), issuer="police")
        caller = await judge.admit(f"Bearer {sent}", CERTIFICATE)
        if fine:
            await caller.once()
        else:
            with pytest.raises(TokenReplayedError):
                await caller.once()


async def test_a_session_may_change_much_but_in_one_hand() -> None:
    judge = verifier()
    mine = await judge.admit(f"Bearer {token()}", CERTIFICATE)
    for _ in range(3):
        await mine.once()
    thief = await judge.admit(f"Bearer {token()}", "d" * 43)
    with pytest.raises(TokenReplayedError):
        await thief.once()


async def test_a_remembered_token_is_held_to_its_certificate_every_time() -> None:
    judge = verifier()
    sent = f"Bearer {token(but(cnf={'x5t#S256': CERTIFICATE}))}"
    assert judge.verify(sent, CERTIFICATE) == POLICE
    for other in ("", "d" * 43):
        with pytest.raises(TokenError) as caught:
            judge.verify(sent, other)
        assert caught.value.code == "TOKEN_UNBOUND"
    assert judge.verify(sent, CERTIFICATE) == POLICE


def test_a_remembered_token_expires_with_and_without_its_certificate() -> None:
    clock = Clock()
    judge = verifier(clock)
    sent = f"Bearer {token(but(cnf={'x5t#S256': CERTIFICATE}))}"
    judge.verify(sent, CERTIFICATE)
    clock.now = NOW + 630
    for certificate in (CERTIFICATE, ""):
        with pytest.raises(TokenExpiredError):
            judge.verify(sent, certificate)


def test_nothing_that_is_printed_has_the_partys_number() -> None:
    judge = verifier()
    party = but(kind="party", party_number=PARTY_NUMBER)
    principal = judge.verify(f"Bearer {token(party)}")
    assert principal.party_number == PARTY_NUMBER
    (verified,) = judge._verified.values()
    for shown in (principal, verified, verified.claims, judge._verified):
        assert PARTY_NUMBER not in repr(shown)
        assert PARTY_NUMBER not in str(shown)


def test_every_algorithm_is_tried_with_a_key_of_its_own() -> None:
    # Else "another algorithm" would be refused for its key alone.
    assert {type(key).__name__ for key in KEYS.values()} == {
        "ECKey",
        "RSAKey",
        "OKPKey",
    }
    assert {"none", "HS256"} <= set(jws.JWSRegistry.algorithms)
