-- 东岭县综合执法办案系统 Case system of Dongling County: tables as the department keeps them.

CREATE SCHEMA dlx;

COMMENT ON SCHEMA dlx IS '东岭县综合执法办案系统';

CREATE TABLE dlx.zfaj (
    xh   bigint NOT NULL,
    ajbh varchar(40),
    ajmc varchar(300),
    zl   char(1),
    zt   char(2),
    ly   varchar(10),
    bmdm varchar(18),
    bmmc varchar(200),
    sxdm varchar(32),
    dd   varchar(200),
    lasj bigint,
    jdsj bigint,
    jasj bigint,
    wh   varchar(60),
    ss   text,
    yj   text,
    jg   text,
    cfje double precision,
    zfzh varchar(100),
    gdsj bigint
);

COMMENT ON TABLE dlx.zfaj IS '执法案件';
COMMENT ON COLUMN dlx.zfaj.xh IS '序号';
COMMENT ON COLUMN dlx.zfaj.ajbh IS '案件编号';
COMMENT ON COLUMN dlx.zfaj.ajmc IS '案件名称';
COMMENT ON COLUMN dlx.zfaj.zl IS '行为种类：A处罚 B强制 C许可 D检查 E征收 F确认 G裁决';
COMMENT ON COLUMN dlx.zfaj.zt IS '状态：LA立案 DC调查 SH审核 JD决定 JA结案 XA销案 YS移送 ZZ中止';
COMMENT ON COLUMN dlx.zfaj.ly IS '来源（中文）';
COMMENT ON COLUMN dlx.zfaj.bmdm IS '执法部门代码';
COMMENT ON COLUMN dlx.zfaj.bmmc IS '执法部门';
COMMENT ON COLUMN dlx.zfaj.sxdm IS '权责事项编码';
COMMENT ON COLUMN dlx.zfaj.dd IS '案发地点';
COMMENT ON COLUMN dlx.zfaj.lasj IS '立案时间（Unix 毫秒）';
COMMENT ON COLUMN dlx.zfaj.jdsj IS '决定时间（Unix 毫秒）';
COMMENT ON COLUMN dlx.zfaj.jasj IS '结案时间（Unix 毫秒）';
COMMENT ON COLUMN dlx.zfaj.wh IS '文书号';
COMMENT ON COLUMN dlx.zfaj.ss IS '违法事实';
COMMENT ON COLUMN dlx.zfaj.yj IS '处罚依据';
COMMENT ON COLUMN dlx.zfaj.jg IS '处理结果';
COMMENT ON COLUMN dlx.zfaj.cfje IS '罚款金额（万元）';
COMMENT ON COLUMN dlx.zfaj.zfzh IS '办案人员执法证号（、分隔）';
COMMENT ON COLUMN dlx.zfaj.gdsj IS '归档时间（Unix 毫秒）';

CREATE TABLE dlx.dsr (
    ajxh bigint NOT NULL,
    lb   char(1),
    mc   varchar(200),
    dm   varchar(20),
    sfzh varchar(18),
    dh   varchar(20)
);

COMMENT ON TABLE dlx.dsr IS '案件当事人（一案一行）';
COMMENT ON COLUMN dlx.dsr.ajxh IS '案件序号';
COMMENT ON COLUMN dlx.dsr.lb IS '类别：0单位 1个体 2个人';
COMMENT ON COLUMN dlx.dsr.mc IS '名称';
COMMENT ON COLUMN dlx.dsr.dm IS '代码';
COMMENT ON COLUMN dlx.dsr.sfzh IS '身份证号';
COMMENT ON COLUMN dlx.dsr.dh IS '电话';

-- indexes, built after the load --

ALTER TABLE dlx.zfaj ADD PRIMARY KEY (xh);
ALTER TABLE dlx.dsr ADD PRIMARY KEY (ajxh);

CREATE INDEX ON dlx.zfaj (lasj);
CREATE INDEX ON dlx.zfaj (ajbh);
CREATE INDEX ON dlx.zfaj (bmdm, lasj);
CREATE INDEX ON dlx.zfaj (sxdm);
-- Written as a binding's split reads the cell, or it would not be used.
CREATE INDEX ON dlx.zfaj USING gin (
    array_remove(regexp_split_to_array(zfzh,
        '[\s\u3000\u00a0]*[、][\s\u3000\u00a0]*|^[\s\u3000\u00a0]+|[\s\u3000\u00a0]+$'), '')
);
CREATE INDEX ON dlx.dsr (dm);
