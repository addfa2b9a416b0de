"""The demo's people: one of every requester kind; all of them are invented.

Codes have right check characters. The parties are of the demo city: an enterprise and
a natural person with decided cases, archived and not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from zhitong.types import (
    AUDITOR,
    COLLECTOR,
    MANAGER,
    OPERATOR,
    RELEASER,
    REVIEWER,
    SERVICE,
    STEWARD,
    TRANSMITTER,
    USER,
    Principal,
)

ISSUER = "zhitong-demo"
TENANT = "anze"
"""The demo city, which its people's tokens are for."""
CITY = "619900"
PORTAL = ("12619900MB09917481", "公众门户")
"""The unit of those who have none: it let them in, and checked their ID."""
EMERGENCY = ("11619900MB0004001B", "安泽市应急管理局")
ENTERPRISE = "91619903MAFX1N0021"
"""安泽市滨河区正蓝商贸有限公司: cases at three departments."""
PERSON = "619921199006135015"
"""胡浩宁: cases at the market regulator and in Dongling county."""


def _one(  # noqa: PLR0913 - a person's facts, each said by name
    kind: str,
    unit: tuple[str, str],
    person: str,
    *,
    role: str = USER,
    division: str = CITY,
    identity: bool = False,
    party_code: str = "",
    party_number: str = "",
) -> Principal:
    code, name = unit
    return Principal(
        kind=kind,
        unit=code,
        unit_name=name,
        person=person,
        role=role,
        division=division,
        tenant=TENANT,
        issuer=ISSUER,
        identity=identity,
        party_code=party_code,
        party_number=party_number,
    )


def _body(kind: str, code: str, name: str, person: str) -> Principal:
    """Make an officer of a body that shows a letter and an ID document."""
    return _one(kind, (code, name), person, identity=True)


PEOPLE: Mapping[str, Principal] = MappingProxyType(
    {
        "police": _body("police", "11619900001481213H", "安泽市公安局", "王建国"),
        "procuratorate": _body(
            "procuratorate", "11619900MB00020147", "安泽市人民检察院", "孙丽华"
        ),
        "court": _body("court", "11619900MB00020222", "安泽市中级人民法院", "郑国栋"),
        "state-security": _body(
            "state-security", "11619900MB0002030W", "安泽市国家安全局", "冯伟"
        ),
        "discipline": _body(
            "discipline", "11619900MB0002049R", "安泽市纪委监委", "何永清"
        ),
        "audit": _body("audit", "11619900MB0002057L", "安泽市审计局", "吴敏"),
        "own-officer": _one(
            "own-officer",
            ("11619921MB21040067", "东岭县应急管理局"),
            "李秀英",
            division="619921",
        ),
        "city-officer": _one("own-officer", EMERGENCY, "马晓东"),
        "department": _one("department", EMERGENCY, "赵敏"),
        "supervisor": _one(
            "supervisor", ("11619900MB0001003U", "安泽市司法局"), "周正"
        ),
        "party": _one(
            "party",
            (ENTERPRISE, "安泽市滨河区正蓝商贸有限公司"),
            "林志远",
            identity=True,
            party_code=ENTERPRISE,
        ),
        "natural-party": _one(
            "party", PORTAL, "胡浩宁", identity=True, party_number=PERSON
        ),
        "attorney": _one(
            "attorney",
            ("31619900MD0003014G", "安泽公正律师事务所"),
            "高文静",
            identity=True,
            party_code=ENTERPRISE,
        ),
        "other-place": _one(
            "other-place",
            ("11629900MB000401X7", "邻川市应急管理局"),
            "韩磊",
            division="629900",
        ),
        "provincial-platform": _one(
            "provincial-platform",
            ("11610000MB0901001Y", "省级行政执法监督平台"),
            "省平台接口",
            role=SERVICE,
            division="610000",
        ),
        "credit-system": _one(
            "credit-system",
            ("11619900MB0003009W", "安泽市发展和改革委员会"),
            "信用平台接口",
            role=SERVICE,
        ),
        "dashboard": _one(
            "dashboard",
            ("11619900MB0002073A", "安泽市人民政府办公室"),
            "监督大屏",
            role=SERVICE,
        ),
        "public": _one("public", PORTAL, "公众用户"),
        "data-authority": _one(
            "data-authority",
            ("11619900MB00020815", "安泽市数据局"),
            "沈洁",
            role=MANAGER,
        ),
        "auditor": _one(
            "auditor",
            ("116199000014842036", "安泽市审计局"),
            "陈志强",
            role=AUDITOR,
        ),
        "operator": _one(
            "operator",
            ("12619900MB200315XY", "安泽市大数据中心"),
            "刘洋",
            role=OPERATOR,
        ),
        "market-steward": _one(
            "own-officer",
            ("11619900MB0002006C", "安泽市市场监督管理局"),
            "宋雅琴",
            role=STEWARD,
        ),
        "justice-steward": _one(
            "department",
            ("11619900MB0001003U", "安泽市司法局"),
            "罗文涛",
            role=STEWARD,
        ),
        "tax-officer": _one(
            "own-officer", ("11619900MB0002102M", "安泽市税务局"), "邓海燕"
        ),
        "collector": _one("own-officer", EMERGENCY, "郭晓燕", role=COLLECTOR),
        "transmitter": _one("own-officer", EMERGENCY, "唐志刚", role=TRANSMITTER),
        "reviewer": _one("own-officer", EMERGENCY, "许文静", role=REVIEWER),
        "releaser": _one("own-officer", EMERGENCY, "曹建军", role=RELEASER),
    }
)
"""By the word that ``zhitong token`` takes: the kind, or a word of its own."""
