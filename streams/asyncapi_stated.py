"""Statements and their answers, as the AsyncAPI document has them."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import orjson

from zhitong.streams.receivers import Receivers
from zhitong.streams.stated import (
    ANSWER,
    ANSWER_SCHEMA,
    JWS,
    LONGEST,
    STATEMENT,
    STATEMENT_SCHEMA,
    Answered,
    Statement,
    write_answer,
    write_statement,
)

STATED = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IjgyNjBkM2FjN2JiNWQxZTQiLCJ0eXAiOiJ6aGl0b25nLX"
    "JlY29uY2lsaWF0aW9uK2p3cyJ9.eyJzdGF0ZW1lbnQiOiI4ZDBjNGU5YS01YTBlLTVmMGMtOWE"
    "1My0wZDRiNmEyYzdlMTEiLCJyZWNlaXZlciI6ImNyZWRpdCIsInRvcGljIjoiemhpdG9uZy5hb"
    "nplLmNyZWRpdC52MSIsInBhcnRpdGlvbiI6MTEsImZyb20iOjQwLCJ0byI6NDEsInJlY29yZHM"
    "iOjEsInJvb3QiOiJlMDFlM2ZjMWYxM2U2NjgwNDdjZTBmNTZmNzM5YTgzNzc1M2E1OWI5YmE3O"
    "DI2ZTUwMzkyZTg4YjJjNWI0OWFiIiwicGFydHMiOlsiZTAxZTNmYzFmMTNlNjY4MDQ3Y2UwZjU"
    "2ZjczOWE4Mzc3NTNhNTliOWJhNzgyNmU1MDM5MmU4OGIyYzViNDlhYiJdLCJmb3JlaWduIjpbX"
    "SwiaGFzaCI6InNoYTI1NiIsImF0IjoiMjAyNi0xMS0yMlQxMDowMDowMCswODowMCJ9.KiVTlL"
    "iRdRf4mNF5NyNUAcvJxUgIn74u3G_RRzSjy_kBs96_DCh1VJZgge-"
    "gVkkDb4PujF6EA_4jj3n256q5jQ"
)
"""A statement as it was once signed, by a key that is nobody's."""
ANSWERED = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IlJWdFlxLUhQZWI3bnpRRkJzTkJRNmpSRFNCaV9pOThtU0"
    "8zaHVqRVlzaXMiLCJ0eXAiOiJ6aGl0b25nLXJlY29uY2lsaWF0aW9uK2p3cyJ9.eyJzdGF0ZW1"
    "lbnQiOiI4ZDBjNGU5YS01YTBlLTVmMGMtOWE1My0wZDRiNmEyYzdlMTEiLCJyZWNlaXZlciI6I"
    "mNyZWRpdCIsInRvcGljIjoiemhpdG9uZy5hbnplLmNyZWRpdC52MSIsInBhcnRpdGlvbiI6MTE"
    "sImZyb20iOjQwLCJ0byI6NDEsInNlZW4iOjQxLCJyZWNvcmRzIjoxLCJyb290IjoiZTAxZTNmY"
    "zFmMTNlNjY4MDQ3Y2UwZjU2ZjczOWE4Mzc3NTNhNTliOWJhNzgyNmU1MDM5MmU4OGIyYzViNDl"
    "hYiIsInBhcnRzIjpbXSwiYXQiOiIyMDI2LTExLTIyVDEwOjAwOjAyKzA4OjAwIn0.eAWsCXSZq"
    "KQ852VYD9eWAnAQWLLFetjKaG1Hz6DNh8igHA7gkwuHxXVi6MvzOjYPNip4Rq1WD5kd8SgUk6W"
    "j-w"
)
"""The answer to it, by the key that is published in ``docs/examples``."""
_UUID = {"type": "string", "format": "uuid"}
_ROOT = {
    "type": "string",
    "pattern": "^[0-9a-f]{64}$",
    "description": "事件号依位点次序的 Merkle 根（RFC 6962，SHA-256）"
    " the root over the event ids in the order of their offsets",
}
_OFFSET = {"type": "integer", "minimum": 0}
_PLACE = {
    "statement": _UUID,
    "receiver": {"type": "string", "minLength": 1},
    "topic": {"type": "string", "minLength": 1},
    "partition": _OFFSET,
    "from": _OFFSET,
    "to": _OFFSET | {"description": "不含 exclusive"},
    "records": _OFFSET,
    "root": _ROOT,
    "at": {"type": "string", "format": "date-time"},
}
_SAID = _PLACE | {
    "parts": {"type": "array", "items": _ROOT, "description": "每 1,000 个位点一个"},
    "foreign": {"type": "array", "items": _OFFSET},
    "hash": {"const": "sha256"},
}
_HELD = {
    "type": "array",
    "items": {
        "type": "array",
        "prefixItems": [_OFFSET, _UUID],
        "minItems": 2,
        "maxItems": 2,
    },
}
_PART = {
    "type": "object",
    "required": ["from", "to", "held"],
    "properties": {"from": _OFFSET, "to": _OFFSET, "held": _HELD},
}
_ANSWERED = _PLACE | {
    "seen": _OFFSET,
    "parts": {
        "type": "array",
        "items": _PART,
        "description": "根不同的各段，逐件 the parts with another root, event by event",
    },
}


def statement(config: Receivers) -> tuple[dict[str, object], dict[str, Any]]:
    """Give what a statement's event has beside every event's, and an example."""
    said = _decoded(STATED, Statement)
    source = {"type": "string", "pattern": "^/zhitong/[a-z0-9-]+/[0-9]{6}/[^/]+$"}
    written = write_statement(said, STATED, config.source(said.receiver))
    return _event(STATEMENT, STATEMENT_SCHEMA, source, _SAID), orjson.loads(written)


def answer(tenant: str) -> tuple[dict[str, object], dict[str, Any]]:
    """Give what an answer's event has beside every event's, and an example."""
    source = {"type": "string", "pattern": f"^/zhitong/{tenant}/receivers/[^/]+$"}
    written = write_answer(_decoded(ANSWERED, Answered), ANSWERED, tenant)
    return _event(ANSWER, ANSWER_SCHEMA, source, _ANSWERED), orjson.loads(written)


def _event(
    kind: str, schema: str, source: dict[str, str], payload: dict[str, Any]
) -> dict[str, object]:
    return {
        "source": source,
        "type": {"type": "string", "const": kind},
        "subject": _UUID | {"description": "声明的编号 the statement's id"},
        "dataschema": {"type": "string", "const": schema},
        "receiver": {"type": "string", "minLength": 1},
        "data": {
            "type": "object",
            "additionalProperties": False,
            "required": ["jws"],
            "properties": {
                "jws": {
                    "type": "string",
                    "maxLength": LONGEST,
                    "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$",
                    "contentMediaType": "application/jose",
                    "description": "紧凑 JWS（ES256）a compact JWS",
                    "x-header": {"alg": "ES256", "typ": JWS},
                    "x-payload": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": list(payload),
                        "properties": payload,
                    },
                }
            },
        },
    }


def _decoded(jws: str, kind: Any) -> Any:  # noqa: ANN401 - of that kind
    payload = jws.split(".")[1]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return msgspec.json.decode(raw, type=kind)
