-- A month is made apart and attached: made in place it would wait for whoever reads the
-- sent log, a backup for hours, and everybody else behind it: no relay could begin, no
-- decision be withdrawn.
create or replace function outbox_sent_month(day date) returns void language plpgsql as $$
declare
    first date := date_trunc('month', day);
    name  text := 'outbox_sent_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(7002, 0);
    -- Another may have been quicker; to_regclass would still remember what it saw.
    if exists (select from pg_class where relname = name and relnamespace = current_schema()::regnamespace) then
        return;
    end if;
    execute format('create table %I (like outbox_sent including all)', name);
    execute format('alter table outbox_sent attach partition %I for values from (%L) to (%L)',
        name, (first::timestamp at time zone 'Asia/Shanghai'),
        ((first + interval '1 month')::timestamp at time zone 'Asia/Shanghai'));
end $$;
