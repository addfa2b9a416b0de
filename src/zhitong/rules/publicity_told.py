"""What the ledger and a channel's teller say, as what happened to a publication."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from zhitong.publishing import Step, Taken, Teller
from zhitong.rules import clocks
from zhitong.rules.figures import Trigger
from zhitong.rules.publication_flow import released
from zhitong.rules.publications import Happening, Moment, What
from zhitong.rules.publicity import Channel


def told(
    channel: Channel,
    happened: Collection[clocks.Happening],
    steps: Sequence[Taken],
    reasons: Mapping[int, str],
    repaired: Moment | None = None,
) -> Iterator[Happening]:
    """Give what *happened* to one decision as *channel*'s publication of it.

    What its receiver holds it shows; where that is a withdrawal it shows nothing any
    more. Of other channels people's *steps* say so; a site of the platform's own shows
    nothing from the moment on in which its version was undone. *reasons* are those of
    the decision's versions.
    """
    revoked = {
        one.version for one in happened if one.what is clocks.Milestone.WITHDRAWN
    }
    yield from _ledger(happened, revoked, reasons)
    if channel.teller is Teller.RECEIPTS:
        yield from _held(channel, happened, revoked, reasons)
    else:
        its = [one for one in steps if one.channel == channel.name]
        yield from _shown(channel, its)
        if channel.teller is Teller.SITE:
            yield from _gone(channel, happened, released(its), reasons)
    if repaired is not None:
        yield Happening(what=What.REPAIRED, at=repaired, version=1)


def _ledger(
    happened: Collection[clocks.Happening],
    revoked: Collection[int],
    reasons: Mapping[int, str],
) -> Iterator[Happening]:
    for one in happened:
        if one.what is Trigger.DECIDED:
            what = What.DECIDED
        elif one.what is Trigger.UNDONE:
            what = What.REVOKED if one.version in revoked else What.CHANGED
        else:
            continue
        reason = reasons.get(one.version, "")
        yield Happening(what=what, at=one.at, version=one.version, reason=reason)


def _held(
    channel: Channel,
    happened: Collection[clocks.Happening],
    revoked: Collection[int],
    reasons: Mapping[int, str],
) -> Iterator[Happening]:
    for one in happened:
        if one.what is clocks.Milestone.HELD and one.receiver == channel.receiver:
            yield Happening(
                what=What.WITHDRAWN if one.version in revoked else What.PUBLISHED,
                at=one.at,
                version=one.version,
                channel=channel.name,
                reason=reasons.get(one.version, ""),
            )


_AWAY = {Step.WITHDRAW: What.WITHDRAWN, Step.TAKE_DOWN: What.TAKEN_DOWN}


def _shown(channel: Channel, steps: Sequence[Taken]) -> Iterator[Happening]:
    for version, at in released(steps).items():
        yield Happening(
            what=What.PUBLISHED, at=at, version=version, channel=channel.name
        )
    for one in steps:
        if one.step in _AWAY:
            yield Happening(
                what=_AWAY[one.step],
                at=one.at,
                version=one.version,
                channel=channel.name,
                reason=one.reason,
            )


def _gone(
    channel: Channel,
    happened: Collection[clocks.Happening],
    shown: Mapping[int, Moment],
    reasons: Mapping[int, str],
) -> Iterator[Happening]:
    for one in happened:
        if one.what is Trigger.UNDONE and any(each < one.version for each in shown):
            yield Happening(
                what=What.WITHDRAWN,
                at=one.at,
                version=one.version,
                channel=channel.name,
                reason=reasons.get(one.version, ""),
            )
