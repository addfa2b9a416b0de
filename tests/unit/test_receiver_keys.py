from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from zhitong.decisions import Answer, Receipt
from zhitong.exceptions import ReceiptInvalidError, ReceiverError
from zhitong.infra.receiver_keys import (
    make_demo_keys,
    private_keys,
    private_path,
    public_keys,
    public_path,
)
from zhitong.streams.keys import (
    ReceiverKeys,
    seal,
    sign_receipt,
    unseal,
    verify_receipt,
)

CREDIT = ReceiverKeys.generate("credit")
PROVINCIAL = ReceiverKeys.generate("provincial")
ID_NUMBER = "11010519491231002X"
RECEIPT = Receipt(
    event_id=UUID("6f2c4f0e-5a53-4f0e-9d7c-2b8d3e619900"),
    receiver="credit",
    answer=Answer.REJECTED,
    at=datetime(2026, 11, 22, 1, 30, 5, 123456, tzinfo=UTC),
    payload_hash="ab" * 32,
    reasons=("缺少处罚类别 / no kind of penalty",),
)


def forged(header: dict[str, str], said: dict[str, object], key: ECKey) -> str:
    return jws.serialize_compact(header, json.dumps(said).encode(), key, ["ES256"])


def header(keys: ReceiverKeys = CREDIT) -> dict[str, str]:
    return {
        "alg": "ES256",
        "kid": keys.signing[0].thumbprint(),
        "typ": "zhitong-receipt+jws",
    }


def said() -> dict[str, object]:
    built = msgspec.to_builtins(RECEIPT)
    kept = ("receiver", "event_id", "answer", "at", "payload_hash", "reasons")
    return {name: built[name] for name in kept}


def test_what_is_sealed_opens_for_its_receiver_alone() -> None:
    sealed = seal(ID_NUMBER, CREDIT.public)
    assert ID_NUMBER not in sealed
    assert unseal(sealed, CREDIT) == ID_NUMBER
    for other in (PROVINCIAL, CREDIT.public):
        with pytest.raises(ReceiverError):
            unseal(sealed, other)


def test_two_sealings_of_one_number_cannot_be_told_to_be_the_same() -> None:
    first, second = (seal(ID_NUMBER, CREDIT.public) for _ in range(2))
    assert first != second
    assert len(first) == len(second) <= 1024


@pytest.mark.parametrize("part", range(5))
def test_what_was_sealed_and_then_changed_does_not_open(part: int) -> None:
    parts = seal(ID_NUMBER, CREDIT.public).split(".")
    parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    with pytest.raises(ReceiverError):
        unseal(".".join(parts), CREDIT)


def test_a_signed_receipt_comes_back_whole_with_the_key_that_signed_it() -> None:
    signed = sign_receipt(RECEIPT, CREDIT)
    assert verify_receipt(signed, CREDIT.public) == msgspec.structs.replace(
        RECEIPT, key_id=CREDIT.signing[0].thumbprint(), signed=signed
    )


def test_nobody_signs_for_another_receiver() -> None:
    with pytest.raises(ReceiverError):
        sign_receipt(RECEIPT, PROVINCIAL)


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param("", id="nothing"),
        pytest.param("回执", id="words"),
        pytest.param("a.b.c", id="three words"),
        pytest.param("." * 70_000, id="very long"),
        pytest.param(sign_receipt(RECEIPT, CREDIT)[:-4] + "AAAA", id="other signature"),
        pytest.param(
            forged(header(), said(), PROVINCIAL.signing[0]), id="the key of another"
        ),
        pytest.param(
            forged(header(PROVINCIAL), said(), PROVINCIAL.signing[0]),
            id="a key not registered",
        ),
        pytest.param(
            forged(header() | {"typ": "JWT"}, said(), CREDIT.signing[0]),
            id="a token, not a receipt",
        ),
        pytest.param(
            forged(header(), said() | {"receiver": "provincial"}, CREDIT.signing[0]),
            id="in the name of another",
        ),
        pytest.param(
            forged(header(), said() | {"answer": "PERHAPS"}, CREDIT.signing[0]),
            id="no answer there is",
        ),
        pytest.param(
            forged(header(), said() | {"more": 1}, CREDIT.signing[0]), id="more"
        ),
        pytest.param(
            forged(header(), said() | {"at": "2026-11-22T01:30:05"}, CREDIT.signing[0]),
            id="a time without a zone",
        ),
        pytest.param(
            jws.serialize_compact(
                header() | {"alg": "HS256"},
                json.dumps(said()).encode(),
                OctKey.import_key(json.dumps(CREDIT.public.signing[0].as_dict())),
                ["HS256"],
            ),
            id="the public key as a shared secret",
        ),
    ],
)
def test_what_is_not_signed_as_it_must_be_is_no_receipt(signed: str) -> None:
    with pytest.raises(ReceiptInvalidError):
        verify_receipt(signed, CREDIT.public)


def test_a_new_key_signs_and_the_old_one_is_still_known() -> None:
    new = ReceiverKeys.generate("credit")
    both = replace(
        new,
        sealing=new.sealing + CREDIT.sealing,
        signing=new.signing + CREDIT.signing,
    )
    old = verify_receipt(sign_receipt(RECEIPT, CREDIT), both.public)
    assert old.key_id == CREDIT.signing[0].thumbprint()
    fresh = verify_receipt(sign_receipt(RECEIPT, both), both.public)
    assert fresh.key_id == new.signing[0].thumbprint()
    assert unseal(seal("旧", CREDIT.public), both) == "旧"
    assert unseal(seal("新", both.public), new) == "新"


def test_private_keys_lie_where_only_their_owner_reads(tmp_path: Path) -> None:
    private, public = tmp_path / "credit.private.json", tmp_path / "credit.public.json"
    assert CREDIT.save(private)
    assert CREDIT.public.save(public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert '"d"' in private.read_text("utf-8")
    assert '"d"' not in public.read_text("utf-8")
    sealed = seal(ID_NUMBER, ReceiverKeys.load(public))
    assert unseal(sealed, ReceiverKeys.load(private)) == ID_NUMBER
    assert sorted(tmp_path.iterdir()) == [private, public]


def test_keys_that_are_there_are_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "credit.private.json"
    assert CREDIT.save(path)
    before = path.read_bytes()
    assert not ReceiverKeys.generate("credit").save(path)
    assert path.read_bytes() == before


def test_private_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "credit.private.json"
    CREDIT.save(path)
    path.chmod(0o640)
    with pytest.raises(ReceiverError, match="chmod 600"):
        ReceiverKeys.load(path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{}", id="nobody's"),
        pytest.param('{"receiver":"credit","keys":[]}', id="no keys"),
        pytest.param('{"receiver":"credit","keys":[{"kty":"EC"}]}', id="half a key"),
        pytest.param(
            json.dumps(
                {
                    "receiver": "credit",
                    "keys": [CREDIT.signing[0].as_dict(private=False) | {"crv": "SM2"}],
                }
            ),
            id="a curve nobody here knows",
        ),
        pytest.param(
            json.dumps(
                {
                    "receiver": "credit",
                    "keys": [CREDIT.signing[0].as_dict(private=False)],
                }
            ),
            id="one use alone",
        ),
        pytest.param(
            json.dumps(
                {
                    "receiver": "credit",
                    "keys": [
                        ECKey.generate_key("P-384", {"use": use}).as_dict(private=False)
                        for use in ("enc", "sig")
                    ],
                }
            ),
            id="another curve",
        ),
    ],
)
def test_a_damaged_key_file_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "credit.public.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReceiverError, match=r"credit\.public\.json"):
        ReceiverKeys.load(path)
    with pytest.raises(ReceiverError, match=r"other\.public\.json"):
        ReceiverKeys.load(tmp_path / "other.public.json")


def test_demo_keys_are_made_once_and_found_under_their_names(tmp_path: Path) -> None:
    make_demo_keys(tmp_path, ["credit"])
    made = private_path(tmp_path, "credit").read_bytes()
    public_path(tmp_path, "credit").unlink()
    make_demo_keys(tmp_path, ["credit", "provincial"])
    assert private_path(tmp_path, "credit").read_bytes() == made
    public = public_keys(tmp_path, ["credit", "provincial"])
    assert list(public) == ["credit", "provincial"]
    sealed = seal(ID_NUMBER, public["credit"])
    assert unseal(sealed, private_keys(tmp_path, "credit")) == ID_NUMBER


def test_a_public_key_that_is_missing_is_asked_for_and_not_made(
    tmp_path: Path,
) -> None:
    make_demo_keys(tmp_path, ["provincial"])
    with pytest.raises(ReceiverError, match=r"give its public file") as refused:
        public_keys(tmp_path, ["provincial", "credit"])
    assert "credit.public.json" in str(refused.value)
    assert not private_path(tmp_path, "credit").exists()


def test_no_private_key_is_made_for_a_public_one_that_was_given(
    tmp_path: Path,
) -> None:
    make_demo_keys(tmp_path, ["credit"])
    private_path(tmp_path, "credit").unlink()
    given = public_path(tmp_path, "credit").read_bytes()
    make_demo_keys(tmp_path, ["credit"])
    assert not private_path(tmp_path, "credit").exists()
    assert public_path(tmp_path, "credit").read_bytes() == given


def test_the_keys_of_one_receiver_do_not_serve_for_another(tmp_path: Path) -> None:
    make_demo_keys(tmp_path, ["credit"])
    public_path(tmp_path, "credit").rename(public_path(tmp_path, "provincial"))
    with pytest.raises(ReceiverError, match="credit's and not provincial's"):
        public_keys(tmp_path, ["provincial"])
