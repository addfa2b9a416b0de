"""A process that answers public and emergency looks until it is killed.

Its arguments: the platform's database, the state folder, the number of the first look.

For each look that may leave it says where its record is: ``kept`` on its own disk, or
``sent`` to the register, and the look's number.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from zhitong.connectors.access_log import open_pool
from zhitong.exceptions import RecordUnavailableError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.recording import recording
from zhitong.infra.settings import Settings
from zhitong.types import Inquiry, Look, Occasion


def inquiry(number: int) -> Inquiry:
    """Make a look: every other one an emergency's, at something protected."""
    urgent = number % 2 == 0
    look = Look(
        type="CaseRecord",
        source="market",
        fields={"contactPhone": "ALLOW"},
        rows=1,
        keys=(str(number),),
        protected=urgent,
        emergency=urgent,
    )
    return Inquiry(
        principal=DEMO_PRINCIPALS["police"],
        occasion=Occasion(cause="紧急"),
        id=f"look-{number}",
        looks=[look],
    )


async def run(url: str, state: Path, first: int) -> None:
    """Answer looks for ever, and say what became of each."""
    pool = await open_pool(url)
    async with recording(Settings(state=state), pool) as by:
        for number in itertools.count(first):
            asked = inquiry(number)
            away = by.recorder._log.away
            try:
                await by.recorder.record(asked)
            except RecordUnavailableError:
                continue
            print("kept" if away else "sent", asked.id, flush=True)  # noqa: T201 - to whoever kills us
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
