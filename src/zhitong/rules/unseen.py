"""What a verification has not looked at, and what it would take to do so."""

from __future__ import annotations

from zhitong.types import Label

NO_ROWS = Label(
    "较早的行和与之相连的各项没有核对：用了 --quick 或 --from",
    "earlier rows, and what belongs to them: it was --quick, or --from a number",
)
NO_SECRETS = Label(
    "封存的证件号码没有核对：状态目录中没有 subject.key 和 person.key",
    "sealed ID numbers: subject.key and person.key are not in the state folder",
)
NO_AUTHORITY = Label(
    "时间戳是谁签的没有核对：没有设 ZHITONG_TSA_CA",
    "whose the timestamps are: ZHITONG_TSA_CA is not set",
)
NO_ARCHIVES = Label(
    "依法归档的行没有核对：没有用 --archive 给出文件",
    "archived rows: no files were given with --archive",
)
NO_MOMENT = Label(
    "封存是否停着没有核对：没有用 --now 给出时刻",
    "whether the sealer stands still: no moment was given with --now",
)
