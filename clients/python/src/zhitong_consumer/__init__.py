"""A receiver's consumer of Zhitong's events 执通事件的接收端.

It depends on nothing of the platform's: written from docs/streams.md.
"""

from zhitong_consumer.access import Access
from zhitong_consumer.consumer import Consumer, Stated, Taken
from zhitong_consumer.events import (
    About,
    Annotation,
    Change,
    Event,
    Happened,
    NotAnEventError,
    Notice,
    Place,
    Version,
    Vouched,
)
from zhitong_consumer.inbox import Held, Inbox, SqliteInbox
from zhitong_consumer.keys import (
    KeysError,
    PublicKey,
    ReceiverKeys,
    UnsealError,
    bureau_keys,
    platform_keys,
)
from zhitong_consumer.receipts import Answer, Receipt, Rejection
from zhitong_consumer.reconciliation import Agreement, Signature, Window
from zhitong_consumer.schemas import Schemas
from zhitong_consumer.statements import vouched

__all__ = [
    "About",
    "Access",
    "Agreement",
    "Annotation",
    "Answer",
    "Change",
    "Consumer",
    "Event",
    "Happened",
    "Held",
    "Inbox",
    "KeysError",
    "NotAnEventError",
    "Notice",
    "Place",
    "PublicKey",
    "Receipt",
    "ReceiverKeys",
    "Rejection",
    "Schemas",
    "Signature",
    "SqliteInbox",
    "Stated",
    "Taken",
    "UnsealError",
    "Version",
    "Vouched",
    "Window",
    "bureau_keys",
    "platform_keys",
    "vouched",
]
