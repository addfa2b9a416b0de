"""From a document that fits the schema to what it selects, in our own words.

graphql-core itself merges the fields and puts them in order, type by type: a plan has
the very parts that it would execute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from zhitong.resolvers.selection import (
    Bound,
    Leaf,
    Part,
    Role,
    Search,
    Selection,
    Weighed,
)
from zhitong.schema.binder import (
    Binding,
    Binds,
    Converting,
    binds,
    converting,
    varies,
)
from zhitong.schema.entities import ENTITIES
from zhitong.schema.federation import Graph
from zhitong.schema.roles import (
    DIRECTIVE,
    LARGE,
    role_of,
    rows_of,
)
from zhitong.schema.selection import Step, Walk
from zhitong.schema.variables import NOTHING
from zhitong.types import EntityType

MOST_PARTS = 2_000
"""What is asked of an interface is a part for each type that may stand there."""
_KNOWN_DIRECTIVES = frozenset({"skip", "include"})
_LEAVES = {"Int": Leaf.INTEGER, "Boolean": Leaf.BOOLEAN}


class UnplannedError(Exception):
    """A document is left to graphql-core, for the reason that this names."""


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """A selection, with what it came from: the nodes, and the arguments to bind."""

    selection: Selection
    nodes: Sequence[Sequence[FieldNode]] = ()
    """By tag, the nodes that are one field."""
    bound: Bound = ()
    """By place: what no variable is in, once and for all."""
    binding: Sequence[tuple[int, Binds]] = ()
    """What is to be bound for each question, and its place."""

    def bind(self, values: VariableValues) -> Bound:
        """Give the arguments under a question's variables."""
        if not self.binding:
            return self.bound
        bound = list(self.bound)
        for place, one in self.binding:
            bound[place] = one.bound(values)
        return bound


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What the schema alone says of a field."""

    definition: GraphQLField
    role: Role
    nullable: bool
    items: tuple[bool, ...]
    leaf: Leaf | None
    codes: frozenset[str]
    below: tuple[GraphQLObjectType, ...]
    entities: tuple[EntityType, ...]
    paths: tuple[tuple[str, ...], ...]
    converting: Converting | None


class Selecting:
    """Makes selections of one schema's documents."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.schema: GraphQLSchema = graph._schema  # noqa: SLF001 - strawberry offers its graphql-core schema nowhere else
        self.rows = frozenset(ENTITIES)
        """Types whose fields have the type in their path: `Step`."""
        self._fields: dict[tuple[str, str], _Known | str] = {}

    def selected(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        values: VariableValues,
    ) -> Selected:
        """Say what *operation* selects where ``@skip`` and ``@include`` have *values*.

        No other variable's value is looked at.
        """
        fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        try:
            return _Making(self, fragments, operation, values).selected()
        except UnplannedError as error:
            return left(str(error))
        except GraphQLError:  # of a directive's value: told where it stands
            return left(DIRECTIVE)
        except RecursionError:
            return left(LARGE)

    def known(self, kind: GraphQLObjectType, name: str) -> _Known:
        """Give what the schema says of a field; raise where it has no plan."""
        found = self._fields.get((kind.name, name))
        if found is None:
            found = self._fields[kind.name, name] = self._learnt(kind, name)
        if isinstance(found, str):
            raise UnplannedError(found)
        return found

    def _learnt(self, kind: GraphQLObjectType, name: str) -> _Known | str:
        role = role_of(kind.name, name)
        definition = self.schema.get_field(kind, name)
        if isinstance(role, str) or definition is None:
            return role if isinstance(role, str) else LARGE
        named = get_named_type(definition.type)
        below = self._below(kind, named)
        entities, paths = rows_of(role)
        field = definition.extensions.get("strawberry-definition")
        return _Known(
            definition=definition,
            role=role,
            nullable=not is_non_null_type(definition.type),
            items=tuple(_items(definition.type)),
            leaf=None if below else _leaf(named),
            codes=frozenset(named.values) if is_enum_type(named) else frozenset(),
            below=below,
            entities=entities,
            paths=paths,
            converting=converting(self._graph, role, field) if field else None,
        )

    def _below(
        self, kind: GraphQLObjectType, named: object
    ) -> tuple[GraphQLObjectType, ...]:
        """List the types that may stand below a field of *kind*."""
        if isinstance(named, GraphQLObjectType):
            return (named,)
        if not isinstance(named, GraphQLInterfaceType):
            return ()
        possible = self.schema.get_possible_types(named)
        if kind.name != "SearchResult":
            return tuple(possible)
        searched = {one.name for one in rows_of(Search())[0]}
        return tuple(one for one in possible if one.name in searched)


class _Making:
    """One operation on its way to what it selects."""

    def __init__(
        self,
        selecting: Selecting,
        fragments: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        values: VariableValues,
    ) -> None:
        self._selecting = selecting
        self._fragments = {
            name: FragmentDetails(one) for name, one in fragments.items()
        }
        self._operation = operation
        self._values = values
        self._walk = Walk(fragments, values.coerced)
        self._beside: dict[tuple[Step, ...], Sequence[FieldNode]] = {}
        self._nodes: list[Sequence[FieldNode]] = []
        self._bound: list[object] = []
        self._binding: list[tuple[int, Binds]] = []

    def selected(self) -> Selected:
        """Walk the operation from its root."""
        schema = self._selecting.schema
        assert schema.query_type is not None  # noqa: S101 - the schema has one
        fields = collect_fields(
            schema, self._fragments, self._values, schema.query_type, self._operation
        )
        root = self._parts(schema.query_type, fields, ())
        return Selected(
            selection=Selection(root=root, parts=len(self._nodes)),
            nodes=self._nodes,
            bound=self._bound,
            binding=self._binding,
        )

    def _parts(
        self, kind: GraphQLObjectType, fields: CollectedFields, here: tuple[Step, ...]
    ) -> tuple[Part, ...]:
        if fields.new_defer_usages:
            raise UnplannedError(DIRECTIVE)
        owner = kind.name
        row = owner in self._selecting.rows
        return tuple(
            self._part(kind, key, details, (*here, (owner, key) if row else key))
            for key, details in fields.grouped_field_set.items()
        )

    def _part(
        self,
        kind: GraphQLObjectType,
        key: str,
        details: FieldDetailsList,
        here: tuple[Step, ...],
    ) -> Part:
        nodes = [one.node for one in details]
        name = nodes[0].name.value
        known = self._selecting.known(kind, name)
        for one in chain.from_iterable(node.directives or () for node in nodes):
            if one.name.value not in _KNOWN_DIRECTIVES:
                raise UnplannedError(DIRECTIVE)
        tag = len(self._nodes)
        if tag == MOST_PARTS:
            raise UnplannedError(LARGE)
        self._nodes.append(nodes)
        return Part(
            key=key,
            name=name,
            owner=kind.name,
            role=known.role,
            tag=tag,
            nullable=known.nullable,
            items=known.items,
            leaf=known.leaf,
            codes=known.codes,
            bound=self._bind(known, nodes[0]),
            places=self._places(known, nodes, here),
            below={
                one.name: self._parts(one, self._subfields(one, details), here)
                for one in known.below
            },
        )

    def _subfields(
        self, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> CollectedFields:
        return collect_subfields(
            self._selecting.schema,
            self._fragments,
            self._values,
            self._operation,
            kind,
            details,
        )

    def _places(
        self, known: _Known, nodes: Sequence[FieldNode], here: tuple[Step, ...]
    ) -> Mapping[str, Weighed]:
        """Say what is asked of the rows of each type, as `Context.place` does."""
        places: dict[str, Weighed] = {}
        # Gone through before what is below: that asks what stands beside it.
        for entity in known.entities:
            asked = self._beside.get(here) or nodes
            wanted = self._walk.wanted(asked, entity, *known.paths)
            for below, beside in wanted.beside.items():
                self._beside[here + below] = beside
            places[entity.name] = self._walk.weighed(nodes, wanted, *known.paths)
        return places

    def _bind(self, known: _Known, node: FieldNode) -> int | None:
        if known.converting is None:
            return None
        one = Binding(known.definition, node, known.converting)
        place = len(self._bound)
        varying = varies(node)
        bound = None if varying else one.bound(NOTHING)
        self._bound.append(bound)
        if varying:
            self._binding.append((place, binds(known.role, one)))
        elif isinstance(bound, Exception):
            # Raised again and again it would keep the frames of every question.
            self._binding.append((place, one))
        return place


def left(why: str) -> Selected:
    """Say that a document is left to graphql-core."""
    return Selected(Selection(unplanned=why))


def _items(kind: GraphQLOutputType) -> Iterator[bool]:
    inner = get_nullable_type(kind)
    while is_list_type(inner):
        yield not is_non_null_type(inner.of_type)
        inner = get_nullable_type(inner.of_type)


def _leaf(named: object) -> Leaf:
    if is_enum_type(named):
        return Leaf.CODE
    return _LEAVES.get(str(named), Leaf.TEXT)
