"""What a bureau has signed travels with the event, to whom it tells nothing new."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from receiving import CONFIG, decision, entry

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.signers import (
    ECDSA,
    SM2,
    FileSigner,
    file_signer,
    generate,
    verify_raw,
)
from zhitong.decisions import Arrival, BureauKey, Entry, SignatureState, Signing
from zhitong.exceptions import SettingsError
from zhitong.infra.bureau_keys import Vouching
from zhitong.infra.bureau_signing import sign
from zhitong.rules.statements import content, judge
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.group_reader import Message
from zhitong.streams.intake import Intake
from zhitong.streams.keys import ReceiverKeys

if TYPE_CHECKING:
    from zhitong.decisions import Copy

KEYS = ReceiverKeys.generate("credit")
ENVELOPES = ReceiverEnvelopes(
    CONFIG, {each.name: KEYS.public for each in CONFIG.receivers}
)


def signed(bureau: FileSigner) -> Entry:
    """Give an entry that its bureau has signed."""
    made = entry(decision())
    read: dict[str, Any] = json.loads(content(made, "00" * 32, {}))
    given = Signing(**sign(bureau, {"decision": read["decision"]}))
    key = BureauKey(
        key_id=bureau.key_id,
        unit=made.decision.subject_code,
        algorithm=bureau.algorithm,
        spki=bureau.spki,
        since=datetime.min.replace(tzinfo=UTC),
    )
    held = judge(made, given, {}, [key], verify_raw)
    assert held.state is SignatureState.HOLDS
    return msgspec.structs.replace(made, signature=held)


def sent(copy: Copy) -> dict[str, Any]:
    (event,) = ENVELOPES.events([copy], follows_history=False)
    said: dict[str, Any] = json.loads(event.payload)
    return said


def arrived(copy: Copy, state: Path) -> Arrival:
    (event,) = ENVELOPES.events([copy], follows_history=False)
    message = Message("zhitong.anze.credit.v1", 3, 7, event.payload, "")
    found = Intake(KEYS, Vouching(state)).read(message)
    return found.arrival  # type: ignore[union-attr]  # it is an event of ours


def give(state: Path, bureau: FileSigner, unit: str) -> None:
    """Put a bureau's key where the receiver looks."""
    (state / "bureaus").mkdir(exist_ok=True)
    name = f"{unit}.{bureau.key_id}.pem"
    (state / "bureaus" / name).write_text(pem(PUBLIC, bureau.spki))


@pytest.mark.parametrize("algorithm", [ECDSA, SM2])
def test_a_receiver_with_the_bureau_s_key_knows_that_it_signed(
    tmp_path: Path, algorithm: str
) -> None:
    bureau = file_signer(generate(algorithm))
    made = signed(bureau)
    give(tmp_path, bureau, made.decision.subject_code)
    found = arrived(whole(made, "credit"), tmp_path)
    assert made.signature is not None
    assert found.statement == made.signature.statement
    assert found.signature is SignatureState.HOLDS


def test_a_receiver_without_the_key_keeps_the_statement_all_the_same(
    tmp_path: Path,
) -> None:
    bureau = file_signer(generate(ECDSA))
    give(tmp_path, bureau, "11619900MB0005004U")
    found = arrived(whole(signed(bureau), "credit"), tmp_path)
    assert found.statement
    assert found.signature is SignatureState.KEY_UNKNOWN


def test_the_statement_of_another_event_is_told_from_this_one_s(
    tmp_path: Path,
) -> None:
    bureau = file_signer(generate(ECDSA))
    made = signed(bureau)
    give(tmp_path, bureau, made.decision.subject_code)
    copy = whole(made, "credit")
    (event,) = ENVELOPES.events([copy], follows_history=False)
    said = json.loads(event.payload)
    other = entry(decision(local_id="another"), signature=None)
    (foreign,) = ENVELOPES.events([whole(other, "credit")], follows_history=False)
    swapped = json.loads(foreign.payload) | {"statement": said["statement"]}
    message = Message("t", 3, 7, json.dumps(swapped).encode(), "")
    found = Intake(KEYS, Vouching(tmp_path)).read(message)
    assert found.arrival.signature is SignatureState.DIFFERS  # type: ignore[union-attr]
    said["statement"] = said["statement"][:-6] + "AAAAAA"
    message = Message("t", 3, 7, json.dumps(said).encode(), "")
    found = Intake(KEYS, Vouching(tmp_path)).read(message)
    assert found.arrival.signature is SignatureState.INVALID  # type: ignore[union-attr]


def test_who_is_not_given_what_it_says_is_not_given_the_statement() -> None:
    made = signed(file_signer(generate(ECDSA)))
    assert "statement" in sent(whole(made, "credit"))
    masked = msgspec.structs.replace(
        made, decision=msgspec.structs.replace(made.decision, document_no="")
    )
    copy = msgspec.structs.replace(whole(made, "credit"), entry=masked)
    assert "statement" not in sent(copy)


@pytest.mark.parametrize(
    "state", [one for one in SignatureState if one is not SignatureState.HOLDS]
)
def test_what_does_not_hold_is_not_sent(state: SignatureState) -> None:
    made = signed(file_signer(generate(ECDSA)))
    assert made.signature is not None
    bad = msgspec.structs.replace(made.signature, state=state)
    copy = whole(msgspec.structs.replace(made, signature=bad), "credit")
    assert "statement" not in sent(copy)


def test_an_unsigned_decision_s_event_is_as_it_always_was(tmp_path: Path) -> None:
    copy = whole(entry(decision()), "credit")
    assert "statement" not in sent(copy)
    found = arrived(copy, tmp_path)
    assert (found.statement, found.signature) == ("", None)


def test_a_file_that_is_no_key_keeps_the_receiver_from_starting(
    tmp_path: Path,
) -> None:
    (tmp_path / "bureaus").mkdir()
    (tmp_path / "bureaus" / "x.pem").write_text("no key")
    with pytest.raises(SettingsError, match="no public key"):
        Vouching(tmp_path)
