"""Each kind of change of a schema, and whether who reads by the old one bears it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from zhitong.exceptions import SchemasError
from zhitong.rules.schema_changes import KNOWN, Side, Weight, differences
from zhitong.streams.inbound_schemas import shapes
from zhitong.streams.schemas import versions

OPEN: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 9, "x-longest": 5},
        "status": {"type": "string", "enum": ["0", "1"]},
        "day": {"type": "string", "pattern": "^[0-9]{8}$"},
        "kinds": {"type": "array", "items": {"enum": ["A", "B"]}, "uniqueItems": True},
        "code": {"type": ["string", "null"], "x-credit-code": True},
        "count": {"type": "integer", "minimum": 1},
    },
    "x-withdrawn": {"column": "status", "in": ["1"]},
    "x-acceptance": [
        {
            "zh": "一",
            "en": "one",
            "source": "s",
            "when": [{"column": "status", "in": ["0"]}],
            "require": ["day", "code"],
        }
    ],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Give OPEN with another value at *path*; None takes it away."""
    said: Any = copy.deepcopy(OPEN)
    *way, last = path.split(".")
    part = said
    for name in way:
        part = part[int(name) if isinstance(part, list) else name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return dict(said)


def weights(
    before: dict[str, Any], after: dict[str, Any], side: Side = Side.SENT
) -> list[tuple[str, str]]:
    return [(one.place, one.weight.value) for one in differences(before, after, side)]


BREAKING, ADDITIVE, WORDS = (
    one.value for one in (Weight.BREAKING, Weight.ADDITIVE, Weight.WORDS)
)


@pytest.mark.parametrize(
    ("path", "value", "place", "sent", "received"),
    [
        pytest.param("required", [], "name", BREAKING, ADDITIVE, id="not always there"),
        pytest.param(
            "required", ["name", "day"], "day", ADDITIVE, BREAKING, id="always there"
        ),
        pytest.param(
            "properties.more", {}, "more", ADDITIVE, ADDITIVE, id="one more column"
        ),
        pytest.param(
            "properties.day", None, "day", BREAKING, BREAKING, id="a column fewer"
        ),
        pytest.param(
            "properties.status.enum",
            ["0", "1", "2"],
            "status",
            BREAKING,
            ADDITIVE,
            id="a value more",
        ),
        pytest.param(
            "properties.status.enum",
            ["0"],
            "status",
            ADDITIVE,
            BREAKING,
            id="a value fewer",
        ),
        pytest.param(
            "properties.status.enum",
            None,
            "status",
            BREAKING,
            ADDITIVE,
            id="any value",
        ),
        pytest.param(
            "properties.count.type",
            ["integer", "null"],
            "count",
            BREAKING,
            ADDITIVE,
            id="a wider type",
        ),
        pytest.param(
            "properties.code.type",
            "string",
            "code",
            ADDITIVE,
            BREAKING,
            id="a narrower type",
        ),
        pytest.param(
            "properties.name.maxLength",
            10,
            "name",
            BREAKING,
            ADDITIVE,
            id="longer",
        ),
        pytest.param(
            "properties.name.maxLength",
            None,
            "name",
            BREAKING,
            ADDITIVE,
            id="any length",
        ),
        pytest.param(
            "properties.name.minLength",
            2,
            "name",
            ADDITIVE,
            BREAKING,
            id="no shorter",
        ),
        pytest.param(
            "properties.count.minimum",
            None,
            "count",
            BREAKING,
            ADDITIVE,
            id="any number",
        ),
        pytest.param(
            "properties.name.x-longest",
            6,
            "name",
            BREAKING,
            ADDITIVE,
            id="wider than the receiver's column",
        ),
        pytest.param(
            "properties.code.x-credit-code",
            None,
            "code",
            BREAKING,
            ADDITIVE,
            id="no code need hold",
        ),
        pytest.param(
            "properties.kinds.uniqueItems",
            None,
            "kinds",
            BREAKING,
            ADDITIVE,
            id="the same twice",
        ),
        pytest.param(
            "properties.kinds.items.enum",
            ["A"],
            "kinds[]",
            ADDITIVE,
            BREAKING,
            id="an item's value fewer",
        ),
        pytest.param(
            "properties.day.pattern",
            "^[0-9]{8}Z?$",
            "day",
            BREAKING,
            BREAKING,
            id="another pattern",
        ),
        pytest.param(
            "properties.name.pattern",
            "^a",
            "name",
            ADDITIVE,
            BREAKING,
            id="a pattern where there was none",
        ),
        pytest.param(
            "x-withdrawn.in",
            ["1", "2"],
            ".",
            BREAKING,
            BREAKING,
            id="other rows are withdrawn",
        ),
        pytest.param(
            "x-acceptance.0.require",
            ["day"],
            "x-acceptance",
            BREAKING,
            ADDITIVE,
            id="a column need not be there",
        ),
        pytest.param(
            "x-acceptance.0.require",
            ["day", "code", "count"],
            "x-acceptance",
            ADDITIVE,
            BREAKING,
            id="a column is due",
        ),
        pytest.param(
            "additionalProperties",
            False,
            ".",
            ADDITIVE,
            BREAKING,
            id="nothing more",
        ),
        pytest.param("title", "T", ".", WORDS, WORDS, id="a title"),
        pytest.param("$id", "urn:2", ".", BREAKING, BREAKING, id="another name"),
    ],
)
def test_a_change_is_weighed_by_who_reads(
    path: str, value: object, place: str, sent: str, received: str
) -> None:
    after = changed(path, value)
    assert weights(OPEN, after) == [(place, sent)]
    assert weights(OPEN, after, Side.RECEIVED) == [(place, received)]


def test_a_column_more_breaks_who_was_told_that_there_is_no_other() -> None:
    closed: dict[str, Any] = {**OPEN, "additionalProperties": False}
    after = copy.deepcopy(closed)
    after["properties"]["more"] = {"type": "string"}
    assert weights(closed, after) == [("more", BREAKING)]
    assert weights(closed, after, Side.RECEIVED) == [("more", ADDITIVE)]


def test_words_of_a_rule_and_its_parts_may_change_while_it_demands_the_same() -> None:
    rule = OPEN["x-acceptance"][0]
    parts = [{**rule, "zh": "二", "require": [one]} for one in rule["require"]]
    assert weights(OPEN, changed("x-acceptance", parts)) == []


def test_a_rule_that_holds_more_often_is_narrower() -> None:
    always = changed("x-acceptance.0.when", [])
    assert weights(OPEN, always) == [("x-acceptance", ADDITIVE)] * 2
    assert weights(always, OPEN) == [("x-acceptance", BREAKING)] * 2


def test_an_alternative_more_lets_more_through() -> None:
    one, other = {"required": ["day"]}, {"required": ["code"]}
    both, alone = {**OPEN, "anyOf": [one, other]}, {**OPEN, "anyOf": [one]}
    assert weights(both, {**OPEN, "anyOf": [other, one]}) == []
    assert weights(alone, both) == [(".", BREAKING)]
    assert weights(alone, both, Side.RECEIVED) == [(".", ADDITIVE)]
    assert weights(both, alone) == [(".", ADDITIVE)]
    assert weights(alone, {**OPEN, "anyOf": [other]}) == [
        (".", BREAKING),
        (".", ADDITIVE),
    ]
    assert weights(OPEN, alone) == [(".", ADDITIVE)]
    assert weights(alone, OPEN) == [(".", BREAKING)]


def test_the_same_has_no_differences() -> None:
    """Each keyword of ours is known: of what we send, and of what we are sent."""
    documents = [
        *(table.document for table in versions().values()),
        *(shape.document for shape in shapes().values()),
    ]
    for document in documents:
        assert differences(document, copy.deepcopy(dict(document))) == ()


@pytest.mark.parametrize("keyword", ["oneOf", "not", "x-new", "patternProperties"])
def test_a_keyword_that_is_not_known_is_refused(keyword: str) -> None:
    assert keyword not in KNOWN
    with pytest.raises(SchemasError, match=keyword):
        differences(OPEN, changed(f"properties.name.{keyword}", []))


def test_a_schema_of_further_properties_is_refused() -> None:
    with pytest.raises(SchemasError, match="additionalProperties"):
        differences(OPEN, changed("additionalProperties", {"type": "string"}))


TEXTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", ["string", "null"], ["string", "integer"]]),
        "enum": st.lists(
            st.sampled_from(["", "a", "ab", "abc"]), min_size=1, unique=True
        ),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "b$"]),
    },
)
ROWS = st.fixed_dictionaries(
    {"type": st.just("object")},
    optional={
        "properties": st.dictionaries(st.sampled_from(["x", "y"]), TEXTS, max_size=2),
        "required": st.lists(st.sampled_from(["x", "y"]), unique=True),
        "additionalProperties": st.booleans(),
    },
)
VALUES = st.dictionaries(
    st.sampled_from(["x", "y", "z"]),
    st.sampled_from(["", "a", "ab", "abc", "abcd"]) | st.none() | st.integers(0, 1),
    max_size=3,
)


@settings(deadline=None, max_examples=400)
@given(before=ROWS, changes=ROWS, row=VALUES)
def test_what_is_called_additive_an_old_reader_reads(
    before: dict[str, Any], changes: dict[str, Any], row: dict[str, Any]
) -> None:
    mixed = {**before.get("properties", {}), **changes.get("properties", {})}
    for after in (changes, {**before, **changes, "properties": mixed}):
        told = differences(before, after)
        broken = any(one.weight is Weight.BREAKING for one in told)
        if broken or not Draft202012Validator(after).is_valid(row):
            continue
        # What an open document does not list its reader ignores.
        known = {*before.get("properties", {}), *before.get("required", ())}
        is_open = before.get("additionalProperties", True)
        seen = {one: row[one] for one in row if one in known or not is_open}
        assert Draft202012Validator(before).is_valid(seen)
