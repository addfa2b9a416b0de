"""The city as performance.md's figures have it: one department keeps every case.

Those were taken over four databases: justice with agencies and officers, market with
parties, credit with listings, and one department with all cases. Our city spreads its
cases over five departments, each with words of its own, and so an answer asks all five
and merges: that is the product's city. Here it is the same generator, the same numbers
and the same bindings, but transport has the cases of all bureaus and no other has any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from our_gateway import BENCH, City, city

import zhitong.infra.city
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.city_systems import SYSTEMS

KEEPER = "transport"
SERVERS = ("justice", "market", "credit", KEEPER)
CASES = "[types.CaseRecord]"


@contextmanager
def one_department(scale: str) -> Iterator[City]:
    """Run the four servers of such a city until the block ends."""
    with all_in_one(scale) as name:
        folder = BENCH / f"bindings-{name}"
        write_bindings(folder)
        with city(name, SERVERS, folder) as departments:
            yield departments


@contextmanager
def all_in_one(scale: str) -> Iterator[str]:
    """Have the generator know such a city until the block ends; give its name."""
    name = f"{scale}-one"
    scales, systems = zhitong.infra.city.SCALES, dict(SYSTEMS)
    zhitong.infra.city.SCALES = {**scales, name: scales[scale]}
    SYSTEMS.update({one: replace(each, share=0) for one, each in systems.items()})
    SYSTEMS[KEEPER] = replace(systems[KEEPER], field=None, share=100)
    try:
        yield name
    finally:
        zhitong.infra.city.SCALES = scales
        SYSTEMS.update(systems)


def write_bindings(folder: Path) -> None:
    """Write the four bindings; only the keeper's still has cases."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in SERVERS:
        text = (BINDINGS / f"{source}.toml").read_text("utf-8")
        if source != KEEPER:
            text = text.partition(CASES)[0]  # the last of the types, where there is one
        (folder / f"{source}.toml").write_text(text, "utf-8")


TOWNS: Mapping[str, Callable[[str], AbstractContextManager[City]]] = {
    "all": city,
    "one": one_department,
}
"""Which departments keep cases → the city."""
