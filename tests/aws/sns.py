# SPDX-License-Identifier: Apache-2.0
"""Simple Notification Service: Publish and PublishBatch, to standard and FIFO topics.

Formats and rules: Amazon SNS API Reference, Publish and PublishBatch; Amazon SNS
Developer Guide, "Amazon SNS message deduplication for FIFO topics". Nothing is
delivered anywhere: what was accepted is in the list that tests read.
"""

import base64
import binascii
import hashlib
import json
import re
import uuid
from dataclasses import dataclass

from .services import AwsError, QueryService, members

MAX_MESSAGE_BYTES = 256 * 1024
MAX_SUBJECT = 100
MAX_BATCH = 10
DEDUPLICATION_MS = 5 * 60 * 1000

ATTRIBUTE_NAME = re.compile(
    r"(?!AWS\.|Amazon\.)[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*", re.IGNORECASE
)
FIFO_ID = re.compile(r"[!-~]{1,128}")
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
SUBJECT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,%d}" % MAX_SUBJECT)


@dataclass
class Topic:
    """A topic that can be published to; FIFO if its name ends in .fifo."""

    arn: str
    content_based_deduplication: bool

    @property
    def fifo(self):
        return self.arn.endswith(".fifo")


@dataclass
class Message:
    """One accepted message. duplicate_of is the id of the message that SNS would
    have delivered instead of this one, if a FIFO topic swallowed it."""

    id: str
    topic: str
    subject: str | None
    message: str
    structure: str | None
    attributes: dict
    attribute_types: dict
    group_id: str | None
    deduplication_id: str | None
    accepted_ms: int
    sequence_number: str | None = None
    duplicate_of: str | None = None


class Sns(QueryService):
    """messages holds what was accepted, in order; a function set as on_accept is
    called with each, before the publisher has its answer. Every refuse_every-th entry of
    a batch fails inside the service (0 for none)."""

    name = "sns"
    version = "2010-03-31"
    namespace = "http://sns.amazonaws.com/doc/2010-03-31/"
    signing_name = "sns"
    permission_prefix = "SNS"
    conditions = QueryService.conditions | {
        "access_denied": ("AuthorizationError", 403),
        "internal_error": ("InternalError", 500),
        "invalid_parameter": ("InvalidParameter", 400),
    }

    def __init__(self, aws):
        super().__init__(aws)
        self.topics = {}
        self.messages = []
        self.on_accept = None
        self.refuse_every = 0
        self._sequence = 10_000_000_000_000_000_000

    @property
    def delivered(self):
        """The messages that subscribers would get: all but the duplicates."""
        return [message for message in self.messages if message.duplicate_of is None]

    def create(self, name, content_based_deduplication=False, region=None):
        """Make a topic; returns its ARN."""
        arn = f"arn:aws:sns:{region or self.aws.region}:{self.aws.account}:{name}"
        self.topics[arn] = Topic(arn, content_based_deduplication)
        return arn

    def resource(self, call):
        return call.parameters.get("TopicArn", "*")

    def _publish(self, call):
        topic = self._topic(call)
        message = self._message(topic, call.parameters)
        if _size(message) > MAX_MESSAGE_BYTES:
            raise self._invalid("Message too long")
        return self._accept(topic, message)

    def _publish_batch(self, call):
        topic = self._topic(call)
        entries = members(call.parameters, "PublishBatchRequestEntries.member")
        ids = [entry.get("Id", "") for entry in entries]
        if not entries:
            raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
        if len(entries) > MAX_BATCH:
            message = "The batch request contains more entries than permissible."
            raise AwsError("TooManyEntriesInBatchRequest", message)
        if not all(ENTRY_ID.fullmatch(entry_id) for entry_id in ids):
            raise AwsError(
                "InvalidBatchEntryId", "An Id of the batch does not abide by the specification."
            )
        if len(set(ids)) < len(ids):
            raise AwsError(
                "BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id."
            )
        messages, failed = self._batch_messages(topic, entries)
        if sum(_size(message) for _, message in messages) > MAX_MESSAGE_BYTES:
            message = "The length of all the batch messages put together is more than the limit."
            raise AwsError("BatchRequestTooLong", message)
        successful = [
            ("member", [("Id", entry_id), *self._accept(topic, message)])
            for entry_id, message in messages
        ]
        return [("Successful", successful), ("Failed", failed)]

    def _batch_messages(self, topic, entries):
        """Entries of a batch fail one by one: (messages with their ids, XML of the failures)."""
        messages, failed = [], []
        for number, entry in enumerate(entries, 1):
            if self.refuse_every and number % self.refuse_every == 0:
                failed.append(_failure(entry, "InternalError", "Internal failure", "false"))
                continue
            try:
                messages.append((entry["Id"], self._message(topic, entry)))
            except AwsError as error:
                failed.append(_failure(entry, error.code, error.message, "true"))
        return messages, failed

    def _topic(self, call):
        arn = call.parameters.get("TopicArn")
        if arn is None:
            raise self._invalid("TopicArn or TargetArn Reason: no value for required parameter")
        parts = arn.split(":")
        if len(parts) != 6 or parts[2] != "sns" or parts[3] != call.region:
            raise self._invalid("TopicArn")
        if arn not in self.topics:
            raise AwsError("NotFound", "Topic does not exist", 404)
        return self.topics[arn]

    def _message(self, topic, asked):
        """The message that a request or an entry of a batch asks to publish."""
        text, subject = asked.get("Message", ""), asked.get("Subject")
        if not text:
            raise self._invalid("Empty message")
        if subject is not None and not SUBJECT.fullmatch(subject):
            raise self._invalid("Subject")
        structure = asked.get("MessageStructure")
        attributes, types = self._attributes(asked)
        if structure is not None:
            self._check_structure(structure, text)
            attributes, types = {}, {}  # SNS sends attributes with plain messages only.
        group_id, deduplication_id = self._fifo_ids(topic, asked, text)
        return Message(
            str(uuid.uuid4()),
            topic.arn,
            subject,
            text,
            structure,
            attributes,
            types,
            group_id,
            deduplication_id,
            self.aws.clock.now_ms(),
        )

    def _attributes(self, asked):
        values, types = {}, {}
        for entry in members(asked, "MessageAttributes.entry"):
            name, kind = entry.get("Name", ""), entry.get("Value.DataType", "")
            base = kind.partition(".")[0]
            field = "Value.BinaryValue" if base == "Binary" else "Value.StringValue"
            value = entry.get(field, "")
            if not ATTRIBUTE_NAME.fullmatch(name) or len(name) > 256 or name in values:
                raise self._invalid(f"Message attribute name '{name}'")
            if base not in ("String", "Number", "Binary"):
                message = f"The message attribute '{name}' has an invalid message attribute type."
                raise AwsError("ParameterValueInvalid", message)
            if not value:
                message = (
                    f"The message attribute '{name}' must contain non-empty message attribute "
                    f"value for message attribute type '{kind}'."
                )
                raise AwsError("ParameterValueInvalid", message)
            values[name] = _unbase64(value) if base == "Binary" else value
            types[name] = kind
        return values, types

    def _check_structure(self, structure, text):
        if structure != "json":
            raise self._invalid("MessageStructure")
        try:
            document = json.loads(text)
        except ValueError:
            message = "Message Structure - JSON message body failed to parse"
            raise self._invalid(message) from None
        if not isinstance(document, dict) or not isinstance(document.get("default"), str):
            raise self._invalid("Message Structure - No default entry in JSON message body")

    def _fifo_ids(self, topic, asked, text):
        group_id = asked.get("MessageGroupId")
        deduplication_id = asked.get("MessageDeduplicationId")
        if not topic.fifo and deduplication_id is not None:
            raise self._invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId "
                "parameter that is not valid for this topic type"
            )
        if topic.fifo and group_id is None:
            raise self._invalid("The MessageGroupId parameter is required for FIFO topics")
        if topic.fifo and deduplication_id is None:
            if not topic.content_based_deduplication:
                raise self._invalid(
                    "The topic should either have ContentBasedDeduplication enabled or "
                    "MessageDeduplicationId provided explicitly"
                )
            deduplication_id = hashlib.sha256(text.encode()).hexdigest()
        for name, value in (
            ("MessageGroupId", group_id),
            ("MessageDeduplicationId", deduplication_id),
        ):
            if value is not None and not FIFO_ID.fullmatch(value):
                raise self._invalid(
                    f"{name} Reason: it is 1 to 128 ASCII letters, digits and marks"
                )
        return group_id, deduplication_id

    def _accept(self, topic, message):
        """Keep the message; returns the XML that tells its id. A duplicate is answered
        with the id and number of the message it repeats."""
        original = self._original(topic, message) if topic.fifo else None
        if original is not None:
            message.duplicate_of = original.id
            message.sequence_number = original.sequence_number
        elif topic.fifo:
            self._sequence += 1
            message.sequence_number = str(self._sequence)
        self.messages.append(message)
        if self.on_accept is not None:
            self.on_accept(message)
        told = [("MessageId", (original or message).id)]
        if message.sequence_number is not None:
            told.append(("SequenceNumber", message.sequence_number))
        return told

    def _original(self, topic, message):
        oldest = message.accepted_ms - DEDUPLICATION_MS
        for earlier in reversed(self.messages):
            if earlier.accepted_ms <= oldest:
                return None
            same = (
                earlier.topic == topic.arn and earlier.deduplication_id == message.deduplication_id
            )
            if same and earlier.duplicate_of is None:
                return earlier
        return None

    def _invalid(self, what):
        return self.error("invalid_parameter", f"Invalid parameter: {what}")

    actions = {"Publish": _publish, "PublishBatch": _publish_batch}


def _failure(entry, code, message, senders):
    """XML of an entry of a batch that was not accepted."""
    details = [("Id", entry["Id"]), ("Code", code), ("Message", message)]
    return "member", details + [("SenderFault", senders)]


def _size(message):
    """Bytes that count against the limit: the body and every attribute's name, type and value."""
    size = len(message.message.encode())
    for name, value in message.attributes.items():
        raw = value if isinstance(value, bytes) else value.encode()
        size += len(name.encode()) + len(message.attribute_types[name]) + len(raw)
    return size


def _unbase64(text):
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise AwsError("ParameterValueInvalid", "A binary attribute is not base64.") from None
