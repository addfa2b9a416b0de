-- timeline --
-- That which is written now; pg_control_checkpoint() has the one before for a while
-- after a promotion. 0: a standby.
select case when pg_is_in_recovery() then 0
    else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end;

-- copied --
-- A commit of nothing, which waits for the standby as any does: once it is done, all
-- that was visible before it is there as well. Without a standby nothing is written.
select pg_logical_emit_message(true, 'zhitong', '')
where current_setting('synchronous_standby_names') <> '';

-- forsaken --
-- Of sessions whose clients give up after seconds; of others the answer may be awaited.
select pg_cancel_backend(pid) from pg_stat_activity
where wait_event = 'SyncRep' and usename = current_user
    and application_name in ('zhitong ledger', 'zhitong register', 'zhitong tokens', 'zhitong receipts')
    and state_change < clock_timestamp() - interval '15 s';

-- awaited --
select current_setting('synchronous_standby_names');
