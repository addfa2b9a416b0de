"""What the ledger and a channel's receiver say, as what happened to a publication."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from zhitong.rules import clocks
from zhitong.rules.figures import Trigger
from zhitong.rules.publications import Happening, Moment, What
from zhitong.rules.publicity import Channel


def told(
    channel: Channel,
    happened: Collection[clocks.Happening],
    reasons: Mapping[int, str],
    repaired: Moment | None = None,
) -> Iterator[Happening]:
    """Give what *happened* to one decision as *channel*'s publication of it.

    What its receiver holds it shows; where that is a withdrawal it shows nothing any
    more. *reasons* are those of the decision's versions.
    """
    revoked = {
        one.version for one in happened if one.what is clocks.Milestone.WITHDRAWN
    }
    for one in happened:
        what = _what(channel, one, one.version in revoked)
        if what is not None:
            yield Happening(
                what=what,
                at=one.at,
                version=one.version,
                channel=channel.name if one.receiver else "",
                reason=reasons.get(one.version, ""),
            )
    if repaired is not None:
        yield Happening(what=What.REPAIRED, at=repaired, version=1)


def _what(channel: Channel, one: clocks.Happening, revoked: bool) -> What | None:  # noqa: FBT001 - read beside the version it is of
    if one.what is Trigger.DECIDED:
        return What.DECIDED
    if one.what is Trigger.UNDONE:
        return What.REVOKED if revoked else What.CHANGED
    if one.what is clocks.Milestone.HELD and one.receiver == channel.receiver:
        return What.WITHDRAWN if revoked else What.PUBLISHED
    return None
