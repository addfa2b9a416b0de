"""Who sends to us: the file beside the receivers' folder, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from receiver_files import replaced, with_examples

from zhitong.exceptions import ReceiverError
from zhitong.infra.inbound_file import INBOUND, read_senders
from zhitong.infra.receiver_keys import public_path
from zhitong.infra.receivers_file import RECEIVERS, read_receivers
from zhitong.infra.receiving import Rereading
from zhitong.infra.settings import Settings
from zhitong.streams.confidence import Confidence
from zhitong.streams.keys import ReceiverKeys

SHIPPED = RECEIVERS.with_name(INBOUND).read_text("utf-8")


def test_without_the_file_nobody_sends_and_beside_the_folder_it_is_read(
    tmp_path: Path,
) -> None:
    folder = with_examples(tmp_path)
    assert read_receivers(folder).inbound == ()
    (tmp_path / INBOUND).write_text(SHIPPED, "utf-8")
    found = read_receivers(folder).inbound
    assert [one.name for one in found] == ["credit", "provincial"]
    assert {one.confidence for one in found} == {Confidence.PUBLIC}
    assert found == read_receivers().inbound


def test_a_key_file_that_is_half_written_takes_no_key_away(tmp_path: Path) -> None:
    (sender,) = (one for one in read_receivers().inbound if one.name == "credit")
    read = Rereading(Settings(state=tmp_path), sender)
    assert read().keys is None  # none is registered yet
    path = public_path(tmp_path, "credit")
    for keys in (ReceiverKeys.generate("credit"), ReceiverKeys.generate("credit")):
        path.unlink(missing_ok=True)  # no key is ever written over
        keys.public.save(path)
        found = read().keys
        assert found is not None
        (known,), (made,) = found.signing, keys.signing
        assert known.thumbprint() == made.thumbprint()
        path.write_text("{", "utf-8")
        assert read().keys is found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param('"PUBLIC"', '"published"', "confidence", id="another's word"),
        pytest.param('name = "credit"', 'name = "relay"', "relay", id="our own name"),
        pytest.param(
            'name = "provincial"', 'name = "credit"', "twice", id="the same twice"
        ),
        pytest.param("partitions = 6", "partition = 6", "partition", id="misspelt"),
        pytest.param('"listing.entered"', '"listing.made"', "listing.made", id="type"),
    ],
)
def test_a_file_that_says_what_it_may_not_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / INBOUND
    path.write_text(replaced(SHIPPED, old, new), "utf-8")
    with pytest.raises(ReceiverError, match=says):
        read_senders(path, "anze")
