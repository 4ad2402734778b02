/* SPDX-License-Identifier: Apache-2.0 */
/* SNS: Publish. */
#include "agent/aws/sns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/arn.h"
#include "agent/aws/form.h"
#include "agent/aws/xml.h"

#define ANSWER_MAX     65536 /* bytes */
#define ATTRIBUTE_TYPE "String"
/* Every byte may become three, and the fields have names. */
#define FORM_MAX ((size_t)3 * SNS_MESSAGE_MAX + 16384)

static bool is_fifo(const struct arn *topic)
{
    size_t len = strlen(topic->resource);

    return len > 5 && strcmp(topic->resource + len - 5, ".fifo") == 0;
}

static bool printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

/* Bytes that count against SNS_MESSAGE_MAX. */
static size_t message_size(const struct sns_message *message)
{
    size_t size = message->body_len;

    for (size_t i = 0; i < message->attribute_count; i++) {
        size += strlen(message->attributes[i].name) + strlen(message->attributes[i].value) +
                strlen(ATTRIBUTE_TYPE);
    }
    return size;
}

static bool id_good(const char *id)
{
    return id && *id && strlen(id) <= SNS_ID_MAX && printable(id);
}

/* Returns NULL, or why SNS would refuse the message. */
static const char *find_fault(const struct sns_message *message, const struct arn *topic)
{
    if (strcmp(topic->service, "sns") != 0) {
        return "the ARN is not one of a topic";
    }
    if (message->body_len == 0) {
        return "the message is empty";
    }
    if (message->subject && (!*message->subject || strlen(message->subject) > SNS_SUBJECT_MAX ||
                             !printable(message->subject))) {
        return "the subject is not 1 to 100 printable characters of ASCII";
    }
    if (message->attribute_count > SNS_ATTRIBUTES_MAX) {
        return "there are more than 10 attributes";
    }
    if (message_size(message) > SNS_MESSAGE_MAX) {
        return "message and attributes are larger than 262144 bytes";
    }
    if (is_fifo(topic) && (!id_good(message->deduplication_id) || !id_good(message->group_id))) {
        return "a FIFO topic needs a deduplication id and a group id of 1 to 128 characters";
    }
    return NULL;
}

static void add_attribute(struct buffer *form, size_t number, const char *field, const char *value)
{
    char name[64];

    (void)snprintf(name, sizeof name, "MessageAttributes.entry.%zu.%s", number, field);
    form_add(form, name, value);
}

static void add_message(struct buffer *form, const struct sns_message *message, bool fifo)
{
    size_t number = 0;

    form_add(form, "Action", "Publish");
    form_add(form, "Version", "2010-03-31");
    form_add(form, "TopicArn", message->topic_arn);
    form_add_bytes(form, "Message", message->body, message->body_len);
    if (message->subject) {
        form_add(form, "Subject", message->subject);
    }
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct sns_attribute *attribute = &message->attributes[i];
        if (*attribute->value) {
            number++;
            add_attribute(form, number, "Name", attribute->name);
            add_attribute(form, number, "Value.DataType", ATTRIBUTE_TYPE);
            add_attribute(form, number, "Value.StringValue", attribute->value);
        }
    }
    if (fifo) {
        form_add(form, "MessageDeduplicationId", message->deduplication_id);
        form_add(form, "MessageGroupId", message->group_id);
    }
}

bool sns_publish_send(struct aws *aws, const struct sns_message *message, void *owner,
                      struct aws_error *error)
{
    struct arn topic;
    size_t offset;
    const char *fault = NULL;
    struct buffer form;
    struct aws_request request = {
        .service = "sns",
        .region = topic.region,
        .protocol = AWS_QUERY,
        .action = "Publish",
        .resource = message->topic_arn,
        .answer_max = ANSWER_MAX,
        .fresh_connection = true,
    };
    bool sent = false;

    if (arn_parse(message->topic_arn, &topic, &offset, &fault)) {
        fault = find_fault(message, &topic);
    }
    if (fault) {
        aws_error_set(error, AWS_INVALID, "Publish on %.200s: %s", message->topic_arn, fault);
        return false;
    }
    buffer_init(&form, FORM_MAX);
    add_message(&form, message, is_fifo(&topic));
    if (form.failed) {
        aws_error_set(error, AWS_FAILED, "no memory for a message to SNS");
    } else {
        request.body = form.data;
        request.body_len = form.len;
        sent = aws_send(aws, &request, owner, error);
    }
    buffer_free(&form);
    return sent;
}

bool sns_publish_read(const char *body, size_t len, char out[static SNS_MESSAGE_ID_MAX],
                      struct aws_error *error)
{
    struct xml_text wanted = { .path = "PublishResponse/PublishResult/MessageId",
                               .out = out,
                               .size = SNS_MESSAGE_ID_MAX };
    const char *why = "it has no MessageId";

    if (xml_read(body, len, &wanted, 1, &why) && wanted.len > 0 &&
        wanted.len < SNS_MESSAGE_ID_MAX && printable(out)) {
        return true;
    }
    out[0] = '\0';
    aws_error_set(error, AWS_BAD_ANSWER, "the answer to Publish cannot be used: %s", why);
    return false;
}
