-- role --
-- Who reads the log of changes, and nothing else; made at first use.
select format('%s role zhitong_standby replication login password %L',
    case when exists (select from pg_roles where rolname = 'zhitong_standby') then 'alter' else 'create' end,
    $1::text);

-- slot --
select pg_create_physical_replication_slot($1, true)
where not exists (select from pg_replication_slots where slot_name = $1);

-- archived --
-- Whether commits wait for nobody, so that they may wait for the archive.
select current_setting('synchronous_standby_names') in ('', $1::text) as alone;

-- unslot --
select pg_drop_replication_slot(slot_name) from pg_replication_slots
where slot_name = $1 and not active;

-- await_names --
-- Whom commits wait for: the first of these that is there. Empty: nobody.
select format('alter system set synchronous_standby_names = %L', $1::text);

-- reload --
select pg_reload_conf();

-- state --
-- Lag is what the standby has not on its disk yet, and how old it is.
select pg_is_in_recovery() as standby, pg_postmaster_start_time() as since,
    current_setting('synchronous_standby_names') as awaited,
    case when pg_is_in_recovery() then (select received_tli from pg_stat_wal_receiver)
        else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline,
    case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end::text as position,
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end::text as replayed,
    case when pg_is_in_recovery() then
        (select status from pg_stat_wal_receiver) end as receiver;

-- readers --
select r.application_name as name, r.state, r.sync_state,
    pg_wal_lsn_diff(pg_current_wal_lsn(), r.flush_lsn)::bigint as bytes,
    coalesce(extract(epoch from r.flush_lag), 0)::float8 as seconds,
    r.flush_lsn::text as position
from pg_stat_replication r order by 1;

-- slots --
select slot_name as name, active, wal_status,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint as kept
from pg_replication_slots order by 1;

-- promote --
select pg_promote(wait => false);

-- checkpoint --
checkpoint;

-- one --
select 1 as one;

-- position --
select pg_current_wal_lsn()::text as position;

-- decisions --
-- How far the ledger and the log reach here.
select (select count(*) from decision_version) as versions,
    (select max(at) from decision_version) as latest,
    (select count(*) from outbox) as waiting,
    (select max(sent_at) from outbox_sent) as sent,
    (select size from head where origin = (select origin from evidence_log) order by at desc limit 1) as head;
