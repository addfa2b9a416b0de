-- file --
-- A receipt for an event that left, or is about to be moved: the relay may be slower
-- than a receiver. One for nothing, or for other bytes, is kept apart. What is rejected is
-- somebody's work, and ends with what the receiver holds later.
with given as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[],
        $6::jsonb[], $7::text[], $8::text[], $9::uuid[], $10::jsonb[])
    r (event_id, receiver, answer, at, payload_hash, reasons, key_id, signed, stray_id, blamed)),
judged as (
    select g.*, e.decision_id, e.version, e.change, case
        when e.hash is null then 'we sent this receiver no such event'
        -- A notice was sent in its place, and is what this answers. What is not signed
        -- says nothing of bytes.
        when g.payload_hash <> '' and encode(e.hash, 'hex') <> g.payload_hash and not exists (
            select from notice n where n.event_id = g.event_id and n.receiver = g.receiver
                and encode(n.payload_hash, 'hex') = g.payload_hash) then 'it is for other bytes than those sent'
        end as why
    from given g left join lateral (
        select coalesce(s.payload_hash, sha256(s.payload)) as hash, s.decision_id, s.version, s.change
        from outbox_sent s where s.event_id = g.event_id and s.receiver = g.receiver
        union all
        select sha256(o.payload), o.decision_id, o.version, o.change from outbox o where o.event_id = g.event_id and o.receiver = g.receiver
        limit 1) e on true),
filed as (
    insert into receipt (event_id, receiver, answer, at, payload_hash, reasons, key_id, signed)
    select event_id, receiver, answer, at, payload_hash,
        array(select jsonb_array_elements_text(reasons)), key_id, signed
    from judged where why is null
    on conflict do nothing
    returning event_id, receiver, answer),
touched as (
    insert into clock_touched (decision_id)
    select distinct j.decision_id from judged j join filed f using (event_id, receiver, answer) where j.answer = 'HELD'),
opened as (
    insert into work_item (kind, receiver, cause, decision_id, version, occasion, codes, fields)
    select 'REJECTED', j.receiver, j.event_id, j.decision_id, j.version,
        coalesce((select e.change from inbound_effect e where e.event_id = j.event_id), j.change),
        array(select b ->> 0 from jsonb_array_elements(j.blamed) b),
        array(select b ->> 1 from jsonb_array_elements(j.blamed) b)
    from judged j join filed f using (event_id, receiver, answer)
    where j.answer = 'REJECTED'
        -- A notice has nothing that could be mended.
        and not exists (select from notice n where n.event_id = j.event_id and n.receiver = j.receiver
            and (j.payload_hash = '' or encode(n.payload_hash, 'hex') = j.payload_hash))
        and not exists (select from outbox_sent s join receipt p on p.event_id = s.event_id and p.receiver = s.receiver
            where s.decision_id = j.decision_id and s.receiver = j.receiver and p.answer = 'HELD'
                and (s.version > j.version and 'ANNOTATED' not in (s.change, j.change)
                    or s.event_id = j.event_id and p.at >= j.at))
    on conflict do nothing),
ended as (
    update work_item w set closed_at = clock_timestamp(), closed_event = j.event_id,
        closed_by = case when w.cause = j.event_id then 'RECEIPT' else 'VERSION' end
    from judged j join filed f using (event_id, receiver, answer)
    where w.closed_at is null and w.kind <> 'UNTOLD' and w.receiver = j.receiver and w.decision_id = j.decision_id
        and case
            -- What happened to a decision no version says, nor does it say what a version does.
            when w.cause <> j.event_id then j.answer = 'HELD' and w.version < j.version
                and j.change <> 'ANNOTATED' and w.occasion in ('RECORDED', 'CORRECTED', 'WITHDRAWN')
            when w.kind = 'UNACKNOWLEDGED' then j.answer <> 'WAITING'
            else j.answer = 'HELD' and not exists (select from receipt r where r.event_id = j.event_id
                and r.receiver = j.receiver and r.answer = 'REJECTED' and r.at > j.at)
        end),
strayed as (
    insert into stray_receipt (stray_id, receiver, raw, why)
    select stray_id, receiver, convert_to(coalesce(nullif(signed, ''), event_id || '/' || answer), 'UTF8'), why
    from judged where why is not null
    on conflict do nothing)
select event_id, receiver, why from judged where why is not null;

-- stray --
insert into stray_receipt (stray_id, receiver, raw, why) values ($1, $2, $3, $4)
on conflict do nothing;

-- batch --
-- By its place: the day of its number stands as the partition, its counter as the offset.
select s.event_id from outbox_sent s
where s.topic = $2 and s.kpartition = ($3::bigint / 100000)::integer and s.koffset = $3::bigint % 100000 and s.receiver = $1 order by s.seq;

-- unanswered --
-- In the order of the places' index, to $4 of them: it ends where enough are found.
select s.kpartition::bigint * 100000 + s.koffset as number from outbox_sent s
where s.topic = $2 and s.kpartition > 0 and s.receiver = $1
    and (s.kpartition, s.koffset) >= (($3::bigint / 100000)::integer, $3::bigint % 100000)
    and not exists (select from receipt p
        where p.event_id = s.event_id and p.receiver = s.receiver and p.answer <> 'WAITING')
group by s.kpartition, s.koffset order by s.kpartition, s.koffset limit $4;
