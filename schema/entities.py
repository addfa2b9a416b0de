"""Every type the graph serves, by name."""

from __future__ import annotations

from collections.abc import Mapping

from zhitong.schema.access import ACCESS_LOOK, ACCESS_RECORD
from zhitong.schema.cases import CASE, INSPECTION
from zhitong.schema.clocks import CLOCK
from zhitong.schema.credit import LISTING, REPAIR
from zhitong.schema.decisions import DECISION, DELIVERY, FINDING, RECEIPT, RECEIVER
from zhitong.schema.grants import ACCESS_GRANT
from zhitong.schema.inbound import CREDIT_NOTICE, SUPERVISION_NOTICE
from zhitong.schema.proceedings import PROCEEDING
from zhitong.schema.publications import PUBLICATION
from zhitong.schema.reconciliations import (
    RECONCILIATION,
    RECONCILIATION_DIFFERENCE,
    RECONCILIATION_RUN,
)
from zhitong.schema.registers import COUNTERPARTY, LICENCE, MATTER, OFFICER, SUBJECT
from zhitong.schema.signatures import DECISION_SIGNATURE
from zhitong.schema.work import WORK_ITEM
from zhitong.types import EntityType

ENTITIES: Mapping[str, EntityType] = {
    entity.name: entity
    for entity in (
        SUBJECT,
        OFFICER,
        MATTER,
        COUNTERPARTY,
        LICENCE,
        LISTING,
        REPAIR,
        CREDIT_NOTICE,
        CASE,
        INSPECTION,
        PROCEEDING,
        DECISION,
        DECISION_SIGNATURE,
        FINDING,
        SUPERVISION_NOTICE,
        DELIVERY,
        RECEIPT,
        RECEIVER,
        WORK_ITEM,
        CLOCK,
        PUBLICATION,
        RECONCILIATION,
        RECONCILIATION_DIFFERENCE,
        RECONCILIATION_RUN,
        ACCESS_GRANT,
        ACCESS_RECORD,
        ACCESS_LOOK,
    )
}
