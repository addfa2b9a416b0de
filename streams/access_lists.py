"""The broker's users and access lists, made equal to what is declared.

Ours are the lists of our tenant's users, and those of whatever bears our tenant's
name. Another tenant's on the same broker stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kafka import KafkaAdminClient, errors
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from zhitong.streams import names
from zhitong.streams.grants import Grant, grants, users
from zhitong.streams.kafka_client import Access, enters
from zhitong.streams.receivers import Receivers
from zhitong.streams.topics import administering

_SECONDS = 30.0
_LOGIN_SECONDS = 5.0
_PAUSE = 0.02
_EVERYTHING = ACLFilter(
    principal=None,
    host=None,
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(
        ResourceType.ANY, None, ACLResourcePatternType.ANY
    ),
)


class Applied(NamedTuple):
    """What differed from what is declared, in words; all of it but `wide` is gone."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    wide: tuple[str, ...]
    """Lists of others that reach what is ours: whoever made them must end them."""


def apply_grants(access: Access, config: Receivers, *, dry: bool = False) -> Applied:
    """Make the access lists of a tenant equal to its grants; *dry*: compare alone.

    Raises `BrokerUnavailableError` where the broker does not let *access* do it.
    """
    with administering(access) as admin:
        wanted = {_line(grant) for grant in grants(config)}
        differences = compare_lines(frozenset(_there(admin)), wanted, config.tenant)
        if not dry:
            _add(admin, differences[0])
            _remove(admin, differences[1])
            _await(admin, config.tenant, wanted)
    return Applied(*map(_said, differences))


def set_users(access: Access, tenant: str, passwords: Mapping[str, str]) -> None:
    """Let the users of *tenant* be those of *passwords*, ``{name: password}``."""
    mechanism = access.mechanism
    with administering(access) as admin:
        known = admin.describe_user_scram_credentials()
        gone = [
            UserScramCredentialDeletion(name, each["mechanism"])
            for name, said in known.items()
            if name.startswith(names.user(tenant, "")) and name not in passwords
            for each in said["credential_infos"]
        ]
        # All of them each time: a password that was made anew counts from now on.
        _alter(admin, gone, passwords, mechanism)


class Users(NamedTuple):
    """What differs of a tenant's users from what is declared."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    """Who is not let in by the password that lies here."""
    gone: tuple[str, ...]
    """Who is no longer declared."""


def compare_users(
    access: Access, config: Receivers, passwords: Mapping[str, str]
) -> Users:
    """Say what differs of the tenant's users; *passwords* are those that are here."""
    with administering(access) as admin:
        known = admin.describe_user_scram_credentials()
    wanted, own = users(config), names.user(config.tenant, "")
    return Users(
        missing=tuple(name for name in wanted if name not in known),
        changed=tuple(
            name
            for name in wanted
            if name in known
            and name in passwords
            and not enters(
                replace(access, user=name, password=passwords[name]), _LOGIN_SECONDS
            )
        ),
        gone=tuple(
            name
            for name in sorted(known)
            if name.startswith(own) and name not in wanted
        ),
    )


def change_users(
    access: Access, passwords: Mapping[str, str], gone: Iterable[str] = ()
) -> None:
    """Let users have *passwords* from now on, and those of *gone* be no longer."""
    with administering(access) as admin:
        known = admin.describe_user_scram_credentials()
        ended = [
            UserScramCredentialDeletion(name, each["mechanism"])
            for name in gone
            for each in known[name]["credential_infos"]
        ]
        _alter(admin, ended, passwords, access.mechanism)


def _alter(
    admin: KafkaAdminClient,
    gone: Sequence[UserScramCredentialDeletion],
    passwords: Mapping[str, str],
    mechanism: str,
) -> None:
    wanted = [
        UserScramCredentialUpsertion(name, mechanism, password)
        for name, password in passwords.items()
    ]
    refused = admin.alter_user_scram_credentials([*gone, *wanted])
    for why in filter(None, refused.values()):
        raise errors.KafkaError(why)


class Line(NamedTuple):
    """One line of the broker's access lists."""

    principal: str
    host: str
    operation: ACLOperation
    permission: ACLPermissionType
    kind: ResourceType
    name: str
    pattern: ACLResourcePatternType

    def __str__(self) -> str:
        return (
            f"{self.permission.name} {self.principal}@{self.host} "
            f"{self.operation.name} {self.kind.name} {self.name}"
            f"{'*' if self.pattern is ACLResourcePatternType.PREFIXED else ''}"
        )


def compare_lines(
    there: Collection[Line], wanted: Collection[Line], tenant: str
) -> tuple[set[Line], set[Line], set[Line]]:
    """Give the lines of *tenant* that lack, its surplus, and others' that reach it."""
    ours = {one for one in there if _is_ours(one, tenant)}
    others = {*there} - ours
    return (
        {*wanted} - ours,
        ours - {*wanted},
        {one for one in others if _reaches(one, tenant)},
    )


def _await(admin: KafkaAdminClient, tenant: str, wanted: set[Line]) -> None:
    """Wait until the broker goes by *wanted*: its controller answers before that."""
    deadline = time.monotonic() + _SECONDS
    while {one for one in _there(admin) if _is_ours(one, tenant)} != wanted:
        if time.monotonic() > deadline:
            raise errors.KafkaTimeoutError("the access lists are not in force")
        time.sleep(_PAUSE)


def _said(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(sorted(map(str, lines)))


def _line(grant: Grant) -> Line:
    return Line(
        f"User:{grant.user}",
        "*",
        ACLOperation[grant.operation],
        ACLPermissionType.ALLOW,
        ResourceType[grant.kind],
        grant.name,
        ACLResourcePatternType.LITERAL,
    )


def _there(admin: KafkaAdminClient) -> Iterable[Line]:
    found, _ = admin.describe_acls(_EVERYTHING)
    for one in found:
        thing = one.resource_pattern
        yield Line(
            str(one.principal),
            str(one.host),
            ACLOperation(one.operation),
            ACLPermissionType(one.permission_type),
            ResourceType(thing.resource_type),
            str(thing.resource_name),
            ACLResourcePatternType(thing.pattern_type),
        )


def _is_ours(one: Line, tenant: str) -> bool:
    own = names.user(tenant, "")
    return one.principal.startswith(f"User:{own}") or one.name.startswith(own)


def _reaches(one: Line, tenant: str) -> bool:
    own = names.user(tenant, "")
    whole = one.name == "*" or one.kind is ResourceType.CLUSTER
    prefix = one.pattern is ACLResourcePatternType.PREFIXED
    return one.permission is ACLPermissionType.ALLOW and (
        whole or (prefix and own.startswith(one.name))
    )


def _add(admin: KafkaAdminClient, lines: Iterable[Line]) -> None:
    made = [
        ACL(
            principal=one.principal,
            host=one.host,
            operation=one.operation,
            permission_type=one.permission,
            resource_pattern=ResourcePattern(one.kind, one.name, one.pattern),
        )
        for one in lines
    ]
    if made:
        for refused in admin.create_acls(made)["failed"]:
            raise refused


def _remove(admin: KafkaAdminClient, lines: Iterable[Line]) -> None:
    gone = [
        ACLFilter(
            principal=one.principal,
            host=one.host,
            operation=one.operation,
            permission_type=one.permission,
            resource_pattern=ResourcePatternFilter(one.kind, one.name, one.pattern),
        )
        for one in lines
    ]
    if gone:
        for _, _, refused in admin.delete_acls(gone):
            if refused is not errors.NoError:
                raise refused
