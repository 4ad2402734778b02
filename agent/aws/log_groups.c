/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch Logs: DescribeLogGroups. */
#include "agent/aws/log_groups.h"

#include <stdio.h>
#include <string.h>

#include "agent/aws/json.h"

#define ANSWER_MAX 65536 /* bytes; one group is asked for */
#define DAYS_MAX   36500

bool log_groups_send(struct aws *aws, const char *region, const char *name, void *owner,
                     struct aws_error *error)
{
    struct json_object *object = json_object_new_object();
    struct json_object *prefix = json_object_new_string(name), *limit = json_object_new_int(1);
    struct aws_request request = { .service = "logs",
                                   .region = region,
                                   .protocol = AWS_JSON,
                                   .target = "Logs_20140328.DescribeLogGroups",
                                   .action = "DescribeLogGroups",
                                   .resource = name,
                                   .answer_max = ANSWER_MAX };
    bool sent = false;

    /* The groups come in the order of their names, and of those with a prefix it is the first. */
    if (object && prefix && limit &&
        json_object_object_add(object, "logGroupNamePrefix", json_object_get(prefix)) == 0 &&
        json_object_object_add(object, "limit", json_object_get(limit)) == 0) {
        request.body = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    }
    if (request.body) {
        request.body_len = strlen(request.body);
        sent = aws_send(aws, &request, owner, error);
    } else {
        aws_error_set(error, AWS_FAILED, "no memory for a request to DescribeLogGroups");
    }
    json_object_put(prefix);
    json_object_put(limit);
    json_object_put(object);
    return sent;
}

/* Reads the one group of an answer; returns NULL, or the name of what is missing or wrong. */
static const char *read_group(const struct json_object *document, const char *arn, bool *found,
                              int64_t *days)
{
    struct json_object *groups, *retention;
    size_t len, arn_len = strlen(arn);

    if (!json_object_object_get_ex(document, "logGroups", &groups) ||
        !json_object_is_type(groups, json_type_array)) {
        return "list of log groups";
    }
    if (json_object_array_length(groups) == 0) {
        return NULL;
    }
    struct json_object *group = json_object_array_get_idx(groups, 0);
    const char *said =
        json_object_is_type(group, json_type_object) ? json_member(group, "arn", &len) : NULL;
    if (!said) {
        return "arn";
    }
    *found = len >= arn_len && memcmp(arn, said, arn_len) == 0 &&
             (len == arn_len || (len == arn_len + 2 && memcmp(said + arn_len, ":*", 2) == 0));
    if (*found && json_object_object_get_ex(group, "retentionInDays", &retention)) {
        *days =
            json_object_is_type(retention, json_type_int) ? json_object_get_int64(retention) : 0;
        return *days >= 1 && *days <= DAYS_MAX ? NULL : "retentionInDays";
    }
    return NULL;
}

bool log_groups_read(const char *body, size_t len, const char *arn, bool *found, int64_t *days,
                     struct aws_error *error)
{
    const char *wrong = NULL, *not_json = NULL;
    struct json_object *document = json_read(body, len, &not_json);

    *found = false;
    *days = LOG_GROUPS_FOR_EVER;
    if (document) {
        wrong = read_group(document, arn, found, days);
    }
    json_object_put(document);
    if (not_json || wrong) {
        aws_error_set(error, AWS_BAD_ANSWER, "the answer to DescribeLogGroups cannot be used: %s%s",
                      not_json ? not_json : "it has no good ", not_json ? "" : wrong);
        return false;
    }
    return true;
}
