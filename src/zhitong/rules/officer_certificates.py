"""Certificates of officers 执法证: a number that says nothing, and who has issued it.

No rule for the numbers was found, so none is taken apart: two are the same where they
are written alike and come from the same issuer.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_BETWEEN = re.compile(r"[、,;/|\s]+")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class OfficerCertificate:
    """One certificate."""

    number: str
    issuer: str = ""
    """The credit code, or the name, of who has issued it; empty: not said."""


def certificate(number: str, issuer: str = "") -> OfficerCertificate:
    """Write a certificate as two are compared: widths and blanks gone, no more."""
    return OfficerCertificate(_written(number), _written(issuer))


def certificates(text: str, issuer: str = "") -> tuple[OfficerCertificate, ...]:
    """Give each certificate of a cell that names several, once, in its order."""
    plain = unicodedata.normalize("NFKC", text)
    found = (certificate(one, issuer) for one in _BETWEEN.split(plain) if one)
    return tuple(dict.fromkeys(found))


def _written(text: str) -> str:
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text))
