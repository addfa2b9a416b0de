"""Errors of an answer as they are told: with code and place, and nothing to hide."""

from __future__ import annotations

import logging

from graphql import DocumentNode, GraphQLError

from zhitong.exceptions import (
    CreditCodeError,
    InternalError,
    ScalarError,
    ZhitongError,
    outline,
)
from zhitong.resolvers.outcome import misfit
from zhitong.schema.engine import explained, problem
from zhitong.schema.refusals import placed, refused
from zhitong.types import Inquiry

LOGGER = logging.getLogger(__name__)


def rendered(
    error: GraphQLError, inquiry: Inquiry, document: DocumentNode
) -> dict[str, object]:
    """Render an error of graphql-core; what is not ours to tell is masked."""
    cause = _cause(error, inquiry, document)
    told = problem(cause) if error.path is None else asked_wrongly(cause)
    if error.path is not None:
        told["path"] = error.path
    if error.locations:
        told["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    return told


def asked_wrongly(error: ZhitongError) -> dict[str, object]:
    """Render an error of one field; the rest of the answer stands beside it.

    Programs that know none of our codes take any such error for a fault of the
    server: the classification is the word of graphql-java and Spring for its opposite.
    """
    told = problem(error)
    if error.status < InternalError.status:
        told["extensions"] = {**explained(error), "classification": "BAD_REQUEST"}
    return told


def _cause(
    error: GraphQLError, inquiry: Inquiry, document: DocumentNode
) -> ZhitongError:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if isinstance(original, ScalarError | CreditCodeError):
        return placed(original, error, document)
    if isinstance(original, ZhitongError):
        return original
    # A number of ten thousand digits is an error of int() to graphql-core's Int.
    if error.path is None and (original is None or isinstance(original, ValueError)):
        return refused(error, document)
    if original is None:
        return misfit()
    LOGGER.error(
        "request %s failed at %s\n%s", inquiry.id, error.path, outline(original)
    )
    return InternalError(
        f"内部错误，编号 {inquiry.id}", f"internal error, reference {inquiry.id}"
    )
