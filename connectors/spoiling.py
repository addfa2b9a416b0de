"""A record changed behind the platform's back, as its database's owner can."""

from __future__ import annotations

from zhitong.connectors import primary
from zhitong.connectors.statements import statements


async def spoil(url: str, record_id: str) -> None:
    """Turn one bit of the record's body over; once more, and it is as it was.

    The demonstration does this to show that it is found.
    """
    connection = await primary.connect(url)
    try:
        await connection.execute(statements("spoiling")["spoil"], record_id)
    finally:
        await connection.close(timeout=5)
