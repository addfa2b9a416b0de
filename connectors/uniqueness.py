"""What a binding takes to be unique: a type's key, and what a join meets.

A key that stands twice would lose rows between pages, a join that meets two rows
would double them; both in silence. A unique index proves it; without one, the rows
are asked, once for each source. A view has none and may be long: the owner may vouch
for its key instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from zhitong.connectors.binding import Binding
from zhitong.connectors.mapping import Drift, MappedType, quoted
from zhitong.types import Label


@dataclass(frozen=True, slots=True)
class Unique:
    """An assumption: *columns* of *table* name at most one row."""

    type: str
    table: str
    columns: tuple[str, ...]
    alias: str | None = None
    """The join that rests on it; the whole type without one."""

    @property
    def question(self) -> str:
        """Ask for one combination of values that stands twice."""
        names = ", ".join(map(quoted, self.columns))
        stated = " and ".join(f"{quoted(name)} is not null" for name in self.columns)
        return (
            f"select 1 from {quoted(self.table)} where {stated} "  # noqa: S608 - names
            f"group by {names} having count(*) > 1 limit 1"
        )

    def proved_by(self, indexes: Mapping[str, Collection[frozenset[str]]]) -> bool:
        """Say whether a unique index makes it so."""
        return any(index <= set(self.columns) for index in indexes.get(self.table, ()))

    @property
    def fault(self) -> Label:
        """Say what is wrong when it does not hold."""
        names = "、".join(self.columns)
        if self.alias is None:
            return Label(
                f"表 {self.table} 的 {names} 有重复值，不能作 key",
                f"{', '.join(self.columns)} of table {self.table} is not unique and "
                "cannot be the key",
            )
        return Label(
            f"连接 {self.alias} 在表 {self.table} 按 {names} 会对上多行",
            f"join {self.alias} meets several rows of table {self.table} by "
            f"{', '.join(self.columns)}",
        )


def assumptions(binding: Binding) -> list[Unique]:
    """List what *binding* takes to be unique."""
    found: list[Unique] = []
    for name, type_map in binding.types.items():
        if not type_map.vouched:
            found.append(Unique(name, type_map.table, (type_map.key,)))
        found.extend(
            Unique(name, join.table, tuple(sorted(join.on)), alias)
            for alias, join in type_map.joins.items()
        )
    return found


def without(
    types: Mapping[str, MappedType], broken: Collection[Unique]
) -> tuple[dict[str, MappedType], list[Drift]]:
    """Take away what rests on a *broken* assumption, and say what that is."""
    left, drifts = dict(types), []
    for one in broken:
        mapped = left.get(one.type)
        if mapped is None:
            continue
        lost = {
            name
            for name, field in mapped.fields.items()
            if one.alias is None or one.alias in field.joins
        }
        drifts.append(Drift(one.type, tuple(sorted(lost)), one.fault))
        if one.alias is None:
            del left[one.type]
        else:
            kept = {k: v for k, v in mapped.fields.items() if k not in lost}
            left[one.type] = replace(mapped, fields=kept)
    return left, drifts
