"""Notices: what stands where an event's bytes cannot leave."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from msgspec.structs import replace

from zhitong.decisions import Absence, Change, event_id
from zhitong.streams.notices import Notice, read_notice, write_notice

DECISION = UUID("3e5493c6-80c2-5176-9f93-00e58561c44d")
NOTICE = Notice(
    event_id=event_id(DECISION, 2, Change.WITHDRAWN),
    receiver="credit",
    decision_id=DECISION,
    version=2,
    change=Change.WITHDRAWN,
    follows_history=False,
    source="/zhitong/anze/619900/credit",
    time=datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
    key="88978920f9d0f597",
    why=Absence.ERASED,
    payload_hash="ab" * 32,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_a_notice_is_read_as_it_was_written_and_written_the_same() -> None:
    assert read_notice(write_notice(NOTICE)) == NOTICE
    assert write_notice(NOTICE) == write_notice(replace(NOTICE))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param("id", str(DECISION), id="an id of something else"),
        pytest.param("decisionversion", 3, id="another version"),
        pytest.param("partitionkey", "case 1", id="a key that is none"),
        pytest.param("data", {"change": "WITHDRAWN", "why": "ERASED"}, id="no hash"),
        pytest.param("type", "cn.zhitong.decision.recorded.v1", id="another type"),
    ],
)
def test_what_is_not_of_its_form_is_no_notice(place: str, value: object) -> None:
    said = orjson.loads(write_notice(NOTICE)) | {place: value}
    assert read_notice(orjson.dumps(said)) is None


def test_an_event_that_speaks_of_notices_is_none() -> None:
    said = {"data": {"row": {"CF_SY": "cn.zhitong.decision.absent.v1"}}}
    assert read_notice(orjson.dumps(said)) is None
    assert read_notice(b"cn.zhitong.decision.absent.v1") is None
