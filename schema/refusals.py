"""Why a document was refused, in our words: where and what kind, never a value.

graphql-core shows what it found, and that may be somebody's ID number. Its messages
are recognised by their beginnings, and only names of theirs are taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectFieldNode,
    VariableDefinitionNode,
)

from zhitong.exceptions import (
    CreditCodeError,
    DocumentInvalidError,
    ScalarError,
    ZhitongError,
)

_VARIABLE = re.compile(
    r"Variable '(?P<name>\$\w+)' has invalid (?:default )?value"
    r"(?: at (?P<path>(?:\.\w+|\[\d+\])+))?: ",
    re.ASCII,
)
_NAME = r"\$?[A-Za-z_][A-Za-z_0-9]*"
_TYPE = r"[\[\]!A-Za-z_0-9]+"
_NUMBER = re.compile(r"[0-9]{5}")
"""Names written by a caller are repeated unless they hold a number of some length."""


def _kind(beginning: str, zh: str, en: str) -> tuple[re.Pattern[str], str, str]:
    pattern = re.sub(r"<(\w+)>", rf"(?P<\1>{_NAME})", beginning)
    pattern = re.sub(r"\{(\w+)\}", rf"(?P<\1>{_TYPE})", pattern)
    return re.compile(pattern), zh, en


_KINDS = (
    _kind(
        r"Expected value of type '{type}' to include required field '<name>'",
        "缺少必填的 {name}（类型 {type}）",
        "the required field {name} of {type} is missing",
    ),
    _kind(
        r"Expected value of type '{type}' not to include unknown field '<name>'",
        "类型 {type} 没有 {name} 这一项，请核对拼写",
        "{type} has no field {name}; check its spelling",
    ),
    _kind(
        r"Expected value of type '{type}' not to include unknown field ",
        "有类型 {type} 没有的项，请核对拼写",
        "there is a field that {type} has not; check its spelling",
    ),
    _kind(
        r"Expected a value of non-null type '{type}' to be provided",
        "缺少必填的值（类型 {type}）",
        "a value of type {type} is required and missing",
    ),
    _kind(
        r"Expected value of non-null type '{type}' not to be None",
        "必填的值（类型 {type}）不能是 null",
        "a value of type {type} is required and cannot be null",
    ),
    _kind(
        r"Expected value of type '{type}' to be an object",
        "应为对象（类型 {type}）",
        "an object of type {type} is due",
    ),
    _kind(
        r"Expected value of type '{type}'",
        "值不是 {type} 类型",
        "the value is no {type}",
    ),
    _kind(
        r"(?s)Value '.*' does not exist in '{type}' enum\.",
        "值不在 {type} 的代码表内，请按代码表填写（查询 codeLists）",
        "the value is not in the code list {type}; codeLists has the values",
    ),
    _kind(
        r"Enum '{type}' cannot represent ",
        "应为 {type} 代码表中的代码（查询 codeLists）",
        "a code of the list {type} is due; codeLists has the values",
    ),
    _kind(
        r"{type} cannot represent ",
        "值不是 {type} 类型",
        "the value is no {type}",
    ),
    _kind(
        r"Cannot query field '<name>' on type '{type}'",
        "类型 {type} 没有字段 {name}，请核对拼写",
        "{type} has no field {name}; check its spelling",
    ),
    _kind(
        r"Unknown argument '<name>' on field '<type>\.<field>'",
        "字段 {type}.{field} 没有参数 {name}，请核对拼写",
        "the field {type}.{field} has no argument {name}; check its spelling",
    ),
    _kind(
        r"Argument '<type>\.<field>\(<name>:\)' of type '{kind}' is required",
        "字段 {type}.{field} 缺少必填的参数 {name}（类型 {kind}）",
        "the field {type}.{field} lacks its required argument {name} of type {kind}",
    ),
    _kind(
        r"Field '<name>' of type '{type}' must have ",
        "字段 {name}（类型 {type}）须写明要哪些子字段",
        "the field {name} of type {type} needs a selection of its fields",
    ),
    _kind(
        r"Field '<name>' must not have a selection since type '{type}'",
        "字段 {name}（类型 {type}）没有子字段，请去掉花括号",
        "the field {name} of type {type} has no fields to select",
    ),
    _kind(
        r"Variable '<name>' is not defined",
        "变量 {name} 没有声明，请在操作名后声明",
        "the variable {name} is not declared; declare it after the operation's name",
    ),
    _kind(
        r"Variable '<name>' is never used",
        "变量 {name} 声明了却没有用到",
        "the variable {name} is declared and never used",
    ),
    _kind(
        r"Variable '<name>' of type '{type}' used in position expecting type '{due}'",
        "变量 {name} 声明为 {type}，此处应为 {due}",
        "the variable {name} is declared as {type}, here {due} is due",
    ),
    _kind(
        r"Unknown type '{type}'",
        "没有类型 {type}，请核对拼写",
        "there is no type {type}; check its spelling",
    ),
    _kind(
        r"Unknown fragment '<name>'",
        "没有片段 {name}",
        "there is no fragment {name}",
    ),
    _kind(
        r"Fragment '<name>' is never used",
        "片段 {name} 定义了却没有用到",
        "the fragment {name} is defined and never used",
    ),
    _kind(
        r"There can be only one (?:argument|input field|variable|fragment|operation) "
        r"named '<name>'",
        "{name} 重复，只能有一个",
        "{name} is there twice; only one can be",
    ),
)


_UNKNOWN = (
    "此处与模式不符，请对照模式（/explorer/）",
    "this does not fit the schema; compare it (/explorer/)",
)


def refused(error: GraphQLError, document: DocumentNode) -> DocumentInvalidError:
    """Say why graphql-core refused *document*, without a value of the caller's."""
    place = at(error, document)
    variable = _VARIABLE.match(error.message)
    zh, en = _reason(error.message[variable.end() if variable else 0 :])
    if not place:
        return DocumentInvalidError(f"查询有误：{zh}", en)
    return DocumentInvalidError(f"查询有误，{place}：{zh}", f"{place}: {en}", at=place)


def withheld(
    errors: Sequence[GraphQLError], document: DocumentNode
) -> list[ZhitongError]:
    """Say why *document* was refused to somebody who may not read the schema.

    One text, without place or number, whatever is wrong: what differs would tell which
    types, fields and arguments there are. A document that fits the schema is told of
    its variables and of values' formats; it names nothing that its writer did not.
    """
    told: list[ZhitongError] = []
    for error in errors:
        original = error.original_error
        if isinstance(original, ScalarError | CreditCodeError):
            told.append(placed(original, error, document))
        elif _VARIABLE.match(error.message):
            place = at(error, document)
            told.append(
                DocumentInvalidError(
                    f"变量有误，{place}：值不合要求",
                    f"{place}: the value is not what is due here",
                    at=place,
                )
            )
        else:
            return [
                DocumentInvalidError(
                    "查询与数据模型不符；你的身份看不到细节，请对照已发布的模型文本，"
                    "或使用登记的可信查询",
                    "the document does not fit the schema; your client is not told "
                    "where: compare the published schema, or use trusted documents",
                )
            ]
    return told


def placed(
    wrong: ScalarError | CreditCodeError, error: GraphQLError, document: DocumentNode
) -> ZhitongError:
    """Give *wrong* with the place of the value it is about."""
    place = at(error, document)
    if not place:
        return wrong
    label = wrong.label
    return type(wrong)(f"{place}：{label.zh}", f"{place}: {label.en}", at=place)


def at(error: GraphQLError, document: DocumentNode) -> str:
    """Name the variable's or argument's part that *error* is about; "" if none.

    As ``$decision.fine`` or ``decision.officerCertificates[0]``.
    """
    variable = _VARIABLE.match(error.message)
    if variable:
        return _told(f"{variable['name']}{variable['path'] or ''}")
    nodes = error.nodes
    if not nodes or nodes[0].loc is None:
        return ""
    return _told("".join(_parts(document, nodes[0].loc.start)).removeprefix("."))


def _reason(message: str) -> tuple[str, str]:
    for beginning, zh, en in _KINDS:
        found = beginning.match(message)
        if found:
            names = {key: _told(name) for key, name in found.groupdict().items()}
            return zh.format(**names), en.format(**names)
    return _UNKNOWN


def _told(name: str) -> str:
    return "…" if _NUMBER.search(name) else name


def _parts(node: Node, place: int) -> Iterator[str]:
    """Name the arguments and fields around *place*, from the outermost in."""
    if isinstance(node, ArgumentNode | ObjectFieldNode):
        yield f".{node.name.value}"
    elif isinstance(node, VariableDefinitionNode) and _around(
        node.default_value, place
    ):
        yield f"${node.variable.name.value}"
    for key in node.keys:
        inside = getattr(node, key)
        if isinstance(inside, Node) and _around(inside, place):
            yield from _parts(inside, place)
        elif isinstance(inside, tuple | list):
            for index, part in enumerate(inside):
                if _around(part, place):
                    if isinstance(node, ListValueNode):
                        yield f"[{index}]"
                    yield from _parts(part, place)


def _around(node: Node | None, place: int) -> bool:
    loc = node.loc if node else None
    return loc is not None and loc.start <= place < loc.end
