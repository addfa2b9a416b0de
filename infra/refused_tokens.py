"""Tokens that are refused: one text for the caller, the reason for our own log.

Which check failed helps a forger, so he is not told; whoever runs the gateway is, once
a minute for each issuer. No part of a token is written down: an issuer has the name
that our own file gives it, and reasons are a closed list.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

from zhitong.exceptions import (
    IssuerUnavailableError,
    TokenError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
    TokenUnboundError,
)

LOGGER = logging.getLogger("zhitong.tokens")
SECONDS = 60.0
"""Between two lines about one issuer's tokens."""
NO_ISSUER = "-"
"""Stands for the issuer of tokens that are none of ours."""

Refused = TypeVar("Refused", bound=TokenError)


class Reason(StrEnum):
    """Which check a token did not pass."""

    FORM = "form"
    """Too long, no JWS, or a header that says more than it may."""
    KEY = "key"
    """A key id that no issuer of ours has."""
    SIGNATURE = "signature"
    CLAIMS = "claims"
    """Not the names and types that are due, or such that do not fit each other."""
    ISSUER = "issuer"
    AUDIENCE = "audience"
    TENANT = "tenant"
    SPEAKER = "speaker"
    """A principal that this issuer may not speak for."""
    TIME = "time"
    """Not valid yet, or over before it began."""
    EXPIRED = "expired"
    CERTIFICATE = "certificate"
    REPLAYED = "replayed"


class RefusedTokens:
    """Tells the log of refused tokens, and how many it did not tell of."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold: dict[str, Counter[str]] = {}

    @contextmanager
    def told(self, issuer: str = "") -> Iterator[None]:
        """Tell of a refusal within; *issuer* is of a token that was believed."""
        try:
            yield
        except TokenMissingError:
            raise  # there is no token to tell of
        except TokenError as error:
            reason = error.reason or Reason.REPLAYED
            self._tell(error.issuer or issuer or NO_ISSUER, f"{error.code} {reason}")
            raise

    def _tell(self, issuer: str, what: str) -> None:
        now = self._clock()
        last = self._told.get(issuer)
        if last is not None and 0 <= now - last < SECONDS:
            self._untold.setdefault(issuer, Counter())[what] += 1
            return
        self._told[issuer] = now
        before = self._untold.pop(issuer, Counter())
        more = ", ".join(f"{one} × {count}" for one, count in sorted(before.items()))
        LOGGER.warning(
            "令牌被拒绝 a token is refused: %s, 签发方 issuer %s%s",
            what,
            issuer,
            f"; 此前未记 not told before: {more}" if more else "",
        )


def because(error: Refused, reason: Reason, issuer: str = "") -> Refused:
    """Note on *error*, for the log alone, which check failed and of whose token."""
    error.reason, error.issuer = reason, issuer
    return error


def invalid(reason: Reason, issuer: str = "") -> TokenInvalidError:
    """Say that a token is none; one text for every fault."""
    error = TokenInvalidError(
        "令牌无效：不是受信任的签发方为本平台签发的令牌，请重新获取。",
        "The token is not one that a trusted issuer gave for this gateway; "
        "get a new one.",
    )
    return because(error, reason, issuer)


def expired(issuer: str) -> TokenExpiredError:
    """Say that a token's time is over."""
    error = TokenExpiredError(
        "令牌已过期，请重新获取。", "The token has expired; get a new one."
    )
    return because(error, Reason.EXPIRED, issuer)


def unbound(issuer: str) -> TokenUnboundError:
    """Say that a token came without its certificate."""
    error = TokenUnboundError(
        "令牌须与其客户端证书一同使用：请求未携带证书，或证书不符。",
        "The token goes with a client certificate; the request has none, or another.",
    )
    return because(error, Reason.CERTIFICATE, issuer)


def unavailable() -> IssuerUnavailableError:
    """Say that nobody can tell now whether a token is one."""
    return IssuerUnavailableError(
        "暂时取不到令牌签发方的密钥，无法核实令牌，请稍后重试。",
        "The keys of the token's issuer cannot be had at the moment, so that it "
        "cannot be verified; try again later.",
    )
