"""What was asked for and not, or not wholly, given: put together in one place."""

from __future__ import annotations

from zhitong.types import Inquiry, Restrictions, Rulings


def restrict(inquiry: Inquiry, type_name: str, name: str, rulings: Rulings) -> None:
    """Note why *name* is not wholly given; ``*`` is any row of the type.

    ``name@source`` is a field as that source shares it.
    """
    restrict_all(inquiry, {(type_name, name): (rulings,)})


def restrict_all(inquiry: Inquiry, noted: Restrictions) -> None:
    """Note what is *noted* beside what *inquiry* knows already.

    A field may be read under one reason and looked up by under another, and which of
    them comes first is chance: each is told, none in another's place.
    """
    told = inquiry.restrictions
    for place, said in noted.items():
        known = told.setdefault(place, said)
        if known is not said:
            told[place] = known + tuple(one for one in said if one not in known)
