-- spoil --
update access_entry set body = set_byte(body, length(body) / 2, get_byte(body, length(body) / 2) # 1)
where record_id = $1;
