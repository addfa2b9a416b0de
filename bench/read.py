"""Load a demo city and time a few questions on it: `make bench-read`.

Prints seconds to load and, per question, the median and the slowest of the runs in
milliseconds, in this process, HTTP and tokens left out. Nothing is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster
from zhitong.infra.gateway import PLATFORM, Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Engine, Question
from zhitong.types import Occasion

QUESTIONS: Mapping[str, str] = {
    "the newest counterparty": """{ counterparties(first: 1, where: {
        code: {present: true}}) { nodes { code name kind industry division } } }""",
    "deep: 50 firms, 5 cases, officers, subject, listings": """{
        counterparties(first: 50, where: {listings: {kind: {eq: SERIOUS_DISHONESTY}}}) {
          nodes { code name kind phone
            cases(first: 5) { nodes { caseNo status fine filedOn
              subject { name } officers { name certificateNo } } }
            listings(first: 2) { nodes { kind listedOn reason } } } } }""",
    "semi-join: open cases of blacklisted firms in a county": """{
        caseRecords(first: 20, where: {
          status: {in: [FILED, INVESTIGATING]}, division: {within: "619921"},
          counterparty: {listings: {kind: {eq: SERIOUS_DISHONESTY},
            status: {eq: LISTED}}}}) {
          nodes { source caseNo counterpartyName counterparty { name } }
          totalCount { count } } }""",
    "latest 20 cases of five systems": """{
        caseRecords(first: 20) { nodes { source caseNo filedOn } } }""",
    "cases per subject and month of a year": """{
        caseStatistics(by: [SUBJECT, MONTH], where: {filedOn: {gte: "2025-12-01"}}) {
          groups { subjectCode month count } } }""",
    "search by name": """{
        search(name: "化工", first: 20) { nodes { id } more } }""",
}


async def _ask(engine: Engine, document: str) -> float:
    question = Question(
        document=document,
        variables=None,
        operation=None,
        principal=DEMO_PRINCIPALS["police"],
        occasion=Occasion(
            purpose="criminal-investigation",
            basis="刑事诉讼法",
            cause="测试",
            letter="测试",
        ),
        request_id=uuid.uuid4().hex,
    )
    began = time.perf_counter()
    answer = await engine.answer(question)
    took = (time.perf_counter() - began) * 1000
    extensions: Any = answer.body.get("extensions") or {}
    if "errors" in answer.body or "sources" in extensions:
        raise SystemExit(f"no whole answer: {answer.body}")
    return took


async def _run(state: Path, scale: str, runs: int) -> None:
    names = (*SOURCES, PLATFORM)
    cluster = Cluster(state, names, {"shared_buffers": "256MB"})
    databases = cluster.start()
    try:
        city = await load_city({name: databases[name] for name in SOURCES}, scale)
        print(f"{scale}: {city.total:,} rows in {city.seconds:.1f} s")
        make_demo_keys(state, ["provincial", "credit"])
        gateway = Gateway(Settings(state=state, bindings=BINDINGS), databases.get)
        async with gateway.running() as engine:
            for name, document in QUESTIONS.items():
                await _ask(engine, document)
                times = [await _ask(engine, document) for _ in range(runs)]
                median = statistics.median(times)
                print(f"{name:<56} {median:8.1f} ms  slowest {max(times):8.1f} ms")
    finally:
        cluster.stop()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="large")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--state", type=Path, default=Path(".zhitong/bench"))
    given = parser.parse_args()
    asyncio.run(_run(given.state, given.scale, given.runs))


if __name__ == "__main__":
    main()
