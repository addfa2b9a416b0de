"""``zhitong-consumer``: reads a topic and prints a line of JSON for each record.

The same words and lines as the examples in Java and Node. Exit code: 0 everything
holds, 1 something does not (its line says what), 2 it could not be read.
"""

from __future__ import annotations

import argparse
import json
import logging
import sqlite3
import sys
from pathlib import Path

from kafka.errors import KafkaError

from zhitong_consumer.access import Access
from zhitong_consumer.consumer import Consumer, Stated, Taken
from zhitong_consumer.events import ANNOTATION, Annotation, Notice, Vouched
from zhitong_consumer.inbox import SqliteInbox
from zhitong_consumer.keys import KeysError, ReceiverKeys, bureau_keys, platform_keys
from zhitong_consumer.reconciliation import Agreement, Signature
from zhitong_consumer.schemas import Schemas

_FORGETS = ":memory:"
_GOOD = frozenset({Vouched.NONE, Vouched.HOLDS})


class Printer:
    """Prints what is told, and remembers whether all of it holds."""

    def __init__(self) -> None:
        self.good = True

    def __call__(self, told: Taken | Stated) -> None:
        """Print one or more lines."""
        if isinstance(told, Taken):
            self._taken(told)
        else:
            self._stated(told)

    def _taken(self, told: Taken) -> None:
        version = told.version
        if version is None:
            place = {"partition": told.place.partition, "offset": told.place.offset}
            self._say("unreadable", good=False, **place)
            return
        said: dict[str, object] = {
            "id": str(version.id),
            "decision": str(version.decision_id),
            "version": version.version,
            "digest": version.digest,
            "answer": told.answer,
        }
        if isinstance(version, Annotation):
            self._say(
                "annotation",
                good=not told.faults,
                change=ANNOTATION,
                happened=version.happened,
                cause=str(version.cause),
                expected=version.expected,
                faults=list(told.faults),
                **said,
            )
            return
        said["change"] = version.change
        if isinstance(version, Notice):
            self._say("notice", good=True, why=version.why, **said)
            return
        good = told.vouched in _GOOD and not told.faults
        self._say(
            "event",
            good=good,
            table=version.table,
            bureau=told.vouched,
            faults=list(told.faults),
            **said,
        )

    def _stated(self, told: Stated) -> None:
        window, signature = told.window, told.signature
        if window is None:
            place = {"partition": told.place.partition, "offset": told.place.offset}
            self._say("statement", good=False, signature=signature, **place)
            return
        good = signature is Signature.HOLDS and told.agreement is Agreement.AGREES
        self._say(
            "statement",
            good=good,
            signature=signature,
            of=window.partition,
            start=window.start,
            end=window.end,
            records=window.records,
            agreement=told.agreement,
        )
        for offset, name in told.foreign:
            place = {"partition": window.partition, "offset": offset}
            self._say("foreign", good=False, id=name, **place)

    def _say(self, kind: str, *, good: bool, **said: object) -> None:
        self.good = self.good and good
        line = {"kind": kind} | said
        text = json.dumps(
            line, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main() -> int:
    """Do what the command line says; give the exit code."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    given = _arguments()
    printer = Printer()
    try:
        keys = ReceiverKeys.load(given.keys)
        inbox = SqliteInbox(given.inbox)
        consumer: Consumer[sqlite3.Connection] = Consumer(
            access=Access(
                bootstrap=given.bootstrap,
                protocol=given.protocol,
                mechanism=given.mechanism,
                user=given.user,
                password_file=given.password_file,
                ca=given.ca,
            ),
            keys=keys,
            inbox=inbox,
            handle=lambda _session, _event: None,
            annotate=lambda _session, _annotation: None,
            tenant=given.tenant,
            topic=given.topic,
            group=given.group,
            receipts=given.answer,
            statements=given.statements,
            bureaus=bureau_keys(given.bureaus),
            platform=platform_keys(given.platform),
            schemas=Schemas.load(given.schemas) if given.schemas else None,
            tell=printer,
        )
        # What forgets has to begin anew, and must not say that it has gone on.
        forgets = given.inbox == _FORGETS
        consumer.run(from_the_beginning=forgets, to_the_end=not given.follow)
    except KeyboardInterrupt:
        pass
    except (KafkaError, KeysError, OSError) as error:
        sys.stderr.write(f"读不了 cannot be read: {type(error).__name__}: {error}\n")
        return 2
    return 0 if printer.good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zhitong-consumer")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--protocol", default="SASL_SSL")
    parser.add_argument("--mechanism", default="SCRAM-SHA-512")
    parser.add_argument("--user", default="")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--statements", default="")
    parser.add_argument("--group", required=True)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--bureaus", type=Path)
    parser.add_argument("--platform", type=Path)
    parser.add_argument("--schemas", type=Path)
    parser.add_argument("--answer", default="")
    parser.add_argument("--inbox", default=_FORGETS)
    parser.add_argument("--follow", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
