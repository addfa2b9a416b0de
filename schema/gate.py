"""The gate before validation: linear in the document, whatever its fragments.

Depth, fields, aliases and directives are those of the document with its fragments
spread, found with one visit per fragment: a bomb of 2^60 fields costs as much as its
text is long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    parse,
)

from zhitong.exceptions import (
    DocumentInvalidError,
    DocumentTooDeepError,
    IntrospectionDeniedError,
)

INTROSPECTION = frozenset({"__schema", "__type", "_service"})
"""Fields that tell the schema; ``__typename`` tells only what was asked for."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a document may be."""

    tokens: int = 2_000
    size: int = 32_768
    depth: int = 16
    values: int = 20
    """How deep an argument's lists and objects nest, as in a request's JSON."""
    roots: int = 20
    """Questions in one document: each may ask every department."""
    fields: int = 500
    """Fields with fragments spread."""
    overlaps: int = 10_000
    """Selections of one name, squared: graphql-core compares them pair by pair."""
    aliases: int = 30
    """Aliases with fragments spread: each asks the same field once more."""
    directives: int = 20
    """Directives with fragments spread; each is checked by itself."""
    nesting: int = 120
    """Braces and fragments inside each other: graphql-core goes down by recursion."""


_IN_PARTS = frozenset({"defer", "stream"})
"""Directives that ask for an answer in parts; that there are none is told to all."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a selection is, its fragments spread."""

    depth: int = 0
    nesting: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    named: Mapping[str, int] = field(default_factory=dict)
    """How often each name has a selection below it."""


def parsed(text: str, bounds: Bounds) -> DocumentNode:
    """Parse *text*; raise `RequestError` where it cannot be or is too much."""
    if len(text.encode(errors="surrogatepass")) > bounds.size:
        raise DocumentTooDeepError(
            f"查询文档超过 {bounds.size} 字节",
            f"the document is longer than {bounds.size} bytes",
        )
    try:
        document = parse(text, no_location=False, max_tokens=bounds.tokens)
    except GraphQLError as error:
        raise DocumentInvalidError(
            f"查询文档有语法错误（{_place(error)}），或超过 {bounds.tokens} 个词元",
            f"the document has a syntax error ({_place(error)}), or more than "
            f"{bounds.tokens} tokens",
        ) from error
    except RecursionError as error:
        raise _too_deep(bounds) from error
    check(document, bounds)
    return document


def check(document: DocumentNode, bounds: Bounds) -> None:
    """Raise if any operation is more than allowed or its fragments form a ring."""
    measure = _Measure(fragments(document), bounds)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            measure.fragment(definition.name.value)
        elif isinstance(definition, OperationDefinitionNode):
            measure.operation(definition)


def fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Find the fragments of *document* by name."""
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def introspects(document: DocumentNode) -> bool:
    """Say whether *document* asks for the schema anywhere, used or not."""
    below: list[Node] = list(document.definitions)
    while below:
        node = below.pop()
        if isinstance(node, FieldNode) and node.name.value in INTROSPECTION:
            return True
        below += _selected(node)
    return False


def _selected(node: Node) -> tuple[SelectionNode, ...]:
    selections = getattr(node, "selection_set", None)
    return selections.selections if isinstance(selections, SelectionSetNode) else ()


def introspection_denied() -> IntrospectionDeniedError:
    """Say why the schema is not told, and where it can be read."""
    return IntrospectionDeniedError(
        "你的身份不能通过查询读取数据模型（__schema、__type），"
        "请使用已发布的模型文本和登记的可信查询，需要时向平台运维人员申请",
        "your client may not read the schema by asking for it (__schema, __type); use "
        "the schema as published and trusted documents, or ask the operators",
    )


def _place(error: GraphQLError) -> str:
    if not error.locations:
        return "?"
    return f"{error.locations[0].line}:{error.locations[0].column}"


def _too_deep(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"查询嵌套超过 {bounds.depth} 层，请拆成几次查询",
        f"the document is nested deeper than {bounds.depth}; ask in several steps",
    )


def _too_nested(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"花括号与片段互相嵌套超过 {bounds.nesting} 层，请减少片段的嵌套",
        f"braces and fragments are nested deeper than {bounds.nesting}; nest fewer "
        "fragments",
    )


def _too_many(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"查询展开后超过 {bounds.fields} 个字段，请拆成几次查询",
        f"the document asks for more than {bounds.fields} fields with its fragments "
        "spread; ask in several steps",
    )


def _too_many_overlaps(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"带子字段的同名字段过多（各名称次数的平方之和超过 {bounds.overlaps}），"
        "请合并重复的字段",
        "the document selects below fields of one name too often (each name's count, "
        f"squared, comes to more than {bounds.overlaps}); merge what is repeated",
    )


def _too_many_aliases(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"查询展开后超过 {bounds.aliases} 个别名，请拆成几次查询",
        f"the document has more than {bounds.aliases} aliases with its fragments "
        "spread; ask in several steps",
    )


def _not_in_parts() -> DocumentInvalidError:
    return DocumentInvalidError(
        "本服务不提供 @defer 和 @stream：每个回答整个给出并登记，请去掉这两个指令",
        "@defer and @stream are not offered here: each answer is recorded and given as "
        "a whole; leave them out",
    )


def _too_many_directives(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"查询展开后超过 {bounds.directives} 个指令（@…），请减少指令",
        f"the document has more than {bounds.directives} directives (@…) with its "
        "fragments spread; use fewer",
    )


def _nested(value: ValueNode | None) -> int:
    if isinstance(value, ListValueNode):
        return 1 + max(map(_nested, value.values), default=0)
    if isinstance(value, ObjectValueNode):
        return 1 + max((_nested(part.value) for part in value.fields), default=0)
    return 0


@dataclass(slots=True)
class _Measure:
    fragments: dict[str, FragmentDefinitionNode]
    bounds: Bounds
    known: dict[str, Extent] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    level: int = 0
    """How deep this walk is now: it goes down by recursion itself."""

    def operation(self, definition: OperationDefinitionNode) -> None:
        """Raise where an operation is more than allowed."""
        for variable in definition.variable_definitions or ():
            self._check_value(variable.default_value)
        nodes = (definition, *(definition.variable_definitions or ()))
        directives = sum(map(self._directives, nodes))
        self._extent(definition.selection_set, directives)
        if self._roots(definition.selection_set, set()) > self.bounds.roots:
            raise DocumentTooDeepError(
                f"一次最多问 {self.bounds.roots} 个根字段，请拆成几次查询",
                f"the document has more than {self.bounds.roots} root fields; ask in "
                "several steps",
            )

    def fragment(self, name: str) -> Extent:
        """Measure the fragment *name*, once however often it is spread."""
        if name in self.known or name not in self.fragments:
            return self.known.get(name, Extent())
        if name in self.open:
            raise DocumentInvalidError(
                "片段互相引用成环", "the fragments refer to each other in a ring"
            )
        self.open.add(name)
        definition = self.fragments[name]
        directives = self._directives(definition)
        self.known[name] = self._extent(definition.selection_set, directives)
        self.open.discard(name)
        return self.known[name]

    def _extent(self, selections: SelectionSetNode | None, directives: int) -> Extent:
        depth = nesting = fields = aliases = 0
        named: Counter[str] = Counter()
        self.level += 1
        if self.level > self.bounds.nesting:
            raise _too_nested(self.bounds)
        for selection in selections.selections if selections else ():
            inside = self._inside(selection)
            depth, nesting = max(depth, inside.depth), max(nesting, inside.nesting)
            fields, aliases = fields + inside.fields, aliases + inside.aliases
            directives += inside.directives
            named.update(inside.named)
        self.level -= 1
        return self._checked(
            Extent(depth, nesting + 1, fields, aliases, directives, named)
        )

    def _checked(self, extent: Extent) -> Extent:
        # Each sum is refused as soon as it is too large, so none can grow with 2^n.
        if extent.depth > self.bounds.depth:
            raise _too_deep(self.bounds)
        if extent.nesting > self.bounds.nesting:
            raise _too_nested(self.bounds)
        if extent.fields > self.bounds.fields:
            raise _too_many(self.bounds)
        if sum(count**2 for count in extent.named.values()) > self.bounds.overlaps:
            raise _too_many_overlaps(self.bounds)
        if extent.aliases > self.bounds.aliases:
            raise _too_many_aliases(self.bounds)
        if extent.directives > self.bounds.directives:
            raise _too_many_directives(self.bounds)
        return extent

    def _inside(self, selection: SelectionNode) -> Extent:
        directives = self._directives(selection)
        if isinstance(selection, FragmentSpreadNode):
            inside, own, aliased = self.fragment(selection.name.value), 0, 0
        elif isinstance(selection, InlineFragmentNode):
            inside, own, aliased = self._extent(selection.selection_set, 0), 0, 0
        elif isinstance(selection, FieldNode):
            for argument in selection.arguments or ():
                self._check_value(argument.value)
            inside = (
                self._extent(selection.selection_set, 0)
                if selection.selection_set
                else Extent()
            )
            own, aliased = 1, int(selection.alias is not None)
        else:
            return Extent()
        named = Counter(inside.named)
        if isinstance(selection, FieldNode) and selection.selection_set:
            named[(selection.alias or selection.name).value] += 1
        return Extent(
            inside.depth + own,
            inside.nesting,
            inside.fields + own,
            inside.aliases + aliased,
            inside.directives + directives,
            named,
        )

    def _directives(self, node: Node) -> int:
        found = getattr(node, "directives", None) or ()
        for directive in found:
            if directive.name.value in _IN_PARTS:
                raise _not_in_parts()
            for argument in directive.arguments or ():
                self._check_value(argument.value)
        return len(found)

    def _roots(self, selections: SelectionSetNode, spread: set[str]) -> int:
        return sum(1 for _ in self._root_fields(selections, spread))

    def _root_fields(
        self, selections: SelectionSetNode, spread: set[str]
    ) -> Iterator[FieldNode]:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._root_fields(selection.selection_set, spread)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in self.fragments and name not in spread:
                    spread.add(name)
                    inside = self.fragments[name].selection_set
                    yield from self._root_fields(inside, spread)

    def _check_value(self, value: ValueNode | None) -> None:
        """Raise if *value* nests too deep to be walked through safely."""
        if _nested(value) > self.bounds.values:
            raise DocumentTooDeepError(
                f"参数嵌套超过 {self.bounds.values} 层，请减少嵌套",
                f"an argument is nested deeper than {self.bounds.values}; flatten it",
            )
