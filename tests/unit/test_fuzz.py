"""A short run of `make fuzz`, and that its cases can be made again."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest
from memory_gateway import Reply

SEED = "short"


@pytest.mark.parametrize("part", range(3))
async def test_no_fuzzed_request_is_a_fault_of_ours(tmp_path: Path, part: int) -> None:
    tally = await fuzz.run(SEED, range(part * 1_000, (part + 1) * 1_000), tmp_path)
    assert tally.failed == []
    assert tally.count == 1_000
    assert tally.statuses[200] > 50  # it is not all refused
    assert tally.statuses[400] > 50
    assert len(tally.codes) > 10


def test_a_case_is_made_again_from_its_seed_and_number() -> None:
    tokens = {"police": "a.b.c", "public": "d.e.f"}
    once = [fuzz.case("s", number, tokens) for number in range(200)]
    assert once == [fuzz.case("s", number, tokens) for number in range(200)]
    assert once != [fuzz.case("t", number, tokens) for number in range(200)]
    assert len({kind for kind, _ in once}) == 8


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (503, b"{}"), (200, b'{"errors":[{"extensions":{"code":"INTERNAL"')],
)
def test_a_fault_is_counted_with_its_case(status: int, body: bytes) -> None:
    tally = fuzz.Tally()
    tally.note(7, "walked", Reply(200, b"{}", 0.01, {}))
    tally.note(8, "walked", Reply(status, body, 0.06, {}))
    assert [number for number, _ in tally.failed] == [8]
    assert (tally.slow, tally.slowest_case) == (1, 8)
