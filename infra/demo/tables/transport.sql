-- 市交通运输局 Transport Bureau: tables as the department keeps them.

CREATE SCHEMA jtys;

COMMENT ON SCHEMA jtys IS '市交通运输局';

CREATE TABLE jtys.zfaj (
    id     bigint NOT NULL,
    ajh    varchar(40),
    ay     varchar(300),
    xwzl   varchar(10),
    blzt   varchar(10),
    ajly   varchar(10),
    jgdm   varchar(18),
    jgmc   varchar(200),
    qzbm   varchar(32),
    cfdqh  char(6),
    dsrdm  varchar(20),
    dsrmc  varchar(200),
    dsrlb  varchar(4),
    dsrsfz varchar(18),
    dsrdh  varchar(20),
    cfdd   varchar(200),
    larq   varchar(10),
    cfjdrq varchar(10),
    jasj   bigint,
    cfwsh  varchar(60),
    wfss   text,
    cfyj   text,
    cfnr   text,
    fke    varchar(20),
    gdrq   varchar(10)
);

COMMENT ON TABLE jtys.zfaj IS '交通运输执法案件';
COMMENT ON COLUMN jtys.zfaj.id IS '主键';
COMMENT ON COLUMN jtys.zfaj.ajh IS '案件号';
COMMENT ON COLUMN jtys.zfaj.ay IS '案由';
COMMENT ON COLUMN jtys.zfaj.xwzl IS '执法种类（中文）';
COMMENT ON COLUMN jtys.zfaj.blzt IS '办理状态（中文）';
COMMENT ON COLUMN jtys.zfaj.ajly IS '案件来源（中文）';
COMMENT ON COLUMN jtys.zfaj.jgdm IS '执法机关代码';
COMMENT ON COLUMN jtys.zfaj.jgmc IS '执法机关';
COMMENT ON COLUMN jtys.zfaj.qzbm IS '权责事项编码';
COMMENT ON COLUMN jtys.zfaj.cfdqh IS '查处地区划';
COMMENT ON COLUMN jtys.zfaj.dsrdm IS '当事人代码';
COMMENT ON COLUMN jtys.zfaj.dsrmc IS '当事人';
COMMENT ON COLUMN jtys.zfaj.dsrlb IS '当事人类别：单位/个体/个人';
COMMENT ON COLUMN jtys.zfaj.dsrsfz IS '当事人身份证号';
COMMENT ON COLUMN jtys.zfaj.dsrdh IS '当事人电话';
COMMENT ON COLUMN jtys.zfaj.cfdd IS '查处地点';
COMMENT ON COLUMN jtys.zfaj.larq IS '立案日期 YYYY-MM-DD';
COMMENT ON COLUMN jtys.zfaj.cfjdrq IS '处罚决定日期 YYYY/MM/DD（文书系统导入）';
COMMENT ON COLUMN jtys.zfaj.jasj IS '结案时间（Unix 秒）';
COMMENT ON COLUMN jtys.zfaj.cfwsh IS '处罚文书号';
COMMENT ON COLUMN jtys.zfaj.wfss IS '违法事实';
COMMENT ON COLUMN jtys.zfaj.cfyj IS '处罚依据';
COMMENT ON COLUMN jtys.zfaj.cfnr IS '处罚内容';
COMMENT ON COLUMN jtys.zfaj.fke IS '罚款额（元，文本）';
COMMENT ON COLUMN jtys.zfaj.gdrq IS '归档日期 YYYY-MM-DD';

CREATE TABLE jtys.zfaj_ry (
    aj_id bigint NOT NULL,
    sx    smallint NOT NULL,
    zfzh  varchar(24),
    zbbz  char(1)
);

COMMENT ON TABLE jtys.zfaj_ry IS '案件执法人员';
COMMENT ON COLUMN jtys.zfaj_ry.aj_id IS '案件主键';
COMMENT ON COLUMN jtys.zfaj_ry.sx IS '顺序';
COMMENT ON COLUMN jtys.zfaj_ry.zfzh IS '执法证号';
COMMENT ON COLUMN jtys.zfaj_ry.zbbz IS '主办标志：Y/N';

CREATE TABLE jtys.jcjl (
    id     bigint NOT NULL,
    jcdh   varchar(40),
    jcfs   varchar(10),
    jhh    varchar(40),
    jgdm   varchar(18),
    qh     char(6),
    dxdm   varchar(20),
    dxmc   varchar(200),
    jcsj   timestamp,
    jcjg   varchar(10),
    wtms   text,
    ajh    varchar(40),
    jcryzh varchar(100)
);

COMMENT ON TABLE jtys.jcjl IS '执法检查记录';
COMMENT ON COLUMN jtys.jcjl.id IS '主键';
COMMENT ON COLUMN jtys.jcjl.jcdh IS '检查单号';
COMMENT ON COLUMN jtys.jcjl.jcfs IS '检查方式（中文）';
COMMENT ON COLUMN jtys.jcjl.jhh IS '计划号';
COMMENT ON COLUMN jtys.jcjl.jgdm IS '执法机关代码';
COMMENT ON COLUMN jtys.jcjl.qh IS '检查地区划';
COMMENT ON COLUMN jtys.jcjl.dxdm IS '检查对象代码';
COMMENT ON COLUMN jtys.jcjl.dxmc IS '检查对象';
COMMENT ON COLUMN jtys.jcjl.jcsj IS '检查时间';
COMMENT ON COLUMN jtys.jcjl.jcjg IS '检查结果（中文）';
COMMENT ON COLUMN jtys.jcjl.wtms IS '问题描述';
COMMENT ON COLUMN jtys.jcjl.ajh IS '关联案件号';
COMMENT ON COLUMN jtys.jcjl.jcryzh IS '检查人员执法证号（、分隔）';

-- indexes, built after the load --

ALTER TABLE jtys.zfaj ADD PRIMARY KEY (id);
ALTER TABLE jtys.zfaj_ry ADD PRIMARY KEY (aj_id, sx);
ALTER TABLE jtys.jcjl ADD PRIMARY KEY (id);

CREATE INDEX ON jtys.zfaj (dsrdm);
CREATE INDEX ON jtys.zfaj (larq);
CREATE INDEX ON jtys.zfaj (ajh);
CREATE INDEX ON jtys.zfaj (jgdm, larq);
CREATE INDEX ON jtys.zfaj (qzbm);
CREATE INDEX ON jtys.zfaj_ry (zfzh, aj_id);
CREATE INDEX ON jtys.jcjl (dxdm);
CREATE INDEX ON jtys.jcjl (jcsj);
CREATE INDEX ON jtys.jcjl (ajh);
CREATE INDEX ON jtys.jcjl (jcdh);
CREATE INDEX ON jtys.jcjl (jgdm, jcsj);
-- Written as a binding's split reads the cell, or it would not be used.
CREATE INDEX ON jtys.jcjl USING gin (
    array_remove(regexp_split_to_array(jcryzh,
        '[\s\u3000\u00a0]*[、][\s\u3000\u00a0]*|^[\s\u3000\u00a0]+|[\s\u3000\u00a0]+$'), '')
);
