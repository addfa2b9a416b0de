"""The live page shows people's words, and no ID number that stands in them."""

from __future__ import annotations

from zhitong.infra.live_questions import _masked

NUMBER = "11010519491231002X"


def test_no_id_number_in_peoples_words_is_shown() -> None:
    texts = ("title", "subjectName", "counterpartyName", "changeReason")
    node = {"id": NUMBER, **dict.fromkeys(texts, f"张三{NUMBER}"), "version": 1}
    shown = f"张三1{'*' * 16}X"
    assert _masked("data", {"decisions": {"nodes": [node]}}) == {
        "decisions": {
            "nodes": [{"id": NUMBER, **dict.fromkeys(texts, shown), "version": 1}]
        }
    }
