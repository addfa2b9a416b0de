"""A graph behind our front and engine: ``federation_server.py products 4001``."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import uvicorn
from federation_products import products
from memory_gateway import build
from starlette.types import Receive, Scope, Send

from zhitong.infra.clients_file import read_clients


def main() -> None:
    """Serve one of the graphs until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("graph", choices=["products", "city"])
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    known = read_clients()
    allowed = replace(known.default, router=True, introspection=True)
    clients = replace(known, blocks=[], default=allowed)
    with tempfile.TemporaryDirectory() as state:
        schema = products() if given.graph == "products" else None
        front, tokens = build(Path(state), schema=schema, clients=clients)
        bearer = (b"authorization", f"Bearer {tokens['police']}".encode())

        async def bearing(scope: Scope, receive: Receive, send: Send) -> None:
            """Ask as an officer of the police: the tests and routers bring no token."""
            if not any(name == b"authorization" for name, _ in scope["headers"]):
                scope = {**scope, "headers": [*scope["headers"], bearer]}
            await front(scope, receive, send)

        uvicorn.run(
            bearing,
            host="127.0.0.1",
            port=given.port,
            log_level="warning",
            lifespan="off",
        )


main()
