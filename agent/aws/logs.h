/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch Logs: FilterLogEvents and its pages (Amazon CloudWatch Logs API Reference,
 * FilterLogEvents and FilteredLogEvent). */
#ifndef TAILGATE_AGENT_AWS_LOGS_H
#define TAILGATE_AGENT_AWS_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/aws/aws.h"

/* Bytes of an answer: 1 MB of messages may be escaped to six times that. */
#define LOGS_PAGE_MAX  16777216
#define LOGS_TOKEN_MAX 8192 /* bytes */
#define LOGS_GROUP_MAX 512  /* characters of a group's name */

struct logs_filter {
    const char *region;
    const char *group;   /* name, or the group's ARN without ":*" */
    int64_t start, end;  /* milliseconds since 1970, both inclusive; end INT64_MAX: left out */
    const char *pattern; /* filterPattern; NULL: none */
    const char *token;   /* nextToken; NULL: the first page */
};

/* Starts the reading of a page; errors as aws_send.  With a token, AWS_BAD_TOKEN in the answer
 * means that the service no longer takes it. */
bool logs_filter_send(struct aws *aws, const struct logs_filter *filter, void *owner,
                      struct aws_error *error);

/* One event; its texts point into the page.  The message may hold any byte, NUL included. */
struct log_event {
    const char *id, *stream, *message;
    size_t id_len, stream_len, message_len;
    int64_t timestamp, ingestion_time; /* milliseconds; ingestion INT64_MIN when absent */
};

/* Reads a page from a good answer; to be given to logs_page_free.  NULL with AWS_BAD_ANSWER when it
 * is not what the service promises (events with id, stream, message and time; a token that is not
 * empty): then nothing of it may be used. */
struct logs_page;
struct logs_page *logs_page_read(const char *body, size_t len, struct aws_error *error);
void logs_page_free(struct logs_page *page);

size_t logs_page_count(const struct logs_page *page);
void logs_page_event(const struct logs_page *page, size_t index, struct log_event *out);

/* The token of the next page, or NULL: only then is the window complete, however empty pages were.
 */
const char *logs_page_token(const struct logs_page *page);

#endif
