"""The ``[channel]`` of a receiver's file: what is shown, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from receiver_files import text, written

from zhitong.decisions import Answering
from zhitong.exceptions import ReceiverError
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.reconciliation import terms
from zhitong.infra.settings import Settings
from zhitong.streams.channels import (
    Channel,
    FileChannel,
    FrontEndChannel,
    HttpChannel,
)

PAGE = Path(__file__).parents[2] / "docs" / "channels.md"
SHOWN = re.findall(
    r"^```toml\n(\[channel\].*?)^```",
    PAGE.read_text("utf-8"),
    flags=re.MULTILINE | re.DOTALL,
)
HTTP = """[channel]
kind = "http"
url = "https://share.example.gov.cn/take"
requester = "anze"
interface = "s_1"
"""
FRONT = """[channel]
kind = "front-end"
address = "postgresql://zhitong@10.8.0.5:5432/exchange?sslmode=verify-full"
[channel.of_batch]
answer = "ack"
"""
FILE = """[channel]
kind = "file"
folder = "/srv/exchange/credit/"
"""


def channel_of(folder: Path, block: str) -> Channel:
    """Read the credit system's file with *block* for its channel."""
    config = read_receivers(written(folder, "credit", _reached("credit", block)))
    (found,) = {one.channel for one in config.receivers if one.name == "credit"}
    return found


def _reached(name: str, block: str) -> str:
    """Give the file of *name* with *block* for its channel; none of it is signed."""
    said = re.sub(
        r"^\[channel\].*?(?=^\[\[rules\]\])",
        lambda _: f"{block}\n",
        text(name),
        flags=re.MULTILINE | re.DOTALL,
    )
    said = re.sub(r"^acknowledge = .*\n", "", said, flags=re.MULTILINE)
    return said.replace("[[rules]]\n", "[[rules]]\nacknowledge = { signed = false }\n")


def test_each_channel_in_the_documents_can_be_read(tmp_path: Path) -> None:
    kinds = [type(channel_of(tmp_path, block)) for block in SHOWN]
    assert kinds == [HttpChannel, FrontEndChannel, FileChannel]


def test_what_is_not_said_is_as_the_documents_say(tmp_path: Path) -> None:
    http = channel_of(tmp_path, HTTP)
    assert isinstance(http, HttpChannel)
    shown = channel_of(tmp_path, SHOWN[0])
    assert isinstance(shown, HttpChannel)
    for name in ("family", "taken", "seconds", "at_once", "authorities"):
        assert getattr(http, name) == getattr(shown, name), name
    front = channel_of(tmp_path, FRONT)
    assert isinstance(front, FrontEndChannel)
    assert front.tables.of_batch == Answering(answer="ack")
    assert front.tables.of_row == Answering()


@pytest.mark.parametrize(
    ("block", "place"),
    [
        (HTTP, "https://share.example.gov.cn/take"),
        (FRONT, "postgresql://10.8.0.5:5432/exchange/public"),
        (FILE, "file:///srv/exchange/credit"),
    ],
    ids=["http", "front-end", "file"],
)
def test_a_place_is_an_address_without_who_we_are(
    tmp_path: Path, block: str, place: str
) -> None:
    assert channel_of(tmp_path, block).place == place


def test_who_reads_no_topic_has_none_on_the_broker(tmp_path: Path) -> None:
    config = read_receivers(written(tmp_path, "credit", _reached("credit", HTTP)))
    assert list(config.kafka) == ["provincial"]
    assert not any("credit" in name for name in config.topics)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        pytest.param(HTTP.replace("https", "http"), "https", id="in the clear"),
        pytest.param(HTTP.replace("//", "//me:secret@"), "https", id="a user"),
        pytest.param(f'{HTTP}refused = ["200"]\n', "taken and refused", id="both"),
        pytest.param(f'{HTTP}secret = "x"\n', "secret", id="a key of no channel"),
        pytest.param(f"{HTTP}at_once = 0\n", "at_once", id="nobody"),
        pytest.param(HTTP.replace('"s_1"', '"s 1"'), "interface", id="a blank"),
        pytest.param(HTTP.replace('"anze"', "'a\"b'"), "requester", id="a quote"),
        pytest.param(HTTP.replace('"anze"', '"a\\n"'), "requester", id="a new line"),
        pytest.param(
            FRONT.replace("zhitong@", "zhitong:secret@"), "password", id="a password"
        ),
        pytest.param(
            FRONT.replace("?sslmode", "?password=secret@&sslmode"),
            "password",
            id="a password behind it",
        ),
        pytest.param(FRONT.replace("zhitong@", ""), "address", id="nobody's"),
        pytest.param(
            FRONT.replace("?sslmode=verify-full", ""), "verify-full", id="unproved"
        ),
        pytest.param(
            FRONT.partition("[channel.of_batch]")[0], "of_batch", id="no answers"
        ),
        pytest.param(
            FRONT.replace("[channel.of", 'held = ["rejected"]\n[channel.of'),
            "held and rejected",
            id="a word for both",
        ),
        pytest.param(
            f'{FRONT}[channel.of_row]\nanswer = "ack"\n', "of_row", id="of no table"
        ),
        pytest.param(
            FRONT.replace('"ack"', '"a\\"b"'), "of_batch", id="what ends a name"
        ),
        pytest.param(FILE.replace('"/srv', '"srv'), "folder", id="somewhere"),
        pytest.param(FILE.replace('"file"', '"fax"'), "kind", id="no channel"),
        pytest.param(FILE.replace("/credit", "/../credit"), "folder", id="up"),
        pytest.param(FILE.replace("/credit", "//credit"), "folder", id="twice"),
        pytest.param(FILE.replace("/credit", "/./credit"), "folder", id="a dot"),
    ],
)
def test_what_will_not_do_is_named_without_the_secret(
    tmp_path: Path, block: str, said: str
) -> None:
    with pytest.raises(ReceiverError) as found:
        channel_of(tmp_path, block)
    assert said in str(found.value)
    assert "secret@" not in str(found.value)


def test_two_receivers_have_no_place_in_common(tmp_path: Path) -> None:
    folder = written(tmp_path, "credit", _reached("credit", FILE))
    other = folder / "provincial.toml"
    other.write_text(_reached("provincial", FILE), "utf-8")
    with pytest.raises(ReceiverError, match="one topic, address or folder"):
        read_receivers(folder)


def test_who_neither_signs_nor_is_sealed_to_has_no_key_to_give(
    tmp_path: Path,
) -> None:
    assert read_receivers().keyed == {"credit", "provincial"}
    # A front-end database cannot sign, and the province has no ID numbers.
    said = _reached("provincial", FRONT)
    config = read_receivers(written(tmp_path, "provincial", said))
    assert config.keyed == {"credit"}
    # What is sealed needs one, whoever signs.
    other = tmp_path / "other"
    config = read_receivers(written(other, "credit", _reached("credit", FRONT)))
    assert config.keyed == {"credit", "provincial"}


def test_no_folder_lies_in_another_receiver_s(tmp_path: Path) -> None:
    folder = written(tmp_path, "credit", _reached("credit", FILE))
    inner = FILE.replace("/credit/", "/credit/ack")
    other = folder / "provincial.toml"
    other.write_text(_reached("provincial", inner), "utf-8")
    with pytest.raises(ReceiverError, match="provincial's folder lies in that of"):
        read_receivers(folder)
    # A name that begins alike is another folder.
    beside = FILE.replace("/credit/", "/credit-ack")
    other.write_text(_reached("provincial", beside), "utf-8")
    assert len(read_receivers(folder).receivers) == 2


def test_a_front_end_database_cannot_sign(tmp_path: Path) -> None:
    said = _reached("credit", FRONT).replace("acknowledge = { signed = false }\n", "")
    with pytest.raises(ReceiverError, match="cannot be signed"):
        read_receivers(written(tmp_path, "credit", said))


def test_of_who_reads_no_topic_the_register_and_receipts_are_reconciled(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path, "credit", _reached("credit", FILE))
    found = terms(Settings(receivers=folder))
    assert list(found.topics) == ["provincial"]
    assert found.others == {"credit"}
    assert found.receivers == {"credit", "provincial"}
    alone = terms(Settings(receivers=folder), ["provincial"])
    assert alone.receivers == {"provincial"}
