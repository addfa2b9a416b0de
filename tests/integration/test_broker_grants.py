"""Who may do what on the broker: every user tries everything, over the wire."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import product
from typing import NamedTuple

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, errors
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from probes import (
    Client,
    answered_unproved,
    on_both,
    on_cluster,
    on_groups,
    on_topics,
)

from zhitong.infra.broker import Broker
from zhitong.infra.broker_authority import authorities
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.access_lists import Applied, _there, apply_grants, set_users
from zhitong.streams.grants import grants, users
from zhitong.streams.kafka_client import Access, connect
from zhitong.streams.topics import administering, ensure_topics

pytestmark = [
    pytest.mark.integration,
    # Who is refused leaves its line to the collector: so the library has it.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <ssl.SSLSocket"
        ":pytest.PytestUnraisableExceptionWarning"
    ),
]

TENANTS = ("anze", "beihe")
NODES = (1, 2, 3)
REFUSED_SECONDS = 1.5
"""kafka-python tries a login that was refused again, until its time is up."""


class May(NamedTuple):
    """What one user may, by the whole names of topics and groups."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


def names(tenant: str, *stems: str) -> frozenset[str]:
    return frozenset(f"zhitong.{tenant}.{stem}" for stem in stems)


# Written by hand from docs/streams.md; nothing of it is asked of the code.
MAY: Mapping[str, May] = {
    f"zhitong.{tenant}.{user}": May(*(names(tenant, *each) for each in may))
    for tenant in TENANTS
    for user, may in {
        "relay": (
            [],
            [
                *("provincial.v1", "replay.provincial.v1"),
                *("credit.v1", "replay.credit.v1", "clocks.v1"),
            ],
            [],
        ),
        "clocks": (["clocks.v1"], [], ["clocks"]),
        "receipts": (["receipts.v1"], [], ["receipts"]),
        "provincial": (
            [
                *("provincial.v1", "recon.provincial.v1", "replay.provincial.v1"),
                "inbound.receipts.provincial.v1",
            ],
            ["receipts.v1", "inbound.provincial.v1"],
            [
                *("provincial", "provincial.trial", "provincial.inbound"),
                *("provincial.recon", "provincial.replay"),
            ],
        ),
        "credit": (
            [
                *("credit.v1", "recon.credit.v1", "replay.credit.v1"),
                "inbound.receipts.credit.v1",
            ],
            ["receipts.v1", "inbound.credit.v1"],
            [
                *("credit", "credit.trial", "credit.inbound"),
                *("credit.recon", "credit.replay"),
            ],
        ),
        "reconciler": (
            ["provincial.v1", "credit.v1"],
            ["recon.provincial.v1", "recon.credit.v1"],
            [],
        ),
        "inbound": (
            ["inbound.provincial.v1", "inbound.credit.v1"],
            ["inbound.receipts.provincial.v1", "inbound.receipts.credit.v1"],
            ["inbound.provincial", "inbound.credit"],
        ),
    }.items()
} | {"zhitong.nobody": May()}
REPLAYS = ("replay.provincial.v1", "replay.credit.v1")
STEMS = (
    *("provincial.v1", "credit.v1", "receipts.v1"),
    *("recon.provincial.v1", "recon.credit.v1", "clocks.v1"),
    *("inbound.provincial.v1", "inbound.credit.v1"),
    *("inbound.receipts.provincial.v1", "inbound.receipts.credit.v1"),
    *REPLAYS,
)
TOPICS = (
    *sorted(names("anze", *STEMS)),
    *sorted(names("beihe", *STEMS)),
    "zhitong.anze",
    "another.v1",
)
GROUPS = (
    *sorted({group for may in MAY.values() for group in may.groups}),
    "zhitong.anze.credit.trial.more",
    "console-consumer-1",
)
Cell = tuple[str, ...]


def passwords() -> Mapping[str, str]:
    return {user: f"password of {user}" for user in MAY}


@pytest.fixture(scope="module")
def admin(three: Broker) -> Access:
    """Give a broker with two tenants, set up as each tenant's ``zhitong up`` does."""
    found = three.start()
    for tenant in TENANTS:
        config = read_receivers(tenant=tenant)
        ensure_topics(found, config.topics)
        own = {name: passwords()[name] for name in users(config)}
        set_users(found, tenant, own)
        apply_grants(found, config)
    set_users(found, "nobody", {"zhitong.nobody": passwords()["zhitong.nobody"]})
    # Those of replays are made at first need: here they are there.
    replays = names("anze", *REPLAYS) | names("beihe", *REPLAYS)
    ensure_topics(found, dict.fromkeys(sorted(replays), 12))
    ensure_topics(found, {"zhitong.anze": 1, "another.v1": 1})
    return found


@pytest.fixture
def clients(admin: Access) -> Iterator[Mapping[str, Client]]:
    made = {user: Client(entry(admin, user)) for user in MAY}
    yield made
    for each in made.values():
        each.close()


def entry(admin: Access, user: str) -> Access:
    return replace(admin, user=user, password=passwords()[user])


def expected() -> set[Cell]:
    """Give all that anybody may: what is not here is refused."""
    found: set[Cell] = set()
    for user, may in MAY.items():
        found.add((user, "cluster", "nodes"))
        if may.write:
            found.add((user, "cluster", "a producer's number"))
        for topic in may.read | may.write:
            found |= {(user, "topic", act, topic) for act in ("describe", "offsets")}
        found |= {(user, "topic", "read", topic) for topic in may.read}
        for act in ("write", "idempotent write"):
            found |= {(user, "topic", act, topic) for topic in may.write}
        for group in may.groups:
            for act in ("coordinator", "join", "describe"):
                found.add((user, "group", act, group))
            found |= {(user, "both", "commit", group, topic) for topic in may.read}
            found |= {
                (user, "both", "committed", group, topic)
                for topic in may.read | may.write
            }
    return found


def attempts() -> Iterator[tuple[Cell, object]]:
    """Give every cell and its request; deletions of topics come last."""
    for act, request in on_cluster().items():
        yield ("cluster", act), request
    for act, make in on_groups().items():
        for group in GROUPS:
            yield ("group", act, group), make(group)
    for act, make_both in on_both().items():
        for group in GROUPS:
            for topic in TOPICS:
                yield ("both", act, group, topic), make_both(group, topic)
    for act, make in on_topics().items():
        for topic in TOPICS:
            yield ("topic", act, topic), make(topic)


def test_the_grants_declared_are_those_of_the_table() -> None:
    table = {
        (user, kind, name, operation)
        for user, may in MAY.items()
        for kind, operation, granted in (
            ("TOPIC", "READ", may.read),
            ("TOPIC", "WRITE", may.write),
            ("GROUP", "READ", may.groups),
        )
        for name in granted
    }
    declared = {
        tuple(map(str, grant))
        for tenant in TENANTS
        for grant in grants(read_receivers(tenant=tenant))
    }
    assert declared == table


def test_every_user_may_do_what_is_granted_and_nothing_else(
    clients: Mapping[str, Client],
) -> None:
    probed: set[Cell] = set()
    allowed: set[Cell] = set()
    granted, turn = expected(), 0
    for cell, request in attempts():
        for user, client in clients.items():
            probe = (user, *cell)
            probed.add(probe)
            turn += 1
            # A request about one node is for that one.
            first = 0 if cell[0] == "cluster" else turn % len(NODES)
            said: list[bool | None] = []
            for node in (*NODES[first:], *NODES[:first]):
                # Nodes learn their lists one by one: each must let in who is granted.
                if probe in granted or not {True, False} & {*said}:
                    said.append(client.allowed(request, node))
            if False not in said and True in said:
                allowed.add(probe)
    print(f"{len(probed):,} cells probed, {len(allowed):,} allowed")  # noqa: T201 - the figure is the point
    assert allowed == granted
    assert granted <= probed
    assert len(probed) == len(MAY) * len(list(attempts()))


def test_every_user_is_shown_its_own_topics_and_groups_alone(
    admin: Access, clients: Mapping[str, Client]
) -> None:
    # A group is listed once there is something in it.
    for user, may in MAY.items():
        for group in may.groups:
            for topic in may.read:
                assert clients[user].done(on_both()["commit"](group, topic), NODES)
    for user, may in MAY.items():
        assert clients[user].topics() == may.read | may.write
        assert clients[user].groups() == may.groups
    with closing(Client(admin)) as all_of_it:
        assert all_of_it.groups() >= {g for may in MAY.values() for g in may.groups}
        assert all_of_it.topics() >= set(TOPICS)


@pytest.mark.parametrize("user", [user for user, may in MAY.items() if may.read])
def test_who_may_read_a_topic_reads_it_in_each_of_its_groups(
    admin: Access, user: str
) -> None:
    with closing(Client(admin)) as writer:
        for topic in MAY[user].read:
            assert writer.done(on_topics()["write"](topic), NODES)
    for group, topic in product(MAY[user].groups, MAY[user].read):
        consumer = connect(
            partial(KafkaConsumer, topic),
            entry(admin, user),
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        with closing(consumer):
            consumer.subscribe([topic])
            assert next(consumer).topic == topic


def test_a_wrong_password_or_another_way_to_prove_oneself_opens_nothing(
    admin: Access,
) -> None:
    tried = [
        *(
            replace(admin, user=user, password="wrong")  # noqa: S106 - it is wrong
            for user in (*MAY, "zhitong.admin", "zhitong.node", "admin", "")
        ),
        *(replace(admin, mechanism=each) for each in ("PLAIN", "SCRAM-SHA-256")),
    ]
    assert refused(tried) == tried
    assert refused([admin]) == []


def test_who_is_not_proved_is_answered_nothing_by_broker_and_controller(
    admin: Access, three: Broker
) -> None:
    controllers = ssl.create_default_context(cafile=authorities(three.home))
    # Whoever is not proved gets no further for another name.
    kinds = {cell[:2]: request for cell, request in attempts()}
    for node in three.nodes:
        own = f"127.0.0.1:{node.controller}"
        for address, tls in ((node.address, admin.tls), (own, controllers)):
            for kind, request in kinds.items():
                assert not answered_unproved(address or "", request, tls), kind


def test_a_user_of_the_broker_is_none_of_the_controller_s(
    admin: Access, three: Broker
) -> None:
    tried = [
        replace(admin, address=f"127.0.0.1:{node.controller}", mechanism=mechanism)
        for node in three.nodes
        for mechanism in ("PLAIN", "SCRAM-SHA-512")
    ]
    assert refused(tried) == tried


def refused(tried: Sequence[Access]) -> Sequence[Access]:
    """Say who of *tried* is not let in; all at once, for each tries for a while."""

    def comes_in(access: Access) -> bool:
        try:
            Client(access, REFUSED_SECONDS).close()
        except (errors.KafkaError, ValueError):
            return False
        return True

    with ThreadPoolExecutor(len(tried)) as threads:
        let_in = threads.map(comes_in, tried)
        return [one for one, came in zip(tried, let_in, strict=True) if not came]


def test_what_somebody_added_is_removed_and_what_somebody_removed_is_added(
    admin: Access,
) -> None:
    config = read_receivers(tenant="anze")
    assert apply_grants(admin, config) == Applied((), (), ())
    surplus = "ALLOW User:zhitong.nobody@* READ TOPIC zhitong.anze.credit.v1"
    missing = "ALLOW User:zhitong.anze.relay@* WRITE TOPIC zhitong.anze.credit.v1"
    wide = "ALLOW User:zhitong.nobody@* READ TOPIC zhitong*"
    with administering(admin) as client:
        _alter(client, add=[surplus, wide], remove=[missing])
    try:
        found = apply_grants(admin, config, dry=True)
        assert found == Applied((missing,), (surplus,), (wide,))
        assert apply_grants(admin, config) == found
        # Another's list is named each time, until whoever made it ends it.
        assert apply_grants(admin, config) == Applied((), (), (wide,))
    finally:
        with administering(admin) as client:
            _alter(client, add=[], remove=[wide])
    assert apply_grants(admin, read_receivers(tenant="beihe")) == Applied((), (), ())


def test_a_user_that_is_no_longer_declared_cannot_come_in(admin: Access) -> None:
    once = {"zhitong.former.credit": "its password"}
    set_users(admin, "former", once)
    access = replace(admin, user="zhitong.former.credit", password="its password")  # noqa: S106 - a test's own
    Client(access).close()
    set_users(admin, "former", {})
    with pytest.raises(errors.KafkaError):
        Client(access, REFUSED_SECONDS)


def _alter(client: KafkaAdminClient, add: list[str], remove: list[str]) -> None:
    """Add and remove lines of the access lists, as somebody else would."""
    if add:
        assert client.create_acls([_acl(line) for line in add])["failed"] == []
    for _, gone, _ in client.delete_acls([_acl(line) for line in remove]):
        assert len(gone) == 1
    # The controller answers before the broker goes by it.
    wanted, unwanted = set(map(_acl, add)), set(map(_acl, remove))
    while True:
        there = {_acl(line) for line in _lines(client)}
        if wanted <= there and not unwanted & there:
            return
        time.sleep(0.02)


def _lines(client: KafkaAdminClient) -> Iterator[str]:
    return map(str, _there(client))


def _acl(line: str) -> ACL:
    permission, who, operation, kind, name = line.split()
    principal, _, host = who.partition("@")
    pattern = "PREFIXED" if name.endswith("*") else "LITERAL"
    return ACL(
        principal=principal,
        host=host,
        operation=ACLOperation[operation],
        permission_type=ACLPermissionType[permission],
        resource_pattern=ResourcePattern(
            ResourceType[kind],
            name.removesuffix("*"),
            ACLResourcePatternType[pattern],
        ),
    )
