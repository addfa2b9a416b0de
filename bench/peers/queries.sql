-- What every peer with resolvers and loaders asks, word for word the same; answers are
-- read by position (Python, Go, Rust) or by name (Node). Written for the schema `graph`
-- that tables.py makes. "of" is the key that a row answers.

-- counterparty --
select code, name, kind, industry, status, register_id as "registerId", registration_no as "registrationNo", division
from counterparty where code = $1 order by source, key limit 1

-- listed_counterparties --
select code, name, kind, industry, status, register_id as "registerId", registration_no as "registrationNo", division
from counterparty c where exists (select from credit_listing l where l.counterparty_code = c.code and l.kind = $1)
order by sort desc, source, key limit $2

-- latest_cases --
select case_no as "caseNo", title, act_type as "actType", status, subject_code as "subjectCode", division, filed_on as "filedOn", decided_on as "decidedOn", counterparty_name as "counterpartyName", counterparty_kind as "counterpartyKind", fine, document_no as "documentNo", matter_code as "matterCode", officer_certificates as "officerCertificates", null::text as "of"
from case_record order by sort desc, source, key limit $1

-- cases_of --
select q.*, k.k as "of" from unnest($1::text[]) k(k) cross join lateral (
select case_no as "caseNo", title, act_type as "actType", status, subject_code as "subjectCode", division, filed_on as "filedOn", decided_on as "decidedOn", counterparty_name as "counterpartyName", counterparty_kind as "counterpartyKind", fine, document_no as "documentNo", matter_code as "matterCode", officer_certificates as "officerCertificates"
from case_record where counterparty_code = k.k order by sort desc, source, key limit $2) q

-- listings_of --
select q.*, k.k as "of" from unnest($1::text[]) k(k) cross join lateral (
select kind, listed_on as "listedOn", reason
from credit_listing where counterparty_code = k.k order by sort desc, source, key limit $2) q

-- subjects --
select name, code as "of" from enforcement_subject where code = any($1::text[]) order by key

-- officers --
select name, unit_name as "unitName", certificate_no as "of" from officer where certificate_no = any($1::text[]) order by key

-- statistics --
select subject_code as "subjectCode", left(filed_on, 7) as month, count(*)::int as count
from case_record where filed_on >= $1 and archived_on is not null and document_no is distinct from '-' group by 1, 2
