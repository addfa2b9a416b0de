"""The second hand-written limit: the departments' own tables, decoded as it answers.

As few rows as can be are decoded: each department's newest are found by its own column
and index, so many of all are picked, and those alone are read again by their place
(ctid) and brought into the graph's words by our bindings' SQL. One statement for each
question, as in `limit.sql`, over the same one database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from peer_tables import snake

from zhitong.connectors.mapping import MappedType
from zhitong.connectors.sql import Statement
from zhitong.schema.entities import ENTITIES
from zhitong.types import All, Compare, Not, Op, Predicate

Where = Callable[[Statement], str]


def named(text: str) -> Sequence[str]:
    """Give the names in *text*."""
    return text.split()


CASE = named(
    "caseNo title actType status subjectCode division filedOn decidedOn "
    "counterpartyName counterpartyKind fine documentNo matterCode officerCertificates"
)
LATEST = named(
    "caseNo title status division filedOn decidedOn counterpartyName fine documentNo "
    "matterCode"
)
FLAT = named(
    "caseNo title actType status subjectCode division counterpartyName "
    "counterpartyKind filedOn fine documentNo matterCode"
)
PARTY = named("code name kind industry status registerId registrationNo division")
YEAR = All(
    (
        Compare("filedOn", Op.GTE, "2025-12-01"),
        Compare("archivedOn", Op.PRESENT, value=True),
        Not(Compare("documentNo", Op.EQ, "-")),
    )
)


class Limit:
    """Writes the five statements from what each department has of each type."""

    def __init__(self, found: Mapping[str, Mapping[str, MappedType]]) -> None:
        self._found = found

    def text(self) -> str:
        """Write all five, each under its name."""
        parts = {
            "Q1": self._one(),
            "Q2": self._latest(),
            "Q3": self._listed(),
            "Q4": self._statistics(),
            "Q5": self._flat(),
        }
        return "\n".join(f"-- {name} --\n{sql}\n" for name, sql in parts.items())

    def _one(self) -> str:
        row = self.rows("Counterparty", PARTY, equal("code", "$1"), 1)
        pairs = ", ".join(f"'{name}', q.{snake(name)}" for name in PARTY)
        one = f"(select json_build_object({pairs}) from {row} q)"
        return f"select json_build_object('counterparty', {one})::text"

    def _latest(self) -> str:
        rows = self.rows("CaseRecord", CASE, everything, 20)
        return _whole("caseRecords", self._cases(LATEST, rows))

    def _flat(self) -> str:
        rows = self.rows("CaseRecord", FLAT, everything, 500)
        pairs = ", ".join(f"'{name}', c.{snake(name)}" for name in FLAT)
        return _whole("caseRecords", _list(pairs, rows, "c"))

    def _listed(self) -> str:
        listed = self.among("CreditListing", "counterpartyCode", "kind")
        parties = self.rows("Counterparty", PARTY, among("code", listed), 50)
        cases = self.rows(
            "CaseRecord", CASE, equal("counterpartyCode", "p.code"), 5, "c"
        )
        names = ["caseNo", "status", "fine", "filedOn", "documentNo"]
        listings = self.rows(
            "CreditListing",
            ["kind", "listedOn", "reason"],
            equal("counterpartyCode", "p.code"),
            2,
            "l",
        )
        pairs = ", ".join(
            f"'{name}', p.{snake(name)}"
            for name in ["code", "name", "kind", "registrationNo"]
        )
        told = "'kind', l.kind, 'listedOn', l.listed_on, 'reason', l.reason"
        return _whole(
            "counterparties",
            _list(
                f"{pairs}, 'cases', json_build_object('nodes', "
                f"{self._cases(names, cases)}), 'listings', json_build_object('nodes', "
                f"{_list(told, listings, 'l')})",
                parties,
                "p",
            ),
        )

    def _cases(self, names: Sequence[str], rows: str) -> str:
        subject = self.rows(
            "EnforcementSubject", ["name"], equal("code", "c.subject_code"), 1, "s"
        )
        officer = self.rows(
            "Officer", ["name", "unitName"], equal("certificateNo", "u.n"), 2, "o"
        )
        officers = (
            "(select coalesce(json_agg(json_build_object('name', o.name, 'unitName', "
            "o.unit_name) order by u.at, o.key), '[]') from "
            "unnest(c.officer_certificates) with ordinality u(n, at) "
            f"cross join lateral {officer} o)"
        )
        pairs = ", ".join(f"'{name}', c.{snake(name)}" for name in names)
        name = f"(select json_build_object('name', s.name) from {subject} s)"
        return _list(f"{pairs}, 'subject', {name}, 'officers', {officers}", rows, "c")

    def _statistics(self) -> str:
        parts = []
        for mapped in self._found["CaseRecord"].values():
            statement = Statement(mapped, "")
            subject = statement.value("subjectCode")
            month = f"left({statement.value('filedOn')}, 7)"
            where = condition(statement, YEAR)
            parts.append(
                f"(select {subject} as subject_code, {month} as month, count(*) as n "
                f"from {statement.source()} where {where} group by 1, 2)"
            )
        groups = (
            'select subject_code as "subjectCode", month, sum(n)::int as count from ('
            f"{' union all '.join(parts)}) all_of_them group by 1, 2"
        )
        return (
            "select json_build_object('caseStatistics', json_build_object('groups', "
            f"coalesce(json_agg(q), '[]')))::text from ({groups}) q"
        )

    def among(self, kind: str, name: str, compared: str) -> str:
        """Write the values of a field, of rows on the blacklist."""
        parts = []
        for mapped in self._found[kind].values():
            statement = Statement(mapped, "")
            value = statement.value(name)
            listed = Compare(compared, Op.EQ, "SERIOUS_DISHONESTY")
            where = condition(statement, listed)
            parts.append(f"select {value} from {statement.source()} where {where}")
        return " union all ".join(parts)

    def rows(
        self, kind: str, names: Sequence[str], where: Where, limit: int, at: str = "r"
    ) -> str:
        """Write the first rows over all departments, decoded; *at* is their name."""
        page = f"page_{at}"
        picked, read = [], []
        for source, mapped in self._found[kind].items():
            picked.append(_picked(source, mapped, where, limit))
            read.append(_read(source, mapped, names, page))
        return (
            f"(with {page} as materialized (select * from ("
            f"{' union all '.join(picked)}) picked order by sort desc, source, key "
            f"limit {limit}) {' union all '.join(read)})"
        )


def _picked(source: str, mapped: MappedType, where: Where, limit: int) -> str:
    """Find the first rows of one department by its own column: where they lie.

    Rows with a value and rows without are two selects under one limit, as in
    `zhitong.connectors.sql`: so the column's index serves the first.
    """
    statement = Statement(mapped, "")
    order = statement.lookup(ENTITIES[mapped.entity.name].orders[0])
    wanted, halves = where(statement), []
    lacking: str | None = "true"
    if order is not None:
        valued = order.codec.valued(order.raw)
        lacking = order.codec.lacking(order.raw) if valued else None
        halves.append(
            (
                f"({order.codec.order_value(order.raw)})::text",
                valued or "true",
                f"{statement.sort(order)} desc, ",
            )
        )
    if lacking is not None:
        halves.append(("''::text", lacking, ""))
    selects = [
        f"(select '{source}'::text as source, base.ctid as at, {sort} as sort, "
        f"{statement.key} as key from {statement.source()} where {wanted} and {has} "
        f"order by {by}{statement.key_sort()} limit {limit})"
        for sort, has, by in halves
    ]
    if len(selects) == 1:
        return selects[0]
    return f"({' union all '.join(selects)} limit {limit})"


def _read(source: str, mapped: MappedType, names: Sequence[str], page: str) -> str:
    """Read the picked rows of one department, in the graph's words."""
    statement = Statement(mapped, "")
    values = [
        f"({statement.value(name)})::{kind} as {snake(name)}"
        for name in names
        for kind in ("text[]" if name == "officerCertificates" else "text",)
    ]
    joins = statement.source().removeprefix(f"{mapped.table} base")
    return (
        f"select z.source, z.sort, z.key, {', '.join(values)} from {page} z "
        f"join {mapped.table} base on base.ctid = z.at{joins} "
        f"where z.source = '{source}'"
    )


def everything(_: Statement) -> str:
    """Want every row."""
    return "true"


def equal(name: str, what: str) -> Where:
    """Want the rows whose field is *what*, by the column's own index."""

    def where(statement: Statement) -> str:
        found = statement.lookup(name)
        if found is None:
            return "false"
        return f"{found.codec.equal(found.raw)} = {what}::{found.codec.type}"

    return where


def among(name: str, values: str) -> Where:
    """Want the rows whose field is one of what a select gives."""

    def where(statement: Statement) -> str:
        found = statement.lookup(name)
        if found is None:
            return "false"
        cell = f"select v::{found.codec.type} from ({values}) x(v)"
        return f"{found.codec.equal(found.raw)} in ({cell})"

    return where


def condition(statement: Statement, predicate: Predicate) -> str:
    """Write a predicate, its parameters as what they are."""
    before = len(statement.parameters)
    sql = statement.condition(predicate)
    assert before == 0  # noqa: S101 - numbers begin with this predicate

    def parameter(found: re.Match[str]) -> str:
        return _literal(statement.parameters[int(found[1]) - 1])

    return re.sub(r"\$(\d+)", parameter, sql)


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat()}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def _list(pairs: str, rows: str, name: str) -> str:
    order = f"{name}.sort desc, {name}.source, {name}.key"
    return (
        f"(select coalesce(json_agg(json_build_object({pairs}) order by {order}), '[]')"
        f" from {rows} {name})"
    )


def _whole(root: str, nodes: str) -> str:
    return (
        f"select json_build_object('{root}', json_build_object('nodes', {nodes}))::text"
    )
