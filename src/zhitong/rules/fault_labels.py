"""What is wrong with the log, in words: a label for each kind of fault."""

from __future__ import annotations

from collections.abc import Mapping

from zhitong.rules.faults import FaultKind
from zhitong.types import Label

LABELS: Mapping[FaultKind, Label] = {
    kind: Label(zh, en)
    for kind, zh, en in (
        (
            FaultKind.BODY_CHANGED,
            "内容与其叶不符",
            "the body is not what its leaf was made of",
        ),
        (
            FaultKind.BODY_UNREADABLE,
            "内容无法读取",
            "the body does not say what it should",
        ),
        (
            FaultKind.COLUMN_DIFFERS,
            "列与内容不符",
            "a column says other than the body beside it",
        ),
        (
            FaultKind.VERSION_MISSING,
            "有叶而无该版本的决定",
            "a decision's version is gone, its leaf is there",
        ),
        (
            FaultKind.VERSION_UNPROVED,
            "有该版本的决定而无叶",
            "a decision's version has no leaf",
        ),
        (
            FaultKind.PRESENT_DIFFERS,
            "决定的现行与其最新版本不符",
            "the present row of a decision is not as its newest version says",
        ),
        (
            FaultKind.GRANT_DIFFERS,
            "共享授权的现行或其步骤与操作登记不符",
            "a sharing grant or a step of it is not as its deeds say",
        ),
        (
            FaultKind.FINDING_DIFFERS,
            "对调阅或决定的核验发现不在，或与内容所记不符",
            "what was found about a look or a decision is not as its body says",
        ),
        (
            FaultKind.NUMBER_DIFFERS,
            "封存的证件号码打不开，或不是该人的",
            "a sealed ID number does not open, or is another person's",
        ),
        (
            FaultKind.ERASURE_DIFFERS,
            "个人密钥与依法删除的操作登记不符",
            "a person's key is not as the deeds of erasure say",
        ),
        (
            FaultKind.STATEMENT_DIFFERS,
            "决定机关的签署与登记所记不符",
            "a bureau's signature is not as the decision's leaf says",
        ),
        (
            FaultKind.LEAF_DIFFERS,
            "入册的叶与行的叶不符",
            "the sealed leaf is not the row's",
        ),
        (
            FaultKind.LEAF_UNKNOWN,
            "入册的叶种类不明",
            "a sealed leaf is of no kind there is",
        ),
        (FaultKind.ROW_MISSING, "已入册而行不在", "sealed, and its row is gone"),
        (
            FaultKind.ARCHIVE_MISSING,
            "已归档而所给文件中没有",
            "archived, and in none of the files that were given",
        ),
        (
            FaultKind.ARCHIVE_DIFFERS,
            "归档文件不成立，或其叶与入册的叶不符",
            "an archive does not hold, or its leaf is not the sealed one",
        ),
        (
            FaultKind.ROW_UNSEALED,
            "既未入册也不在待封队列",
            "a row that is neither sealed nor waits to be",
        ),
        (
            FaultKind.ROW_TWICE,
            "同一编号有两行",
            "two rows under one name",
        ),
        (
            FaultKind.QUEUE_DIFFERS,
            "待封队列与行或日志不符",
            "what waits is not the row's leaf, or is sealed already",
        ),
        (FaultKind.QUEUE_ORPHAN, "待封而无此行", "waits to be sealed, and has no row"),
        (
            FaultKind.QUEUE_LATE,
            "待封已久：封存之前可以改写",
            "has long waited to be sealed: until it is, it can be rewritten",
        ),
        (FaultKind.NUMBER_MISSING, "叶号有缺", "numbers of leaves are missing"),
        (
            FaultKind.NODE_DIFFERS,
            "叶与所存的子树根不符：对调或改动",
            "the leaves are not those of a kept subtree: swapped or changed",
        ),
        (
            FaultKind.LEAF_UNCOVERED,
            "叶在最后一个树头之外",
            "leaves lie beyond the last head",
        ),
        (
            FaultKind.HEAD_MISSING,
            "签名所属的树头不在",
            "a signature of a head that is gone",
        ),
        (FaultKind.HEAD_MALFORMED, "树头的文字读不成", "the head's note is none"),
        (
            FaultKind.HEAD_DIFFERS,
            "树头的列与其文字不符",
            "a column of the head says other than its note",
        ),
        (
            FaultKind.HEAD_BEYOND,
            "树头所称的叶多于现有的叶",
            "the head counts more leaves than there are",
        ),
        (
            FaultKind.HEAD_LATE,
            "最新的树头已久：封存停着",
            "the newest head is old: nothing is sealed any more",
        ),
        (
            FaultKind.ROOT_DIFFERS,
            "由叶算得的树根与树头不符",
            "the root of the leaves is not the head's",
        ),
        (
            FaultKind.PREVIOUS_DIFFERS,
            "树头与前一个不相连",
            "the head does not follow the one before it",
        ),
        (
            FaultKind.TIME_BACK,
            "树头的时刻早于前一个",
            "the head is older than the one before it",
        ),
        (
            FaultKind.SIGNATURE_MISSING,
            "缺少应有的签名",
            "the signature of a key in force is missing",
        ),
        (FaultKind.SIGNATURE_INVALID, "签名不成立", "the signature does not hold"),
        (
            FaultKind.KEY_UNKNOWN,
            "签名的密钥没有登记",
            "signed by a key that is not registered",
        ),
        (
            FaultKind.KEY_NOT_THEN,
            "签名的密钥当时无效，或用途不符",
            "signed by a key not in force then, or for something else",
        ),
        (
            FaultKind.KEY_DIFFERS,
            "密钥与其操作登记不符",
            "a key is not as the deed that made it says",
        ),
        (
            FaultKind.KEY_UNPROVED,
            "密钥没有操作登记",
            "a key that no deed says was made",
        ),
        (
            FaultKind.KEY_MISSING,
            "操作登记所称的密钥不在",
            "a key that a deed says was made is gone",
        ),
        (
            FaultKind.KEY_TWICE,
            "一把密钥有两项启用登记",
            "two deeds say that one key was made",
        ),
        (
            FaultKind.TIMESTAMP_DIFFERS,
            "时间戳不是对该树头的，或时刻不符",
            "a timestamp is not over the head, or is of another time",
        ),
        (
            FaultKind.TIMESTAMP_UNTRUSTED,
            "时间戳不是所信机构签的",
            "a timestamp is not signed by the authority that is trusted",
        ),
        (
            FaultKind.WITNESS_MISSING,
            "没有见证或见证不足：日志被截尾或整体重写都看不出来",
            "no witness, or too few: neither a cut tail nor a rewrite can be seen",
        ),
        (
            FaultKind.WITNESS_BEHIND,
            "见证没有见过其后的树头：此后的叶可以被重写",
            "no witness has seen what follows: it could be rewritten unseen",
        ),
        (
            FaultKind.WITNESS_AHEAD,
            "见证所见的日志更长：尾部被截去",
            "the witness saw a longer log: its tail was cut",
        ),
        (
            FaultKind.WITNESS_ROOT,
            "见证所见的树根不同：日志被重写",
            "the witness saw another root: the log was rewritten",
        ),
        (
            FaultKind.WITNESS_HEAD,
            "见证所见的树头不在我方",
            "a head that the witness saw is not among ours",
        ),
        (
            FaultKind.WITNESS_WORD,
            "见证的记录不是其密钥所签",
            "the witness's record is not signed by its key",
        ),
        (
            FaultKind.COUNTERSIGNATURE_MISSING,
            "见证已副署，我方没有该副署",
            "the witness has countersigned, and its word is not here",
        ),
    )
}
