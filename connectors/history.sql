-- loaded --
select decisions, left_out from history_load where stamp = $1::text;

-- months --
select outbox_sent_month((clock_timestamp() at time zone 'Asia/Shanghai')::date);

-- forgotten --
-- What an earlier load left and nothing has touched since. What was corrected or
-- withdrawn, or is sealed in the audit log, is the ledger's for ever.
-- A correction under way has ended before it is looked for, and the next one begins
-- after the load: between the two it would be deleted with what it corrects.
lock table decision in access exclusive mode;
create temporary table forgotten on commit drop as
select d.decision_id from decision d join audit_leaf l using (decision_id, version)
where d.origin = 'HISTORY' and d.version = 1 and not l.sealed;
delete from sealed_number x using forgotten f where x.decision_id = f.decision_id;
delete from outbox_sent x using forgotten f where x.decision_id = f.decision_id;
delete from audit_leaf x using forgotten f where x.decision_id = f.decision_id;
delete from decision_version x using forgotten f where x.decision_id = f.decision_id;
delete from decision x using forgotten f where x.decision_id = f.decision_id;
delete from history_load;

-- standing --
select decision_id, change <> 'WITHDRAWN', subject_code, document_key, party_key from decision;

-- note --
insert into history_load (stamp, decisions, left_out) values ($1::text, $2::bigint, $3::bigint);

-- analyse --
analyze decision, decision_version, audit_leaf, outbox_sent;
