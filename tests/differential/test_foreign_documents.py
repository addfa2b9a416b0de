"""Documents that hypothesis-graphql writes over our schema: both answer them alike."""

from __future__ import annotations

import asyncio
import random

from executors import Pair
from graphql import print_ast
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from pair_cases import cases, compared
from pair_differences import reported
from walked_documents import COMMON, Walked, schema

SCALARS = {
    "CreditCode": st.sampled_from(["91619903MAFX1N0021", "11619900MB0004001B"]),
    "Date": st.sampled_from(["2025-01-01", "2026-03-01"]),
    "DateTime": st.sampled_from(["2026-03-01T00:00:00+08:00"]),
    "DivisionCode": st.sampled_from(["6199", "619921"]),
    "Money": st.sampled_from(["0", "1000.10"]),
}
ROOTS = sorted({*COMMON})
"""Root fields that are asked for; of each what hypothesis-graphql likes."""
EXAMPLES = 20


@seed(6)
@settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_both_executors_answer_alike(data: st.DataObject) -> None:
    root = data.draw(st.sampled_from(ROOTS))
    document = data.draw(
        queries(
            schema(),
            fields=[root],
            custom_scalars={
                name: values.map(nodes.String) for name, values in SCALARS.items()
            },
            print_ast=print_ast,
            allow_x00=False,
        )
    )
    asyncio.run(_alike(document))


async def _alike(document: str) -> None:
    rng = random.Random(document)  # noqa: S311 - to be made again, not secret
    asked = cases(rng, Walked(document=document, variables={}))
    for each in await compared(Pair(), asked):
        assert not each.found, reported(each.case, each.found)
