-- dongling [1767196800000]
select (c.k0::text)::text as "~0", (case btrim(c.k1, E' \t\r\n\u3000\u00a0') when 'LA' then 'FILED' when 'DC' then 'INVESTIGATING' when 'SH' then 'UNDER_REVIEW' when 'JD' then 'DECIDED' when 'JA' then 'CLOSED' when 'XA' then 'DISMISSED' when 'YS' then 'TRANSFERRED' when '' then null when '/' then null when '无' then null when '暂无' then null when '—' then null else case when c.k1 is not null then 'UNRECOGNISED' end end)::text as "~1", sum(c.n)::bigint as "~count" from (select '619921'::text as k0, base."zt" as k1, count(*) as n from "dlx"."zfaj" base where ((base."lasj" >= $1 and base."lasj" between -30610252800000 and 253402271999999)) group by 1, 2) c group by 1, 2 limit 1001

-- dongling []
select count(*) as "~count" from "dlx"."zfaj" base where true

-- emergency ["20260101"]
select (nullif(nullif(nullif(nullif(nullif(btrim(c.k0, E' \t\r\n\u3000\u00a0'), ''), '/'), '无'), '暂无'), '-'))::text as "~0", (case btrim(c.k1, E' \t\r\n\u3000\u00a0') when '1' then 'FILED' when '2' then 'INVESTIGATING' when '3' then 'UNDER_REVIEW' when '4' then 'DECIDED' when '5' then 'CLOSED' when '6' then 'DISMISSED' when '7' then 'TRANSFERRED' when '' then null when '/' then null when '无' then null when '暂无' then null when '-' then null else case when c.k1 is not null then 'UNRECOGNISED' end end)::text as "~1", sum(c.n)::bigint as "~count" from (select base."xzqh" as k0, base."ajzt" as k1, count(*) as n from "yjj"."aj_jbxx" base where ((base."larq" >= $1 and base."larq" between '19000101' and '20991231' and (base."larq" like '________' and translate(base."larq", '0123456789', '') = '' and base."larq" collate "C" between '19' and '21' and substr(base."larq", 5, 2) collate "C" between '01' and '12' and right(base."larq", 2) collate "C" between '01' and '28' or base."larq" ~ '^((19|20)[0-9]{2}((0[13578]|1[02])(0[1-9]|[12][0-9]|3[01])|(0[469]|11)(0[1-9]|[12][0-9]|30)|02(0[1-9]|1[0-9]|2[0-8]))|(19(0[48]|[2468][048]|[13579][26])|20([02468][048]|[13579][26]))0229)$'))) group by 1, 2) c group by 1, 2 limit 1001

-- emergency []
select count(*) as "~count" from "yjj"."aj_jbxx" base where true

-- market ["2026-01-01 00:00:00+08:00"]
select (nullif(nullif(nullif(nullif(nullif(btrim(c.k0, E' \t\r\n\u3000\u00a0'), ''), '/'), '无'), '暂无'), '-'))::text as "~0", (case btrim(c.k1, E' \t\r\n\u3000\u00a0') when '10' then 'FILED' when '20' then 'INVESTIGATING' when '30' then 'UNDER_REVIEW' when '40' then 'DECIDED' when '50' then 'CLOSED' when '80' then 'DISMISSED' when '90' then 'TRANSFERRED' when '' then null when '/' then null when '无' then null when '暂无' then null when '-' then null else case when c.k1 is not null then 'UNRECOGNISED' end end)::text as "~1", sum(c.n)::bigint as "~count" from (select base."xzqh" as k0, base."ajzt" as k1, count(*) as n from "scjg"."aj" base where ((base."lasj" >= $1 and base."lasj" between timestamptz '1000-01-01 00:00:00+08' and timestamptz '9999-12-31 23:59:59.999999+08')) group by 1, 2) c group by 1, 2 limit 1001

-- market []
select count(*) as "~count" from "scjg"."aj" base where true

-- transport ["2026-01-01"]
select (nullif(nullif(nullif(nullif(nullif(btrim(c.k0, E' \t\r\n\u3000\u00a0'), ''), '/'), '无'), '暂无'), '不详'))::text as "~0", (case btrim(c.k1, E' \t\r\n\u3000\u00a0') when '已立案' then 'FILED' when '调查中' then 'INVESTIGATING' when '法制审核中' then 'UNDER_REVIEW' when '已决定' then 'DECIDED' when '已结案' then 'CLOSED' when '已销案' then 'DISMISSED' when '已移送' then 'TRANSFERRED' when '' then null when '/' then null when '无' then null when '暂无' then null when '不详' then null else case when c.k1 is not null then 'UNRECOGNISED' end end)::text as "~1", sum(c.n)::bigint as "~count" from (select base."cfdqh" as k0, base."blzt" as k1, count(*) as n from "jtys"."zfaj" base where ((base."larq" >= $1 and base."larq" between '1900-01-01' and '2099-12-31' and (base."larq" like '____-__-__' and translate(base."larq", '0123456789', '') = '--' and base."larq" collate "C" between '19' and '21' and substr(base."larq", 6, 2) collate "C" between '01' and '12' and right(base."larq", 2) collate "C" between '01' and '28' or base."larq" ~ '^((19|20)[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|(19(0[48]|[2468][048]|[13579][26])|20([02468][048]|[13579][26]))-02-29)$'))) group by 1, 2) c group by 1, 2 limit 1001

-- transport []
select count(*) as "~count" from "jtys"."zfaj" base where true

-- xihe ["2026-01-01"]
select (c.k0::text)::text as "~0", (case btrim(c.k1, E' \t\r\n\u3000\u00a0') when '01' then 'FILED' when '02' then 'INVESTIGATING' when '03' then 'UNDER_REVIEW' when '04' then 'DECIDED' when '05' then 'CLOSED' when '08' then 'DISMISSED' when '09' then 'TRANSFERRED' when '' then null when '/' then null when '无' then null when '暂无' then null when '空' then null else case when c.k1 is not null then 'UNRECOGNISED' end end)::text as "~1", sum(c.n)::bigint as "~count" from (select '619922'::text as k0, base."zt_dm" as k1, count(*) as n from "xhx"."aj_xx" base where ((base."la_rq" >= $1 and base."la_rq" between date '1000-01-01' and date '9999-12-31')) group by 1, 2) c group by 1, 2 limit 1001

-- xihe []
select count(*) as "~count" from "xhx"."aj_xx" base where true
