"""A bureau's signatures on its decisions, as they are read."""

from __future__ import annotations

from zhitong.schema import codes
from zhitong.schema.declare import CONDITIONAL, code, entity, item, one
from zhitong.types import Kind

DECISION_SIGNATURE = entity(
    "DecisionSignature",
    "decisionSignatures",
    "决定签署：作出决定的机关对一件决定某一版本的签名，及平台的核验。",
    "A bureau's signature on a version of its decision, and what it was worth.",
    key="signatureId",
    orders=("recordedAt", "signatureId"),
    fields=(
        item("signatureId", "签署标识", "Signature's id", sharing=CONDITIONAL),
        item("decisionId", "决定编号", "Decision's id", sharing=CONDITIONAL),
        item("version", "决定版本", "Version it signs", Kind.INTEGER, CONDITIONAL),
        code(
            "state", "是否成立", "Whether it holds", codes.SIGNATURE_STATE, CONDITIONAL
        ),
        item("keyId", "签名密钥编号", "Key it is signed with", sharing=CONDITIONAL),
        item("algorithm", "签名算法", "Algorithm", sharing=CONDITIONAL),
        item(
            "signedAt",
            "签署时间（机关）",
            "When it was signed, by the bureau",
            Kind.DATETIME,
            CONDITIONAL,
        ),
        item(
            "statement", "签署声明（JWS）", "The statement, a JWS", sharing=CONDITIONAL
        ),
        item(
            "differs",
            "与决定不符的项",
            "What it says otherwise",
            Kind.TEXTS,
            CONDITIONAL,
        ),
        item(
            "recordedBy",
            "登记单位代码",
            "Unit that recorded it",
            Kind.CREDIT_CODE,
            CONDITIONAL,
        ),
        item("recordedAt", "登记时间", "Recorded at", Kind.DATETIME, CONDITIONAL),
    ),
    relations=(
        one("decision", "Decision", "decisionId", "decisionId", "决定", "The decision"),
    ),
)
