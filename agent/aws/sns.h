/* SPDX-License-Identifier: Apache-2.0 */
/* SNS: Publish to standard and FIFO topics (Amazon SNS API Reference, Publish and
 * MessageAttributeValue; Amazon SNS Developer Guide, "Raw message delivery"). */
#ifndef TAILGATE_AGENT_AWS_SNS_H
#define TAILGATE_AGENT_AWS_SNS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/aws/aws.h"

#define SNS_MESSAGE_MAX    262144 /* bytes of message and attributes together */
#define SNS_SUBJECT_MAX    100    /* characters */
#define SNS_ATTRIBUTES_MAX 10     /* with more, raw delivery to SQS discards the message */
#define SNS_ID_MAX         128    /* characters of a deduplication or group id */
#define SNS_MESSAGE_ID_MAX 128    /* bytes of the id SNS gives a message, with a NUL */

/* An attribute of type String.  One with an empty value is left out: SNS refuses it. */
struct sns_attribute {
    const char *name, *value;
};

struct sns_message {
    const char *topic_arn; /* its region is where it is sent */
    const char *subject;   /* printable ASCII; NULL: none */
    const char *body;      /* UTF-8, no characters XML 1.0 forbids, not empty */
    size_t body_len;
    const struct sns_attribute *attributes;
    size_t attribute_count;
    const char *deduplication_id; /* used with a FIFO topic (one called NAME.fifo) only */
    const char *group_id;         /* likewise */
};

/* Starts a publish, on a fresh connection so that libcurl cannot send it twice by itself.  Errors
 * as aws_send, and AWS_INVALID for what SNS would refuse: a topic ARN that is none, a limit above
 * passed, a FIFO topic without the two ids. */
bool sns_publish_send(struct aws *aws, const struct sns_message *message, void *owner,
                      struct aws_error *error);

/* Reads the MessageId of a good answer; false with AWS_BAD_ANSWER when there is none.  The message
 * was published nevertheless, as far as anybody can know. */
bool sns_publish_read(const char *body, size_t len, char out[static SNS_MESSAGE_ID_MAX],
                      struct aws_error *error);

#endif
