/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch Logs: FilterLogEvents and its pages. */
#include "agent/aws/logs.h"

#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/json.h"

/* The end of the year 9999: a time beyond is no time, and sums with it would overflow. */
#define TIME_MAX_MS INT64_C(253402300799999)

struct logs_page {
    struct json_object *document;
    struct json_object *events;
    const char *token;
};

/* Adds a member and gives it the value, which may be NULL for want of memory. */
static bool add(struct json_object *object, const char *name, struct json_object *value)
{
    if (!value || json_object_object_add(object, name, value) != 0) {
        json_object_put(value);
        return false;
    }
    return true;
}

static bool add_filter(struct json_object *object, const struct logs_filter *filter)
{
    const char *name =
        strncmp(filter->group, "arn:", 4) == 0 ? "logGroupIdentifier" : "logGroupName";

    return add(object, name, json_object_new_string(filter->group)) &&
           add(object, "startTime", json_object_new_int64(filter->start)) &&
           (filter->end == INT64_MAX ||
            add(object, "endTime", json_object_new_int64(filter->end))) &&
           (!filter->pattern ||
            add(object, "filterPattern", json_object_new_string(filter->pattern))) &&
           (!filter->token || add(object, "nextToken", json_object_new_string(filter->token)));
}

bool logs_filter_send(struct aws *aws, const struct logs_filter *filter, void *owner,
                      struct aws_error *error)
{
    struct json_object *object = json_object_new_object();
    struct aws_request request = {
        .service = "logs",
        .region = filter->region,
        .protocol = AWS_JSON,
        .target = "Logs_20140328.FilterLogEvents",
        .action = "FilterLogEvents",
        .resource = filter->group,
        .answer_max = LOGS_PAGE_MAX,
        .next_page = filter->token != NULL,
    };
    bool sent = false;

    if (object && add_filter(object, filter)) {
        request.body = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    }
    if (request.body) {
        request.body_len = strlen(request.body);
        sent = aws_send(aws, &request, owner, error);
    } else {
        aws_error_set(error, AWS_FAILED, "no memory for a request to FilterLogEvents");
    }
    json_object_put(object);
    return sent;
}

static bool read_time(const struct json_object *event, const char *name, int64_t *ms)
{
    struct json_object *value;

    if (!json_object_object_get_ex(event, name, &value) ||
        !json_object_is_type(value, json_type_int)) {
        return false;
    }
    *ms = json_object_get_int64(value);
    return *ms >= 0 && *ms <= TIME_MAX_MS;
}

/* Reads an event; returns NULL, or the name of what is missing or wrong. */
static const char *read_event(const struct json_object *object, struct log_event *out)
{
    struct json_object *ingestion;

    if (!json_object_is_type(object, json_type_object)) {
        return "value that is an object";
    }
    out->id = json_member(object, "eventId", &out->id_len);
    out->stream = json_member(object, "logStreamName", &out->stream_len);
    out->message = json_member(object, "message", &out->message_len);
    out->ingestion_time = INT64_MIN;
    if (!out->id || out->id_len == 0) {
        return "eventId";
    }
    if (!out->stream || out->stream_len == 0) {
        return "logStreamName";
    }
    if (!out->message) {
        return "message";
    }
    if (!read_time(object, "timestamp", &out->timestamp)) {
        return "timestamp";
    }
    if (json_object_object_get_ex(object, "ingestionTime", &ingestion) &&
        !read_time(object, "ingestionTime", &out->ingestion_time)) {
        return "ingestionTime";
    }
    return NULL;
}

/* Checks the page and finds its parts; false with a reason. */
static bool check_page(struct logs_page *page, char *why, size_t why_size)
{
    struct json_object *token = NULL;
    size_t len = 0;

    if (!json_object_object_get_ex(page->document, "events", &page->events) ||
        !json_object_is_type(page->events, json_type_array)) {
        (void)snprintf(why, why_size, "it has no list of events");
        return false;
    }
    for (size_t i = 0; i < logs_page_count(page); i++) {
        struct log_event event;
        const char *wrong = read_event(json_object_array_get_idx(page->events, i), &event);
        if (wrong) {
            (void)snprintf(why, why_size, "event %zu has no good %s", i + 1, wrong);
            return false;
        }
    }
    (void)json_object_object_get_ex(page->document, "nextToken", &token);
    if (token) {
        page->token = json_member(page->document, "nextToken", &len);
        /* One that is empty or cut could only be taken for the end of the pages. */
        if (!page->token || len == 0 || len > LOGS_TOKEN_MAX || strlen(page->token) != len) {
            (void)snprintf(why, why_size, "its nextToken is not a text of 1 to %d bytes",
                           LOGS_TOKEN_MAX);
            return false;
        }
    }
    return true;
}

struct logs_page *logs_page_read(const char *body, size_t len, struct aws_error *error)
{
    struct logs_page *page = calloc(1, sizeof *page);
    char why[128] = "";
    const char *not_json = NULL;

    if (!page) {
        aws_error_set(error, AWS_FAILED, "no memory for a page of events");
        return NULL;
    }
    page->document = json_read(body, len, &not_json);
    if (page->document && check_page(page, why, sizeof why)) {
        return page;
    }
    aws_error_set(error, AWS_BAD_ANSWER, "the answer to FilterLogEvents cannot be used: %s",
                  page->document ? why : not_json);
    logs_page_free(page);
    return NULL;
}

void logs_page_free(struct logs_page *page)
{
    if (page) {
        json_object_put(page->document);
        free(page);
    }
}

size_t logs_page_count(const struct logs_page *page)
{
    return (size_t)json_object_array_length(page->events);
}

void logs_page_event(const struct logs_page *page, size_t index, struct log_event *out)
{
    (void)read_event(json_object_array_get_idx(page->events, index), out);
}

const char *logs_page_token(const struct logs_page *page)
{
    return page->token;
}
