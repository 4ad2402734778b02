/* SPDX-License-Identifier: Apache-2.0 */
/* The key table, and how each type of value is read. */
#include "agent/keys.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/arn.h"
#include "agent/aws/cloudwatch.h"
#include "agent/aws/endpoint.h"
#include "agent/aws/logs.h"
#include "agent/memory.h"
#include "agent/times.h"

#define TEXT_VALUE_MAX 4096

static bool take_text(const char *text, void *field)
{
    char **out = field;

    free(*out);
    *out = xstrdup(text);
    return true;
}

static bool read_text(const struct key *key, const char *text, void *field, char *why,
                      size_t why_size)
{
    (void)key;
    if (*text == '\0' || strlen(text) > TEXT_VALUE_MAX) {
        snprintf(why, why_size, "a text of 1 to %d bytes", TEXT_VALUE_MAX);
        return false;
    }
    return take_text(text, field);
}

static bool read_region(const struct key *key, const char *text, void *field, char *why,
                        size_t why_size)
{
    (void)key;
    if (!region_valid(text)) {
        snprintf(why, why_size, "a region such as eu-west-1");
        return false;
    }
    return take_text(text, field);
}

/* An ARN of a service; `what` says which. */
static bool check_arn(const char *text, const char *service, const char *example, char *why,
                      size_t why_size)
{
    struct arn arn;
    size_t offset = 0;
    const char *wrong = NULL;

    if (!arn_parse(text, &arn, &offset, &wrong)) {
        snprintf(why, why_size, "an ARN such as %s (at character %zu: %s)", example, offset + 1,
                 wrong);
        return false;
    }
    if (strcmp(arn.service, service) != 0) {
        snprintf(why, why_size, "an ARN such as %s (this one is of the service %s)", example,
                 arn.service);
        return false;
    }
    return true;
}

static bool read_topic(const struct key *key, const char *text, void *field, char *why,
                       size_t why_size)
{
    (void)key;
    return check_arn(text, "sns", "arn:aws:sns:eu-west-1:123456789012:db-alerts", why, why_size) &&
           take_text(text, field);
}

static bool read_heartbeat(const struct key *key, const char *text, void *field, char *why,
                           size_t why_size)
{
    char **out = field;

    (void)key;
    if (strcmp(text, "off") == 0) {
        free(*out);
        *out = NULL;
        return true;
    }
    snprintf(
        why, why_size,
        "off, or a name of 1 to %d printable characters of ASCII that does not begin with a colon",
        CLOUDWATCH_TEXT_MAX);
    return cloudwatch_dimension_good(text) && take_text(text, field);
}

static bool read_role(const struct key *key, const char *text, void *field, char *why,
                      size_t why_size)
{
    (void)key;
    return check_arn(text, "iam", "arn:aws:iam::123456789012:role/tailgate-read", why, why_size) &&
           take_text(text, field);
}

/* Names as CreateLogGroup takes them. */
static bool read_log_group(const struct key *key, const char *text, void *field, char *why,
                           size_t why_size)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.#";
    size_t len = strlen(text);

    (void)key;
    if (strncmp(text, "arn:", 4) == 0) {
        struct arn arn;
        size_t offset;
        const char *wrong;
        if (!check_arn(text, "logs",
                       "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/rds/instance/db/audit",
                       why, why_size)) {
            return false;
        }
        if (!arn_parse(text, &arn, &offset, &wrong) ||
            strncmp(arn.resource, "log-group:", 10) != 0) {
            snprintf(why, why_size, "the ARN of a log group (…:log-group:NAME)");
            return false;
        }
        return take_text(text, field);
    }
    if (len == 0 || len > LOGS_GROUP_MAX || strspn(text, allowed) != len) {
        snprintf(why, why_size,
                 "the name of a log group (1 to %d of a-z A-Z 0-9 _ - / . #) or its ARN",
                 LOGS_GROUP_MAX);
        return false;
    }
    return take_text(text, field);
}

static bool read_duration(const struct key *key, const char *text, void *field, char *why,
                          size_t why_size)
{
    int64_t ms;
    char least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];

    if (duration_parse(text, &ms) && (double)ms >= key->min && (double)ms <= key->max) {
        *(int64_t *)field = ms;
        return true;
    }
    snprintf(why, why_size, "a time from %s to %s, such as %s",
             duration_format((int64_t)key->min, least), duration_format((int64_t)key->max, most),
             key->fallback);
    return false;
}

static bool read_number(const struct key *key, const char *text, void *field, char *why,
                        size_t why_size)
{
    char *end;

    errno = 0;
    double number = strtod(text, &end);
    if (end != text && *end == '\0' && errno == 0 && isfinite(number) && number >= key->min &&
        number <= key->max) {
        *(double *)field = number;
        return true;
    }
    snprintf(why, why_size, "a number from %g to %g", key->min, key->max);
    return false;
}

static bool read_choice(const struct key *key, const char *text, void *field, char *why,
                        size_t why_size)
{
    size_t used;

    for (int i = 0; key->choices[i]; i++) {
        if (strcmp(text, key->choices[i]) == 0) {
            *(int *)field = i;
            return true;
        }
    }
    used = (size_t)snprintf(why, why_size, "one of");
    for (int i = 0; key->choices[i] && used < why_size; i++) {
        used +=
            (size_t)snprintf(why + used, why_size - used, "%s %s", i ? "," : "", key->choices[i]);
    }
    return false;
}

static bool read_bool(const struct key *key, const char *text, void *field, char *why,
                      size_t why_size)
{
    (void)key;
    *(bool *)field = strcmp(text, "true") == 0;
    snprintf(why, why_size, "true or false");
    return *(bool *)field || strcmp(text, "false") == 0;
}

static bool read_severity(const struct key *key, const char *text, void *field, char *why,
                          size_t why_size)
{
    (void)key;
    snprintf(why, why_size, "one of low, medium, high, critical");
    return severity_parse(text, field);
}

static bool read_zone(const struct key *key, const char *text, void *field, char *why,
                      size_t why_size)
{
    (void)key;
    snprintf(why, why_size,
             "UTC or an offset such as +02:00 (names are not read: their rules change)");
    return zone_parse(text, field);
}

static bool read_format(const struct key *key, const char *text, void *field, char *why,
                        size_t why_size)
{
    (void)key;
    snprintf(why, why_size, "one of auto, mysql, postgresql, sqlserver, oracle");
    return format_parse(text, field);
}

static bool read_until(const struct key *key, const char *text, void *field, char *why,
                       size_t why_size)
{
    (void)key;
    snprintf(why, why_size, "a time such as 2027-01-31 or 2027-01-31T12:00:00Z");
    return time_parse(text, 0, field);
}

static bool read_block(const struct key *key, const char *text, void *field, char *why,
                       size_t why_size)
{
    struct network_error error;
    struct block **out = field;

    (void)key;
    *out = xcalloc(1, sizeof **out);
    if (!block_parse((struct slice){ text, strlen(text) }, *out, &error)) {
        snprintf(why, why_size, "an address or CIDR block (at character %zu: %s)", error.offset + 1,
                 error.text);
        return false;
    }
    return true;
}

static const char *const output_words[] = { "text", "json", "csv", NULL };
static const char *const log_level_words[] = { "error", "warning", "info", "debug", NULL };
static const char *const alert_format_words[] = { "text", "ocsf", NULL };

#define TOP(field)    KEYS_TOP, .offset = offsetof(struct config, field)
#define ALERTS(field) KEYS_ALERTS, .offset = offsetof(struct config, field)
#define SOURCE(field) KEYS_SOURCE, .offset = offsetof(struct config_source, field)
#define RULE(field)   KEYS_RULE, .offset = offsetof(struct config_rule, field)
#define EXCEPT(field) KEYS_EXCEPT, .offset = offsetof(struct config_except, field)

#define DAY_MS 86400000.0

/* clang-format off */
const struct key keys[] = {
    { TOP(state), .name = "state", .read = read_text, .option = "state", .argument = "FILE",
      .help = "the state file; by default $STATE_DIRECTORY/state.db, /var/lib/tailgate/state.db for root, "
              "else $XDG_STATE_HOME/tailgate/state.db" },
    { TOP(region), .name = "region", .read = read_region, .reload = true, .option = "region", .argument = "REGION",
      .help = "region of log groups given by name; by default as the AWS tools find it" },
    { TOP(profile), .name = "profile", .read = read_text, .option = "profile", .argument = "NAME",
      .help = "profile in the shared AWS configuration files" },
    { TOP(endpoint_url), .name = "endpoint_url", .read = read_text, .option = "endpoint-url", .argument = "URL",
      .help = "where AWS is, instead of its own addresses" },
    { KEYS_TOP, .name = "sources", .option = "log-group", .argument = "GROUP", .reload = true,
      .help = "a log group to read, by name or ARN; repeatable, replaces the file's sources" },
    { KEYS_TOP, .name = "networks", .option = "network", .argument = "[NAME=]CIDR", .reload = true,
      .help = "a block of a network, by default of the one called vpc; repeatable, replaces the file's network of that name" },
    { TOP(filter), .name = "filter", .read = read_text, .option = "filter", .argument = "PATTERN", .reload = true,
      .help = "a CloudWatch filter pattern; with networks both must hold" },
    { KEYS_TOP, .name = "rules", .reload = true, .help = "what to look for" },
    { TOP(poll_interval), .name = "poll_interval", .read = read_duration, .min = 1000, .max = 3600000, .fallback = "5s", .reload = true,
      .help = "time between two looks at what is new in a source" },
    { TOP(requests_per_second), .name = "requests_per_second", .read = read_number, .min = 0.01, .max = 100, .fallback = "2", .reload = true,
      .option = "requests-per-second", .argument = "N", .help = "budget of requests for each account and region" },
    { TOP(keep), .name = "keep", .read = read_duration, .min = 7 * DAY_MS, .max = 36500 * DAY_MS, .fallback = "400d", .reload = true,
      .help = "how long findings are kept" },
    { TOP(output), .name = "output", .read = read_choice, .choices = output_words, .fallback = "text", .reload = true, .option = "output", .argument = "text|json|csv",
      .help = "form of what is printed" },
    { TOP(log_level), .name = "log_level", .read = read_choice, .choices = log_level_words, .fallback = "info", .reload = true,
      .option = "log-level", .argument = "LEVEL", .help = "error, warning, info or debug" },
    { TOP(allow_plaintext_endpoint), .name = "allow_plaintext_endpoint", .read = read_bool, .fallback = "false",
      .option = "allow-plaintext-endpoint", .help = "send credentials to an endpoint without TLS: for test networks only" },
    { TOP(heartbeat), .name = "heartbeat", .read = read_heartbeat, .fallback = "tailgate", .reload = true, .option = "heartbeat", .argument = "NAME|off",
      .help = "what the metric that says that logs are read calls this agent (namespace tailgate, metric Heartbeat, dimension Agent); "
              "with two agents in an account and region give each a name; off: no metric" },
    { KEYS_TOP, .name = "alerts", .reload = true, .help = "where alerts go and how" },

    { ALERTS(topic_arn), .name = "topic_arn", .read = read_topic, .reload = true, .option = "topic-arn", .argument = "ARN",
      .help = "SNS topic for alerts; without one they go to standard output" },
    { ALERTS(fallback_topic_arn), .name = "fallback_topic_arn", .read = read_topic, .reload = true,
      .help = "SNS topic that gets alerts as well while topic_arn takes none; better in another region" },
    { ALERTS(fold), .name = "fold", .read = read_duration, .min = 1000, .max = 30 * DAY_MS, .fallback = "1h", .reload = true,
      .help = "how long findings of one kind are folded into one digest" },
    { ALERTS(alert_format), .name = "format", .read = read_choice, .choices = alert_format_words, .fallback = "text", .reload = true,
      .help = "body of an alert: text for people, or OCSF JSON" },

    { SOURCE(log_group), .name = "log_group", .read = read_log_group, .reload = true, .help = "name or ARN of a log group" },
    { SOURCE(region), .name = "region", .read = read_region, .reload = true, .help = "its region, if not the ARN's or the common one" },
    { SOURCE(role_arn), .name = "role_arn", .read = read_role, .reload = true, .help = "role to assume for reading it" },
    { SOURCE(external_id), .name = "external_id", .read = read_text, .reload = true, .help = "external id for that role" },
    { SOURCE(time_zone), .name = "time_zone", .read = read_zone, .fallback = "UTC", .reload = true, .help = "offset of its rows' times from UTC" },
    { SOURCE(format), .name = "format", .read = read_format, .fallback = "auto", .reload = true,
      .help = "what its lines are: auto (by the log group's name, else by the lines), mysql, postgresql, sqlserver or oracle" },

    { RULE(name), .name = "name", .read = read_text, .reload = true, .help = "identity of the rule: renaming makes a new one" },
    { RULE(filter), .name = "filter", .read = read_text, .reload = true, .help = "a CloudWatch filter pattern" },
    { KEYS_RULE, .name = "outside", .reload = true, .help = "networks the client must be outside of" },
    { RULE(severity), .name = "severity", .read = read_severity, .reload = true, .help = "instead of the one by outcome" },
    { KEYS_RULE, .name = "except", .reload = true, .help = "whose findings are stored but not alerted" },

    { EXCEPT(address), .name = "address", .read = read_block, .reload = true, .help = "address or CIDR block of the client" },
    { EXCEPT(user), .name = "user", .read = read_text, .reload = true, .help = "database user" },
    { EXCEPT(until), .name = "until", .read = read_until, .reload = true, .help = "end of the exception" },
    { EXCEPT(reason), .name = "reason", .read = read_text, .reload = true, .help = "why, for whoever reads it next year" },
};
/* clang-format on */
const size_t keys_count = sizeof keys / sizeof *keys;
_Static_assert(sizeof keys / sizeof *keys <= KEYS_MAX, "KEYS_MAX bounds tables beside this one");

const struct key *keys_find(enum key_section section, const char *name)
{
    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].section == section && strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static const char *name_in_section(const void *list, size_t index)
{
    const enum key_section *section = list;

    return keys[index].section == *section ? keys[index].name : NULL;
}

const char *keys_nearest(enum key_section section, const char *name)
{
    return problems_nearest(name, name_in_section, &section, keys_count);
}

bool keys_is_text(const struct key *key)
{
    return key->read == read_text || key->read == read_region || key->read == read_topic ||
           key->read == read_role || key->read == read_log_group;
}

bool keys_set(const struct key *key, const char *text, void *object, struct place place,
              struct problems *problems)
{
    char why[512];

    if (key->read(key, text, (char *)object + key->offset, why, sizeof why)) {
        return true;
    }
    problems_add(problems, place, "%s: \"%s\" is not %s", key->name, text, why);
    return false;
}
