"""Who may ask: requester kinds and roles, as tokens and the policy name them.

Kinds follow the rule on access to enforcement records (seed 000, part 2, articles
4-11) and GB/T 39477-2020, which keeps management, audit and operation apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from zhitong.types import (
    AUDITOR,
    COLLECTOR,
    MANAGER,
    OPERATOR,
    RELEASER,
    REVIEWER,
    SERVICE,
    STEWARD,
    TRANSMITTER,
    USER,
    Label,
)

KINDS: Mapping[str, Label] = MappingProxyType(
    {
        "own-officer": Label("本局执法人员", "An enforcement agency's own officer"),
        "department": Label("执法部门办案系统", "A department's case system"),
        "police": Label("公安机关", "Police"),
        "procuratorate": Label("检察院", "Procuratorate"),
        "court": Label("法院", "Court"),
        "state-security": Label("国家安全机关", "State security"),
        "discipline": Label("纪检监察机关", "Discipline inspection and supervision"),
        "audit": Label("审计机关", "Audit office"),
        "party": Label("当事人", "The party of a case"),
        "attorney": Label("代理律师", "The party's attorney"),
        "other-place": Label("外地有关部门", "A department of another place"),
        "supervisor": Label("行政执法监督机构", "Supervision of enforcement"),
        "provincial-platform": Label("省级监督平台", "Provincial platform"),
        "credit-system": Label("信用信息平台", "Credit system"),
        "sharing-platform": Label("数据共享平台", "Data-sharing platform"),
        "dashboard": Label("领导和监督大屏", "Dashboard"),
        "public": Label("社会公众", "The public"),
        "data-authority": Label("政务数据主管部门", "Data authority: management"),
        "auditor": Label("平台审计员", "The platform's auditor"),
        "operator": Label("平台运维人员", "The platform's operator"),
        "platform": Label("执通平台自身", "Zhitong itself"),
    }
)
"""Requester kinds with their names; ``platform`` is never a token's."""

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        USER: frozenset(KINDS) - {"operator", "auditor", "data-authority", "platform"},
        SERVICE: frozenset(
            {
                "department",
                "provincial-platform",
                "credit-system",
                "sharing-platform",
                "dashboard",
            }
        ),
        OPERATOR: frozenset({"operator"}),
        AUDITOR: frozenset({"auditor"}),
        MANAGER: frozenset({"data-authority"}),
        STEWARD: frozenset({"own-officer", "department"}),
        COLLECTOR: frozenset({"own-officer", "department"}),
        TRANSMITTER: frozenset({"own-officer", "department"}),
        REVIEWER: frozenset({"own-officer", "department"}),
        RELEASER: frozenset({"own-officer", "department"}),
    }
)
"""Role → requester kinds that may have it: nobody manages, audits and operates."""
