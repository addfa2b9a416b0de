"""Fuzz the gateway, front to rows, in this process: `make fuzz N=1000000`.

Documents that walk the schema, real ones broken, fragments that spread each other,
bodies, addresses and tokens that are noise. Each case is made from the seed and its
number alone, so that one can be made again. Prints rate, statuses, codes, CPU and
memory; an answer of 5xx, or of INTERNAL, fails the run, and its case is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import multiprocessing
import os
import random
import re
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)
from memory_gateway import Reply, Sent, answer, asked, build, posted

from zhitong.schema.graph import sdl

SLOW = 0.05
"""Seconds of CPU that no case should take; more are counted, none fails for it."""
ROOT = Path(__file__).parents[1]
NASTY = (
    "",
    "\x00",
    "' OR 1=1 --",
    "$$; drop table case_record; --",
    "%_\\",
    "110101199003071234",
    "\u202e",
    "九" * 300,
    "../../etc/passwd",
    "eyJub3QiOiJvdXJzIn0=",
    "91619900MA0000000X",
    "2026-13-45",
    "1e400",
    "NaN",
    "-0",
    "{{7*7}}",
    "\ud800",
)
FITTING = {
    "CreditCode": "11619900001481213H",
    "Date": "2026-03-04",
    "DateTime": "2026-03-04T05:06:07+08:00",
    "DivisionCode": "619900",
    "Money": "12.50",
    "ID": "case:market:CaseRecord-001",
}
NUMBERS = (-1, 0, 1, 2, 20, 200, 201, 1_000, 2**31 - 1, 2**31, 2**63, 10**40)
EXAMPLE = re.compile(r"```graphql\n(.*?)```", re.DOTALL)
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|\d+|[^\s]')


@dataclass(slots=True)
class Tally:
    """What a run has seen."""

    count: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    slow: int = 0
    slowest: float = 0.0
    slowest_case: int = -1
    slow_refused: int = 0
    slowest_refused: float = 0.0
    """Of what was answered with 4xx: nothing was read for it."""
    cpu: float = 0.0
    grown: int = 0
    """KiB of resident memory since the first tenth."""
    failed: list[tuple[int, str]] = field(default_factory=list)

    def note(self, case: int, kind: str, reply: Reply) -> None:
        """Count one answer."""
        self.count += 1
        self.kinds[kind] += 1
        self.statuses[reply.status] += 1
        self.cpu += reply.seconds
        self.slow += reply.seconds > SLOW
        if reply.seconds > self.slowest:
            self.slowest, self.slowest_case = reply.seconds, case
        if reply.status >= 400:  # refused
            self.slow_refused += reply.seconds > SLOW
            self.slowest_refused = max(self.slowest_refused, reply.seconds)
        codes = {code.decode() for code in CODE.findall(reply.body)}
        self.codes.update(codes or {"-"})
        if reply.status >= 500 or "INTERNAL" in codes:  # server errors
            self.failed.append((case, reply.body[:300].decode("utf-8", "replace")))

    def add(self, other: Tally) -> None:
        """Take in what another process has seen."""
        self.count += other.count
        self.statuses += other.statuses
        self.codes += other.codes
        self.kinds += other.kinds
        self.slow += other.slow
        self.slow_refused += other.slow_refused
        self.slowest_refused = max(self.slowest_refused, other.slowest_refused)
        self.cpu += other.cpu
        self.grown = max(self.grown, other.grown)
        self.failed += other.failed
        if other.slowest > self.slowest:
            self.slowest, self.slowest_case = other.slowest, other.slowest_case


CODE = re.compile(rb'"code":"([A-Z_]+)"')


@cache
def schema() -> GraphQLSchema:
    """Give the schema as a client reads it."""
    return build_schema(sdl())


@cache
def names() -> Sequence[str]:
    """List every name a document could have."""
    found = set()
    for name, kind in schema().type_map.items():
        found.add(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, one in kind.fields.items():
                found |= {field_name, *one.args}
        elif isinstance(kind, GraphQLInputObjectType):
            found |= set(kind.fields)
        elif isinstance(kind, GraphQLEnumType):
            found |= set(kind.values)
    return sorted(found)


@cache
def real() -> Sequence[str]:
    """Find the documents that our pages and parts hold."""
    files = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    texts = [
        block for file in files for block in EXAMPLE.findall(file.read_text("utf-8"))
    ]
    texts.append((ROOT / "infra/platform/live.graphql").read_text("utf-8"))
    return texts


# --- documents ---------------------------------------------------------------


def literal(
    rng: random.Random, argument: GraphQLArgument | GraphQLInputField, depth: int = 0
) -> str:
    """Write a value for *argument*, right or wrong."""
    if rng.random() < 0.02:  # now and then
        return rng.choice(("null", "[]", "{}", "$v", str(rng.choice(NUMBERS)), "X"))
    kind = get_named_type(argument.type)
    if isinstance(kind, GraphQLEnumType):
        value = rng.choice(list(kind.values))
    elif isinstance(kind, GraphQLInputObjectType):
        value = _object(rng, kind, depth)
    elif kind.name == "Int":
        value = str(rng.choice(NUMBERS) if rng.random() < 0.1 else rng.randint(1, 5))
    elif kind.name == "Boolean":
        value = rng.choice(("true", "false"))
    elif rng.random() < 0.9:  # most are what they should be
        value = json.dumps(FITTING.get(kind.name, "文字001"))
    else:
        value = json.dumps(rng.choice(NASTY), ensure_ascii=False)
    return f"[{value}]" if is_list_type(get_nullable_type(argument.type)) else value


def _object(rng: random.Random, kind: GraphQLInputObjectType, depth: int) -> str:
    if depth > 3:  # deep enough
        return "{}"
    chosen = [
        name
        for name, one in kind.fields.items()
        if is_required_input_field(one) or rng.random() < 2 / (1 + len(kind.fields))
    ]
    written = (
        f"{name}: {literal(rng, kind.fields[name], depth + 1)}" for name in chosen
    )
    return "{" + ", ".join(written) + "}"


def walked(rng: random.Random) -> str:
    """Write a document that mostly fits the schema."""
    mutation = rng.random() < 0.05  # now and then
    root = schema().mutation_type if mutation else schema().query_type
    assert root is not None  # noqa: S101 - the schema has both
    word = "mutation" if mutation else "query"
    variables = rng.choice(("", "", "($v: Int)", '($v: String = "x")'))
    return f"{word} Q{variables} " + _selection(rng, root, rng.randint(1, 6))


def _selection(
    rng: random.Random, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int
) -> str:
    chosen = rng.sample(list(kind.fields), min(len(kind.fields), rng.randint(1, 4)))
    written = [_field(rng, kind, name, depth) for name in chosen]
    if rng.random() < 0.1:  # now and then
        written.append("__typename")
    if rng.random() < 0.01:
        written.append(f"... on {rng.choice(names())} {{ id }}")
    return "{ " + " ".join(part for part in written if part) + " __typename }"


def _field(
    rng: random.Random,
    kind: GraphQLObjectType | GraphQLInterfaceType,
    name: str,
    depth: int,
) -> str:
    found = kind.fields[name]
    given = [
        f"{word}: {literal(rng, argument)}"
        for word, argument in found.args.items()
        if is_required_argument(argument) or rng.random() < 0.3
    ]
    written = f"a{rng.randint(0, 9)}: {name}" if rng.random() < 0.1 else name
    written += f"({', '.join(given)})" if given else ""
    written += " @include(if: true)" if rng.random() < 0.03 else ""
    below = get_named_type(found.type)
    if isinstance(below, GraphQLObjectType | GraphQLInterfaceType):
        if depth == 0:
            return f"{written} {{ __typename }}"
        return f"{written} {_selection(rng, below, depth - 1)}"
    return written


def broken(rng: random.Random) -> str:
    """Break a real document: words lost, doubled, changed for others."""
    words = TOKEN.findall(rng.choice(real()))
    for _ in range(rng.randint(1, 6)):
        if not words:
            break
        place = rng.randrange(len(words))
        match rng.randrange(6):
            case 0:
                del words[place]
            case 1:
                words.insert(place, words[place])
            case 2:
                words[place] = rng.choice(names())
            case 3:
                words[place] = json.dumps(rng.choice(NASTY))
            case 4:
                words[place] = str(rng.choice(NUMBERS))
            case _:
                other = rng.randrange(len(words))
                words[place], words[other] = words[other], words[place]
    return " ".join(words)


def spread(rng: random.Random) -> str:
    """Write fragments that spread each other: chains, bombs, rings."""
    levels = rng.choice((1, 3, 10, 40, 60, 150))
    times = rng.randint(1, 3)
    ring = rng.random() < 0.2  # now and then
    lines = []
    for level in range(levels):
        following = [
            rng.choice(
                ("...F{n}", "a{k}: sources {{ ...F{n} }}", "... {{ ...F{n} }}")
            ).format(n=(level + 1) % levels if ring else level + 1, k=k)
            for k in range(times)
        ]
        lines.append(f"fragment F{level} on Query {{ {' '.join(following)} }}")
    leaf = rng.choice(
        ("__typename", "sources { name }", "caseRecords { nodes { id } }")
    )
    return f"{{ ...F0 }} {' '.join(lines)} fragment F{levels} on Query {{ {leaf} }}"


def wide(rng: random.Random) -> str:
    """Write much of one thing: aliases, directives, braces, values, comments."""
    times = rng.choice((5, 30, 31, 200, 700))
    match rng.randrange(7):
        case 0:
            return "{" + " ".join(f"a{n}: __typename" for n in range(times)) + "}"
        case 1:
            return "{ __typename " + "@include(if: true) " * times + "}"
        case 2:
            return "{" * times + "a" + "}" * times
        case 3:
            return "{ codeLists(names: " + "[" * times + "]" * times + ") { name } }"
        case 4:
            return "{" + "... {" * times + "__typename" + "}" * times + "}"
        case 5:
            return "#" + "x" * times * 100 + "\n{ __typename }"
        case _:
            return "{" + "__typename " * times + "}"


def introspecting(rng: random.Random) -> str:
    """Ask for the schema, one way or another."""
    asking = rng.choice(
        ("__schema { types { name } }", '__type(name: "Query") { name }')
    )
    return rng.choice(
        (
            f"{{ {asking} }}",
            f"{{ a: {asking} }}",
            f"{{ ...F }} fragment F on Query {{ {asking} }}",
            f"query A {{ __typename }} query B {{ {asking} }}",
        )
    )


# --- requests ----------------------------------------------------------------


def noise(rng: random.Random, token: str) -> Sent:
    """Make a body that is no request, or almost none."""
    document = "{ sources { name } }"
    whole = orjson.dumps({"query": document, "variables": {"v": 1}})
    match rng.randrange(9):
        case 0:
            return posted(rng.randbytes(rng.randrange(200)), token)
        case 1:
            return posted(whole[: rng.randrange(len(whole))], token)
        case 2:
            place = rng.randrange(len(whole))
            return posted(whole[:place] + rng.randbytes(1) + whole[place + 1 :], token)
        case 3:
            depth = rng.choice((5, 19, 21, 1_000, 100_000))
            return posted(
                b'{"query":"{a}","variables":' + b"[" * depth + b"]" * depth + b"}",
                token,
            )
        case 4:
            return posted(b"[" + whole + b"]", token)
        case 5:
            return asked(document, token, variables=rng.choice((1, [], "x")))
        case 6:
            return asked(rng.choice((1, [], {}, "")), token)
        case 7:
            return asked(document, token, operationName=rng.choice((1, "Nobody", [])))
        case _:
            digest = rng.choice(("0" * 64, "x", "sha256:" + "f" * 64))
            return asked(None, token, documentId=digest)


def addressed(rng: random.Random, token: str) -> Sent:
    """Make a GET."""
    document = rng.choice(("{__typename}", "mutation{a}", broken(rng)))
    query = "query=" + quote(document, errors="surrogatepass")
    if rng.random() < 0.3:  # now and then
        query += "&" + quote(str(rng.choice(NASTY)), errors="surrogatepass")
    sent = posted(b"", token)
    return Sent(method="GET", query=query.encode(), headers=sent.headers)


def forged(rng: random.Random, token: str) -> str:
    """Spoil a token."""
    head, body, signature = token.split(".")
    place = rng.randrange(len(token))
    return rng.choice(
        (
            "",
            "x",
            f"{head}.{body}.",
            f"{head}.{body[:-3]}.{signature}",
            f"eyJhbGciOiJub25lIn0.{body}.",
            token[:place] + rng.choice("Aa0_-.") + token[place + 1 :],
            token * 60,
            f"{head}.{signature}.{body}",
        )
    )


DOCUMENTS: Sequence[tuple[int, Callable[[random.Random], str]]] = (
    (34, walked),
    (30, broken),
    (8, spread),
    (8, wide),
    (3, introspecting),
)


def case(seed: str, number: int, tokens: Mapping[str, str]) -> tuple[str, Sent]:
    """Make the case *number* of *seed*."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - to be made again, not secret
    token = rng.choice(list(tokens.values()))
    turn = rng.randrange(100)
    for share, make in DOCUMENTS:
        if turn < share:
            sent = asked(
                make(rng).encode("utf-8", "replace").decode(),
                token,
                variables={"v": rng.choice((*NUMBERS[:-2], "x", None, True, [1]))},
            )
            return make.__name__, sent
        turn -= share
    if turn < 8:  # the share of bodies
        return "noise", noise(rng, token)
    if turn < 13:  # the share of addresses
        return "addressed", addressed(rng, token)
    return "forged", asked("{ __typename }", forged(rng, token))


async def run(seed: str, numbers: Sequence[int], state: Path) -> Tally:
    """Ask the cases of *numbers*."""
    front, tokens = build(state)
    names()
    real()
    # As the gateway does: what lives as long as the process is not looked through.
    gc.collect()
    gc.freeze()
    tally = Tally()
    settled = 0
    for place, number in enumerate(numbers):
        kind, sent = case(seed, number, tokens)
        tally.note(number, kind, await answer(front, sent))
        if place == len(numbers) // 10:
            settled = _resident()
    tally.grown = _resident() - settled
    return tally


def _resident() -> int:
    gc.collect()
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def _part(given: tuple[str, range]) -> Tally:
    # What the graph logs of faults is counted here by its code.
    logging.disable(logging.CRITICAL)
    seed, numbers = given
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        return asyncio.run(run(seed, numbers, Path(folder)))


def _scratch() -> Path:
    scratch = ROOT / ".zhitong" / "fuzz"
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch


def _parts(seed: str, count: int, first: int, jobs: int) -> Iterator[tuple[str, range]]:
    for job in range(jobs):
        yield seed, range(first + job, first + count, jobs)


def main() -> None:
    """Fuzz, and say what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", default=secrets.token_hex(4))
    options.add_argument("--first", type=int, default=0, help="the first case")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = options.parse_args()
    print(f"seed {given.seed}, {given.count:,} cases, {given.jobs} processes")
    began = time.perf_counter()
    tally = Tally()
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        parts = _parts(given.seed, given.count, given.first, given.jobs)
        for one in pool.imap_unordered(_part, parts):
            tally.add(one)
    took = time.perf_counter() - began
    print(f"{tally.count:,} in {took:,.0f} s: {tally.count / took:,.0f}/s")
    print("kinds", dict(tally.kinds.most_common()))
    print("status", dict(sorted(tally.statuses.items())))
    print("codes", dict(tally.codes.most_common()))
    mean = tally.cpu / max(tally.count, 1)
    print(
        f"CPU mean {mean * 1000:.2f} ms, most {tally.slowest * 1000:.0f} ms "
        f"(case {tally.slowest_case}), over 50 ms: {tally.slow}"
    )
    print(
        f"CPU of what was refused: most {tally.slowest_refused * 1000:.0f} ms, "
        f"over 50 ms: {tally.slow_refused}"
    )
    print(f"memory grew by {tally.grown:,} KiB a process after the first tenth")
    print(f"5xx or INTERNAL: {len(tally.failed)}")
    for number, body in tally.failed[:10]:
        print(f"  --seed {given.seed} --first {number} --count 1: {body}")
    sys.exit(bool(tally.failed))


if __name__ == "__main__":
    main()
