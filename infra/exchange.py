"""One HTTP request to somebody outside, bounded in time and size."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit


def exchange(  # noqa: PLR0913 - what an HTTP request has
    url: str,
    method: str,
    path: str = "",
    body: bytes = b"",
    *,
    media: str = "application/json",
    seconds: float,
    largest: int,
) -> tuple[int, bytes]:
    """Send a request to *path* below *url*; give status and body. It blocks.

    Raises `OSError`, `http.client.HTTPException` or `ValueError`.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, port, timeout=seconds, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        headers = {"content-type": media} if body else {}
        where = parts.path.rstrip("/") + path if path else parts.path or "/"
        connection.request(method, where, body, headers)
        response = connection.getresponse()
        answer = response.read(largest + 1)
    finally:
        connection.close()
    if len(answer) > largest:
        raise ValueError(largest)
    return response.status, answer
