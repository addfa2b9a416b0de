"""Putting an answer together by a function that is written for the document.

For each plan a Python function is made that holds little but dict literals over rows:
what is usual, and as fast as Python goes. Whatever is not usual, a code that is on no
list, a number too large, raises, and the strict assembler of
`zhitong.resolvers.assemble` has the word: it is the reference that this has to equal.

The source has numbers for names. What came with the document, its response keys, and
what the schema calls its fields, are constants handed to it, never text of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from zhitong.resolvers.assemble import Values
from zhitong.resolvers.plan_helpers import HELPERS
from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Counts,
    Grouped,
    Identity,
    Leaf,
    PageBelow,
    Part,
    RootPage,
    Selection,
    SourceName,
    TypeName,
)

Assemble = Callable[[Values], object]
"""Makes the data of an answer of what the steps found; raises where it is unusual."""


def generated(selection: Selection) -> Assemble:
    """Make the function that puts answers to *selection* together."""
    source, constants = written(selection)
    names: dict[str, Any] = {"__builtins__": {}, **HELPERS}
    names |= {f"k{number}": constant for number, constant in enumerate(constants)}
    code = compile(source, "<plan>", "exec")
    exec(code, names)  # noqa: S102 - numbers for names and words of our own: see above
    made: Assemble = names["data"]
    return made


def written(selection: Selection) -> tuple[str, Sequence[object]]:
    """Write the source of that function, and the constants ``k0``, ``k1``… of it."""
    writing = _Writing()
    root = writing.place(selection.root)
    data = f"def data(V):\n    return {root}([None], V)[0]\n"
    return "\n".join([*writing.functions, data]), writing.constants


ROW = (Column, Identity, SourceName, TypeName)
"""What a row says itself; with more, something stands below it."""
GROUP = (Grouped, Attribute, TypeName)
"""What a group of counts says itself."""
COUNTED = {"count": "n", "suppressed": "n is None"}
"""A group's attributes, of its count ``n``."""


@dataclass(slots=True)
class _Writing:
    """A source on its way: its functions so far, one for each place, and constants."""

    constants: list[object] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    _known: dict[tuple[type, object], str] = field(default_factory=dict)

    def constant(self, value: object) -> str:
        """Name a constant; equal ones share a name."""
        kind = (type(value), value)
        if kind not in self._known:
            self._known[kind] = f"k{len(self.constants)}"
            self.constants.append(value)
        return self._known[kind]

    def function(self, lines: Iterable[str], takes: str = "O, V") -> str:
        """Add a function; give its name. It takes objects and what was found."""
        name = f"f{len(self.functions)}"
        body = "\n".join(f"    {line}" for line in lines)
        self.functions.append(f"def {name}({takes}):\n{body}")
        return name

    def flat(self, parts: Iterable[Part]) -> str:
        """Write the function of rows that nothing stands below; give its name.

        It takes ``R``, the records of them, ``T``, their tables, and ``A``, where
        columns stand: rows are not made of what has no more to say.
        """
        before: list[str] = []
        members = [
            f"{self.constant(one.key)}: {self._cell(one, before)}" for one in parts
        ]
        row = f"{{{', '.join(members)}}}"
        return self.function(
            [*before, f"return [{row} for r, t in zip(R, T)]"], "R, T, A"
        )

    def _cell(self, part: Part, before: list[str]) -> str:
        """Write the expression of one member of a record."""
        match part.role:
            case TypeName():
                return self.constant(part.owner)
            case Identity():
                return "identified(t, r)"
            case SourceName():
                return "t.source"
            case _:
                column = f"n{part.tag}"
                before.append(f"{column} = A[{self.constant(part.name)}]")
                before.extend(self.guards(part, f"[r[{column}] for r in R]"))
                return f"r[{column}]"

    def groups(self, parts: Iterable[Part]) -> str:
        """Write the function of groups that nothing stands below; give its name.

        It takes ``S``, the statistics: groups are not made of what has no more to say.
        """
        before: list[str] = []
        names, over = ["n"], ["counts"]
        members: list[str] = []
        for one in parts:
            if isinstance(one.role, Grouped):
                column = f"n{one.tag}"
                before.append(
                    f"{column} = S.column({self.constant(one.role.grouping)})"
                )
                before.extend(self.guards(one, column))
                names.append(f"v{one.tag}")
                over.append(column)
            elif one.leaf is Leaf.INTEGER:
                before.extend(self.guards(one, "counts"))
            members.append(f"{self.constant(one.key)}: {self._counted(one)}")
        before.insert(0, "counts = [many for _, many in S.cells]")
        each = f"for {', '.join(names)} in zip({', '.join(over)})"
        if len(names) == 1:  # zip would give tuples of one
            each = "for n in counts"
        row = f"{{{', '.join(members)}}}"
        return self.function([*before, f"return [{row} {each}]"], "S")

    def _counted(self, part: Part) -> str:
        """Write the expression of one member of a group."""
        match part.role:
            case Grouped():
                return f"v{part.tag}"
            case TypeName():
                return self.constant(part.owner)
            case Attribute(name):
                return COUNTED[name]
            case role:
                raise TypeError(role)

    def guards(self, part: Part, values: str) -> Iterator[str]:
        """Look at all values of a leaf that may not fit its type."""
        if part.items:
            yield f"lists({values}, {part.nullable}, {part.items[-1]})"
        elif part.leaf is Leaf.CODE:
            codes = part.codes | {None} if part.nullable else part.codes
            yield f"coded({values}, {self.constant(codes)})"
        elif part.leaf is Leaf.INTEGER:
            yield f"numbers({values}, {part.nullable})"
        elif not part.nullable:
            yield f"stated({values})"

    def place(self, parts: Iterable[Part], above: Part | None = None) -> str:
        """Write the function of one place, and those below it; give its name.

        It takes ``O``, the objects that stand there, and ``V``, what the steps have
        found, and gives a dict for each object.
        """
        place = _Place(self, above)
        members = [f"{self.constant(one.key)}: {place.member(one)}" for one in parts]
        row = f"{{{', '.join(members)}}}"
        return self.function([*place.before, f"return [{row} for {place.loop}]"])

    def below(self, part: Part) -> str:
        """Write the function of what stands below *part*, of whatever type it is."""
        made = {name: self.place(parts, part) for name, parts in part.below.items()}
        if len(made) == 1:
            (function,) = made.values()
            return function
        types = ", ".join(f"{self.constant(name)}: {made[name]}" for name in made)
        return self.function([f"return mixed(O, {{{types}}}, V)"])


@dataclass(slots=True)
class _Place:
    """One place of a document: its members, and what has to be at hand for them."""

    writing: _Writing
    above: Part | None
    """What leads to the objects that stand here; None: nothing does, at the root."""
    before: list[str] = field(default_factory=list)
    """Statements: what is below made ready, guards against what is unusual."""
    _values: bool = False
    _identity: bool = False

    @property
    def loop(self) -> str:
        """Go through the objects ``o``, with their values and identity if needed."""
        names, over = ["o"], ["O"]
        if self._values:
            names, over = [*names, "v"], [*over, "[o.values for o in O]"]
        if self._identity:
            names, over = [*names, "i"], [*over, "map(id, O)"]
        if len(names) == 1:
            return "o in O"
        return f"{', '.join(names)} in zip({', '.join(over)})"

    def member(self, part: Part) -> str:
        """Write the expression of one member."""
        constant = self.writing.constant
        match part.role:
            case TypeName():
                return constant(part.owner)
            case Identity():
                return "identity(o)"
            case SourceName():
                return "o.source"
            case Column():
                self._values = True
                name = constant(part.name)
                self._guard(part, f"[o.values[{name}] for o in O]")
                return f"v[{name}]"
            case Grouped(grouping):
                self._values = True
                name = constant(grouping)
                self._guard(part, f"[o.values.get({name}) for o in O]")
                return f"v.get({name})"
            case Attribute(name):
                return self._attribute(part, name)
            case _:
                return self._found(part)

    def _attribute(self, part: Part, name: str) -> str:
        """Write an attribute of an object of ours; it has what it says it has."""
        if not name.isidentifier():
            raise ValueError(name)
        if part.leaf is None:
            if (flat := self._flat(part, name)) is not None:
                return flat
            return self._object(part, f"{{id(o): o.{name} for o in O}}", "listed")
        if part.items:
            return f"[*o.{name}]"  # what is no list is for the strict assembler
        if part.leaf is not Leaf.TEXT:
            self._guard(part, f"[o.{name} for o in O]")
        return f"o.{name}"

    def _flat(self, part: Part, name: str) -> str | None:
        """Write what has no more below it, rows or groups, without objects of ours."""
        if self.above is None or len(part.below) > 1:
            return None
        (parts,) = part.below.values()
        match self.above.role, name:
            case RootPage() | PageBelow(), "nodes" if _all(parts, ROW):
                return self._records(part, parts)
            case Counts(), "groups" if _all(parts, GROUP):
                return self._groups(part, parts)
            case _:
                return None

    def _groups(self, part: Part, groups: Iterable[Part]) -> str:
        """Write the groups of counts, made of their cells."""
        self._identity = True
        name, function = f"m{part.tag}", self.writing.groups(groups)
        self.before.append(f"{name} = {{id(o): {function}(o) for o in O}}")
        return f"{name}[i]"

    def _records(self, part: Part, rows: Iterable[Part]) -> str:
        """Write the rows of pages, made of what the driver holds."""
        self._identity = True
        name, function = f"m{part.tag}", self.writing.flat(rows)
        found = "{id(o): o.found for o in O}"
        self.before.append(f"{name} = records({found}, {function})")
        return f"{name}[i]"

    def _found(self, part: Part) -> str:
        """Write what a step has found for each object."""
        found = f"V.get({part.tag}, NONE)"
        if part.leaf is None:
            return self._object(part, found, "shared")
        self._identity = True
        self.before.append(f"m{part.tag} = {found}")
        self._guard(part, f"m{part.tag}.values()")
        return f"m{part.tag}[i]"

    def _object(self, part: Part, found: str, several: str) -> str:
        """Write what stands below: made for all objects of the place at once."""
        self._identity = True
        helper = several if part.items else "one"
        function = self.writing.below(part)
        name = f"m{part.tag}"
        self.before.append(f"{name} = {helper}({found}, {function}, V)")
        if not part.nullable:
            self.before.append(f"stated({name}.values())")
        return f"{name}[i]"

    def _guard(self, part: Part, values: str) -> None:
        self.before.extend(self.writing.guards(part, values))


def _all(parts: Iterable[Part], roles: tuple[type, ...]) -> bool:
    return all(isinstance(one.role, roles) for one in parts)
