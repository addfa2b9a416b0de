"""Node ids: an id names its row's place, and nothing else is an id."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.exceptions import NodeIdError
from zhitong.resolvers.nodes import NodeId, node_id

ENCODABLE = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=80
)


def encoded(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@given(key=ENCODABLE)
def test_an_id_comes_back_as_it_went(key: str) -> None:
    place = NodeId("CaseRecord", "market", key)
    assert node_id(str(place)) == place


def test_a_key_may_hold_colons() -> None:
    assert node_id(encoded("A:b:c:d")) == NodeId("A", "b", "c:d")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("!", id="not base64"),
        pytest.param("市场", id="not ASCII"),
        pytest.param(encoded("CaseRecord"), id="one part"),
        pytest.param(encoded("CaseRecord:market"), id="two parts"),
        pytest.param(encoded(b"A:b:\xff"), id="not UTF-8"),
        pytest.param(encoded("A:b:c\0d"), id="U+0000"),
        pytest.param("A" * 10_000, id="very long"),
        pytest.param(encoded("A:b:c") + "\n", id="a line break"),
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(NodeIdError):
        node_id(text)
