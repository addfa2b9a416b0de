"""The witness as people run it: another process, its own key, its own folder, HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from log_operator import Operator, leaves, new_key
from witnesses import WitnessProcess

from zhitong.connectors.signers import ECDSA, SM2, verify
from zhitong.connectors.witness_forms import Submission, Word
from zhitong.exceptions import WitnessRefusedError
from zhitong.infra.witness_client import WitnessAwayError, WitnessClient
from zhitong.rules.witnessing import Refused

pytestmark = pytest.mark.integration

Start = Callable[..., WitnessProcess]


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def start(tmp_path: Path, operator: Operator) -> Iterator[Start]:
    """Give ``start("--algorithm", SM2)``: a witness that trusts the operator."""
    started: list[WitnessProcess] = []

    def begin(*words: str) -> WitnessProcess:
        spki = operator.keys[0].spki
        one = WitnessProcess(tmp_path / f"witness-{len(started)}", spki, words)
        started.append(one)
        return one.start()

    yield begin
    for one in started:
        one.kill()


def refused(client: WitnessClient, asked: Submission) -> str:
    with pytest.raises(WitnessRefusedError) as found:
        client.countersign(asked)
    return found.value.details["reason"]


def evidence(witness: WitnessProcess) -> list[dict[str, object]]:
    file = witness.folder / "refused.jsonl"
    return (
        [json.loads(line) for line in file.read_text().splitlines()]
        if file.exists()
        else []
    )


def holds(word: Word, client: WitnessClient) -> bool:
    mine = client.key()
    text = word.countersignature.text(word.note.encode())
    assert (word.key_id, word.algorithm) == (mine.key_id, mine.algorithm)
    return verify(mine.spki, word.algorithm, text, word.value)


@pytest.mark.parametrize("algorithm", [ECDSA, SM2])
def test_a_log_that_grows_has_its_word_each_time(
    start: Start, operator: Operator, algorithm: str
) -> None:
    client = start("--algorithm", algorithm).client
    assert client.head() is None
    grown = leaves(300)
    words = []
    for before, after in [(0, 0), (0, 1), (1, 7), (7, 8), (8, 256), (256, 300)]:
        words.append(client.countersign(operator.show(grown[:after], before)))
        assert holds(words[-1], client)
    assert client.head() == words[-1]
    assert list(client.heads()) == words
    assert list(client.heads(8)) == words[3:]


def test_whoever_rewrites_the_log_is_refused_and_the_evidence_kept(
    start: Start, operator: Operator
) -> None:
    witness = start()
    client, honest = witness.client, leaves(20)
    client.countersign(operator.show(honest))
    rewritten = [*honest[:3], *leaves(1, "another "), *honest[4:]]
    stolen = replace(operator, keys=[new_key()])
    asked = {
        Refused.CHANGED_ROOT: operator.show(rewritten, 20),
        Refused.FORK: operator.show([*rewritten, *leaves(5)], 20),
        Refused.ROLLBACK: operator.show(honest[:19], 19),
        Refused.UNSIGNED: stolen.show([*honest, *leaves(1)], 20),
        Refused.ORIGIN: replace(operator, origin="haicheng").show(honest, 20),
    }
    forged = asked[Refused.FORK].signatures[0]
    asked[Refused.FORGED] = msgspec.structs.replace(
        operator.show([*honest, *leaves(1)], 20), signatures=(forged,)
    )
    assert {reason: refused(client, each) for reason, each in asked.items()} == {
        reason: reason for reason in asked
    }
    kept = evidence(witness)
    assert [each["reason"] for each in kept] == list(asked)
    fork = msgspec.json.decode(str(kept[1]["sent"]), type=Submission)
    assert fork == asked[Refused.FORK], "the operator's own signature, word by word"
    for reason in asked:
        assert f"WITNESS_REFUSED {reason}" in witness.log
    assert "ERROR zhitong.witness: WITNESS_REFUSED FORK" in witness.log
    word = client.countersign(operator.show([*honest, *leaves(2, "more ")], 20))
    assert holds(word, client), "the honest log goes on"


def test_a_head_is_judged_by_the_witnesss_own_clock(
    start: Start, operator: Operator
) -> None:
    witness = start("--tolerance", "60")
    client, grown, now = witness.client, leaves(9), datetime.now(UTC)
    early = operator.show(grown[:4], 0, now + timedelta(seconds=600))
    assert refused(client, early) == "CLOCK"
    assert evidence(witness) == [], "an operator whose clock is wrong has done nothing"
    client.countersign(operator.show(grown[:4], 0, now))
    back = operator.show(grown, 4, now - timedelta(seconds=5))
    assert refused(client, back) == "TIME_BACK"


def test_a_proof_from_elsewhere_is_to_be_asked_again_from_where_it_is(
    start: Start, operator: Operator
) -> None:
    client, grown = start().client, leaves(30)
    client.countersign(operator.show(grown[:11]))
    with pytest.raises(WitnessRefusedError) as found:
        client.countersign(operator.show(grown, 7))
    assert found.value.details == {"reason": "BASE", "size": "11"}
    client.countersign(operator.show(grown, 11))


def test_a_head_whose_answer_was_lost_gets_the_same_word(
    start: Start, operator: Operator
) -> None:
    witness = start()
    grown = leaves(12)
    asked = operator.show(grown[:5])
    word = witness.client.countersign(asked)
    assert witness.client.countersign(asked) == word
    later = operator.show(grown, 5)
    witness.client.countersign(later)
    assert witness.client.countersign(asked) == word
    assert len(list(witness.client.heads())) == 2


def test_a_new_key_is_taken_from_the_one_before_and_from_nobody_else(
    start: Start, operator: Operator
) -> None:
    client, grown, old = start().client, leaves(12), replace(operator)
    client.countersign(operator.show(grown[:3]))
    thief = replace(operator, keys=[new_key()], notes=[])
    thief.rotate(new_key())
    assert refused(client, thief.show(grown[:4], 3)) == "KEY_NOTE"
    operator.rotate(new_key(SM2))
    client.countersign(operator.show(grown[:5], 3))
    assert client.key().trusts == (operator.keys[0].key_id,)
    assert refused(client, old.show(grown[:6], 5)) == "UNSIGNED"
    operator.rotate(new_key())
    operator.rotate(new_key())
    client.countersign(operator.show(grown[:7], 5))
    assert client.key().trusts == (operator.keys[0].key_id,)


def test_killed_at_any_moment_it_forgets_no_word_that_it_gave(
    start: Start, operator: Operator
) -> None:
    witness = start()
    grown = leaves(400)
    given: list[Word] = []
    for _ in range(3):
        killer = threading.Timer(0.3, witness.kill)
        killer.start()
        try:
            for size in range(len(given) + 1, 400):
                base = given[-1].head.size if given else 0
                given.append(
                    witness.client.countersign(operator.show(grown[:size], base))
                )
        except WitnessAwayError:
            pass
        killer.join()
        witness.start()
        kept = list(witness.client.heads())
        # It may have kept one more than it could tell.
        assert kept[: len(given)] == given
        assert len(kept) - len(given) in {0, 1}
        given = kept
    assert len(given) > 3


def test_a_line_that_was_torn_is_forgotten_and_all_else_goes_on(
    start: Start, operator: Operator
) -> None:
    witness = start()
    grown = leaves(9)
    first = witness.client.countersign(operator.show(grown[:4]))
    witness.client.countersign(operator.show(grown[:6], 4))
    witness.kill()
    (file,) = (witness.folder / "heads").iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    witness.start()
    assert witness.client.head() == first
    witness.client.countersign(operator.show(grown, 4))
    assert len(list(witness.client.heads())) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, "BODY_MALFORMED", id="nothing"),
        pytest.param(b"[" * 60_000, 400, "BODY_MALFORMED", id="deep"),
        pytest.param(b"x" * 70_000, 413, "BODY_TOO_LARGE", id="large"),
        pytest.param(b'{"note": "?", "signatures": []}', 400, "BODY_MALFORMED", id="x"),
    ],
)
def test_what_is_no_head_is_refused_and_not_kept(
    start: Start, body: bytes, status: int, code: str
) -> None:
    witness = start()
    answer = httpx.post(f"{witness.url}/countersign", content=body)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert evidence(witness) == []


def test_its_answers_are_those_of_the_error_page(
    start: Start, operator: Operator
) -> None:
    witness, grown = start(), leaves(1_200)
    witness.client.countersign(operator.show(grown))
    asked = msgspec.json.encode(operator.show(grown[:3], 3))
    answer = httpx.post(f"{witness.url}/countersign", content=asked)
    page = Path(__file__).parents[2] / "docs" / "errors" / "witness-refused.md"
    shown = page.read_text("utf-8").partition("```json\n")[2].partition("```")[0]
    assert (answer.status_code, answer.json()) == (409, json.loads(shown))


def test_without_a_trusted_key_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    for words in ([], ["--trust", str(tmp_path / "no.pem")]):
        code, said = run("--folder", str(tmp_path / "witness"), *words)
        assert (code, said.startswith("WITNESS: ")) == (2, True), said
        assert "Traceback" not in said


def test_its_folder_is_of_one_log_and_of_one_process(
    start: Start, operator: Operator
) -> None:
    witness = start()
    witness.client.countersign(operator.show(leaves(3)))
    folder = str(witness.folder)
    code, said = run("--folder", folder)
    assert (code, "SETTINGS" in said) == (2, True), said
    assert witness.end() == 0
    (witness.folder / "trusted.jsonl").unlink()
    trusted = witness.folder.with_name(f"{witness.folder.name}.operator.pem")
    words = ["--origin", "haicheng", "--trust", str(trusted)]
    code, said = run("--folder", folder, *words)
    assert (code, "WITNESS: " in said, "haicheng" in said) == (2, True, True), said


def run(*words: str) -> tuple[int, str]:
    """Run a witness that ends by itself; give its exit code and what it said."""
    command = [sys.executable, "-m", "zhitong.infra.cli", "witness", "--port", "0"]
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, *words], capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stderr
