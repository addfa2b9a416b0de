-- Who may do what in the platform's database. Run whenever a migration is new or this
-- file has changed: all rights are taken away and given anew, so that a table which is
-- named nowhere here is nobody's but its owner's.
--
-- * The owner, whoever runs the migrations (zhitong migrate), may do all.
-- * zhitong_gateway: gateways, relays and operators' commands. What is proved it may add
--   to and read, and do nothing else to it.
-- * zhitong_sealer: numbers and signs what waits (zhitong seal).
--
-- The two roles cannot log in by themselves. A database's keeper gives them a password, or
-- makes accounts of his own that are members (docs/database.md).

do $$
declare
    member text;
begin
    foreach member in array array['zhitong_gateway', 'zhitong_sealer'] loop
        begin
            if not exists (select from pg_roles where rolname = member) then
                execute format('create role %I nologin', member);
            end if;
        -- Roles are the server's: the keeper of another database on it was quicker.
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
    -- A temporary table would be met in place of ours: unsealed, for one.
    execute format('revoke temporary on database %I from public', current_database());
    execute format('grant connect on database %I to zhitong_gateway, zhitong_sealer', current_database());
end $$;

revoke create on schema public from public;
revoke all on all tables in schema public from public, zhitong_gateway, zhitong_sealer;
revoke all on all sequences in schema public from public, zhitong_gateway, zhitong_sealer;
grant usage on schema public to zhitong_gateway, zhitong_sealer;

-- Months are made by whoever writes first in them, who does not own what they are parts
-- of: as the owner, who finds no table of a caller's making first.
alter function outbox_sent_month(date) security definer set search_path = public, pg_temp;
alter function access_month(date) security definer set search_path = public, pg_temp;
revoke execute on function outbox_sent_month(date), access_month(date) from public;
grant execute on function outbox_sent_month(date), access_month(date) to zhitong_gateway;

-- Counts follow from the ledger: nobody writes them, whoever writes a decision.
alter function decision_counted() security definer set search_path = public, pg_temp;
alter function fold_decision_counts() security definer set search_path = public, pg_temp;
revoke execute on function decision_counted(), fold_decision_counts() from public;
grant execute on function fold_decision_counts() to zhitong_gateway;

-- --- the gateway -------------------------------------------------------------------------

-- What is proved, and what was said once: added to and read.
grant select, insert on
    access_entry, access_finding, audit_leaf, catalogue_export, catalogue_quality, catalogue_reply, catalogue_review,
    catalogue_version, deed, decision_version, finding, grant_reply, grant_step, notice, outbox_sent, proceeding,
    publication_step, receipt, reconciliation_run, skipped_event, decision_signature, sealed_number, sealed_opening, stray_receipt, unsealed,
    inbound_event, inbound_history, inbound_message, inbound_verdict
to zhitong_gateway;

-- A verification reads each month by itself; access_month says so of those made later.
do $$
declare
    part text;
begin
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'access_entry'::regclass
    loop
        execute format('grant select on %s to zhitong_gateway', part);
    end loop;
end $$;

-- The proof itself is for others to write.
grant select on
    evidence_log, head, head_countersignature, head_signature, head_timestamp, history_load, key_note, migration,
    sealed_leaf, tenant, tree_node, unsealable
to zhitong_gateway;

-- Keys of its own it makes known, and nobody else's.
grant select, insert on evidence_key to zhitong_gateway;
alter table evidence_key enable row level security;
drop policy if exists gateway_reads on evidence_key;
drop policy if exists gateway_adds on evidence_key;
drop policy if exists sealer_keeps on evidence_key;
create policy gateway_reads on evidence_key for select to zhitong_gateway using (true);
create policy gateway_adds on evidence_key for insert to zhitong_gateway
    with check (purpose in ('receipt', 'spool') and retired is null);
create policy sealer_keeps on evidence_key to zhitong_sealer using (true) with check (true);

-- What stands, of what goes on.
grant select, insert, update on
    access_grant, decision, receiver, reconciliation, reconciliation_difference, replay
to zhitong_gateway;
grant select, insert, update on inbound_effect, inbound_state, work_item to zhitong_gateway;
grant select, update on grant_change to zhitong_gateway;
grant select, insert, update, delete on inbound_receipt, outbox, relay to zhitong_gateway;
grant select, insert, update on pressure, capture_source, captured to zhitong_gateway;
grant select, insert, update, delete on awaited, capture_item, clock, clock_touched, due_day to zhitong_gateway;
grant select, insert, update on clock_duty, clock_notice, clock_rules, publication to zhitong_gateway;
grant select, insert on due_day_moved to zhitong_gateway;
grant select, insert, delete on clock_event, dead_letter, inbound_held, parked_key, sealed_payload, trusted_document, used_token to zhitong_gateway;

-- A key is destroyed by an erasure alone, which is the owner's to do (zhitong erase).
grant select, insert on person_key to zhitong_gateway;

-- --- the sealer --------------------------------------------------------------------------

grant select on
    access_entry, access_finding, audit_leaf, decision_version, deed, evidence_log, migration, tenant
to zhitong_sealer;
grant select, delete on unsealed to zhitong_sealer;
grant select, insert on
    head, head_countersignature, head_signature, head_timestamp, key_note, sealed_leaf, tree_node, unsealable
to zhitong_sealer;
grant select, insert, update (retired) on evidence_key to zhitong_sealer;
-- Keys that it makes or retires are deeds.
grant insert on deed, unsealed to zhitong_sealer;
-- They are computed from leaves, and again where they are spoilt.
grant delete on tree_node to zhitong_sealer;

-- --- both read what is shown of it -------------------------------------------------------

do $$
declare
    shown text;
begin
    for shown in select c.oid::regclass from pg_class c
        where c.relkind = 'v' and c.relnamespace = 'public'::regnamespace
    loop
        execute format('grant select on %s to zhitong_gateway', shown);
    end loop;
end $$;
