"""What anybody may ask without a token: decisions shown on the bureau's own site.

``/public/publications`` answers one fixed question, asked of the engine as requester
kind ``public``: the same policy and the same record as for everybody else. Nothing else
of the graph can be asked here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response

from zhitong.exceptions import RequestError, ZhitongError
from zhitong.infra.door import peer
from zhitong.infra.pace import Pace
from zhitong.infra.replies import error_body, fault
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Allowance, Occasion, Principal

DOCUMENT = (Path(__file__).parent / "platform" / "public.graphql").read_text("utf-8")
CHANNEL = "own-site"
SHOWN = ("PUBLISHED", "CORRECTING", "WITHDRAWN")
ASKED: Mapping[str, str] = {
    "id": "publicationId",
    "unit": "subjectCode",
    "act": "actType",
    "document": "documentNo",
    "party": "counterpartyCode",
}
"""What an address may name, and the field it is."""
MOST = 50
"""Publications of one page."""
ONE = Allowance(rate=10.0, burst=60, concurrent=4)
"""How fast one address may ask; behind a proxy that is the proxy's to count."""


Read = Callable[[Mapping[str, str]], Mapping[str, object]]
Write = Callable[[Answer], Response]


class PublicSite:
    """Answers the public page's questions."""

    def __init__(
        self, engine: Engine, settings: Settings, pace: Pace | None = None
    ) -> None:
        self._engine = engine
        self._pace = pace or Pace()
        self._viewer = Principal(
            kind="public",
            unit="",
            unit_name="社会公众",
            person="anonymous",
            tenant=settings.tenant,
        )

    async def publications(self, request: Request) -> Response:
        """List what is shown, the latest first; ``after`` goes on with ``next``."""
        return await self._answered(request, "Publications", _variables, _listed)

    async def words(self, request: Request) -> Response:
        """Say what the codes mean."""
        return await self._answered(request, "Words", _nothing, _whole)

    async def _answered(
        self, request: Request, operation: str, read: Read, write: Write
    ) -> Response:
        request_id = uuid.uuid4().hex
        try:
            self._pace.count(("public", peer(request.scope)), ONE)
            variables = read(request.query_params)
            return write(await self._ask(operation, variables, request_id))
        except ZhitongError as error:
            return _json(error_body(error), error.status)
        except Exception as error:  # noqa: BLE001 - the last resort: masked, logged
            masked = fault(error, request_id)
            return _json(error_body(masked), masked.status)

    async def _ask(
        self, operation: str, variables: Mapping[str, object], request_id: str
    ) -> Answer:
        return await self._engine.answer(
            Question(
                document=DOCUMENT,
                variables=variables,
                operation=operation,
                principal=self._viewer,
                occasion=Occasion(),
                request_id=request_id,
                read_only=True,
            )
        )


def _variables(given: Mapping[str, str]) -> Mapping[str, object]:
    """Read an address; raise `RequestError`, which says what it may have."""
    unknown = sorted(given.keys() - ASKED.keys() - {"first", "after"})
    first = given.get("first", "20")
    if unknown or not first.isdecimal() or not 1 <= int(first) <= MOST:
        names = ", ".join([*ASKED, "first", "after"])
        raise _AddressError(
            f"地址中可写 {names}；first 为 1 至 {MOST}",
            f"an address may have {names}; first is 1 to {MOST}",
        )
    where: dict[str, object] = {
        "channel": {"eq": CHANNEL},
        "standing": {"in": list(SHOWN)},
    }
    where.update(
        {ASKED[name]: {"eq": given[name]} for name in ASKED if given.get(name)}
    )
    return {"first": int(first), "after": given.get("after") or None, "where": where}


class _AddressError(RequestError):
    """An address has what cannot be asked."""

    code = "BODY_MALFORMED"


def _nothing(_: Mapping[str, str]) -> Mapping[str, object]:
    return {}


def _whole(answer: Answer) -> Response:
    return _json(answer.body, 200)


def _listed(answer: Answer) -> Response:
    body = answer.body
    data = body.get("data")
    found = data.get("publications") if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping):
        return _json({"errors": body.get("errors", [])}, 400)
    ends = found["pageInfo"]
    return _json(
        {
            "publications": found["nodes"],
            "next": ends["endCursor"] if ends["hasNextPage"] else None,
            "missing": found["missing"],
        },
        200,
    )


def _json(body: Mapping[str, object], status: int) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        {"cache-control": "no-store", "x-content-type-options": "nosniff"},
        media_type="application/json",
    )
