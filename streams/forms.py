"""All forms 格式 there are, by the name that receivers' files give them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from zhitong.exceptions import ReceiverError
from zhitong.streams import (
    credit,
    credit_old,
    licence_share,
    plain,
    provincial,
    supervision,
)
from zhitong.streams.form import Form

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        one.key: one
        for one in (
            credit.FORM,
            credit_old.FORM,
            provincial.FORM,
            licence_share.FORM,
            supervision.FORM,
            plain.FORM,
        )
    }
)
"""The registry: what is not in it no receiver can ask for."""


def form(key: str) -> Form:
    """Give the form *key*; raise `ReceiverError`, naming those there are."""
    if key not in FORMS:
        raise ReceiverError(
            f"没有格式 {key}，有：{'、'.join(FORMS)}",
            f"there is no format {key}, but {', '.join(FORMS)}",
        )
    return FORMS[key]
