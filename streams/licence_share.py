"""The form in which licences are shared the day they are issued.

For a city's data-sharing platform and its e-licence system. No standard of either was
seen: the columns are ours, and a city's own names are a matter of its exchange.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from zhitong.decisions import Act, Copy, Licence
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.columns import day_as, fill, masked
from zhitong.streams.confidence import Confidence
from zhitong.streams.credit import licence_end, remark, sealed
from zhitong.streams.form import Form, Options, Stated, Status, Writing
from zhitong.streams.receivers import IdNumber
from zhitong.types import Label

TABLE = "shared_licence"


class ShareOptions(Options, frozen=True, kw_only=True):
    """What is particular to shared licences."""

    status: Status


def row(copy: Copy, writing: Writing) -> dict[str, object]:
    """Write the row of *copy*, by the columns' names."""
    entry, decision = copy.entry, copy.entry.decision
    licence = decision.licence or Licence(kind="")
    valid_to = licence.valid_to or licence_end(copy, writing.config)
    said: dict[str, object] = {
        "record_id": str(copy.decision_id),
        "data_version": entry.version,
        "status": writing.options(ShareOptions).status.of(entry),
        "change_reason": remark(entry),
        "entered_at": f"{entry.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "licence_kind": writing.word("licence_kinds", licence.kind),
        "certificate_name": licence.certificate_name,
        "certificate_no": masked(licence.certificate_no),
        "document_title": decision.document_title,
        "document_no": decision.document_no,
        "content": decision.content,
        "issued_on": day_as(decision.decided_on),
        "valid_from": day_as(licence.valid_from),
        "valid_to": day_as(valid_to),
        "issuer_name": decision.subject_name,
        "issuer_code": decision.subject_code,
        "matter_code": decision.matter_code,
        "division_code": decision.division,
    }
    return fill(FORM.table(decision), said | _holder(copy, writing))


def _holder(copy: Copy, writing: Writing) -> dict[str, object]:
    party = copy.entry.decision.party
    said: dict[str, object] = {
        "holder_name": party.name,
        "holder_kind": writing.word("party_kinds", party.kind),
        "holder_code": party.code,
        "representative": party.representative,
    }
    natural = party.kind == "NATURAL_PERSON"
    if natural and IdNumber.PARTY in writing.receiver.id_numbers:
        said["holder_id_kind"] = writing.word("id_kinds", party.id_kind)
        said["holder_id_number"] = sealed(party.id_number, writing.seal)
    return said


def _stated(options: Options, _day: date) -> Iterator[Stated]:
    assert isinstance(options, ShareOptions)  # noqa: S101 - as the form names them
    yield from options.status.at(TABLE, "status")


FORM = Form(
    name="licence-share",
    version="1",
    title=Label("许可当日共享", "Licences shared the day they are issued"),
    tables={TABLE: frozenset({Act.LICENCE})},
    table_of=lambda _decision: TABLE,
    row=row,
    id_numbers=frozenset({IdNumber.PARTY}),
    dictionaries={
        "party_kinds": [(TABLE, "holder_kind")],
        "licence_kinds": [(TABLE, "licence_kind")],
        "id_kinds": [(TABLE, "holder_id_kind")],
    },
    options=ShareOptions,
    stated=_stated,
    reading=Label(
        "数据资源共享平台、电子证照系统的接口（未见任何标准，字段名是本平台自定的）",
        "the interfaces of data-sharing platforms and e-licence systems: no standard "
        "was seen, and the columns' names are ours",
    ),
    source="咸宁市报告：许可当日推送共享平台和电子证照系统；字段为配置规则 / a city's "
    "report that licences are pushed the same day; columns are a configured rule",
    confidence=Confidence.CONFIGURED,
)
