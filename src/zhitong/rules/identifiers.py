"""Identifiers of bodies and persons: GB 32100, GB 11714, GB 11643, and old numbers."""

from __future__ import annotations

import re
from operator import mul

from zhitong.types import Label

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of GB 32100: no I, O, S, V, Z."""

CREDIT_PLACEHOLDER = "0" * 17 + "X"
"""What the double-publicity forms carry where there is no code."""

_LENGTH = 18
_DIVISION = range(2, 8)
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_ORDINALS = {character: place for place, character in enumerate(CREDIT_ALPHABET)}
_CREDIT = re.compile(
    f"[{CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{CREDIT_ALPHABET}]{{10}}", re.ASCII
)
"""What no character of is wrong: the usual case is not looked at one by one."""
_ORGANISATION = re.compile(r"[0-9A-Z]{8}[0-9X]", re.ASCII)
_REGISTRATION = re.compile(r"[0-9]{13}|[0-9]{15}", re.ASCII)
_UNCHECKED = 13
"""Digits of a registration number from before 2007, which has no check digit."""
_LOOK_ALIKES = {"O": "0", "I": "1", "S": "5", "V": "U", "Z": "2"}


def credit_code(first17: str) -> str:
    """Complete a unified social credit code with its check character."""
    return first17 + _credit_check(first17)


def credit_code_fault(text: str) -> Label | None:
    """Say what is wrong with a unified social credit code; None if it is valid.

    The division inside is that of the day of registration: never checked.
    """
    if len(text) != _LENGTH:
        return Label(
            f"统一社会信用代码应为 18 位，收到 {len(text)} 位",
            f"a unified social credit code has 18 characters, this has {len(text)}",
        )
    if text == CREDIT_PLACEHOLDER:
        return Label(
            "17 个 0 加 X 是“无代码”的占位符，不是统一社会信用代码",
            "17 zeros and X stand for “no code”, it is not a code",
        )
    if not _CREDIT.fullmatch(text):
        for place, character in enumerate(text):
            fault = _character_fault(place, character)
            if fault:
                return fault
    if text[-1] != _credit_check(text[:-1]):
        return Label(
            f"校验码“{text[-1]}”与前 17 位不符，请逐位核对",
            f"check character {text[-1]} does not fit the first 17, compare each",
        )
    return None


def organisation_code(first8: str) -> str:
    """Complete an organisation code, places 9 to 17 of a credit code."""
    total = sum(
        int(character, 36) * weight
        for character, weight in zip(first8, _ORGANISATION_WEIGHTS, strict=True)
    )
    return first8 + "0123456789X"[-total % 11]


def organisation_code_fault(text: str) -> Label | None:
    """Say what is wrong with an organisation code of nine characters; None: nothing.

    The hyphen before its check character is not part of it.
    """
    if not _ORGANISATION.fullmatch(text):
        return Label(
            "组织机构代码应为 8 位数字或大写字母加 1 位校验码",
            "an organisation code has 8 digits or capital letters and a check",
        )
    if organisation_code(text[:8]) != text:
        return Label(
            f"组织机构代码校验码“{text[-1]}”与前 8 位不符",
            f"check character {text[-1]} does not fit the first 8",
        )
    return None


def registration_number(first14: str) -> str:
    """Complete an old registration number 工商注册号 (ISO 7064 MOD 11,10)."""
    return first14 + str((1 - (_registration_sum(first14) or 10) * 2 % 11) % 10)


def registration_number_fault(text: str) -> Label | None:
    """Say what is wrong with an old registration number; None if nothing is.

    One of 13 digits is from before the check digit: only its form is looked at.
    """
    if not _REGISTRATION.fullmatch(text):
        return Label(
            f"工商注册号应为 15 位或 13 位数字，收到 {len(text)} 位",
            f"a registration number has 15 or 13 digits, this has {len(text)}",
        )
    if len(text) != _UNCHECKED and registration_number(text[:-1]) != text:
        return Label(
            f"工商注册号校验码“{text[-1]}”与前 14 位不符",
            f"check digit {text[-1]} does not fit the first 14",
        )
    return None


def resident_id(first17: str) -> str:
    """Complete a resident ID number (ISO 7064 MOD 11-2)."""
    total = sum(
        int(digit) * weight
        for digit, weight in zip(first17, _RESIDENT_WEIGHTS, strict=True)
    )
    return first17 + "10X98765432"[total % 11]


def _registration_sum(digits: str) -> int:
    total = 5
    for digit in digits:
        total = ((total or 10) * 2 % 11 + int(digit)) % 10
    return total


def _credit_check(first17: str) -> str:
    if len(first17) != len(_CREDIT_WEIGHTS):
        raise ValueError(first17)
    total = sum(map(mul, _CREDIT_WEIGHTS, map(_ORDINALS.__getitem__, first17)))
    return CREDIT_ALPHABET[-total % 31]


def _character_fault(place: int, character: str) -> Label | None:
    if character in _LOOK_ALIKES:
        probable = _LOOK_ALIKES[character]
        return Label(
            f"第 {place + 1} 位“{character}”不是代码用字，多半应为“{probable}”",
            f"{character} at place {place + 1} never occurs in a code, "
            f"probably meant: {probable}",
        )
    if character.upper() != character:
        return Label(
            f"第 {place + 1} 位“{character}”应为大写",
            f"{character} at place {place + 1} must be a capital letter",
        )
    if character not in _ORDINALS:
        return Label(
            f"第 {place + 1} 位“{character}”不是代码用字",
            f"{character} at place {place + 1} never occurs in a code",
        )
    if place in _DIVISION and not character.isdecimal():
        return Label(
            f"第 {place + 1} 位“{character}”在行政区划部分，应为数字",
            f"{character} at place {place + 1} is in the division, a digit is due",
        )
    return None


def significant(division: str) -> str:
    """Cut a GB/T 2260 code to the part its own places share: 619900 → 6199."""
    while division.endswith("00"):
        division = division[:-2]
    return division
