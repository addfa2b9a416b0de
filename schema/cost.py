"""What a document would cost: each field times the sizes of the lists above it.

Found in one pass, a fragment once however often it is spread. What only the variables
tell stays open, so that a document is measured once and priced with each question:

- a page counts its ``first``, or the default page where none is said;
- ``edges`` and ``nodes`` are the page's rows, the page's other fields are there once;
- a list without a page counts a fixed size;
- what the variables carry in lists and objects counts too: each value is checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from zhitong.schema.gate import fragments

LARGEST_PAGE = 1_000
"""No client is given more: a larger ``first`` is refused where the page is read."""
LISTED = 10
"""Rows that a list without a page counts as: the officers of a case."""
LISTS: Mapping[tuple[str, str], int] = {
    ("CaseStatistics", "groups"): 200,
    ("InspectionStatistics", "groups"): 200,
    ("DecisionStatistics", "groups"): 200,
    ("FindingStatistics", "groups"): 200,
    ("DeliveryStatistics", "groups"): 200,
    ("CodeListType", "values"): 25,
    ("CatalogueItem", "fields"): 25,
    ("CatalogueQuality", "fields"): 25,
    ("CatalogueRejections", "blamed"): 25,
    ("Query", "catalogueVersions"): 20,
    ("CatalogueVersion", "changes"): 25,
}
"""Lists of another size."""
ENTITIES = "representations"
"""An argument that lists what is to be found: as many rows as it has items."""
ROWS = frozenset({"edges", "nodes"})
SCHEMA: Mapping[str, int] = {"__schema": 2_000, "__type": 50}
"""What introspection costs, which is answered from memory."""
VALUE = 5
"""What a value in a variable costs: some 10 µs, so that a budget of 20,000 is 40 ms."""
MOST = 10**12
"""Beyond this nobody asks how much more it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is there as often as a variable says; once without one."""

    variable: str | None
    times: int
    inside: Term


@dataclass(frozen=True, slots=True)
class Sum:
    """A cost of which something depends on the variables."""

    own: int
    parts: tuple[Part, ...]


Term = int | Sum


@dataclass(frozen=True, slots=True)
class Shape:
    """A selection's cost: there once, and for each row of the page around it."""

    once: Term = 0
    each: Term = 0


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of one operation, open where its variables tell."""

    term: Term
    defaults: Mapping[str, int | list[None]]
    page: int

    def cost(self, variables: Mapping[str, object]) -> int:
        """Price it for *variables*, in time linear in the document."""
        if isinstance(self.term, int):
            return self.term
        known: dict[int, int] = {}

        def total(term: Term) -> int:
            if isinstance(term, int):
                return term
            if id(term) not in known:
                found = term.own + sum(
                    self._rows(part.variable, variables)
                    * part.times
                    * total(part.inside)
                    for part in term.parts
                )
                known[id(term)] = min(found, MOST)
            return known[id(term)]

        return total(self.term)

    def _rows(self, variable: str | None, variables: Mapping[str, object]) -> int:
        if variable is None:
            return 1
        said = variables.get(variable, self.defaults.get(variable))
        if isinstance(said, list):  # a federated router's entities
            return max(1, len(said))
        # What is no number is refused with its variable, before anything is read.
        if isinstance(said, int) and not isinstance(said, bool):
            return _served(said)
        # JSON knows one kind of number: graphql-core's Int takes 200.0 for 200.
        if isinstance(said, float) and said.is_integer():
            return _served(int(said))
        return self.page


def cost_of_values(variables: Mapping[str, object]) -> int:
    """Price the values in lists and objects: they are read before anything is run."""
    count, waiting = 0, list(variables.values())
    while waiting:
        value = waiting.pop()
        inside: Collection[object] = ()
        if isinstance(value, Mapping):
            inside = value.values()
        elif isinstance(value, list):
            inside = value
        count += len(inside)
        waiting.extend(inside)
    return VALUE * count


def prices(
    document: DocumentNode, schema: GraphQLSchema, page: int
) -> dict[int, Price]:
    """Price each operation of *document*, by its identity.

    A page without `first` has *page* rows.
    """
    walk = _Walk(schema, fragments(document), page)
    return {
        id(one): Price(walk.operation(one), _defaults(one), page)
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
    }


def _defaults(definition: OperationDefinitionNode) -> dict[str, int | list[None]]:
    """Give what variables are where nothing is sent: numbers, and lists by length."""
    found: dict[str, int | list[None]] = {}
    for variable in definition.variable_definitions or ():
        value, name = variable.default_value, variable.variable.name.value
        if isinstance(value, IntValueNode):
            found[name] = _number(value)
        elif isinstance(value, ListValueNode):
            found[name] = [None] * len(value.values)
    return found


def _number(value: IntValueNode) -> int:
    # Digits enough for any page, and fewer than int() refuses.
    return int(value.value[:12])


def _served(rows: int) -> int:
    """Count the rows of a page; one that is refused where it is read has none."""
    return rows if 0 < rows <= LARGEST_PAGE else 1


@dataclass(slots=True)
class _Adding:
    """A term in the making."""

    own: int = 0
    parts: list[Part] = field(default_factory=list)

    def add(self, term: Term, times: int = 1, variable: str | None = None) -> None:
        """Add *term*, there as often as *times* and the *variable* say."""
        if variable is None and isinstance(term, int):
            self.own = min(self.own + times * term, MOST)
        elif term != 0:
            self.parts.append(Part(variable, times, term))

    def made(self) -> Term:
        """Give the sum; a number where no variable matters."""
        return Sum(self.own, tuple(self.parts)) if self.parts else self.own


@dataclass(frozen=True, slots=True)
class _Walk:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    page: int
    known: dict[str, Shape] = field(default_factory=dict)

    def operation(self, definition: OperationDefinitionNode) -> Term:
        root = self.schema.get_root_type(definition.operation)
        return self._shape(definition.selection_set, root).once

    def _shape(
        self, selections: SelectionSetNode | None, above: GraphQLNamedType | None
    ) -> Shape:
        once, each = _Adding(), _Adding()
        for selection in selections.selections if selections else ():
            if not isinstance(selection, FieldNode):
                inside = self._spread(selection, above)
                once.add(inside.once)
                each.add(inside.each)
            elif selection.name.value in ROWS:
                each.add(1)
                each.add(self._below(selection, _field(above, selection)).once)
            else:
                self._add(once, selection, above)
        return Shape(once.made(), each.made())

    def _add(
        self, adding: _Adding, node: FieldNode, above: GraphQLNamedType | None
    ) -> None:
        """Add the field *node* with all that is below it."""
        found = _field(above, node)
        adding.add(1 + SCHEMA.get(node.name.value, 0))
        inside = self._below(node, found)
        if found is not None and "first" in found.args:
            adding.add(inside.once)
            variable, rows = self._first(node)
            adding.add(inside.each, rows * self._kinds(node, found), variable)
            return
        if found is not None and ENTITIES in found.args:
            variable, rows = _listed(node)
            adding.add(inside.once, rows, variable)
            return
        listed = (
            LISTS.get((above.name if above else "", node.name.value), LISTED)
            if found is not None and is_list_type(get_nullable_type(found.type))
            else 1
        )
        adding.add(inside.once, listed)
        adding.add(inside.each, listed * LISTED)

    def _below(self, node: FieldNode, found: GraphQLField | None) -> Shape:
        return self._shape(
            node.selection_set, get_named_type(found.type) if found else None
        )

    def _spread(
        self, selection: SelectionNode, above: GraphQLNamedType | None
    ) -> Shape:
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            named = self.schema.get_type(condition.name.value) if condition else above
            return self._shape(selection.selection_set, named)
        if not isinstance(selection, FragmentSpreadNode):
            return Shape()
        name = selection.name.value
        if name not in self.known and name in self.fragments:
            fragment = self.fragments[name]
            named = self.schema.get_type(fragment.type_condition.name.value)
            self.known[name] = self._shape(fragment.selection_set, named)
        return self.known.get(name, Shape())

    def _first(self, node: FieldNode) -> tuple[str | None, int]:
        """Give the variable that says how many rows, or the number itself."""
        value = _argument(node, "first")
        if isinstance(value, VariableNode):
            return value.name.value, 1
        if isinstance(value, IntValueNode):
            return None, _served(_number(value))
        return None, self.page

    def _kinds(self, node: FieldNode, found: GraphQLField) -> int:
        """Count the types that a search gives a page of each."""
        if "types" not in found.args:
            return 1
        value = _argument(node, "types")
        if isinstance(value, ListValueNode):
            return max(1, len(value.values))
        kind = get_named_type(found.args["types"].type)
        return len(kind.values) if isinstance(kind, GraphQLEnumType) else 1


def _listed(node: FieldNode) -> tuple[str | None, int]:
    """Count the entities that are asked for by key, or name their variable."""
    value = _argument(node, ENTITIES)
    if isinstance(value, VariableNode):
        return value.name.value, 1
    return None, max(1, len(value.values)) if isinstance(value, ListValueNode) else 1


def _field(above: GraphQLNamedType | None, node: FieldNode) -> GraphQLField | None:
    if not isinstance(above, GraphQLObjectType | GraphQLInterfaceType):
        return None
    fields: Mapping[str, GraphQLField] = above.fields
    return fields.get(node.name.value)


def _argument(node: FieldNode, name: str) -> object:
    found = (one.value for one in node.arguments or () if one.name.value == name)
    return next(found, None)
