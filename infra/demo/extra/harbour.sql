-- 市港航管理局 Harbour and Waterway Bureau: tables as the department keeps them.

CREATE SCHEMA ghj;

COMMENT ON SCHEMA ghj IS '市港航管理局';

CREATE TABLE ghj.anjian (
    ajh   varchar(20) NOT NULL,
    lah   varchar(40),
    ay    varchar(300),
    lb    varchar(2),
    zt    varchar(2),
    ly    varchar(10),
    zfdm  varchar(18),
    zfmc  varchar(200),
    sxm   varchar(32),
    qh    char(6),
    dsrbh bigint,
    sy    varchar(200),
    lar   varchar(20),
    jdr   varchar(20),
    jar   varchar(20),
    wsh   varchar(60),
    ss    text,
    yj    text,
    jd    text,
    fk    varchar(20),
    zfry  varchar(100),
    gdr   varchar(20)
);

COMMENT ON TABLE ghj.anjian IS '水上执法案件';
COMMENT ON COLUMN ghj.anjian.ajh IS '案件号';
COMMENT ON COLUMN ghj.anjian.lah IS '立案号';
COMMENT ON COLUMN ghj.anjian.ay IS '案由';
COMMENT ON COLUMN ghj.anjian.lb IS '类别：罚/强/许/检';
COMMENT ON COLUMN ghj.anjian.zt IS '状态：立/查/审/决/结/撤/移';
COMMENT ON COLUMN ghj.anjian.ly IS '来源（中文）';
COMMENT ON COLUMN ghj.anjian.zfdm IS '执法机关代码';
COMMENT ON COLUMN ghj.anjian.zfmc IS '执法机关';
COMMENT ON COLUMN ghj.anjian.sxm IS '事项码';
COMMENT ON COLUMN ghj.anjian.qh IS '发生地区划';
COMMENT ON COLUMN ghj.anjian.dsrbh IS '当事人编号（当事人表）';
COMMENT ON COLUMN ghj.anjian.sy IS '水域（案发地点）';
COMMENT ON COLUMN ghj.anjian.lar IS '立案日，如2024年3月5日';
COMMENT ON COLUMN ghj.anjian.jdr IS '决定日，如2024年3月5日';
COMMENT ON COLUMN ghj.anjian.jar IS '结案日，如2024年3月5日';
COMMENT ON COLUMN ghj.anjian.wsh IS '文书号';
COMMENT ON COLUMN ghj.anjian.ss IS '违法事实';
COMMENT ON COLUMN ghj.anjian.yj IS '依据';
COMMENT ON COLUMN ghj.anjian.jd IS '决定内容';
COMMENT ON COLUMN ghj.anjian.fk IS '罚款（元，文本）';
COMMENT ON COLUMN ghj.anjian.zfry IS '执法人员证号（，分隔）';
COMMENT ON COLUMN ghj.anjian.gdr IS '归档日，如2024年3月5日';

CREATE TABLE ghj.dangshiren (
    bh   bigint NOT NULL,
    sf   varchar(6),
    mc   varchar(200),
    tydm varchar(20),
    zjh  varchar(18),
    dh   varchar(20)
);

COMMENT ON TABLE ghj.dangshiren IS '当事人（一案一行）';
COMMENT ON COLUMN ghj.dangshiren.bh IS '当事人编号';
COMMENT ON COLUMN ghj.dangshiren.sf IS '身份：船公司/单位/个体/船员/个人';
COMMENT ON COLUMN ghj.dangshiren.mc IS '名称';
COMMENT ON COLUMN ghj.dangshiren.tydm IS '统一代码';
COMMENT ON COLUMN ghj.dangshiren.zjh IS '证件号';
COMMENT ON COLUMN ghj.dangshiren.dh IS '电话';

-- indexes, built after the load --

ALTER TABLE ghj.anjian ADD PRIMARY KEY (ajh);
ALTER TABLE ghj.dangshiren ADD PRIMARY KEY (bh);

CREATE INDEX ON ghj.anjian (lar);
CREATE INDEX ON ghj.anjian (lah);
CREATE INDEX ON ghj.anjian (dsrbh);
CREATE INDEX ON ghj.anjian (zfdm);
CREATE INDEX ON ghj.dangshiren (tydm);
