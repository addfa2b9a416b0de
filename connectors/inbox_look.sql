-- held --
select name, value from jsonb_each_text(held($1)) e(name, value) where value is not null;
