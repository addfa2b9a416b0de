"""The departments' databases of the matrix, and how a test looks into them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from leak_oracle import Oracle
from leak_rows import canary, id_number, tokens

from zhitong.connectors.complainants import Complainants, Identity, Reason
from zhitong.infra.complaints import complainants
from zhitong.infra.settings import Settings


@dataclass(frozen=True, slots=True)
class City:
    """The departments' databases and what was written into them."""

    addresses: Mapping[str, str]
    bindings: Path
    policy: Path
    oracle: Oracle


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(address)
    try:
        yield connection
    finally:
        await connection.close()


REASON = Reason(who="陈监督", why="核实举报人安全", approval="安司审〔2026〕7号")


async def complain(city: City, state: Path) -> frozenset[str]:
    """Keep, read and end who complained, as an office does; give their canaries."""
    known: set[str] = set()
    async with complainants(Settings(state=state), city.addresses.get) as store:
        for _ in range(3):
            identity, text = _complainant()
            known |= tokens(text)
            await _handled(store, identity)
    return frozenset(known)


def _complainant() -> tuple[Identity, str]:
    said = (canary(), id_number(), f"住{canary()}巷", canary())
    name, number, address, phone = said
    made = Identity(name=name, id_number=number, address=address, phone=phone)
    return made, " ".join(said)


async def _handled(store: Complainants, identity: Identity) -> None:
    kept, gone = await store.keep(identity), await store.keep(identity)
    assert await store.unmask(kept, REASON) == identity
    assert await store.erase(gone, REASON)
