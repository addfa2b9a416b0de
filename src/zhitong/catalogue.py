"""Words of the data catalogue 数据目录: a version of it, and what the city says of it.

The city's exchange platform reviews what a department reports; its states are those of
deployed code (domain.md section 5.1), with their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from zhitong.types import Label


class ExchangeStatus(IntEnum):
    """Where a resource stands on the exchange platform."""

    NOT_REPORTED = 0
    """未上报"""
    WAITING = 1
    """待审核"""
    REJECTED_BY_ADMIN = 2
    """管理员驳回"""
    REJECTED_BY_STATE = 3
    """国家平台驳回"""
    REVOKED = 4
    """已撤销"""
    PASSED = 5
    """审核通过"""
    REJECTED = 8
    """驳回"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the exchange platform says of one resource."""

    resource: str
    """Type and source, as ``CaseRecord@market``."""
    external_id: str
    """The platform's own id of it; empty until it has one."""
    status: ExchangeStatus
    opinion: str
    version: str = ""
    """Digest of the catalogue that it is about."""
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A catalogue that was given out and differed from the one before it."""

    number: int
    digest: str
    """SHA-256 of its resources as canonical JSON."""
    made_at: datetime
    resources: int
    changes: tuple[Label, ...]
    """What had changed since the version before; none of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A catalogue that was given out, and how its replies stand."""

    version: str
    replies: Mapping[str, Reply]
    resources: frozenset[str]
