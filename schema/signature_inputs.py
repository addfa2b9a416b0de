"""A bureau's signature as a case system sends it, beside the decision."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from zhitong.decisions import Signing
from zhitong.schema.decision_inputs import made_input
from zhitong.types import Label

SIGNED = Label(
    "决定机关对决定的签署；没有也照样登记",
    "The bureau's signature on its decision; without one it is registered as well",
)
_FIELDS = {
    "statement": (
        "str",
        Label("签署声明：紧凑 JWS", "The statement that is signed, a compact JWS"),
    ),
    "nonce": (
        "str",
        Label(
            "机关为这份签署随机选定的 64 位十六进制数",
            "64 hexadecimal digits that the bureau has drawn for it",
        ),
    ),
}
SignatureInput: Any = made_input("SignatureInput", SIGNED, _FIELDS, _FIELDS, __name__)
ARGUMENT: Any = Annotated[
    SignatureInput | None,
    strawberry.argument(name="signature", description=str(SIGNED)),
]


def signing(given: Any) -> Signing | None:  # noqa: ANN401 - a made input
    """Translate a `SignatureInput`, or none."""
    if given is None or given is strawberry.UNSET:
        return None
    return Signing(statement=given.statement, nonce=given.nonce)
