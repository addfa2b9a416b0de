"""What `make bench` makes of what it measured, and what it says of what is missing."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from access_questions import WORKLOADS
from callers import AnswerError, Caller, Target, ask
from compare_plot import chart
from compare_report import Measured, Report, Visit
from graphql import build_schema, parse, validate
from growth import nested
from machine import cpu_seconds, memory
from one_department import SERVERS, all_in_one, write_bindings
from peer_builds import HERE, PEERS, commands, documents
from peer_servers import differences, plain
from steady import steady

import zhitong.infra.city
from zhitong.connectors.binding_file import read_folder
from zhitong.infra.city import build_city
from zhitong.infra.city_cases import case_count, cases
from zhitong.infra.city_systems import SYSTEMS
from zhitong.schema.entities import ENTITIES
from zhitong.schema.graph import sdl

PEER_NAMES = tuple(peer.name for peer in PEERS)


def visits(own: float, row: str, *, databases: float = 0.0) -> list[Visit]:
    return [
        Visit(
            row=row,
            question=work.name[:2],
            callers=32,
            round=number,
            own=own * number,
            databases=databases * number,
            rate=100.0,
            seconds=(0.001, 0.003),
        )
        for work in WORKLOADS
        for number in (1, 2, 3)
    ]


def report(*some: Sequence[Visit]) -> Report:
    return Report(
        scale="small",
        cases={"transport": 1_500},
        rounds=3,
        began=0.0,
        absent={"gqlgen": "没有 go / go is missing"},
        taken_off={},
        elsewhere=0.1,
        memory={"limit": 45.0},
        found=Measured(list(itertools.chain(*some))),
    )


def test_a_ratio_is_of_the_same_round_and_says_whether_the_target_holds() -> None:
    made = report(
        visits(1.0, "zhitong"),
        visits(1.1, "zhitong, full duty"),
        visits(30.0, "strawberry"),
        visits(2.0, "Mercurius JIT"),
        visits(4.0, "Yoga JIT"),
        visits(1.0, "limit"),
        visits(0.5, "limit, departments' tables"),
    )
    stock, best, limit, own, duty = made.targets()
    assert stock[1] == [30.0] * 5  # 30, 60 and 90 by 1, 2 and 3
    assert stock[3] == [False, True, True, False, True]
    assert best[1] == [2.0] * 5
    assert limit[3] == [True] * 5
    assert own[3] == [False] * 5  # 2.0 where 1.1 to 1.6 are asked for
    assert duty[3] == [True] * 5
    assert [name.split(",")[0] for name, *_ in made.targets()] == [
        "strawberry ÷ zhitong",
        "best Node peer ÷ zhitong",
        "zhitong ÷ limit",
        "zhitong ÷ limit",
        "zhitong",
    ]


def test_what_was_not_measured_holds_nothing_and_is_printed_as_a_dash() -> None:
    made = report(visits(1.0, "zhitong"), visits(1.0, "limit")[:3])
    for _, values, _, holds in made.targets():
        assert not any(h for v, h in zip(values, holds, strict=True) if v == 0)
    lines = list(made.lines())
    (duty,) = (line for line in lines if ", full duty ÷ naked" in line)
    assert duty.split()[-10::2] == ["-"] * 5
    (row,) = (line for line in lines if line.startswith("limit") and "(" in line)
    assert row.split()[-4:] == ["-"] * 4


def test_token_and_receipt_are_taken_off_what_is_naked_alone() -> None:
    found = Measured([*visits(2.0, "zhitong"), *visits(2.0, "zhitong, full duty")])
    made = Report(
        scale="small",
        cases={},
        rounds=3,
        began=0.0,
        absent={},
        taken_off={"Q1": 1.0, "Q5": 1.5},
        elsewhere=0.0,
        memory={},
        found=found,
    )
    *_, duty = made.targets()
    # 2/1, 4/3 and 6/5; nothing taken off; 2/0.5, 4/2.5 and 6/4.5
    assert list(duty[1]) == pytest.approx([4 / 3, 1, 1, 1, 1.6])


def test_the_figures_are_json_and_name_who_was_missing() -> None:
    said = json.loads(json.dumps(report(visits(1.0, "limit")).figures()))
    assert said["absent"] == {"gqlgen": "没有 go / go is missing"}
    assert said["medians"][0] == {
        "row": "limit",
        "question": "Q1",
        "callers": 32,
        "own": 2.0,
        "databases": 0.0,
        "rate": 100.0,
        "p50": 3.0,
        "p99": 3.0,
    }


def test_the_picture_has_a_panel_for_each_question() -> None:
    drawn = chart(report(visits(1.0, "limit", databases=0.5)).figures())
    option = drawn["option"]
    assert isinstance(option, dict)
    assert [axis["name"] for axis in option["xAxis"]] == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    (bar,) = option["series"][0]["data"]
    assert bar["value"] == 3.0
    assert [axis["min"] for axis in option["xAxis"]] == [1] * 5


def test_a_missing_tool_is_a_line_for_each_peer_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("peer_builds.BUILDS", _without("python", "ariadne", "node"))
    built, absent = commands(tmp_path)
    assert built == {}
    assert set(absent) == {"gqlgen", "async-graphql"}
    assert absent["gqlgen"] == "没有 go / go 1.26 or newer is missing"
    assert absent["async-graphql"] == "没有 cargo / cargo 1.89 or newer is missing"


def test_a_quick_run_compiles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peer_builds.BUILDS", _without("python", "ariadne", "node"))
    built, absent = commands(tmp_path, quick=True)
    assert built == {}
    assert all("run make bench once" in why for why in absent.values())


def _without(*folders: str) -> dict[str, object]:
    from peer_builds import BUILDS  # noqa: PLC0415 - before it is replaced

    return {name: build for name, build in BUILDS.items() if name not in folders}


@pytest.mark.parametrize("peer", PEERS, ids=PEER_NAMES)
def test_each_peer_is_asked_the_five_questions(peer: object) -> None:
    words = documents(peer)  # type: ignore[arg-type]
    assert list(words) == ["Q1", "Q2", "Q3", "Q4", "Q5"]


def test_the_questions_fit_our_schema_and_the_peers() -> None:
    theirs = build_schema((HERE / "graph.graphql").read_text("utf-8"))
    for work in WORKLOADS:
        assert validate(build_schema(sdl()), parse(work.public)) == []
        assert validate(theirs, parse(work.public)) == []


def test_the_limit_has_a_statement_for_each_question() -> None:
    text = (HERE / "limit.sql").read_text("utf-8")
    named = re.findall(r"(?m)^-- (\w+) --$", text)
    assert named == [work.name[:2] for work in WORKLOADS]


def test_no_lock_of_a_peer_names_a_registry() -> None:
    for name in ("node/package-lock.json", "rust/Cargo.lock.pins", "go/go.sum"):
        text = (HERE / name).read_text("utf-8")
        assert '"resolved"' not in text
        assert "source = " not in text
        assert "registry" not in text


def test_answers_are_compared_without_wrappers_and_groups_without_an_order() -> None:
    ours = {"caseRecords": {"nodes": [{"id": 1, "officers": [{"name": "a"}]}]}}
    theirs = {"all": {"nodes": [{"officers": {"nodes": [{"name": "a"}]}, "id": 1}]}}
    assert differences(plain(ours), plain(theirs)) == (2, 2, 0)
    groups = [
        {"subjectCode": code, "month": "2026-01", "count": 1} for code in ("a", "b")
    ]
    one, two = {"s": {"groups": groups}}, {"s": {"groups": groups[::-1]}}
    assert differences(plain(one), plain(two)) == (6, 6, 0)
    assert differences([1, 2, 3], [1, 4]) == (3, 2, 2)


def test_one_department_keeps_every_case_and_only_while_it_is_asked_to() -> None:
    before = dict(SYSTEMS)
    with all_in_one("small") as name:
        made = build_city(name)
        kept = {source: case_count(made, source) for source in SYSTEMS}
        subjects = {one.subject.field.name for one in cases(made, "transport", 200)}
    assert {source: count for source, count in kept.items() if count} == {
        "transport": made.scale.cases
    }
    assert len(subjects) > 1  # the cases of all bureaus
    assert before == SYSTEMS
    assert name not in zhitong.infra.city.SCALES


def test_in_that_city_no_other_binding_has_cases(tmp_path: Path) -> None:
    write_bindings(tmp_path)
    bindings, errors = read_folder(tmp_path, ENTITIES)
    assert errors == []
    assert sorted(bindings) == sorted(SERVERS)
    keepers = [name for name, one in bindings.items() if "CaseRecord" in one.types]
    assert keepers == ["transport"]


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Target]:
    """Serve *answers* in turn, whatever is asked."""
    waiting, serving = itertools.cycle(answers), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        while head := await _head(reader):
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
            writer.write(next(waiting))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Target(f"http://127.0.0.1:{port}/graphql")
        await asyncio.gather(*serving)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    length = b"content-length: %d" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n\r\n" + body


async def test_a_body_in_chunks_is_read_to_its_end() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b'4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n'
    )
    async with answering(chunked) as target:
        caller = await Caller.at(target)
        for _ in range(2):  # the second is read from where the first ended
            _, body = await caller.ask(target.request("{ a }", {}))
            assert body == b'{"a":1}'
        await caller.close()


async def test_a_late_answer_is_asked_for_once_more_and_counted() -> None:
    late = answer(b'{"data":{},"extensions":{"code":"SOURCE_TIMEOUT"}}')
    busy = answer(b"{}", b"503 Service Unavailable")
    async with answering(late, busy, answer(b'{"data":{}}')) as target:
        found = await ask(target, itertools.repeat(target.request("{ a }", {})), 1, 2)
    assert (len(found.seconds), found.again) == (2, 4)


async def test_an_answer_with_errors_is_no_measure() -> None:
    async with answering(answer(b'{"errors":[{}]}')) as target:
        caller = await Caller.at(target)
        with pytest.raises(AnswerError):
            await caller.whole(target.request("{ a }", {}))
        await caller.close()


async def test_a_steady_load_says_what_lacked_a_part_and_what_failed() -> None:
    late = answer(b'{"data":{},"extensions":{"code":"SOURCE_RESTING"}}')
    failed = answer(b'{"errors":[{}]}', b"500 Internal Server Error")
    async with answering(answer(b'{"data":{}}'), late, failed) as target:
        request, ending = target.request("{ a }", {}), asyncio.Event()

        def asked() -> Iterator[tuple[str, bytes]]:
            for number in range(6):
                yield f"q{number}", request
            ending.set()
            yield "never", request

        heard = await steady(target, asked(), 1_000, ending)
    assert len(heard) == 6
    assert sum(not one.whole for one in heard) == 2
    assert sum(bool(one.failed) for one in heard) == 2


async def test_a_steady_load_asks_again_where_a_connection_has_ended() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        await reader.readexactly(len(b'{"query": "{ a }", "variables": {}}'))
        writer.write(answer(b'{"data":{}}'))
        writer.close()  # as a server does with what was idle for long
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        target = Target(f"http://127.0.0.1:{port}/graphql")
        request, ending = target.request("{ a }", {}), asyncio.Event()

        def asked() -> Iterator[tuple[str, bytes]]:
            for _ in range(5):
                yield "q", request
            ending.set()
            yield "never", request

        heard = await steady(target, asked(), 1_000, ending)
    assert [(one.whole, one.failed) for one in heard] == [(True, "")] * 5


BURNS = """import sys, time
while time.process_time() < 0.3: pass
print("burnt", flush=True); sys.stdin.read()"""
STARTS = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURNS!r}])"


def test_the_processor_time_of_a_server_is_that_of_all_its_processes() -> None:
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", STARTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"burnt\n"
        (while_it_runs,) = cpu_seconds(parent.pid)
        assert memory(parent.pid) > 5  # MiB, of two of them
        parent.stdin.close()
        assert while_it_runs >= 0.3


@pytest.mark.parametrize("depth", [1, 2, 6])
def test_a_nested_question_has_as_many_relations_as_it_says(depth: int) -> None:
    document = nested(depth)
    assert validate(build_schema(sdl()), parse(document)) == []
    assert len(re.findall(r"counterparty \{|cases\(", document)) == depth
