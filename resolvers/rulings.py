"""What rulings come to: whether a value is seen, and for which rows it is compared."""

from __future__ import annotations

from zhitong.types import All, Allow, AnyOf, Deny, Not, Predicate, Rulings


def visible(rulings: Rulings) -> bool:
    """Say whether any row's value may be seen as it is or blurred."""
    return any(not isinstance(ruling.verdict, Deny) for ruling in rulings)


def plain(rulings: Rulings) -> Predicate | bool:
    """Say for which rows the value is Allow: all (True), some, or none (False)."""
    allowed: list[Predicate] = []
    refused: list[Predicate] = []
    for ruling in rulings:
        under = () if ruling.under is None else (ruling.under,)
        if isinstance(ruling.verdict, Allow):
            parts = (*(Not(part) for part in refused), *under)
            if not parts:
                return True
            allowed.append(parts[0] if not refused else All(parts))
        elif under:
            refused += under
        if not under:
            break
    if not allowed:
        return False
    return allowed[0] if len(allowed) == 1 else AnyOf(tuple(allowed))
