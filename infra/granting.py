"""Applications for grants put together, and the clock that ends what has run out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from zhitong.connectors.grants import PlatformGrants
from zhitong.connectors.loan import Pool
from zhitong.exceptions import ZhitongError
from zhitong.ports import Source
from zhitong.resolvers.grants import Grants
from zhitong.resolvers.policy import Policy
from zhitong.rules.grant_states import GrantClocks
from zhitong.schema.entities import ENTITIES

SECONDS = 60.0
"""Between two looks for what has run out: it is not in force whether noted or not."""

LOGGER = logging.getLogger("zhitong.grants")


def applications(
    pool: Pool,
    policy: Policy,
    clocks: GrantClocks,
    sources: Callable[[], Mapping[str, Source]],
    receivers: Callable[[], Mapping[str, str]],
) -> Grants:
    """Put together what is done to applications."""
    return Grants(
        book=PlatformGrants(pool),
        entities=ENTITIES,
        sources=sources,
        clocks=clocks,
        applicants=policy.grant_applicants,
        purposes=policy.purposes,
        receivers=receivers,
    )


async def expiring(grants: Grants, seconds: float = SECONDS) -> None:
    """Note what has run out, for ever; any gateway may, and each is noted once."""
    while True:
        try:
            while await grants.expire():
                pass
        except ZhitongError as error:
            LOGGER.warning("%s %s", error.code, error)
        await asyncio.sleep(seconds)
