-- held --
select held($1)::text;
