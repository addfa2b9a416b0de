"""Whatever lies on the topic, reading it ends in an arrival or in bytes set aside."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiving import AT, CONFIG, TRACE, decision, entry, of_person

from zhitong.decisions import Arrival, Unreadable
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.group_reader import Message
from zhitong.streams.intake import Intake
from zhitong.streams.keys import ReceiverKeys

KEYS = ReceiverKeys.generate("credit")
ENVELOPES = ReceiverEnvelopes(
    CONFIG, {each.name: KEYS.public for each in CONFIG.receivers}
)
INTAKE = Intake(KEYS)
(EVENT,) = ENVELOPES.events(
    [whole(entry(of_person()), "credit")], follows_history=False
)
SAID: dict[str, Any] = json.loads(EVENT.payload)
HEADER = ("alg", "enc", "kid", "epk", "zip", "crit", "apu", "apv", "typ", "x5c")
POINT = ("kty", "crv", "x", "y", "d", "use", "key_ops")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def message(value: bytes, traceparent: str = TRACE) -> Message:
    return Message("zhitong.anze.credit.v1", 3, 7, value, traceparent)


def read(value: bytes, traceparent: str = TRACE) -> Arrival | Unreadable:
    found = INTAKE.read(message(value, traceparent))
    return found if isinstance(found, Unreadable) else found.arrival


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_an_event_is_read_whole() -> None:
    found = read(EVENT.payload)
    assert isinstance(found, Arrival)
    assert found.reasons == ()
    assert found.row["CF_XDR_ZJHM"] == "11010519491231002X"
    assert found.key == SAID["partitionkey"]
    assert found.traceparent == TRACE
    assert (found.topic, found.partition, found.offset) == (
        "zhitong.anze.credit.v1",
        3,
        7,
    )


@pytest.mark.parametrize(
    "traceparent",
    [
        pytest.param("", id="none"),
        pytest.param("00-\0-01", id="a null character"),
        pytest.param("姓名", id="a word"),
    ],
)
def test_a_header_that_is_no_traceparent_is_not_given_on(traceparent: str) -> None:
    said = {k: v for k, v in SAID.items() if k != "traceparent"}
    found = read(json.dumps(said).encode(), traceparent)
    assert isinstance(found, Arrival)
    assert found.traceparent == ""


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_reading(value: bytes) -> None:
    assert isinstance(read(value), Unreadable)


@given(st.sampled_from(sorted(SAID)), JSON)
def test_no_attribute_stops_the_reading(name: str, value: object) -> None:
    read(json.dumps({**SAID, name: value}).encode())


@given(st.sampled_from(sorted(SAID["data"]["row"])) | st.text(max_size=9), JSON)
def test_no_column_stops_the_reading(name: str, value: object) -> None:
    row = {**SAID["data"]["row"], name: value}
    data = {**SAID["data"], "row": row}
    found = read(json.dumps({**SAID, "data": data}).encode())
    if isinstance(found, Arrival) and row != SAID["data"]["row"]:
        text = "".join(found.reasons)
        # A reason says what is wrong without a word of the content.
        assert not isinstance(value, str) or len(value) < 9 or value not in text


def test_no_bytes_of_a_sealed_text_are_taken_as_they_come() -> None:
    found = with_sealed(".".join((encoded({"crit": True}), "YQ", "YQ", "YQ", "YQ")))
    assert len(found.reasons) == 1


@given(
    changes=st.dictionaries(
        st.sampled_from(
            ["alg", "enc", "kid", "epk", "zip", "crit", "apu", "apv", "typ", "x5c"]
        ),
        JSON,
        min_size=1,
        max_size=3,
    ),
    point=st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "d", "use", "key_ops"]), JSON
    ),
)
def test_no_header_of_a_sealed_text_stops_the_reading(
    changes: dict[str, object], point: dict[str, object]
) -> None:
    header, *rest = SAID["data"]["row"]["CF_XDR_ZJHM"].split(".")
    said = json.loads(base64.urlsafe_b64decode(header + "=="))
    for changed in (
        said | changes,
        said | {"epk": said["epk"] | point | {"y": "AA"}},
    ):
        found = with_sealed(".".join((encoded(changed), *rest)))
        # Also a header that still fits was not what the text was sealed under.
        assert len(found.reasons) == 1


def with_sealed(text: str) -> Arrival:
    data = {**SAID["data"], "row": {**SAID["data"]["row"], "CF_XDR_ZJHM": text}}
    found = read(json.dumps({**SAID, "data": data}).encode())
    assert isinstance(found, Arrival)
    return found


def test_a_key_that_is_on_no_curve_is_not_an_end() -> None:
    protected = {
        "alg": "ECDH-ES+A256KW",
        "enc": "A256GCM",
        "epk": {"kty": "EC", "crv": "P-256", "x": encoded(1), "y": encoded(2)},
    }
    found = with_sealed(".".join((encoded(protected), "YQ", "YQ", "YQ", "YQ")))
    assert len(found.reasons) == 1


def test_an_event_of_another_receiver_or_table_is_set_aside() -> None:
    (other,) = ENVELOPES.events(
        [whole(entry(decision(), at=AT), "provincial")], follows_history=False
    )
    found = read(other.payload)
    assert isinstance(found, Unreadable)
    assert found.why == "this event is for another receiver"
    data = {**SAID["data"], "table": "inbox\0"}
    found = read(json.dumps({**SAID, "data": data}).encode())
    assert isinstance(found, Unreadable)
    assert found.why == "there is no table of that name"
