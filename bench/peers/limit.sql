-- The hand-written limit: one statement for each question, which gives the whole answer.

-- Q1 --
select json_build_object('counterparty', (select row_to_json(q) from (
select code, name, kind, industry, status, register_id as "registerId", registration_no as "registrationNo", division
from counterparty where code = $1 order by source, key limit 1) q))::text

-- Q2 --
select json_build_object('caseRecords', json_build_object('nodes', coalesce(json_agg(q order by q_at), '[]')))::text from (
select row_number() over (order by c.sort desc, c.source, c.key) as q_at, json_build_object(
'caseNo', c.case_no, 'title', c.title, 'status', c.status, 'division', c.division, 'filedOn', c.filed_on, 'decidedOn', c.decided_on,
'counterpartyName', c.counterparty_name, 'fine', c.fine, 'documentNo', c.document_no, 'matterCode', c.matter_code,
'subject', (select json_build_object('name', s.name) from enforcement_subject s where s.code = c.subject_code order by s.key limit 1),
'officers', (select coalesce(json_agg(json_build_object('name', o.name, 'unitName', o.unit_name) order by u.at, o.key), '[]')
from unnest(c.officer_certificates) with ordinality u(n, at) join officer o on o.certificate_no = u.n)) as q
from (select * from case_record order by sort desc, source, key limit 20) c) all_of_them

-- Q3 --
select json_build_object('counterparties', json_build_object('nodes', coalesce(json_agg(q order by q_at), '[]')))::text from (
select row_number() over (order by p.sort desc, p.source, p.key) as q_at, json_build_object(
'code', p.code, 'name', p.name, 'kind', p.kind, 'registrationNo', p.registration_no,
'cases', json_build_object('nodes', (select coalesce(json_agg(json_build_object(
'caseNo', c.case_no, 'status', c.status, 'fine', c.fine, 'filedOn', c.filed_on, 'documentNo', c.document_no,
'subject', (select json_build_object('name', s.name) from enforcement_subject s where s.code = c.subject_code order by s.key limit 1),
'officers', (select coalesce(json_agg(json_build_object('name', o.name, 'unitName', o.unit_name) order by u.at, o.key), '[]')
from unnest(c.officer_certificates) with ordinality u(n, at) join officer o on o.certificate_no = u.n))
order by c.sort desc, c.source, c.key), '[]')
from (select * from case_record where counterparty_code = p.code order by sort desc, source, key limit 5) c)),
'listings', json_build_object('nodes', (select coalesce(json_agg(json_build_object(
'kind', l.kind, 'listedOn', l.listed_on, 'reason', l.reason) order by l.sort desc, l.source, l.key), '[]')
from (select * from credit_listing where counterparty_code = p.code order by sort desc, source, key limit 2) l))) as q
from (select * from counterparty c where exists (select from credit_listing l where l.counterparty_code = c.code and l.kind = 'SERIOUS_DISHONESTY')
order by sort desc, source, key limit 50) p) all_of_them

-- Q4 --
select json_build_object('caseStatistics', json_build_object('groups', coalesce(json_agg(q), '[]')))::text from (
select subject_code as "subjectCode", left(filed_on, 7) as month, count(*) as count
from case_record where filed_on >= '2025-12-01' and archived_on is not null and document_no is distinct from '-' group by 1, 2) q

-- Q5 --
select json_build_object('caseRecords', json_build_object('nodes', coalesce(json_agg(q), '[]')))::text from (
select case_no as "caseNo", title, act_type as "actType", status, subject_code as "subjectCode", division, counterparty_name as "counterpartyName", counterparty_kind as "counterpartyKind", filed_on as "filedOn", fine, document_no as "documentNo", matter_code as "matterCode"
from case_record order by sort desc, source, key limit 500) q
