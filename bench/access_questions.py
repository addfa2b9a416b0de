"""The five questions of performance.md, each in two forms: see `access`.

Both forms of a question give as many rows and as many fields of the same kinds, and
follow the same relations. Of the one every field is open to everybody; in the other
some are protected: masked by rule, or whole for this caller and this purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

LISTED = "where: {listings: {kind: {eq: SERIOUS_DISHONESTY}}}"


@dataclass(frozen=True, slots=True)
class Workload:
    """One question in its two forms."""

    name: str
    public: str
    full: str
    count: int
    """Times that a round asks each."""
    most: float
    """The ratio that performance.md asks for."""


def _forms(document: str, **parts: tuple[str, str]) -> tuple[str, str]:
    """Fill in what differs: open fields, and protected ones."""
    public, full = document, document
    for name, (one, other) in parts.items():
        public, full = public.replace(name, one), full.replace(name, other)
    return public, full


WORKLOADS = (
    Workload(
        "Q1 one counterparty by code, 8 fields",
        *_forms(
            """query($code: CreditCode!) { counterparty(code: $code) {
              code name kind industry status THREE } }""",
            THREE=(
                "registerId registrationNo division",
                "representative phone address",
            ),
        ),
        1_500,
        2.0,
    ),
    Workload(
        "Q2 20 cases x 10 fields, agency and officers",
        *_forms(
            """{ caseRecords(first: 20) { nodes { caseNo title status division
              filedOn decidedOn counterpartyName fine TWO
              subject { name } officers { name ONE } } } }""",
            TWO=("documentNo matterCode", "contactPhone counterpartyIdNumber"),
            ONE=("unitName", "phone"),
        ),
        200,
        1.2,
    ),
    Workload(
        "Q3 50 parties, 5 cases each, agency, officers, listings",
        *_forms(
            f"""{{ counterparties(first: 50, {LISTED}) {{ nodes {{
              code name kind FIRST
              cases(first: 5) {{ nodes {{ caseNo status fine filedOn SECOND
                subject {{ name }} officers {{ name THIRD }} }} }}
              listings(first: 2) {{ nodes {{ kind listedOn reason }} }} }} }} }}""",
            FIRST=("registrationNo", "phone"),
            SECOND=("documentNo", "contactPhone"),
            THIRD=("unitName", "phone"),
        ),
        40,
        1.2,
    ),
    Workload(
        "Q4 cases by agency and month of a year",
        *_forms(
            """{ caseStatistics(by: [SUBJECT, MONTH], where:
              {filedOn: {gte: "2025-12-01"}, archivedOn: {present: true},
              not: {ONE: {eq: "-"}}}) { groups { subjectCode month count } } }""",
            ONE=("documentNo", "place"),
        ),
        100,
        1.2,
    ),
    Workload(
        "Q5 500 cases x 12 fields",
        *_forms(
            """{ caseRecords(first: 500) { nodes { caseNo title actType status
              subjectCode division counterpartyName counterpartyKind filedOn fine
              TWO } } }""",
            TWO=("documentNo matterCode", "contactPhone counterpartyIdNumber"),
        ),
        40,
        1.4,
    ),
)
