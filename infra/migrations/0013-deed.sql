-- Deeds 操作登记: whatever somebody did other than to look or to decide, each in the
-- transaction of what it says, each a leaf of the log. Only ever added to.
create table deed (
    deed_id text primary key,
    at      timestamptz not null,
    kind    text not null,
    who     text not null,
    unit    text not null,
    action  text not null,
    target  text not null,
    reason  text not null,
    body    bytea not null,
    leaf    bytea not null check (octet_length(leaf) = 32)
);
comment on column deed.body is 'canonical JSON with all of it and "detail": the columns repeat it for looking it up';
create index deed_at on deed (at desc, deed_id);
create index deed_target on deed (target, at desc);

create function queue_deed() returns trigger language plpgsql as $$
begin
    insert into unsealed (kind, id, leaf) select 'DEED', deed_id, leaf from fresh;
    return null;
end $$;
create trigger deed_queue after insert on deed
    referencing new table as fresh for each statement execute function queue_deed();

-- What operators did until now: with the bytes that the platform itself would write.
with given as (
    select replace(action_id::text, '-', '') as deed_id, at, who, action, target, reason from operator_action
), written as (
    select g.*, convert_to(
        '{"action":' || to_json(action) || ',"at":"' || to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","deed":"' || deed_id || '","detail":{},"kind":"ACTION","reason":' || to_json(reason)
        || ',"target":' || to_json(target) || ',"tenant":' || to_json(coalesce((select name from tenant), ''))
        || ',"unit":"","who":' || to_json(who) || '}', 'UTF8') as body
    from given g
)
insert into deed (deed_id, at, kind, who, unit, action, target, reason, body, leaf)
select deed_id, at, 'ACTION', who, '', action, target, reason, body, sha256('\x00'::bytea || body) from written;
drop table operator_action;
