"""Receivers as somebody else writes them: nothing of ours is imported.

    python bench/outside_receivers.py http FOLDER PORT SECRET
    python bench/outside_receivers.py folder FOLDER DROP
    python bench/outside_receivers.py front ADDRESS

The first two keep what they hold in ``FOLDER/store.sqlite``, the third in its own
database, which has the tables that are written to. Each takes an event once, by its
id, and a decision in the order of its versions; what has no facts is rejected with code
1001; what comes behind a newer version is noted as an inversion. While there is a file
``FOLDER/maintenance`` the first answers 200 and a page.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg

_MADE = """
create table held (number text primary key, version int, row text);
create table seen (event text primary key, answer text);
create table fault (what text)
"""
_PAUSE = 0.5
Row = Mapping[str, Any]


class Store:
    """What a receiver holds: the newest version of each decision it has accepted."""

    def __init__(self, folder: Path, number: str, facts: str, withdrawn: Row) -> None:
        """Know a decision by the column *number*; *withdrawn*: what one has then."""
        self.facts = facts
        self._number, self._withdrawn = number, withdrawn
        self._lock = threading.Lock()
        path = folder / "store.sqlite"
        new = not path.exists()
        self._db = sqlite3.connect(path, check_same_thread=False)
        # A receiver that is killed with its machine is not what is shown here.
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = off")
        if new:
            self._db.executescript(_MADE)

    def take(self, events: Sequence[Mapping[str, Any]]) -> list[str]:
        """Take whole events in their order; give the answer to each."""
        with self._lock, self._db:
            return [self._take(one) for one in events]

    def _take(self, event: Mapping[str, Any]) -> str:
        known = self._db.execute(
            "select answer from seen where event = ?", (event["id"],)
        ).fetchone()
        if known:
            return str(known[0])
        row, version = event["data"]["row"], event["decisionversion"]
        number = row[self._number]
        held = self._db.execute(
            "select version from held where number = ?", (number,)
        ).fetchone()
        if held and held[0] >= version:
            self._db.execute("insert into fault values (?)", (f"{number} {version}",))
        withdrawn = self._withdrawn.items() <= row.items()
        answer = "HELD" if withdrawn or row.get(self.facts) else "REJECTED"
        self._db.execute("insert into seen values (?, ?)", (event["id"], answer))
        if answer == "HELD":
            self._db.execute(
                "insert into held values (?, ?, ?) on conflict (number) do update set "
                "version = excluded.version, row = excluded.row",
                (number, version, json.dumps(row, ensure_ascii=False)),
            )
        return answer


def serve(folder: Path, port: int, secret: str) -> None:
    """Take pushes until killed."""
    store = Store(folder, "CF_WSH", "CF_SY", {"CF_ZT": "1"})
    maintenance = folder / "maintenance"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if maintenance.exists():
                self._say(200, b"<html>maintenance</html>", "text/html")
            elif not _signed(self.headers, body, secret):
                self._say(401, b"{}", "application/json")
            else:
                event = json.loads(body)
                (answer,) = store.take([event])
                data = {"event_id": event["id"], "answer": answer}
                if answer == "REJECTED":
                    data |= {"code": "1001", "field": store.facts}
                said = {"code": 200, "message": "", "data": data}
                self._say(200, json.dumps(said).encode(), "application/json")

        def _say(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a hundred thousand lines help nobody."""

    # Else each small answer waits for the last one's acknowledgement (Nagle).
    Handler.wbufsize = -1
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 64
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def _signed(headers: Message, body: bytes, secret: str) -> bool:
    """Say whether both the call and the body are the platform's."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    said = "".join(headers[f"gjgxjhpt_{name}"] for name in ("sid", "rid", "rtime"))
    code = hmac.new(secret.encode(), said.encode(), hashlib.sha256).digest()
    return (
        headers["content-digest"] == f"sha-256=:{digest}:"
        and headers["gjgxjhpt_sign"] == base64.b64encode(code).decode()
    )


def collect(folder: Path, drop: Path) -> None:
    """Take batches of files until killed."""
    store = Store(folder, "documentNo", "facts", {"change": "WITHDRAWN"})
    acks = drop / "ack"
    acks.mkdir(exist_ok=True)
    done: set[str] = set()
    while True:
        for path in sorted(drop.glob("*.manifest.json")):
            # What a killed relay had planned may be laid down behind later ones.
            if path.name in done:
                continue
            manifest = json.loads(path.read_bytes())
            data = (drop / manifest["file"]).read_bytes()
            if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
                raise SystemExit(f"{path}: the data are not what it says")
            events = [json.loads(line) for line in data.splitlines()]
            rejected = [
                {"event_id": one["id"], "answer": answer, "code": "1001"}
                for one, answer in zip(events, store.take(events), strict=True)
                if answer == "REJECTED"
            ]
            said = {"receiver": manifest["receiver"], "batch": manifest["batch"]}
            said |= {"answer": "HELD", "events": rejected}
            own = acks / f".{manifest['batch']}.tmp"
            own.write_text(json.dumps(said))
            own.rename(acks / f"{manifest['batch']}.json")
            done.add(path.name)
        time.sleep(_PAUSE)


async def read_front(address: str) -> None:
    """Take the batches of a front-end database until killed (outside_front.sql)."""
    connection = await asyncpg.connect(address)
    while True:
        for row in await connection.fetch(
            "select cd_batch from cd_batch_log where ack_status is null order by 1"
        ):
            await connection.execute("select take_batch($1)", row["cd_batch"])
        await asyncio.sleep(_PAUSE)


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    if kind == "http":
        serve(Path(words[0]), int(words[1]), words[2])
    elif kind == "folder":
        collect(Path(words[0]), Path(words[1]))
    else:
        asyncio.run(read_front(words[0]))
