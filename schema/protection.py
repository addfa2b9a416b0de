"""How a field is protected, in words: its sharing attribute, grade and mask."""

from __future__ import annotations

from collections.abc import Mapping

from zhitong.types import Field, Grade, Label, MaskKind, Sharing

SHARINGS: Mapping[Sharing, Label] = {
    Sharing.UNCONDITIONAL: Label("无条件共享", "unconditional"),
    Sharing.CONDITIONAL: Label("有条件共享", "conditional"),
    Sharing.WITHHELD: Label("不予共享", "withheld"),
}
GRADES: Mapping[Grade, Label] = {
    Grade.GENERAL_1: Label("一般1级", "general-1"),
    Grade.GENERAL_2: Label("一般2级", "general-2"),
    Grade.GENERAL_3: Label("一般3级", "general-3"),
    Grade.GENERAL_4: Label("一般4级", "general-4"),
    Grade.IMPORTANT: Label("重要", "important"),
}
MASKS: Mapping[MaskKind, Label] = {
    MaskKind.NAME: Label("姓名", "name"),
    MaskKind.ID_NUMBER: Label("证件号码", "id-number"),
    MaskKind.PHONE: Label("电话", "phone"),
    MaskKind.ADDRESS: Label("地址", "address"),
    MaskKind.AMOUNT_BAND: Label("金额档次", "amount-band"),
    MaskKind.YEAR: Label("年份", "year"),
    MaskKind.HASH: Label("代号", "hash"),
    MaskKind.NULL: Label("置空", "null"),
    MaskKind.TEXT: Label("遮盖其中的身份号码", "text"),
}


def mask_label(kind: MaskKind) -> Label:
    """Name a mask."""
    return MASKS.get(kind, Label(kind, kind))


def protected(field: Field) -> bool:
    """Say whether not everybody sees all of *field*, by its declaration."""
    return field.sharing is not Sharing.UNCONDITIONAL or field.mask is not None


def said(field: Field) -> Label:
    """Describe *field*, with its protection where it has any."""
    if not protected(field):
        return field.label
    sharing, grade = SHARINGS[field.sharing], GRADES[field.grade]
    zh = f"{field.label.zh}（{sharing.zh}，{grade.zh}"
    en = f"{field.label.en} ({sharing.en}, {grade.en}"
    if field.mask is not None:
        mask = mask_label(field.mask)
        zh, en = f"{zh}，脱敏为{mask.zh}", f"{en}, masked as {mask.en}"
    return Label(f"{zh}）", f"{en})")
