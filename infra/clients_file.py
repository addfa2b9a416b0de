"""Reading what clients may ask: allowances as data, the most specific block first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from zhitong.exceptions import ClientsError
from zhitong.grants import Grant
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.requesters import KINDS
from zhitong.schema.cost import LARGEST_PAGE
from zhitong.types import Allowance, Label, Principal

CLIENTS = Path(__file__).parent / "rules" / "clients.toml"
NAMED = Label("客户端文件", "the clients' file")

_Text = Annotated[str, Meta(min_length=1)]
_Texts = Annotated[list[_Text], Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=1, le=10**9)]
_SAID = tuple(each.name for each in fields(Allowance))
_PAGE = Allowance().page


class _Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt one would leave a limit as it was."""

    kinds: _Texts | None = None
    units: _Texts | None = None
    clients: _Texts | None = None
    page: Annotated[int, Meta(ge=1, le=LARGEST_PAGE)] | None = None
    cost: _Count | None = None
    rate: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    burst: _Count | None = None
    concurrent: _Count | None = None
    trusted_only: bool | None = None
    introspection: bool | None = None
    router: bool | None = None
    source: _Text

    def matches(self, principal: Principal) -> bool:
        """Say whether the block speaks of *principal*: by all that it names."""
        return (
            (self.kinds is None or principal.kind in self.kinds)
            and (self.units is None or principal.unit in self.units)
            and (self.clients is None or principal.client in self.clients)
        )

    def specific(self) -> tuple[bool, bool, bool]:
        """Order blocks: who names a client is more specific than who names a unit."""
        named = (self.clients, self.units, self.kinds)
        clients, units, kinds = (each is not None for each in named)
        return clients, units, kinds


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tenant: Whose
    clients: list[_Block]


@dataclass(frozen=True, slots=True)
class Clients:
    """What each client may ask."""

    blocks: Sequence[_Block]
    """The most specific first; the default last."""
    default: Allowance

    def allowance(self, principal: Principal) -> Allowance:
        """Give the allowance of *principal*."""
        found = [block for block in self.blocks if block.matches(principal)]
        said: dict[str, Any] = {}
        for block in reversed(found):
            values = ((name, getattr(block, name)) for name in _SAID)
            said |= {name: value for name, value in values if value is not None}
        return replace(self.default, **said)


def raised(
    allowance: Allowance, grants: Iterable[Grant], document: str | None
) -> Allowance:
    """Raise *allowance* to the most that a grant in force gives; never lower it.

    One that is for some documents raises nothing for another *document*; None: it is
    not known which is asked.
    """
    found = tuple(
        grant for grant in grants if not grant.documents or document in grant.documents
    )
    if not found:
        return allowance
    pages = (grant.page for grant in found if grant.page is not None)
    costs = (grant.cost for grant in found if grant.cost is not None)
    rates = (grant.rate for grant in found if grant.rate is not None)
    return replace(
        allowance,
        page=max(allowance.page, min(max(pages, default=0), LARGEST_PAGE)),
        cost=max(allowance.cost, *costs, 0),
        rate=max(allowance.rate, *rates, 0.0),
    )


def read_clients(path: Path = CLIENTS, *, page: int = _PAGE) -> Clients:
    """Read *path*; raise `ClientsError` naming what is wrong.

    *page* is the largest page where no block says another.
    """
    file = read_form(path, _File, NAMED, ClientsError)
    for zh, en in _wrong(file.clients):
        raise ClientsError(f"{path.name}：{zh}", f"{path.name}: {en}")
    # Sorting keeps the order of the file among equals.
    blocks = sorted(file.clients, key=_Block.specific, reverse=True)
    return Clients(blocks, Allowance(page=page))


def _wrong(blocks: Sequence[_Block]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[object, ...]] = set()
    for block in blocks:
        for kind in block.kinds or ():
            if kind not in KINDS:
                yield f"没有请求方类别 {kind}", f"there is no requester kind {kind}"
        for name in _names(block):
            if name in seen:
                yield (
                    f"两个区块说的是同一类客户端 {name[1:]}",
                    f"two blocks speak of the same clients: {name[1:]}",
                )
            seen.add(name)


def _names(block: _Block) -> Iterator[tuple[object, ...]]:
    """Name whom *block* speaks of, so that no two blocks of one order can differ."""
    for client in block.clients or [""]:
        for unit in block.units or [""]:
            for kind in block.kinds or [""]:
                yield block.specific(), client, unit, kind
