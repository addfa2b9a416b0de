-- file --
-- A receipt for an event that left, or is about to be moved: the relay may be slower
-- than a receiver. One for nothing, or for other bytes, is kept apart.
with given as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[],
        $6::jsonb[], $7::text[], $8::text[], $9::uuid[])
    r (event_id, receiver, answer, at, payload_hash, reasons, key_id, signed, stray_id)),
judged as (
    select g.*, case
        when e.hash is null then 'we sent this receiver no such event'
        -- A notice was sent in its place, and is what this answers.
        when encode(e.hash, 'hex') <> g.payload_hash and not exists (
            select from notice n where n.event_id = g.event_id and n.receiver = g.receiver
                and encode(n.payload_hash, 'hex') = g.payload_hash) then 'it is for other bytes than those sent'
        end as why
    from given g left join lateral (
        select coalesce(s.payload_hash, sha256(s.payload)) as hash from outbox_sent s where s.event_id = g.event_id and s.receiver = g.receiver
        union all
        select sha256(o.payload) from outbox o where o.event_id = g.event_id and o.receiver = g.receiver
        limit 1) e on true),
filed as (
    insert into receipt (event_id, receiver, answer, at, payload_hash, reasons, key_id, signed)
    select event_id, receiver, answer, at, payload_hash,
        array(select jsonb_array_elements_text(reasons)), key_id, signed
    from judged where why is null
    on conflict do nothing),
strayed as (
    insert into stray_receipt (stray_id, receiver, raw, why)
    select stray_id, receiver, convert_to(signed, 'UTF8'), why
    from judged where why is not null
    on conflict do nothing)
select event_id, receiver, why from judged where why is not null;

-- stray --
insert into stray_receipt (stray_id, receiver, raw, why) values ($1, $2, $3, $4)
on conflict do nothing;
