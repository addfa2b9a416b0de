"""Sharing grants 共享授权: what a unit may see of another's data, until when and why.

A grant only gives where the policy is silent, or masked where a rule allows it masked;
what a rule denies by name stays denied, whoever agreed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GrantState(StrEnum):
    """Where an application is, in the words of Decree 809 and of practice."""

    APPLIED = "APPLIED"
    """已申请: with the data authority, whose form review is due."""
    INCOMPLETE = "INCOMPLETE"
    """待补正: told once what is missing."""
    REVIEWED = "REVIEWED"
    """形式审查通过: with the owner, whose reply is due."""
    AGREED = "AGREED"
    """已同意: the data are due."""
    IN_FORCE = "IN_FORCE"
    """生效"""
    REFUSED = "REFUSED"
    """不同意, with a reason."""
    DISPUTED = "DISPUTED"
    """争议处理中: with the data authority."""
    WITHDRAWN = "WITHDRAWN"
    """申请方撤回"""
    REVOKED = "REVOKED"
    """已收回"""
    EXPIRED = "EXPIRED"
    """已到期"""


class GrantMode(StrEnum):
    """How the data are shared (服务接口、批量交换、文件下载)."""

    INTERFACE = "INTERFACE"
    BATCH = "BATCH"
    FILE = "FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant in force, as verdicts and the gate need it."""

    id: str
    unit: str
    """Credit code of the unit that may see."""
    owner: str
    """Credit code of the agency whose sources it opens."""
    fields: Mapping[str, frozenset[str]]
    """By type, the fields it opens."""
    purpose: str
    basis: str
    masked: bool = False
    """Gives blurred by the field's own mask, never whole."""
    division: str = ""
    """GB/T 2260 code: only rows that lie in this place; empty: all."""
    own_cause: bool = False
    """Only rows of the case that the question is asked for."""
    valid_from: datetime
    valid_to: datetime
    documents: frozenset[str] = frozenset()
    """SHA-256 of the documents it may be used by; empty: any."""
    lookups: Mapping[str, frozenset[str]]
    """By type, the protected fields that rows may be looked up by exactly."""
    page: int | None = None
    cost: int | None = None
    rate: float | None = None
    person: str = ""
    """Break-glass 紧急调阅: the one who may use it; empty: anybody of the unit."""
    incident: str = ""
    """Break-glass: for which incident; empty: an ordinary grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What is in force, of one snapshot; a grant that is to begin is among them."""

    counter: int
    """Changes so far of what is in force; while it stands, the grants stand."""
    grants: tuple[Grant, ...]
