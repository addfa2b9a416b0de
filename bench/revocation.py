"""A grant revoked under load: `make bench-revocation` (N=rounds).

One gateway over the demo city, 32 callers of a unit that has a grant, over HTTP. In
each round the grant is put in force, used by all, and revoked. What is counted: how
long after the revocation's commit the last byte of an answer comes that rests on it,
and how many records rest on it that were not there when it was committed: none may.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import uvloop
from machine import others, quantiles, running, until, zhitong
from our_gateway import CLIENTS

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import address
from zhitong.infra.note import find
from zhitong.infra.serving import client, note_path
from zhitong.infra.settings import Settings

CALLERS = 32
WHO = DEMO_PRINCIPALS["tax-officer"]
OWNER = DEMO_PRINCIPALS["market-steward"].unit
PURPOSE = "tax-collection"
ASKED = """{ counterparties(first: 5, sources: ["market"],
  where: {kind: {eq: LEGAL_PERSON}}) { nodes { code phone } } }"""
GRANT = """insert into access_grant (grant_id, version, state, kind, unit, unit_name,
    owner, purpose, basis, fields, valid_from, valid_to, applied_by, applied_at,
    changed_at)
values ($1, 1, 'IN_FORCE', 'SHARING', $2, '税务局', $3, $4, '税收征收管理法',
    '{"Counterparty": ["phone"]}', now() - interval '1 day', now() + interval '1 day',
    '某人', now(), now())"""
REVOKE = "update access_grant set state = 'REVOKED' where grant_id = $1"
RESTING = """select record_id from access_entry
where convert_from(body, 'UTF8')::jsonb -> 'grants' ? $1"""
AFTER = 0.5
"""Seconds that callers go on after the last answer that rests on the grant."""


@dataclass(slots=True)
class Round:
    """What callers heard in one round, each answer at its last byte."""

    whole: dict[str, float] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    denied: int = 0
    asking: bool = True

    def note(self, response: httpx.Response) -> None:
        """Note an answer; its last byte is here."""
        now, body = time.monotonic(), response.json()
        if response.status_code != httpx.codes.OK:
            self.others[body["errors"][0]["extensions"]["code"]] += 1
        elif any(node["phone"] for node in body["data"]["counterparties"]["nodes"]):
            self.whole[response.headers["zhitong-record"]] = now
        else:
            self.denied += 1


async def revoke_under_load(
    connection: asyncpg.Connection[asyncpg.Record], http: httpx.AsyncClient, name: str
) -> tuple[float, float]:
    """Give how long the revocation took, and after it the last whole answer came."""
    found = Round()

    async def calling() -> None:
        while found.asking:
            found.note(await http.post("/graphql", json={"query": ASKED}))

    async def used() -> bool:
        return len(found.whole) > 4 * CALLERS

    async def denied() -> bool:
        return found.denied > before_revoking + 4 * CALLERS

    await connection.execute(GRANT, name, WHO.unit, OWNER, PURPOSE)
    callers = [asyncio.create_task(calling()) for _ in range(CALLERS)]
    await until(used, "answers that rest on the grant")
    began = time.monotonic()
    async with connection.transaction():
        await connection.execute(REVOKE, name)
        before = {one["record_id"] for one in await connection.fetch(RESTING, name)}
    committed = time.monotonic()
    before_revoking = found.denied
    await until(denied, "answers without it")
    await asyncio.sleep(AFTER)
    found.asking = False
    await asyncio.gather(*callers)
    after = {one["record_id"] for one in await connection.fetch(RESTING, name)}
    last = max(found.whole.values()) - committed
    late = sum(at > committed for at in found.whole.values())
    print(
        f"{name}: {len(found.whole):,} whole answers, {late} of them with their last "
        f"byte after the commit, the last {last * 1000:+.0f} ms; {found.denied:,} "
        f"without it, refused {dict(found.others)}; recorded after: "
        f"{len(after - before)}, given and not on record: "
        f"{len(found.whole.keys() - after)}",
        flush=True,
    )
    if after != before or not found.whole.keys() <= after:
        raise SystemExit("something left that rests on a grant that had ended")
    return committed - began, last


async def measure(settings: Settings, rounds: int) -> None:
    """Revoke so often, and print what came of it."""

    async def there() -> bool:
        return find(note_path(settings)) is not None

    await until(there, "the gateway")
    caller = client(settings, WHO)
    where = urlsplit(caller.url)
    connection = await asyncpg.connect(
        address(settings.state, os.environ)("platform") or ""
    )
    headers = {
        "authorization": f"Bearer {caller.token}",
        "zhitong-purpose": PURPOSE,
    }
    taken, last = [], []
    async with httpx.AsyncClient(
        base_url=f"{where.scheme}://{where.netloc}",
        headers=headers,
        timeout=60,
        limits=httpx.Limits(max_connections=CALLERS),
    ) as http:
        for number in range(rounds):
            one, two = await revoke_under_load(connection, http, f"round-{number + 1}")
            taken.append(one)
            last.append(max(two, 0.0))
    await connection.close()
    print(f"the revocation's transaction: {quantiles(taken)}")
    print(f"last byte after its commit:   {quantiles(last)} (at most 1 s is asked for)")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    state = (Path(".zhitong/bench") / f"revocation-{os.getpid()}").resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    print(f"the machine before: {others()}", flush=True)
    try:
        subprocess.run(  # noqa: S603 - our own program
            [*zhitong(state, "up"), "--scale", "small"], check=True
        )
        clients = state / "log" / "clients.toml"
        clients.write_text(CLIENTS, "utf-8")
        os.environ["ZHITONG_CLIENTS"] = str(clients)
        with running(state, "serve", "--port", "0"):
            uvloop.run(measure(settings, given.rounds))
    finally:
        subprocess.run(zhitong(state, "clean"), check=True)  # noqa: S603 - ours
    print(f"the machine after: {others()}")


if __name__ == "__main__":
    main()
