"""Texts are kept for their own client, and not without end."""

from __future__ import annotations

import sys

from zhitong.infra.kept_texts import KeptTexts

TEXT = "{ a }" * 20
SIZE = sys.getsizeof(TEXT)


def test_what_a_client_asked_it_finds_again_and_nobody_else_does() -> None:
    kept = KeptTexts()
    kept.keep("one", "d", TEXT)
    assert kept.find("one", "d") == TEXT
    assert kept.find("one", "e") is None
    assert kept.find("other", "d") is None


def test_of_one_client_the_texts_asked_longest_ago_are_forgotten() -> None:
    kept = KeptTexts(of_one=2 * SIZE)
    kept.keep("one", "a", TEXT)
    kept.keep("one", "b", TEXT)
    kept.find("one", "a")
    kept.keep("one", "c", TEXT)
    found = {each: kept.find("one", each) is not None for each in "abc"}
    assert found == {"a": True, "b": False, "c": True}


def test_a_text_that_is_larger_than_all_is_not_kept() -> None:
    kept = KeptTexts(of_one=SIZE - 1)
    kept.keep("one", "a", TEXT)
    assert kept.find("one", "a") is None


def test_of_all_clients_the_longest_silent_is_forgotten() -> None:
    kept = KeptTexts(of_one=2 * SIZE, of_all=4 * SIZE)
    for client in ("one", "two"):
        for digest in "ab":
            kept.keep(client, digest, TEXT)
    kept.find("one", "a")
    kept.keep("three", "a", TEXT)
    found = [kept.find(client, "a") is not None for client in ("one", "two", "three")]
    assert found == [True, False, True]


def test_a_text_that_is_asked_again_counts_once() -> None:
    kept = KeptTexts(of_one=2 * SIZE, of_all=2 * SIZE)
    for _ in range(50):
        kept.keep("one", "a", TEXT)
    kept.keep("one", "b", TEXT)
    assert kept.find("one", "a") == TEXT
