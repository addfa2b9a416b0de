"""Requests to a broker, each of them one attempt at one thing; and who makes them."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient
from kafka.protocol.admin import (
    AlterConfigsRequest,
    AlterPartitionReassignmentsRequest,
    AlterUserScramCredentialsRequest,
    CreateAclsRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteAclsRequest,
    DeleteGroupsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    DescribeAclsRequest,
    DescribeClusterRequest,
    DescribeConfigsRequest,
    DescribeGroupsRequest,
    DescribeLogDirsRequest,
    DescribeUserScramCredentialsRequest,
    ElectLeadersRequest,
    IncrementalAlterConfigsRequest,
)
from kafka.protocol.consumer import (
    FetchRequest,
    JoinGroupRequest,
    ListOffsetsRequest,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
)
from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.record import MemoryRecordsBuilder

from zhitong.streams.kafka_client import Access, connect

Request = Any
REFUSED = frozenset({29, 30, 31, 53, 65})
"""Topic, group, cluster, transactional id, delegation token: authorization failed."""
_MET = frozenset({0, 7, 25, 35, 60, 68, 69, 79, 85, 86, 91})
"""What who is let through may meet: no member yet, nothing there to be deleted …"""
_ELSEWHERE = frozenset({6, 16})
"""Another node leads the partition, or looks after the group."""
# What the broker keeps of groups and producers is being read.
_LATER = frozenset({14, 15})
_ENDLESS = 60.0
_TOPIC, _BROKER = 2, 4


def on_topics() -> Mapping[str, Callable[[str], Request]]:
    """Give what is attempted on a topic; the deletion last."""
    return {
        "describe": _describe,
        "offsets": _offsets,
        "read": _read,
        "write": _write,
        "idempotent write": lambda topic: _write(topic, producer=(4_000, 0)),
        "transactional write": lambda topic: _write(topic, transaction="a.b"),
        "create": _create,
        "more partitions": _more,
        "describe configs": lambda topic: _configs(_TOPIC, topic),
        "alter configs": lambda topic: _alter(_TOPIC, topic),
        "alter configs at once": _alter_whole,
        "move": _move,
        "elect": _elect,
        "delete records": _delete_records,
        "delete": lambda topic: DeleteTopicsRequest(
            topic_names=[topic], timeout_ms=5_000, max_version=5
        ),
    }


def on_groups() -> Mapping[str, Callable[[str], Request]]:
    """Give what is attempted on a group."""
    return {
        "coordinator": lambda group: FindCoordinatorRequest(
            key=group, key_type=0, max_version=3
        ),
        "join": _join,
        "describe": lambda group: DescribeGroupsRequest(groups=[group], max_version=5),
        "delete": lambda group: DeleteGroupsRequest(groups_names=[group]),
    }


def on_both() -> Mapping[str, Callable[[str, str], Request]]:
    """Give what is attempted on a topic's offsets in a group."""
    return {"commit": _commit, "committed": _committed, "forget": _forget}


def on_cluster() -> Mapping[str, Request]:
    """Give what is attempted on the broker as a whole."""
    return {
        "nodes": DescribeClusterRequest(),
        "a producer's number": InitProducerIdRequest(
            transactional_id=None, transaction_timeout_ms=1_000
        ),
        "a transaction": InitProducerIdRequest(
            transactional_id="a.b", transaction_timeout_ms=1_000
        ),
        "describe configs": _configs(_BROKER, "1"),
        "alter configs": _alter(_BROKER, "1"),
        "describe acls": DescribeAclsRequest(
            resource_type_filter=1,
            resource_name_filter=None,
            pattern_type_filter=1,
            principal_filter=None,
            host_filter=None,
            operation=1,
            permission_type=1,
        ),
        "add acls": CreateAclsRequest(
            creations=[
                CreateAclsRequest.AclCreation(
                    resource_type=_TOPIC,
                    resource_name="*",
                    resource_pattern_type=3,
                    principal="User:zhitong.nobody",
                    host="*",
                    operation=3,
                    permission_type=3,
                )
            ]
        ),
        "remove acls": DeleteAclsRequest(
            filters=[
                DeleteAclsRequest.DeleteAclsFilter(
                    resource_type_filter=_TOPIC,
                    resource_name_filter="zhitong.none",
                    pattern_type_filter=3,
                    principal_filter=None,
                    host_filter=None,
                    operation=1,
                    permission_type=1,
                )
            ]
        ),
        # Asked of all users at once, who may not know is given no answer at all.
        "users": DescribeUserScramCredentialsRequest(
            users=[
                DescribeUserScramCredentialsRequest.UserName(name="zhitong.anze.relay")
            ]
        ),
        "a new password": AlterUserScramCredentialsRequest(
            deletions=[],
            upsertions=[
                AlterUserScramCredentialsRequest.ScramCredentialUpsertion(
                    name="zhitong.nobody",
                    mechanism=2,
                    iterations=4096,
                    salt=b"salt",
                    salted_password=b"0" * 64,
                )
            ],
        ),
        "folders": DescribeLogDirsRequest(topics=None),
    }


class Client:
    """One who was let in and now tries things."""

    def __init__(self, access: Access, seconds: float = _ENDLESS) -> None:
        """Come in; a client that is refused tries again for *seconds*."""
        self._admin: Any = connect(
            KafkaAdminClient, access, bootstrap_timeout_ms=int(seconds * 1000)
        )

    def allowed(self, request: Request, node: int) -> bool | None:
        """Attempt it at *node*; say whether that let it be done.

        None: another node is to be asked, which may look at more than this one did.
        """
        codes = self._codes(request, node)
        if codes & REFUSED:
            return False
        assert codes <= _MET | _ELSEWHERE, (request, codes)
        return None if codes & _ELSEWHERE else True

    def done(self, request: Request, nodes: Iterable[int]) -> bool:
        """Have it done by whichever of *nodes* does it; say whether one did."""
        return any(self._codes(request, node) == {0} for node in nodes)

    def _codes(self, request: Request, node: int) -> set[int]:
        manager = self._admin._manager
        deadline = time.monotonic() + _ENDLESS
        while True:
            said = manager.run(manager.send, request, node).to_dict()
            codes = set(error_codes(said))
            if not codes & _LATER or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert codes, "an answer without a word on how it went"
        return codes

    def groups(self) -> set[str]:
        """Name the groups that are shown to it."""
        return {each["group_id"] for each in self._admin.list_groups()}

    def topics(self) -> set[str]:
        """Name the topics that are shown to it."""
        return {str(each) for each in self._admin.list_topics()}

    def close(self) -> None:
        """Leave."""
        self._admin.close()


def answered_unproved(
    address: str, request: Request, tls: ssl.SSLContext | None
) -> bool:
    """Send *request* without a login or certificate; say if there was an answer."""
    host, _, port = address.rpartition(":")
    version = min(request.max_version, request._max_version or request.max_version)
    request.API_VERSION = version
    request.with_header(1, "probe")
    data = request.encode(header=True, framed=True)
    with closing(socket.create_connection((host, int(port)), 10)) as bare:
        try:
            line = tls.wrap_socket(bare, server_hostname=host) if tls else bare
            with line:
                line.sendall(data)
                return bool(line.recv(1))
        except (ConnectionError, ssl.SSLError):
            return False


def error_codes(said: object) -> Iterator[int]:
    """Find every error code of an answer."""
    if isinstance(said, dict):
        for name, value in said.items():
            if name == "error_code":
                yield value
            elif name != "topic_config_error_code":
                yield from error_codes(value)
    elif isinstance(said, list):
        for each in said:
            yield from error_codes(each)


def _describe(topic: str) -> Request:
    asked = MetadataRequest.MetadataRequestTopic(name=topic)
    return MetadataRequest(topics=[asked], allow_auto_topic_creation=False)


def _offsets(topic: str) -> Request:
    kind = ListOffsetsRequest.ListOffsetsTopic
    part = kind.ListOffsetsPartition(partition_index=0, timestamp=-2)
    return ListOffsetsRequest(
        replica_id=-1,
        isolation_level=0,
        topics=[kind(name=topic, partitions=[part])],
        max_version=7,
    )


def _read(topic: str) -> Request:
    kind = FetchRequest.FetchTopic
    part = kind.FetchPartition(
        partition=0, fetch_offset=0, log_start_offset=-1, partition_max_bytes=1_000
    )
    return FetchRequest(
        replica_id=-1,
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=1_000,
        topics=[kind(topic=topic, partitions=[part])],
        # Later ones name topics by number.
        max_version=12,
    )


def _write(
    topic: str, producer: tuple[int, int] | None = None, transaction: str | None = None
) -> Request:
    batch: Any = MemoryRecordsBuilder(2, 0, 10_000)
    if transaction or producer:
        number, epoch = producer or (4_000, 0)
        batch.set_producer_state(number, epoch, 0, transaction is not None)
    batch.append(timestamp=None, key=b"probe", value=b"probe", headers=[])
    batch.close()
    kind = ProduceRequest.TopicProduceData
    part = kind.PartitionProduceData(index=0, records=batch.buffer())
    return ProduceRequest(
        transactional_id=transaction,
        acks=-1,
        timeout_ms=5_000,
        topic_data=[kind(name=topic, partition_data=[part])],
        max_version=9,
    )


def _create(topic: str) -> Request:
    kind = CreateTopicsRequest.CreatableTopic
    made = kind(
        name=f"{topic}.more",
        num_partitions=1,
        replication_factor=1,
        assignments=[],
        configs=[],
    )
    return CreateTopicsRequest(topics=[made], timeout_ms=5_000, validate_only=True)


def _more(topic: str) -> Request:
    kind = CreatePartitionsRequest.CreatePartitionsTopic
    return CreatePartitionsRequest(
        topics=[kind(name=topic, count=99, assignments=None)],
        timeout_ms=5_000,
        validate_only=True,
    )


def _configs(kind: int, name: str) -> Request:
    resource = DescribeConfigsRequest.DescribeConfigsResource(
        resource_type=kind, resource_name=name, configuration_keys=None
    )
    return DescribeConfigsRequest(resources=[resource])


def _alter(kind: int, name: str) -> Request:
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource
    key = "retention.ms" if kind == _TOPIC else "log.cleaner.threads"
    change = resource.AlterableConfig(name=key, config_operation=0, value="1")
    return IncrementalAlterConfigsRequest(
        resources=[resource(resource_type=kind, resource_name=name, configs=[change])],
        validate_only=True,
    )


def _alter_whole(topic: str) -> Request:
    resource = AlterConfigsRequest.AlterConfigsResource
    change = resource.AlterableConfig(name="retention.ms", value="1")
    return AlterConfigsRequest(
        resources=[
            resource(resource_type=_TOPIC, resource_name=topic, configs=[change])
        ],
        validate_only=True,
    )


def _move(topic: str) -> Request:
    kind = AlterPartitionReassignmentsRequest.ReassignableTopic
    part = kind.ReassignablePartition(partition_index=0, replicas=None)
    return AlterPartitionReassignmentsRequest(
        timeout_ms=5_000, topics=[kind(name=topic, partitions=[part])]
    )


def _elect(topic: str) -> Request:
    kind = ElectLeadersRequest.TopicPartitions
    return ElectLeadersRequest(
        election_type=0,
        topic_partitions=[kind(topic=topic, partitions=[0])],
        timeout_ms=5_000,
    )


def _delete_records(topic: str) -> Request:
    kind = DeleteRecordsRequest.DeleteRecordsTopic
    part = kind.DeleteRecordsPartition(partition_index=0, offset=0)
    return DeleteRecordsRequest(
        topics=[kind(name=topic, partitions=[part])], timeout_ms=5_000
    )


def _join(group: str) -> Request:
    way = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
    return JoinGroupRequest(
        group_id=group,
        session_timeout_ms=6_000,
        rebalance_timeout_ms=6_000,
        member_id="",
        group_instance_id=None,
        protocol_type="consumer",
        protocols=[way],
        reason=None,
    )


def _commit(group: str, topic: str) -> Request:
    kind = OffsetCommitRequest.OffsetCommitRequestTopic
    part = kind.OffsetCommitRequestPartition(
        partition_index=0,
        committed_offset=0,
        committed_leader_epoch=-1,
        committed_metadata="",
    )
    return OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=-1,
        member_id="",
        group_instance_id=None,
        topics=[kind(name=topic, partitions=[part])],
        max_version=8,
    )


def _committed(group: str, topic: str) -> Request:
    kind = OffsetFetchRequest.OffsetFetchRequestTopic
    return OffsetFetchRequest(
        group_id=group,
        topics=[kind(name=topic, partition_indexes=[0])],
        max_version=7,
    )


def _forget(group: str, topic: str) -> Request:
    kind = OffsetDeleteRequest.OffsetDeleteRequestTopic
    part = kind.OffsetDeleteRequestPartition(partition_index=0)
    return OffsetDeleteRequest(
        group_id=group, topics=[kind(name=topic, partitions=[part])]
    )
