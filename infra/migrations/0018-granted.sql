-- What rests on a sharing grant ends with it: records of looks, and what is sent to a receiver.

-- Whether all of these grants are in force; they stay so until this transaction ends.
--
-- The rows are locked, so that one who revokes waits for the records under way: without
-- it a record that has looked before the revocation could commit after it.
create function grants_stand(ids text[]) returns boolean language plpgsql as $$
declare
    standing integer;
begin
    select count(*) into standing from (
        select from access_grant
        where grant_id = any(ids) and state = 'IN_FORCE'
            and valid_from <= clock_timestamp() and clock_timestamp() < valid_to
        order by grant_id
        for share) held;
    return standing = (select count(distinct id) from unnest(ids) id);
end $$;

-- A receiver whose stream rests on a grant is held in the transaction that ends the grant,
-- by whoever ends it: what is unsent stays.
create function hold_receiver() returns trigger language plpgsql as $$
begin
    update receiver set suspended_at = clock_timestamp(),
        suspended_because = '共享授权已终止 the sharing grant has ended: ' || new.grant_id
    where receiver = new.receiver and suspended_at is null
        and not exists (
            select from access_grant g
            where g.receiver = new.receiver and g.grant_id <> new.grant_id and g.state = 'IN_FORCE'
                and g.valid_from <= clock_timestamp() and clock_timestamp() < g.valid_to);
    return null;
end $$;
create trigger access_grant_ended after update on access_grant
    for each row when (old.state = 'IN_FORCE' and new.state <> 'IN_FORCE' and new.receiver is not null)
    execute function hold_receiver();

-- It is sent to again by an operator alone, and after a new grant.
create function refuse_resumption() returns trigger language plpgsql as $$
begin
    -- What somebody only applied for, or was refused, is no grant that it rests on.
    if exists (
            select from access_grant g
            where g.receiver = new.receiver and g.kind = 'SHARING' and g.provided_at is not null)
        and not exists (
            select from access_grant g
            where g.receiver = new.receiver and g.state = 'IN_FORCE'
                and g.valid_from <= clock_timestamp() and clock_timestamp() < g.valid_to) then
        raise exception 'no grant of % is in force', new.receiver using errcode = 'ZT404';
    end if;
    return new;
end $$;
create trigger receiver_resumed before update on receiver
    for each row when (old.suspended_at is not null and new.suspended_at is null)
    execute function refuse_resumption();
