"""How departments write values: tables in nine shapes, cells with what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

import msgspec
from hypothesis import strategies as st

from zhitong.connectors.binding import Binding
from zhitong.connectors.meaning import Value
from zhitong.schema.declare import code, codes, entity, item
from zhitong.types import Kind

CHINA = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=CHINA) + timedelta(hours=8)
KINDS = codes("Kind", "种类", "Kind", GOOD=("好", "Good"), BAD=("坏", "Bad"))
SAMPLE = entity(
    "Sample",
    "samples",
    "样本。",
    "A sample.",
    key="id",
    orders=("day", "id"),
    fields=(
        item("id", "编号", "Id"),
        item("name", "名称", "Name", named=True),
        item("note", "备注", "Note"),
        item("joined", "连接", "Joined"),
        item("absent", "缺少", "Absent"),
        code("kind", "种类", "Kind", KINDS),
        item("day", "日期", "Day", Kind.DATE),
        item("moment", "时间", "Moment", Kind.DATETIME),
        item("amount", "金额", "Amount", Kind.MONEY),
        item("count", "数量", "Count", Kind.INTEGER),
        item("tags", "标签", "Tags", Kind.TEXTS, named=True),
        item("division", "区划", "Division", Kind.DIVISION),
        item("constant", "常量", "Constant"),
    ),
)
NONE = ("/", "无", "1900-01-01")
Cell = tuple[str | None, Value]
"""A cell as PostgreSQL reads it from text, and the canonical value it stands for."""
Cells = st.SearchStrategy[Cell]


@dataclass(frozen=True)
class Habit:
    """How a department keeps one field."""

    type: str
    cells: Cells
    entry: Mapping[str, object] = field(default_factory=dict)


def cells(*written: Cell) -> Cells:
    return st.sampled_from(written)


# --- how departments write ---------------------------------------------------

DAYS = [date(2023, 2, 28), date(2024, 2, 29), date(2024, 3, 11), date(9999, 12, 31)]
OLD = [date(1999, 12, 31), *DAYS[:3]]
NUMBERS = ["110105194912310021", "11010519491231002x", "110105491231002"]
"""Of residents, where names should be."""
NAMES = ["a", "A", "B", "b1", "王建国", "王_", "王%", "50%", "a\\b", "甲 乙", "阿"]
NAMES += [f"甲{number}" for number in NUMBERS]
BLANK: list[Cell] = [(None, None), ("", None), (" ", None), ("\u3000", None)]
WORDS: list[Cell] = [("/", None), ("无", None), (" 无\u3000", None)]


def written_days(form: Callable[[date], str], *wrong: str, none: str = "") -> Habit:
    junk: list[Cell] = [*BLANK, *WORDS, *((text, None) for text in wrong)]
    if none:
        junk.append((none, None))
    return Habit("text", cells(*((form(d), d.isoformat()) for d in OLD), *junk))


def moments(kind: str, write: Callable[[datetime], str], step: timedelta) -> Cells:
    """Moments some of which share a day; *step* is the finest part written."""
    found: list[Cell] = [(None, None)]
    for day in OLD:
        start = datetime(day.year, day.month, day.day, tzinfo=CHINA)
        for after in (timedelta(), step, timedelta(hours=7), timedelta(days=1) - step):
            text = (start + after).isoformat(timespec="microseconds")
            found.append(
                (write(start + after), text if kind == "moment" else text[:26])
            )
    return cells(*found)


def naive(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat()


def epoch(per_second: int) -> Callable[[datetime], str]:
    return lambda moment: str((moment - EPOCH) // timedelta(seconds=1) * per_second)


MICRO, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
DAY_HABITS = [
    Habit(
        "date",
        cells(
            *((d.isoformat(), d.isoformat()) for d in DAYS),
            (None, None),
            ("infinity", None),
            ("0044-03-15 BC", None),
            ("1900-01-01", None),
        ),
    ),
    Habit("timestamp", moments("day", naive, MICRO)),
    Habit("timestamptz", moments("day", datetime.isoformat, MICRO)),
    written_days(lambda d: f"{d:%Y%m%d}", "20230229", "2024031", none="19000101"),
    written_days(date.isoformat, "2023-02-29", "2024-13-01", none="1900-01-01"),
    Habit("char(12)", written_days(lambda d: f"{d:%Y/%m/%d}", "2023/02/29").cells),
    written_days(lambda d: f"{d.year}年{d.month}月{d.day}日", "2023年2月29日", "194年"),
    Habit("bigint", moments("day", epoch(1), SECOND) | cells(("9" * 18, None))),
    Habit("bigint", moments("day", epoch(1000), SECOND)),
]
DAY_FORMATS = [
    None,
    None,
    None,
    "yyyymmdd",
    "yyyy-mm-dd",
    "yyyy/mm/dd",
    "yyyy年m月d日",
    "epoch-s",
    "epoch-ms",
]
MOMENT_HABITS = [
    Habit("timestamptz", moments("moment", datetime.isoformat, MICRO)),
    Habit("timestamp", moments("moment", naive, MICRO)),
    Habit(
        "double precision",
        moments("moment", lambda m: epoch(1)(m) + ".75", SECOND) | cells(("NaN", None)),
        {"format": "epoch-s"},
    ),
]


def yuan(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01"), ROUND_HALF_UP))


def amounts(unit: str, *texts: str, junk: Sequence[str] = ()) -> Cells:
    return cells(
        (None, None),
        *((text, yuan(Decimal(text) * Decimal(unit))) for text in texts),
        *((text, None) for text in junk),
    )


MONEY_HABITS = [
    Habit("numeric", amounts("1", "9.5", "10", "-3.005", "100000", junk=["NaN"])),
    Habit(
        "double precision",
        amounts("10000", "0.00095", "0.001", "1.23456789", junk=["Infinity", "NaN"]),
        {"unit": "wan-yuan"},
    ),
    Habit("numeric", amounts("10000", "0.0000005", "0.001"), {"unit": "wan-yuan"}),
    Habit("integer", amounts("0.01", "5", "950", "1000"), {"unit": "fen"}),
    Habit(
        "text",
        amounts("1", "9.50", "10", junk=["", "/", "约10元", "1e5", "\u3000", "1,000"])
        | cells((" 12.3 ", "12.30"), ("\u300012.3", "12.30")),
    ),
]
TAGS = ["t1", "t2", "甲", f"乙{NUMBERS[0]}"]
LISTS = st.lists(st.sampled_from([*TAGS, "/", "", " "]), max_size=4)


def kept(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(tag for tag in tags if tag in TAGS)


LIST_HABITS = [
    Habit("", LISTS.map(lambda tags: ("\n".join(tags), kept(tags)))),
    Habit(
        "text",
        LISTS.map(lambda tags: (" 、\u3000".join(tags), kept(tags)))
        | cells((None, ()), ("无", ()), (" t1 ", ("t1",))),
        {"split": "、；"},
    ),
    Habit(
        "text[]",
        LISTS.map(
            lambda tags: ("{" + ",".join(f'"{t}"' for t in tags) + "}", kept(tags))
        )
        | cells((None, ()), ("{NULL,t1}", ("t1",))),
    ),
]
COUNT_HABITS = [
    Habit("integer", cells((None, None), ("2", 2), ("10", 10), ("-1", -1))),
    Habit(
        "text", cells((" 2", 2), ("10", 10), ("无", None), ("", None), ("1.5", None))
    ),
    Habit("bigint", cells(("2", 2), ("10", 10), ("99999999999", None))),
    Habit("numeric", cells(("2", 2), ("10", 10), ("NaN", None))),
]
NAME_HABITS = [
    Habit("text", cells(*BLANK, *WORDS, *((name, name) for name in NAMES))),
    Habit("varchar(40)", cells(*WORDS, *((name, name) for name in NAMES))),
    Habit("char(20)", cells(*BLANK, *((name, name) for name in NAMES))),
    Habit(
        "bigint",
        cells((None, None), *((n, n) for n in ("7", "10", "9", NUMBERS[0]))),
    ),
]
KIND_CELLS = cells(
    *BLANK, *WORDS, ("1", "GOOD"), (" 1", "GOOD"), ("2", "BAD"), ("9", "UNRECOGNISED")
)
KEY_TYPES = ["text", "bigint", "char(8)", "uuid"]
NOTES = cells(*BLANK, *WORDS, (" 注 ", "注"), ("\u3000x\n", "x"))
DIVISIONS = cells((None, None), ("619921", "619921"), ("6199", "6199"), ("61", "61"))


@dataclass(frozen=True)
class Shape:
    """One department's table: a habit for each field."""

    number: int
    name: str
    key_type: str
    habits: Mapping[str, Habit]

    @property
    def binding(self) -> Binding:
        mapped: dict[str, object] = {
            name: {"column": name, **habit.entry} for name, habit in self.habits.items()
        }
        if not self.habits["tags"].type:
            mapped["tags"] = {
                "table": f"{self.name}_tags",
                "on": {"sample": "base.id"},
                "column": "tag",
                "order": "place",
            }
        mapped["kind"] = {"column": "kind", "codes": "kinds"}
        mapped |= {"id": "id", "constant": {"value": "fixed"}, "joined": "other.word"}
        return msgspec.convert(
            {
                "name": self.name,
                "title": {"zh": "样本", "en": "Sample"},
                "tenant": "anze",
                "owner": "11619900MB0001003U",
                "none": NONE,
                "timeout": 20,
                "codes": {"kinds": {"1": "GOOD", "2": "BAD"}},
                "types": {
                    "Sample": {
                        "table": self.name,
                        "key": "id",
                        "joins": {
                            "other": {"table": f"{self.name}_other", "on": {"id": "id"}}
                        },
                        "fields": mapped,
                    }
                },
            },
            Binding,
        )

    @property
    def columns(self) -> Mapping[str, str]:
        return {name: habit.type for name, habit in self.habits.items() if habit.type}

    @property
    def tables(self) -> str:
        listed = "".join(f", {name} {kind}" for name, kind in self.columns.items())
        return (
            f"create table {self.name} (id {self.key_type} primary key{listed});"
            f"create table {self.name}_tags"
            f" (sample {self.key_type}, tag varchar(20), place int);"
            f"create table {self.name}_other"
            f" (id {self.key_type} primary key, word text not null);"
        )

    def key(self, number: int) -> str:
        if self.key_type == "uuid":
            return f"00000000-0000-0000-0000-{number:012}"
        return str(number) if self.key_type == "bigint" else f"k{number}"

    def rows(self) -> st.SearchStrategy[list[Mapping[str, Cell]]]:
        """Draw the cells of up to nine rows, their keys in no order."""
        words = cells((None, None), ("w", "w"), ("/", None))
        row = {name: habit.cells for name, habit in self.habits.items()}
        drawn = st.fixed_dictionaries({**row, "joined": words})
        keys = st.lists(st.integers(1, 120), unique=True, min_size=9, max_size=9)
        return st.tuples(keys, st.lists(drawn, max_size=9)).map(
            lambda made: [
                {**cells_, "id": (self.key(number), self.key(number))}
                for number, cells_ in zip(made[0], made[1], strict=False)
            ]
        )


def _shape(number: int) -> Shape:
    day = DAY_HABITS[number]
    written = DAY_FORMATS[number]
    return Shape(
        number,
        f"shape{number}",
        KEY_TYPES[number % 4],
        {
            "name": NAME_HABITS[number % 4],
            "note": Habit("text", NOTES),
            "kind": Habit(["text", "char(2)"][number % 2], KIND_CELLS),
            "day": Habit(day.type, day.cells, {"format": written} if written else {}),
            "moment": MOMENT_HABITS[number % 3],
            "amount": MONEY_HABITS[number % 5],
            "count": COUNT_HABITS[number % 4],
            "tags": LIST_HABITS[number % 3],
            "division": Habit(["text", "char(12)"][number % 2], DIVISIONS),
        },
    )


SHAPES = [_shape(number) for number in range(len(DAY_HABITS))]
