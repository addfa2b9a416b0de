"""Every error a caller can meet: a code, both languages, what to do next.

Each code has a page under docs/errors; tests/unit/test_docs.py compares.
"""

from __future__ import annotations

import traceback
from typing import ClassVar

from zhitong.types import Label

LONGEST_OUTLINE = 100
"""Lines; a chain of causes can be a ring."""


class ZhitongError(Exception):
    """Something we can explain."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    retriable: ClassVar[bool] = False

    def __init__(self, zh: str, en: str, **details: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.label = Label(zh, en)
        self.details = details
        """What a program needs of it, as the hash that is stored."""

    def __reduce__(self) -> tuple[object, ...]:
        """Let it come out of another process as it was raised there."""
        return _again, (type(self), self.label, self.details)


def _again(
    error: type[ZhitongError], label: Label, details: dict[str, str]
) -> ZhitongError:
    return error(label.zh, label.en, **details)


# --- the request -------------------------------------------------------------


class RequestError(ZhitongError):
    """The request cannot be taken as it is."""

    status = 400


class BodyMalformedError(RequestError):
    """The body is not the JSON object GraphQL over HTTP asks for."""

    code = "BODY_MALFORMED"


class BodyTooLargeError(RequestError):
    """The body is larger than the gateway reads."""

    code = "BODY_TOO_LARGE"
    status = 413


class BodyTooDeepError(RequestError):
    """The JSON is nested deeper than the gateway reads."""

    code = "BODY_TOO_DEEP"


class MethodNotAllowedError(RequestError):
    """The address does not answer this method."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class MediaTypeError(RequestError):
    """The content type is not JSON."""

    code = "MEDIA_TYPE"
    status = 415


class DocumentInvalidError(RequestError):
    """The GraphQL document cannot be parsed or does not fit the schema."""

    code = "DOCUMENT_INVALID"


class DocumentTooDeepError(RequestError):
    """The document is nested deeper, or longer, than the gateway runs."""

    code = "DOCUMENT_TOO_DEEP"


class CostExceededError(RequestError):
    """The document would cost more than this client may ask at once."""

    code = "COST_EXCEEDED"


class IntrospectionDeniedError(RequestError):
    """The client may not read the schema by asking for it."""

    code = "INTROSPECTION_DENIED"
    status = 403


class DocumentUnknownError(RequestError):
    """No trusted document of this hash is there for the client."""

    code = "DOCUMENT_UNKNOWN"
    status = 404


class PersistedQueryNotFoundError(RequestError):
    """The client has not sent the text of this hash, or it is forgotten since."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    status = 404

    def __str__(self) -> str:
        """Give the word by which clients of the public protocol know it."""
        return "PersistedQueryNotFound"


class DocumentNotTrustedError(RequestError):
    """The client may ask trusted documents only, and this is none."""

    code = "DOCUMENT_NOT_TRUSTED"
    status = 403


class DocumentsUnavailableError(RequestError):
    """The register of trusted documents does not answer."""

    code = "DOCUMENTS_UNAVAILABLE"
    status = 503
    retriable = True


class AcceptMissingError(RequestError):
    """A question by GET does not name JSON among what it accepts."""

    code = "ACCEPT_MISSING"
    status = 406


class RateLimitedError(RequestError):
    """The client asks faster, or more at once, than its allowance."""

    code = "RATE_LIMITED"
    status = 429
    retriable = True


class OccasionMalformedError(RequestError):
    """A purpose, basis or cause header cannot be read."""

    code = "OCCASION_MALFORMED"


class LiveTooManyError(RequestError):
    """The caller has as many live pages open as one may have."""

    code = "LIVE_TOO_MANY"
    status = 429
    retriable = True


class SubscriptionsTooManyError(RequestError):
    """The caller has as many subscriptions open as one may have."""

    code = "SUBSCRIPTIONS_TOO_MANY"
    status = 429
    retriable = True


# --- who asks ----------------------------------------------------------------


class TokenError(RequestError):
    """We do not know who asks."""

    status = 401
    reason: str = ""
    """Which check failed: for our own log alone."""
    issuer: str = ""
    """Whose token it was, by the name in our own file."""


class TokenMissingError(TokenError):
    """There is no token."""

    code = "TOKEN_MISSING"


class TokenExpiredError(TokenError):
    """The token's time is over."""

    code = "TOKEN_EXPIRED"


class TokenInvalidError(TokenError):
    """The token is not one of a known issuer's."""

    code = "TOKEN_INVALID"


class TokenUnboundError(TokenError):
    """The token belongs to a client certificate that did not come with it."""

    code = "TOKEN_UNBOUND"


class TokenReplayedError(TokenError):
    """The token has been used for a change before, or by somebody else."""

    code = "TOKEN_REPLAYED"


class CertificateUntrustedError(TokenError):
    """Somebody who is no proxy of ours says which certificate a client has."""

    code = "CERTIFICATE_UNTRUSTED"


class IssuerUnavailableError(ZhitongError):
    """The keys of the token's issuer cannot be had, so nobody can be believed."""

    code = "ISSUER_UNAVAILABLE"
    status = 503
    retriable = True


class ForbiddenError(RequestError):
    """The caller's role does not include this operation."""

    code = "FORBIDDEN"
    status = 403


# --- the question ------------------------------------------------------------


class QuestionError(ZhitongError):
    """An argument of a field is wrong; the rest of the answer stands."""

    status = 200


class CursorMalformedError(QuestionError):
    """The cursor is not one of ours, or was changed."""

    code = "CURSOR_MALFORMED"


class CursorElsewhereError(QuestionError):
    """The cursor belongs to another list: other type, order or parent."""

    code = "CURSOR_ELSEWHERE"


class CursorForeignError(QuestionError):
    """The cursor was given to another principal."""

    code = "CURSOR_FOREIGN"


class PageSizeError(QuestionError):
    """The page size is outside what is served."""

    code = "PAGE_SIZE"


class SearchTermError(QuestionError):
    """The name to search for is too short to be bounded."""

    code = "SEARCH_TERM"


class NodeIdError(QuestionError):
    """The id is not a node id of this graph."""

    code = "NODE_ID"


class RepresentationError(QuestionError):
    """A federated router names an entity by no key that its type has."""

    code = "REPRESENTATION"


class CreditCodeError(QuestionError):
    """The text is no unified social credit code (GB 32100)."""

    code = "CREDIT_CODE"


class ScalarError(QuestionError):
    """The text is no date, amount or division code."""

    code = "SCALAR"


class FieldHiddenError(QuestionError):
    """A field the caller may not see cannot be filtered, sorted or grouped by."""

    code = "FIELD_HIDDEN"


class NarrowingError(QuestionError):
    """Counts were narrowed repeatedly; new conditions are refused for a while."""

    code = "NARROWING"


class TooWideError(QuestionError):
    """A filter across sources matches more keys than one question may carry."""

    code = "TOO_WIDE"


# --- decisions ---------------------------------------------------------------


class DecisionError(ZhitongError):
    """A decision is not taken into the ledger as it was sent; nothing was changed."""

    status = 200


class DecisionUnidentifiedError(DecisionError):
    """It does not say who decided, under which number, or about whom."""

    code = "DECISION_UNIDENTIFIED"


class DecisionFormatError(DecisionError):
    """A value cannot be what it should be: a negative amount, a day to come."""

    code = "DECISION_FORMAT"


class DecisionDuplicateError(DecisionError):
    """The same agency, document number and party stand there under another id."""

    code = "DECISION_DUPLICATE"


class DecisionConflictError(DecisionError):
    """The same id stands there with other content."""

    code = "DECISION_CONFLICT"


class DecisionStaleError(DecisionError):
    """The version it is to follow is not the present one."""

    code = "DECISION_STALE"


class DecisionUnknownError(DecisionError):
    """There is no such decision."""

    code = "DECISION_UNKNOWN"


class DecisionForeignError(DecisionError):
    """The case is not the caller's."""

    code = "DECISION_FOREIGN"
    status = 403


class ProceedingError(ZhitongError):
    """A reconsideration or lawsuit that cannot be recorded so."""

    code = "PROCEEDING"
    status = 200


class LedgerUnavailableError(ZhitongError):
    """The ledger did not answer; whether it committed is found by trying again."""

    code = "LEDGER_UNAVAILABLE"
    status = 503
    retriable = True


class CaptureError(ZhitongError):
    """A capture cannot run so, or there is nothing of this name to be settled."""

    code = "CAPTURE"


class CaptureRowError(ZhitongError):
    """A captured row is not what it was: somebody has to look; no other row waits."""


class CaptureKeyReusedError(CaptureRowError):
    """Under a known key stands another decision."""

    code = "CAPTURE_KEY_REUSED"


class CaptureKeyTwiceError(CaptureRowError):
    """A key stands in several rows, or in none of them."""

    code = "CAPTURE_KEY_TWICE"


class CaptureBackwardsError(CaptureRowError):
    """A row has changed, and its version is older than when it was seen."""

    code = "CAPTURE_BACKWARDS"


class CaptureManyError(CaptureRowError):
    """More decisions would be changed at once than may be without asking."""

    code = "CAPTURE_MANY"


class CaptureRowGoneError(CaptureRowError):
    """A row that was registered is gone, or is no decision any more."""

    code = "CAPTURE_ROW_GONE"


class CaptureRevivedError(CaptureRowError):
    """A decision is withdrawn in the ledger and stands in the department's table."""

    code = "CAPTURE_REVIVED"


class CaptureDiffersError(CaptureRowError):
    """The department has registered by itself what its table says otherwise."""

    code = "CAPTURE_DIFFERS"


class StandbyError(ZhitongError):
    """What was to be done to primary, standby or backup is not possible as it is."""

    code = "STANDBY"


class PressureError(ZhitongError):
    """So much waits for a receiver, or so long, that it is said; nothing is lost."""

    code = "PRESSURE"
    retriable = True


class UndeliveredError(ZhitongError):
    """A decision is registered, and what it makes will not arrive for long yet."""

    code = "UNDELIVERED"
    retriable = True


class DatabaseFullError(ZhitongError):
    """The platform's database has nearly the size it may have."""

    code = "DATABASE_FULL"
    retriable = True


# --- grants ------------------------------------------------------------------


class GrantError(ZhitongError):
    """A step in the life of a grant that is not taken; nothing was changed."""

    status = 200


class GrantFormError(GrantError):
    """An application or a step lacks something, or has what cannot be."""

    code = "GRANT_FORM"


class GrantPurposeError(GrantError):
    """The purpose is none that the policy defines."""

    code = "GRANT_PURPOSE"


class GrantBeyondError(GrantError):
    """More is asked for than the owner has in the catalogue, or may share."""

    code = "GRANT_BEYOND"


class GrantReceiverError(GrantError):
    """The receiver is none of the applying unit's."""

    code = "GRANT_RECEIVER"


class GrantUnreviewedError(GrantError):
    """Earlier emergencies of the same person wait for a review that is overdue."""

    code = "GRANT_UNREVIEWED"


class GrantUnknownError(GrantError):
    """There is no such application, or it is none of the caller's business."""

    code = "GRANT_UNKNOWN"


class GrantStateError(GrantError):
    """The step cannot be taken from where the application is."""

    code = "GRANT_STATE"


class GrantOwnError(GrantError):
    """Nobody decides an application of his own, or of his unit."""

    code = "GRANT_OWN"
    status = 403


class GrantExpiredError(GrantError):
    """The period that was asked for is over."""

    code = "GRANT_EXPIRED"


class GrantStaleError(GrantError):
    """The step is about a version that is not the present one."""

    code = "GRANT_STALE"


class GrantConflictError(GrantError):
    """Another application stands under the same id."""

    code = "GRANT_CONFLICT"


class PublicationError(ZhitongError):
    """A step of a publication that is not taken; nothing was changed."""

    status = 200


class PublicationFormError(PublicationError):
    """A step lacks something, or has what cannot be."""

    code = "PUBLICATION_FORM"


class PublicationStateError(PublicationError):
    """The step cannot be taken from where the publication is."""

    code = "PUBLICATION_STATE"


class PublicationStaleError(PublicationError):
    """The step is about a version that is not the present one."""

    code = "PUBLICATION_STALE"


class PublicationOwnError(PublicationError):
    """Nobody reviews what he has collected himself."""

    code = "PUBLICATION_OWN"
    status = 403


class PublicationUnknownError(PublicationError):
    """There is no such decision or channel, or it is none of the caller's unit."""

    code = "PUBLICATION_UNKNOWN"


# --- streams -----------------------------------------------------------------


class StreamError(ZhitongError):
    """Something between the outbox and a receiver."""


class BrokerUnavailableError(StreamError):
    """The broker does not take or give events; what waits, waits."""

    code = "BROKER_UNAVAILABLE"
    status = 503
    retriable = True


class TopicMissingError(BrokerUnavailableError):
    """The broker has no topic of the configured name."""

    code = "TOPIC_MISSING"


class TopicPartitionsError(BrokerUnavailableError):
    """The topic has another number of partitions than configured: cases lose order."""

    code = "TOPIC_PARTITIONS"


class ReceiverUnavailableError(StreamError):
    """A receiver takes nothing by its channel for now; what waits for it, waits."""

    code = "RECEIVER_UNAVAILABLE"
    status = 503
    retriable = True


class ReceiverAnswerError(ReceiverUnavailableError):
    """The receiver answered and has not taken it: an error page, no acknowledgement."""

    code = "RECEIVER_ANSWER"


class ReceiverTableError(ReceiverUnavailableError):
    """A receiver's front-end database has not the tables and columns we write."""

    code = "RECEIVER_TABLE"


class EventPoisonError(StreamError):
    """The event itself can never be sent: it is too large, or not of its form."""

    code = "EVENT_POISON"


class ErasureError(ZhitongError):
    """An erasure is not ordered as it must be, or there is nobody to erase."""

    code = "ERASURE"


class ReplayError(StreamError):
    """A replay was not ordered as it must be, or there is nothing to replay."""

    code = "REPLAY"


class ReceiverError(StreamError):
    """A receiver's configuration or keys are wrong."""

    code = "RECEIVER"


class SchemasError(StreamError):
    """Published documents of events are not as they were released, or not readable."""

    code = "SCHEMAS"


class InboxUnavailableError(StreamError):
    """A receiver's own database does not answer; what came stays on the topic."""

    code = "INBOX_UNAVAILABLE"
    status = 503
    retriable = True


class ReceiptInvalidError(StreamError):
    """What came is no receipt, or not signed by the receiver it names."""

    code = "RECEIPT_INVALID"


class InboundError(StreamError):
    """What was asked to be done with a message that others sent us cannot be."""

    code = "INBOUND"


class WorkError(StreamError):
    """What was asked to be done with work cannot be."""

    code = "WORK"


# --- sources -----------------------------------------------------------------


class SourceError(ZhitongError):
    """A department's system could not answer; the others still do."""

    code = "SOURCE_UNAVAILABLE"
    status = 503
    retriable = True


class SourceTimeoutError(SourceError):
    """A department's system did not answer in time."""

    code = "SOURCE_TIMEOUT"


class SourceOpenError(SourceError):
    """A department's system failed repeatedly and is left alone for a while."""

    code = "SOURCE_RESTING"


class SourceDriftError(SourceError):
    """A table or column that a binding names is no longer there."""

    code = "SOURCE_DRIFT"
    retriable = False


# --- set-up and duty ---------------------------------------------------------


class BindingError(ZhitongError):
    """A binding is wrong; the message names file, line and field."""

    code = "BINDING"
    status = 422


class PolicyError(ZhitongError):
    """The policy's rules are wrong; the message names file and rule."""

    code = "POLICY"


class ChecksError(ZhitongError):
    """The configuration of the checks is wrong; the message names file and check."""

    code = "CHECKS"


class CalendarError(ZhitongError):
    """The file of working days and clocks is wrong; the message says where."""

    code = "CALENDAR"


class FiguresError(ZhitongError):
    """A file of figures is wrong; the message names file and figure."""

    code = "FIGURES"


class DutiesError(ZhitongError):
    """A file of duties is wrong; the message names file and duty."""

    code = "DUTIES"


class PublicityError(ZhitongError):
    """A file of publicity is wrong; the message names file and channel."""

    code = "PUBLICITY"


class ClientsError(ZhitongError):
    """The configuration of what clients may ask is wrong; the message says where."""

    code = "CLIENTS"


class CatalogueFileError(ZhitongError):
    """An exchange file of the catalogue is wrong; the message says in which places."""

    code = "CATALOGUE_FILE"


class CatalogueReviewError(ZhitongError):
    """A version of the catalogue cannot be reviewed so; nothing was changed."""

    code = "CATALOGUE_REVIEW"
    status = 200


class SettingsError(ZhitongError):
    """A setting is missing or wrong."""

    code = "SETTINGS"


class TenantError(ZhitongError):
    """A database, rule file or store belongs to another tenant, or to another use."""

    code = "TENANT"


class EmbeddedError(ZhitongError):
    """An embedded server could not be started or stopped."""

    code = "EMBEDDED"


class RecordUnavailableError(ZhitongError):
    """The look cannot be recorded, so protected data is not given."""

    code = "RECORD_UNAVAILABLE"
    status = 503
    retriable = True


class SpoolFullError(RecordUnavailableError):
    """The register is away, and what is kept here until it is back is full too."""

    code = "SPOOL_FULL"


class GrantEndedError(ZhitongError):
    """A sharing grant that the answer rests on ended before it left."""

    code = "GRANT_ENDED"
    status = 403


class EvidenceStaleError(ZhitongError):
    """Looks have had no countersigned proof for too long; protected data is held."""

    code = "EVIDENCE_STALE"
    status = 503
    retriable = True


class WitnessError(ZhitongError):
    """A witness's folder, or how it was started, is wrong."""

    code = "WITNESS"


class WitnessRefusedError(ZhitongError):
    """The witness does not give its word for the head; the details say why."""

    code = "WITNESS_REFUSED"
    status = 409


class SignerUnavailableError(ZhitongError):
    """What signs gives no signature, or one that its key does not bear out."""

    code = "SIGNER_UNAVAILABLE"
    status = 503
    retriable = True


class EvidenceBrokenError(ZhitongError):
    """The log's own tables contradict what was signed: nothing more is."""

    code = "EVIDENCE_BROKEN"


class EvidenceUnknownError(ZhitongError):
    """There is no log, or nothing in it of the name that was given."""

    code = "EVIDENCE_UNKNOWN"


class EvidenceUnsealedError(ZhitongError):
    """What is asked for is not yet under a head with a witness's word."""

    code = "EVIDENCE_UNSEALED"
    retriable = True


class InternalError(ZhitongError):
    """A fault of ours; the log has the details under the request id."""

    code = "INTERNAL"


def unrecorded() -> RecordUnavailableError:
    """Say that nothing is given, for the register of looks cannot be written."""
    return RecordUnavailableError(
        "调阅登记簿暂时写不进去，受保护的数据不能给出，请稍后重试",
        "the access register cannot be written, so protected data is not "
        "given; try again shortly",
    )


def ended() -> GrantEndedError:
    """Say that nothing is given, for a grant that it rests on has ended."""
    return GrantEndedError(
        "回答所依据的共享授权已经终止，没有给出任何数据",
        "the sharing grant that the answer rests on has ended, nothing was given",
    )


def outline(error: BaseException) -> str:
    """Say where *error* and its causes arose: types and places, no values."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < LONGEST_OUTLINE:
        parts.append(f"{type(seen).__module__}.{type(seen).__qualname__}\n")
        # Not the source lines: those of a generated plan could hold a literal.
        parts += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}\n"
            for frame in traceback.extract_tb(seen.__traceback__, limit=-20)
        ]
        seen = seen.__cause__ or seen.__context__
    return "".join(parts)
