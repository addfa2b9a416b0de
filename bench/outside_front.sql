-- A province's front-end database, as the province itself has made it.

create table penalty (
    cd_id varchar(64), cd_time timestamp, cd_source varchar(36), cd_batch varchar(20),
    cd_operation char(1), record_unique_identity varchar(36) unique, data_version integer,
    status char(1), change_reason text, act_type varchar(20), matter_code varchar(100),
    agency_name varchar(200), agency_code varchar(18), object_kind text, object_name text,
    party_name varchar(200), party_kind text, party_code varchar(18),
    division_code char(6), submitted_at timestamp, submitted_by varchar(200),
    act_name text, document_title text, document_no varchar(128), decided_on date,
    act_no text, inspection_no text, facts text, basis text, procedure text,
    hearing text, legal_review text, review_date date, review_opinion text,
    collective text, penalty_kinds text, fine numeric(18, 2), result text,
    ack_status text, ack_code text, ack_field text
);
create index on penalty (cd_batch);

create table cd_batch_log (
    cd_batch varchar(20) primary key, row_count integer, cd_time timestamp,
    ack_status text, ack_time timestamptz
);

create table held (
    document_no varchar(128) primary key, data_version integer, status char(1),
    party_name text, party_code text, agency_code text, decided_on date, facts text,
    fine numeric(18, 2), result text
);

create table inversion (document_no text, data_version integer);

-- Takes a batch into `held` and acknowledges it; a row without facts is rejected.
create function take_batch(batch text) returns void language sql as $$
    insert into inversion
    select p.document_no, p.data_version from penalty p join held h using (document_no)
    where p.cd_batch = batch and h.data_version >= p.data_version;

    update penalty set ack_status = 'rejected', ack_code = '1001', ack_field = 'facts'
    where cd_batch = batch and status = '0' and coalesce(facts, '') = '';

    insert into held
    select document_no, data_version, status, party_name, party_code, agency_code,
        decided_on, facts, fine, result
    from penalty where cd_batch = batch and ack_status is null
    on conflict (document_no) do update set
        data_version = excluded.data_version, status = excluded.status,
        party_name = excluded.party_name, party_code = excluded.party_code,
        agency_code = excluded.agency_code, decided_on = excluded.decided_on,
        facts = excluded.facts, fine = excluded.fine, result = excluded.result;

    update cd_batch_log set ack_status = 'accepted', ack_time = now()
    where cd_batch = batch;
$$;
