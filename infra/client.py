"""A caller of a running gateway: asks, reloads, looks whether it is ready."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from zhitong.exceptions import SettingsError
from zhitong.infra.occasions import said
from zhitong.types import Occasion

_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, and how long it took."""

    status: int
    body: Mapping[str, object]
    seconds: float
    record: str = ""
    """The id of its record, where it has one."""

    @property
    def good(self) -> bool:
        """Whether it is an answer without errors."""
        return self.status == HTTPStatus.OK and not self.body.get("errors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Speaks to the gateway at *url*, as the holder of *token*."""

    url: str
    token: str = ""

    def ask(
        self,
        document: str,
        occasion: Occasion | None = None,
        *,
        variables: Mapping[str, object] | None = None,
        operation: str | None = None,
    ) -> Reply:
        """Ask one question; *occasion* says why, *operation* which of several."""
        question: dict[str, object] = {"query": document, "variables": variables or {}}
        if operation is not None:
            question["operationName"] = operation
        return self._send(
            "POST",
            "/graphql",
            json.dumps(question),
            said(occasion or Occasion()),
        )

    def reload(self) -> Reply:
        """Have the bindings read again."""
        return self._send("POST", "/reload")

    def ready(self) -> Reply:
        """Ask how the gateway and its sources are."""
        return self._send("GET", "/ready")

    def shown(self, document_no: str) -> Reply:
        """Ask, as anybody may, what is shown of the decision of that number."""
        return self._send("GET", f"/public/publications?document={quote(document_no)}")

    def _send(
        self,
        method: str,
        path: str,
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        address = urlsplit(self.url)
        sent = {
            "content-type": "application/json",
            "authorization": f"Bearer {self.token}",
            **(headers or {}),
        }
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=_SECONDS
        )
        started = time.monotonic()
        try:
            connection.request(method, path, body.encode(), sent)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SettingsError(
                f"网关 {self.url} 没有应答（{error}）：请查看它是否在运行",
                f"the gateway at {self.url} does not answer ({error}): does it run?",
            ) from error
        finally:
            connection.close()
        return Reply(
            status=response.status,
            body=answer,
            seconds=time.monotonic() - started,
            record=response.headers.get("zhitong-record", ""),
        )
