"""Users of a broker for processes of tests, whose topics have names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
)

from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.access_lists import set_users
from zhitong.streams.grants import users
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import administering


def known_users(admin: Access, folder: Path) -> Mapping[str, str]:
    """Make the tenant's users; give the settings of a process that comes as one."""
    names = users(read_receivers())
    # The same each time: tests share a broker.
    passwords = {name: f"password of {name}" for name in names}
    set_users(admin, "anze", passwords)
    folder.mkdir(exist_ok=True)
    for name, password in passwords.items():
        (folder / name).write_text(password, "utf-8")
    return {
        "ZHITONG_KAFKA": admin.address,
        "ZHITONG_KAFKA_SECURITY": admin.protocol,
        "ZHITONG_KAFKA_USERS": str(folder),
        "ZHITONG_KAFKA_CA": admin.authorities,
    }


def free_users(admin: Access, folder: Path) -> Mapping[str, str]:
    """Make them, and let them do everything to every topic and group."""
    settings = known_users(admin, folder)
    with administering(admin) as client:
        made = client.create_acls(
            [
                ACL(
                    principal=f"User:{name}",
                    host="*",
                    operation=ACLOperation.ALL,
                    permission_type=ACLPermissionType.ALLOW,
                    resource_pattern=ResourcePattern(kind, "*"),
                )
                for name in users(read_receivers())
                for kind in (ResourceType.TOPIC, ResourceType.GROUP)
            ]
        )
    assert made["failed"] == []
    return settings
