-- What follows once the tables of `graph` are made: indexes for the five questions.
create index on graph.counterparty (code);
create index on graph.counterparty (sort desc, source, key);
create index on graph.case_record (sort desc, source, key);
create index on graph.case_record (counterparty_code, sort desc, source, key);
create index on graph.case_record (filed_on);
create index on graph.credit_listing (counterparty_code, sort desc, source, key);
create index on graph.credit_listing (kind, counterparty_code);
create index on graph.enforcement_subject (code);
create index on graph.officer (certificate_no);

-- What PostGraphile reads: departments' codes are too dirty for constraints that hold.
comment on table graph.counterparty is E'@unique code';
comment on table graph.enforcement_subject is E'@unique code';
comment on table graph.case_record is E'@foreignKey (subject_code) references graph.enforcement_subject (code)|@fieldName subject|@foreignFieldName cases\n@foreignKey (counterparty_code) references graph.counterparty (code)|@fieldName counterparty|@foreignFieldName cases';
comment on table graph.credit_listing is E'@foreignKey (counterparty_code) references graph.counterparty (code)|@fieldName counterparty|@foreignFieldName listings';
create function graph.case_record_officers(c graph.case_record) returns setof graph.officer language sql stable as
$$ select o.* from unnest(c.officer_certificates) with ordinality u(n, at)
   join graph.officer o on o.certificate_no = u.n order by u.at, o.key $$;
create function graph.listed_counterparties(listed_as text) returns setof graph.counterparty language sql stable as
$$ select c.* from graph.counterparty c where exists (select from graph.credit_listing l
   where l.counterparty_code = c.code and l.kind = listed_as) order by c.sort desc, c.source, c.key $$;
create type graph.case_group as (subject_code text, month text, count integer);
create function graph.case_statistics(since text) returns setof graph.case_group language sql stable as
$$ select subject_code, left(filed_on, 7), count(*)::int from graph.case_record
   where filed_on >= since and archived_on is not null and document_no is distinct from '-' group by 1, 2 $$;
