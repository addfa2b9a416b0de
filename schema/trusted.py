"""What a document must be to be trusted: within bounds, fitting the schema, priced."""

from __future__ import annotations

from graphql import get_operation_ast, validate

from zhitong.exceptions import DocumentInvalidError
from zhitong.schema.cost import prices
from zhitong.schema.gate import Bounds, introspection_denied, introspects, parsed
from zhitong.schema.graph import graph
from zhitong.schema.refusals import refused


def check_trusted(text: str, bounds: Bounds, page: int) -> int:
    """Say what *text* costs with its defaults; raise `RequestError` if it is wrong."""
    document = parsed(text, bounds)
    if introspects(document):
        raise introspection_denied()
    schema = graph()._schema  # noqa: SLF001 - strawberry offers its graphql-core schema nowhere else
    for error in validate(schema, document):
        raise refused(error, document)
    if get_operation_ast(document) is None:
        raise DocumentInvalidError(
            "一个可信查询只含一个操作，请分成几个文件",
            "a trusted document has one operation; use a file for each",
        )
    (price,) = prices(document, schema, page).values()
    return price.cost({})
