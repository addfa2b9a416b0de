"""Notices by mail and webhook: told once, tried again, given up and seen."""

from __future__ import annotations

import asyncio
import email
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from email.message import Message as Mail
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest
from entries import UNIT, entry, ledger_over
from ledger_rows import run
from told_clocks import CREDIT_DUTIES, Ran, numbered
from urllib3 import PoolManager

from zhitong.connectors.clock_book import ClockBook
from zhitong.connectors.clock_events import ClockEvents
from zhitong.connectors.notices import Notices
from zhitong.infra.clock_rules import read_clock_rules
from zhitong.infra.notifications_file import read_notifications
from zhitong.infra.notifying import Notifying, senders
from zhitong.infra.settings import Settings
from zhitong.rules.clock_events import What
from zhitong.rules.notices import RETRIES, Address, Way
from zhitong.streams.notice_ways import MailSender, Sender, WebhookSender

pytestmark = pytest.mark.integration

RULES = read_clock_rules(Settings(duties=CREDIT_DUTIES))
LATE = date(2026, 12, 20)
SECRET = b"of the webhook"


class Calm:
    async def calm(self) -> None:
        await asyncio.sleep(0)


@dataclass
class Server:
    """What came to a server in a thread, and what it answers."""

    port: int = 0
    took: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    refuses: bool = False


@pytest.fixture
def webhook() -> Iterator[Server]:
    """Run a real HTTP server that keeps what it is sent."""
    kept = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.took.append(body)
            kept.headers.append(dict(self.headers))
            self.send_response(503 if kept.refuses else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


@pytest.fixture
def mailbox() -> Iterator[Server]:
    """Run a mail server that speaks as much of SMTP as a client needs."""
    kept = Server()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    self._data()
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                elif word == b"RCPT" and kept.refuses:
                    self.wfile.write(b"450 later\r\n")
                else:
                    self.wfile.write(b"250 fine\r\n")

        def _data(self) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            kept.took.append(b"".join(lines))
            self.wfile.write(b"250 taken\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


def address(way: Way, to: str, units: str = UNIT) -> Address:
    return Address(
        name="legal",
        units=frozenset({units}),
        duties=frozenset({"*"}),
        what=frozenset({What.SOON, What.LATE}),
        way=way,
        to=to,
    )


class Office:
    """Tells one address by one way."""

    def __init__(self, url: str, to: Address, way: Sender) -> None:
        self.url, self.to = url, to
        self.notifying = Notifying(url, (to,), {"legal": way}, Calm())  # type: ignore[arg-type]

    async def look(self, day: date) -> None:
        """Compute and tell as of *day*."""
        async with ClockBook(self.url) as book:
            await book.adopt(RULES)
            while (await book.look(RULES)).taken:
                pass
        async with ClockEvents(self.url, [self.to]) as events:
            while await events.tell(day):
                pass

    async def notify(self) -> None:
        async with Notices(self.url) as notices:
            await self.notifying.once(notices)


def by_web(server: Server) -> tuple[Address, Sender]:
    to = address(Way.WEBHOOK, f"http://127.0.0.1:{server.port}/hook")
    return to, WebhookSender(tenant="anze", secret=lambda: SECRET, pool=PoolManager())


def by_mail(server: Server) -> tuple[Address, Sender]:
    sender = MailSender(
        host="127.0.0.1",
        port=server.port,
        sender="zhitong@anze.example",
        user="",
        security="NONE",
        password=str,
    )
    return address(Way.MAIL, "fazhi@anze.example"), sender


async def decided(url: str, *numbers: int) -> None:
    async with ledger_over(url) as (kept, _):
        for number in numbers:
            await kept.commit(entry(numbered(number)))


async def test_what_is_late_is_posted_signed_and_told_once(
    empty_platform: str, webhook: Server
) -> None:
    office = Office(empty_platform, *by_web(webhook))
    await decided(empty_platform, 1, 2)
    await office.look(date(2026, 11, 20))
    await office.notify()
    assert webhook.took == []
    await office.look(LATE)
    await office.notify()
    await office.look(LATE)
    await office.notify()
    (body,) = webhook.took
    said = orjson.loads(body)
    assert {one["what"] for one in said["notices"]} == {"LATE"}
    assert {one["documentNo"] for one in said["notices"]} == {
        numbered(number).document_no for number in (1, 2)
    }
    (headers,) = webhook.headers
    assert headers["idempotency-key"] == f'"{said["id"]}"'
    assert "signature" in headers
    assert "content-digest" in headers


async def test_another_unit_s_are_not_told(
    empty_platform: str, webhook: Server
) -> None:
    _, way = by_web(webhook)
    to = address(Way.WEBHOOK, f"http://127.0.0.1:{webhook.port}/hook", "another")
    office = Office(empty_platform, to, way)
    await decided(empty_platform, 1)
    await office.look(LATE)
    await office.notify()
    assert webhook.took == []


async def test_a_mail_lists_it_and_comes_again_under_the_same_id(
    empty_platform: str, mailbox: Server
) -> None:
    office = Office(empty_platform, *by_mail(mailbox))
    await decided(empty_platform, 1)
    await office.look(LATE)
    await office.notify()
    (first,) = mailbox.took
    mail: Mail = email.message_from_bytes(first, policy=default)
    assert mail["To"] == "fazhi@anze.example"
    assert "1 late, 0 due soon" in mail["Subject"]
    text = mail.get_content()  # type: ignore[attr-defined]
    assert numbered(1).document_no in text
    assert "2026-12-01" in text
    # Killed between sending and noting it: the same message, the same id.
    await run(
        empty_platform,
        "update clock_notice set sent_at = null, next_at = clock_timestamp()",
    )
    await decided(empty_platform, 2)
    await office.look(LATE)
    await office.notify()
    ids = [
        email.message_from_bytes(one, policy=default)["Message-ID"]
        for one in mailbox.took
    ]
    assert len(ids) == 3
    assert ids[1] == ids[0] != ids[2]


@pytest.mark.parametrize("kind", ["webhook", "mailbox"])
async def test_what_does_not_arrive_is_tried_again_and_given_up_in_the_end(
    empty_platform: str, commanded: Ran, request: pytest.FixtureRequest, kind: str
) -> None:
    server: Server = request.getfixturevalue(kind)
    server.refuses = True
    made = by_web(server) if kind == "webhook" else by_mail(server)
    office = Office(empty_platform, *made)
    await decided(empty_platform, 1)
    await office.look(LATE)
    for attempt in range(1, len(RETRIES) + 2):
        await office.notify()
        ((attempts, waits),) = await run(
            empty_platform,
            "select attempts, next_at > clock_timestamp() + interval '30 seconds'"
            " from clock_notice",
        )
        assert attempts == attempt
        # Until then it rests, and whatever is new goes without it.
        await office.notify()
        assert waits or attempt > len(RETRIES)
        await run(
            empty_platform,
            "update clock_notice set next_at = clock_timestamp() - interval '1 s'",
        )
    await office.notify()
    out = await commanded("clocks", "notices")
    assert "GIVEN UP" in out
    assert "legal" in out
    server.refuses = False
    before = len(server.took)
    assert "tried again 1" in await commanded("clocks", "notices", "--again")
    await office.notify()
    assert len(server.took) == before + 1
    assert "not arrived 0" in await commanded("clocks", "notices")


async def test_two_who_notify_at_once_tell_once(
    empty_platform: str, webhook: Server
) -> None:
    offices = [Office(empty_platform, *by_web(webhook)) for _ in range(3)]
    await decided(empty_platform, *range(20))
    await offices[0].look(LATE)
    await asyncio.gather(*(office.notify() for office in offices))
    told = [
        one["clock"] for body in webhook.took for one in orjson.loads(body)["notices"]
    ]
    assert len(told) == len(set(told)) == 20


async def test_the_relay_s_ways_are_made_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "notifications.toml"
    path.write_text(
        'tenant = "*"\n[[addresses]]\nname = "hook"\nunits = ["*"]\nduties = ["*"]\n'
        'what = ["LATE"]\nway = "webhook"\nto = "https://a.example/hook"\n'
        '[[addresses]]\nname = "post"\nunits = ["*"]\nduties = ["*"]\n'
        'what = ["LATE"]\nway = "mail"\nto = "a@b.example"\n'
        '[mail]\nhost = "mail.example"\nsender = "z@b.example"\nuser = "z"\n',
        "utf-8",
    )
    (tmp_path / "notifications").mkdir()
    for name in ("hook.secret", "mail.password"):
        kept = tmp_path / "notifications" / name
        kept.write_text("word")
        kept.chmod(0o600)
    made = senders(read_notifications(path, ()), tmp_path, "anze")
    hook, post = made["hook"], made["post"]
    assert isinstance(hook, WebhookSender)
    assert hook.secret() == b"word"
    assert isinstance(post, MailSender)
    assert (post.password(), post.security) == ("word", "STARTTLS")
