"""Changes of the AsyncAPI document, made in today's own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from zhitong.exceptions import SchemasError
from zhitong.infra.receivers_file import read_receivers
from zhitong.rules.schema_changes import Weight
from zhitong.rules.stream_changes import stream_differences
from zhitong.streams.asyncapi import asyncapi

TODAY: dict[str, Any] = json.loads(asyncapi(read_receivers()))
CREDIT = "zhitong.anze.credit.v1"
RECEIPTS = "zhitong.anze.receipts.v1"
BREAKING, ADDITIVE, WORDS = Weight.BREAKING, Weight.ADDITIVE, Weight.WORDS

Edit = Callable[[dict[str, Any]], object]


def told(edit: Edit) -> list[tuple[str, Weight]]:
    after = copy.deepcopy(TODAY)
    edit(after)
    return [(one.place, one.weight) for one in stream_differences(TODAY, after)]


def payload(said: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = said["components"]["messages"][name]["payload"]
    return found


def _new_topic(said: dict[str, Any]) -> None:
    said["channels"]["credit-v2"] = {
        **said["channels"]["credit"],
        "address": "zhitong.anze.credit.v2",
    }
    said["operations"]["deliver.credit-v2"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/credit-v2"},
    }


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        pytest.param(lambda _: None, [], id="nothing"),
        pytest.param(_new_topic, [("zhitong.anze.credit.v2", ADDITIVE)], id="a topic"),
        pytest.param(
            lambda said: (
                said["channels"].pop("credit"),
                said["operations"].pop("deliver.credit"),
            ),
            [(CREDIT, BREAKING)],
            id="a topic fewer",
        ),
        pytest.param(
            lambda said: said["channels"]["credit"]["bindings"]["kafka"].update(
                partitions=24
            ),
            [(CREDIT, BREAKING)],
            id="other partitions",
        ),
        pytest.param(
            lambda said: said["channels"]["credit"]["messages"].pop("notice"),
            [(f"{CREDIT} notice", BREAKING)],
            id="a kind of message fewer",
        ),
        pytest.param(
            lambda said: said["channels"]["credit"]["messages"].update(
                statement={"$ref": "#/components/messages/statement"}
            ),
            [(f"{CREDIT} statement", BREAKING)],
            id="a kind of message that its readers do not know",
        ),
        pytest.param(
            lambda said: said["channels"]["receipts"]["messages"].update(
                notice={"$ref": "#/components/messages/notice"}
            ),
            [(f"{RECEIPTS} notice", ADDITIVE)],
            id="a kind of message that we have come to read",
        ),
        pytest.param(
            lambda said: said["operations"]["deliver.credit"].update(action="receive"),
            [(CREDIT, BREAKING)],
            id="another direction",
        ),
        pytest.param(
            lambda said: payload(said, "credit.cf_fr.1")["properties"].update(
                more={"type": "string"}
            ),
            [("credit.cf_fr.1/payload/more", ADDITIVE)],
            id="an attribute more",
        ),
        pytest.param(
            lambda said: payload(said, "notice")["required"].remove("followshistory"),
            [("notice/payload/followshistory", BREAKING)],
            id="an attribute that may be missing",
        ),
        pytest.param(
            lambda said: payload(said, "receipt")["required"].remove("subject"),
            [("receipt/payload/subject", ADDITIVE)],
            id="an attribute that answers may lack",
        ),
        pytest.param(
            lambda said: payload(said, "receipt")["properties"]["data"]["properties"][
                "jws"
            ]["x-payload"]["required"].append("more"),
            [("receipt/payload/data/jws/x-payload/more", BREAKING)],
            id="what answers must sign as well",
        ),
        pytest.param(
            lambda said: said["components"]["schemas"]["credit.cf_fr.1"]["properties"][
                "CF_ZT"
            ]["enum"].append("9"),
            [("credit.cf_fr.1/payload/data/row/CF_ZT", BREAKING)],
            id="a value more in a row",
        ),
        pytest.param(
            lambda said: said["info"].update(version="9.9.9"),
            [("info", WORDS)],
            id="another version",
        ),
        pytest.param(
            lambda said: said["components"]["messages"]["notice"].update(title="x"),
            [("notice", WORDS)],
            id="another title",
        ),
    ],
)
def test_a_change_is_found_where_it_is(
    edit: Edit, expected: list[tuple[str, Weight]]
) -> None:
    assert told(edit) == expected


def test_a_reference_to_nothing_is_refused() -> None:
    after = copy.deepcopy(TODAY)
    del after["components"]["schemas"]["credit.cf_fr.1"]
    with pytest.raises(SchemasError, match=r"credit\.cf_fr\.1"):
        stream_differences(TODAY, after)


def test_what_no_topic_has_is_compared_by_itself() -> None:
    """It goes to who is reached by another channel."""
    before = copy.deepcopy(TODAY)
    for name in ("credit", "replay.credit"):
        del before["channels"][name]["messages"]["credit.cf_fr.1"]
    after = copy.deepcopy(before)
    payload(after, "credit.cf_fr.1")["required"].remove("followshistory")
    found = [(one.place, one.weight) for one in stream_differences(before, after)]
    assert found == [("credit.cf_fr.1/payload/followshistory", BREAKING)]
    del after["components"]["messages"]["credit.cf_fr.1"]
    found = [(one.place, one.weight) for one in stream_differences(before, after)]
    assert found == [("credit.cf_fr.1", BREAKING)]
