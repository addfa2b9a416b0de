-- Months of looks past their time: held while they are archived, then removed. As whoever
-- asks, so that the owner alone can; a gateway has no right to either.

create function hold_access_month(name text) returns void language plpgsql set lock_timeout = '10s' as $$
begin
    -- Readers go on until the month is removed; a look of that time, if any, waits.
    execute format('lock table %I in share mode', name);
end $$;

create function remove_access_month(name text) returns void language plpgsql set lock_timeout = '1s' as $$
begin
    -- Looks wait behind this, and those of protected fields not for long.
    execute format('alter table access_entry detach partition %I', name);
    execute format('drop table %I', name);
end $$;
