"""Bureaus' public keys on a receiver's side: it believes those it was given itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from zhitong.connectors.key_forms import PUBLIC, KeyFormError, from_pem
from zhitong.connectors.signers import algorithm_of, key_id, verify_raw
from zhitong.decisions import BureauKey, SignatureState
from zhitong.exceptions import SettingsError
from zhitong.rules.statements import vouched
from zhitong.streams.cloud_events import DecisionEvent

FOLDER = "bureaus"
"""Of the receiver's state: a PEM for each key, ``<credit code>.<anything>.pem``."""
_EVER = datetime.min.replace(tzinfo=UTC)


class Vouching:
    """Says what the bureau's signature on an event is worth, by the keys there are."""

    def __init__(self, state: Path) -> None:
        """Read the keys; raise `SettingsError` for a file that is none."""
        self._keys: Sequence[BureauKey] = [
            _key(path) for path in sorted((state / FOLDER).glob("*.pem"))
        ]

    def __call__(self, event: DecisionEvent) -> SignatureState | None:
        """Weigh the statement of *event*; None where there is none."""
        if not event.statement:
            return None
        named = str(event.decision_id), event.change
        return vouched(event.statement, named, self._keys, verify_raw)


def _key(path: Path) -> BureauKey:
    try:
        spki = from_pem(PUBLIC, path.read_text("ascii"))
        algorithm = algorithm_of(spki)
    except (OSError, UnicodeDecodeError, KeyFormError) as error:
        raise SettingsError(
            f"{path} 不是 P-256 或 SM2 公钥的 PEM",
            f"{path} is no public key of P-256 or SM2 in PEM",
        ) from error
    return BureauKey(
        key_id=key_id(spki),
        unit=path.name.partition(".")[0],
        algorithm=algorithm,
        spki=spki,
        since=_EVER,
    )
