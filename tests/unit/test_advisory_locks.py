"""The numbers of advisory locks: what is held for life must be nobody else's."""

from __future__ import annotations

from zhitong.connectors import key_ring, migrations, sealer, server_roles


def test_no_two_share_a_lock() -> None:
    # A sealer holds its own while it runs: who waited for the same would for ever.
    owners = (key_ring, migrations, sealer, server_roles)
    assert len({owner.LOCK for owner in owners}) == len(owners)
