"""The gate before validation: linear in the document, whatever its fragments.

Depth and number of fields are those of the document with its fragments spread, found
with one visit per fragment: a bomb of 2^60 fields costs as much as its text is long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    parse,
)

from zhitong.exceptions import DocumentInvalidError, DocumentTooDeepError


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
    """Fields with fragments spread; overlaps are checked pair by pair."""


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
    check_depth(document, bounds)
    return document


def _place(error: GraphQLError) -> str:
    if not error.locations:
        return "?"
    return f"{error.locations[0].line}:{error.locations[0].column}"


def check_depth(document: DocumentNode, bounds: Bounds) -> None:
    """Raise if any operation is deeper than allowed or its fragments form a ring."""
    measure = _Measure(
        {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        },
        bounds,
    )
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            measure.extent(definition.selection_set)
        if isinstance(definition, OperationDefinitionNode):
            for variable in definition.variable_definitions or ():
                measure.check_value(variable.default_value)
            measure.check_roots(definition.selection_set)


def _too_deep(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"查询嵌套超过 {bounds.depth} 层，请拆成几次查询",
        f"the document is nested deeper than {bounds.depth}; ask in several steps",
    )


def _too_many(bounds: Bounds) -> DocumentTooDeepError:
    return DocumentTooDeepError(
        f"查询展开后超过 {bounds.fields} 个字段，请拆成几次查询",
        f"the document asks for more than {bounds.fields} fields with its fragments "
        "spread; ask in several steps",
    )


def _nested(value: ValueNode | None) -> int:
    if isinstance(value, ListValueNode):
        return 1 + max(map(_nested, value.values), default=0)
    if isinstance(value, ObjectValueNode):
        return 1 + max((_nested(part.value) for part in value.fields), default=0)
    return 0


@dataclass(frozen=True, slots=True)
class _Measure:
    fragments: dict[str, FragmentDefinitionNode]
    bounds: Bounds
    known: dict[str, tuple[int, int]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def extent(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        """Give depth and number of the fields below, fragments spread."""
        deepest, fields = 0, 0
        for selection in selections.selections if selections else ():
            depth, inside = self._inside(selection)
            deepest, fields = max(deepest, depth), fields + inside
        if deepest > self.bounds.depth:
            raise _too_deep(self.bounds)
        if fields > self.bounds.fields:
            raise _too_many(self.bounds)
        return deepest, fields

    def check_roots(self, selections: SelectionSetNode) -> None:
        """Raise where an operation asks too many questions at once."""
        if self._roots(selections, set()) > self.bounds.roots:
            raise DocumentTooDeepError(
                f"一次最多问 {self.bounds.roots} 个根字段，请拆成几次查询",
                f"the document has more than {self.bounds.roots} root fields; ask in "
                "several steps",
            )

    def _roots(self, selections: SelectionSetNode, spread: set[str]) -> int:
        roots = 0
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                roots += 1
            elif isinstance(selection, InlineFragmentNode):
                roots += self._roots(selection.selection_set, spread)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in self.fragments and name not in spread:
                    spread.add(name)
                    roots += self._roots(self.fragments[name].selection_set, spread)
        return roots

    def _inside(self, selection: SelectionNode) -> tuple[int, int]:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        if not isinstance(selection, FieldNode | InlineFragmentNode):
            return 0, 0
        if isinstance(selection, FieldNode):
            for argument in selection.arguments or ():
                self.check_value(argument.value)
        depth, fields = self.extent(selection.selection_set)
        own = isinstance(selection, FieldNode)
        return depth + own, fields + own

    def check_value(self, value: ValueNode | None) -> None:
        """Raise if *value* nests too deep to be walked through safely."""
        if _nested(value) > self.bounds.values:
            raise DocumentTooDeepError(
                f"参数嵌套超过 {self.bounds.values} 层，请减少嵌套",
                f"an argument is nested deeper than {self.bounds.values}; flatten it",
            )

    def _fragment(self, name: str) -> tuple[int, int]:
        if name in self.known or name not in self.fragments:
            return self.known.get(name, (0, 0))
        if name in self.open:
            raise DocumentInvalidError(
                "片段互相引用成环", "the fragments refer to each other in a ring"
            )
        self.open.add(name)
        self.known[name] = self.extent(self.fragments[name].selection_set)
        self.open.discard(name)
        return self.known[name]
