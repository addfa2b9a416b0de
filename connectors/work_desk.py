"""Work as an operator sees and settles it; each settlement is a deed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from zhitong.catalogue import Blamed, Rejections
from zhitong.connectors.session import Session, State
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError


class WorkDesk(Session):
    """The work of the platform's database, for the time of an ``async with``."""

    SQL = "work"

    async def listed(
        self, receiver: str | None, limit: int, *, done: bool = False
    ) -> Sequence[State]:
        """Give what is to be done, the longest due first; with what is *done*, too."""
        return await self._fetch("list", receiver, done, limit)

    async def settle(self, item: str, who: str, why: str) -> bool:
        """End *item* by the word of *who*; False if it is not open, or unknown."""

        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="settle-work",
                target=str(row["target"]),
                reason=why,
                detail={
                    "kind": row["kind"],
                    "receiver": row["receiver"],
                    "decision": row["decision_id"],
                    "version": row["version"],
                    "occasion": row["occasion"],
                },
            )

        return bool(await self._do(deed, "settle", item, why))

    async def rejections(
        self, since: datetime, sources: Sequence[str]
    ) -> Mapping[str, Rejections]:
        """Say what was rejected of the decisions on cases of *sources*, by source."""
        async with self._connected() as connection:
            sent = await connection.fetch(
                statements(self.SQL)["sent_decisions"], since, list(sources)
            )
            rows = await connection.fetch(
                statements(self.SQL)["blamed"], since, list(sources)
            )
        return {
            one["source"]: Rejections(
                sent=one["sent"],
                rejected=one["rejected"],
                blamed=tuple(
                    Blamed(
                        code=row["code"], field=row["field"], decisions=row["decisions"]
                    )
                    for row in rows
                    if row["source"] == one["source"]
                ),
            )
            for one in sent
        }

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复：请确认它在运行，且已由网关建表（zhitong serve）",
            "the platform's database does not answer: see that it runs and that a "
            "gateway has made its tables (zhitong serve)",
        )
