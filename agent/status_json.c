/* SPDX-License-Identifier: Apache-2.0 */
/* The status as JSON. */
#include "agent/status.h"

#include <stdio.h>

#include "agent/budget.h"
#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/silence.h"

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, text && *text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *object, const char *name, int64_t number)
{
    json_object_object_add(object, name, json_object_new_int64(number));
}

static void add_time(struct json_object *object, const char *name, int64_t time)
{
    json_object_object_add(object, name, finding_json_time(time));
}

static struct json_object *gaps_json(const struct stretch *gaps, size_t count, const char *reason)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_object *gap = json_object_new_object();
        add_time(gap, "start", gaps[i].start);
        add_time(gap, "end", gaps[i].end);
        if (reason) {
            add_text(gap, "reason", reason);
        }
        json_object_array_add(list, gap);
    }
    return list;
}

static struct json_object *delays_json(const struct delays *delays)
{
    struct json_object *object;

    if (delays_total(delays) == 0) {
        return NULL;
    }
    object = json_object_new_object();
    add_number(object, "p50", delays_quantile(delays, 0.5));
    add_number(object, "p99", delays_quantile(delays, 0.99));
    add_number(object, "max", delays->longest);
    return object;
}

static struct json_object *servers_json(const struct source_state *source)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < source->server_count; i++) {
        const struct server *server = &source->servers[i];
        struct json_object *object = json_object_new_object();
        add_text(object, "name", server->name);
        add_text(object, "stream", server->stream);
        add_text(object, "state", silence_state_name(silence_state(server)));
        add_number(object, "rows", server->rows);
        add_time(object, "first_at", server->first_at);
        add_time(object, "last_at", server->last_at);
        add_number(object, "longest_pause_ms", silence_usual(server));
        add_number(object, "limit_ms", silence_limit(server) + source->ages.overlap);
        add_time(object, "silent_since",
                 server->silent_at != SERVER_HEARD ? server->last_at : FINDING_NONE);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *source_json(const struct status_state *state,
                                       const struct source_state *source)
{
    struct json_object *object = json_object_new_object(), *ages = json_object_new_array();

    for (size_t i = 0; i < AGES_COUNT; i++) {
        json_object_array_add(ages, json_object_new_int64(source->ages.age[i]));
    }
    add_text(object, "source", source->watched->identity);
    add_time(object, "since", source->watched->since);
    add_time(object, "read_to", source->read_to);
    add_number(object, "behind_ms", status_service_now(state) - source->read_to);
    add_time(object, "settled", source->settled);
    json_object_object_add(
        object, "gaps",
        gaps_json(source->gaps, source->gap_count, status_gap_reason(state, source)));
    json_object_object_add(object, "lost",
                           gaps_json(source->lost, source->lost_count, STATUS_LOST));
    json_object_object_add(object, "late_ms", delays_json(&source->delays));
    add_number(object, "overlap_ms", source->ages.overlap);
    add_number(object, "overlap_every", source->overlap_every);
    json_object_object_add(object, "ages_ms", ages);
    add_text(object, "dialect", source->reading.dialect);
    add_number(object, "in_sql", source->reading.in_sql);
    add_number(object, "id_gaps", source->reading.id_gaps);
    add_text(object, "trouble", source->trouble);
    json_object_object_add(object, "servers", servers_json(source));
    add_time(object, "unreadable_since",
             source->unread_since ? source->unread_since : FINDING_NONE);
    return object;
}

static struct json_object *alerts_json(const struct status_state *state)
{
    const struct alerts_state *alerts = &state->alerts;
    struct json_object *object = json_object_new_object();

    add_number(object, "sent", alerts->sent);
    add_number(object, "waiting", alerts->waiting);
    add_text(object, "last_error", alerts->last_error);
    add_time(object, "refused_since", state->refused_since ? state->refused_since : FINDING_NONE);
    add_text(object, "refusing_topic", state->refusing_topic);
    return object;
}

static struct json_object *requests_json(const struct pace *pace)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < pace->budget_count; i++) {
        const struct bucket_use *use = &pace->budgets[i];
        struct json_object *object = json_object_new_object();
        add_text(object, "budget", use->name + sizeof BUDGET_NAMES - 1);
        add_number(object, "taken", use->taken);
        add_number(object, "this_hour", use->in_hour);
        add_number(object, "hour_before", use->hour_before);
        json_object_object_add(object, "share_of_rate", json_object_new_double(use->share));
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *pace_json(const struct pace *pace)
{
    struct json_object *object;

    if (pace->poll_interval == 0) {
        return NULL;
    }
    object = json_object_new_object();
    json_object_object_add(object, "requests_per_second", json_object_new_double(pace->rate));
    add_number(object, "poll_interval_ms", pace->poll_interval);
    add_number(object, "worst_delay_ms", pace->worst_delay);
    return object;
}

static void print(struct json_object *object)
{
    escape_write_json(stdout, object);
    putchar('\n');
    json_object_put(object);
}

void status_print_json(const struct status_state *state)
{
    struct json_object *object = json_object_new_object(), *sources = json_object_new_array();

    for (size_t i = 0; i < state->source_count; i++) {
        json_object_array_add(sources, source_json(state, &state->sources[i]));
    }
    add_text(object, "type", "status");
    add_text(object, "version", PACKAGE_VERSION);
    add_text(object, "state", state->path);
    json_object_object_add(object, "well", json_object_new_boolean(state->well));
    json_object_object_add(object, "running", json_object_new_boolean(state->running));
    add_time(object, "alive_at", state->alive_at ? state->alive_at : FINDING_NONE);
    add_number(object, "clock_offset_ms", state->clock_offset);
    add_number(object, "findings", state->findings);
    json_object_object_add(object, "alerts", alerts_json(state));
    json_object_object_add(object, "requests", requests_json(&state->pace));
    json_object_object_add(object, "pace", pace_json(&state->pace));
    json_object_object_add(object, "notices", json_object_get(state->notices));
    json_object_object_add(object, "sources", sources);
    print(object);
}

static struct json_object *stretches_json(const struct stretch *list, size_t count)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_new_object();
        add_time(object, "start", list[i].start);
        add_time(object, "end", list[i].end);
        add_number(object, "reads", list[i].reads);
        add_time(object, "read_at", list[i].read_at);
        add_number(object, "age_ms", status_read_age(&list[i]));
        json_object_array_add(array, object);
    }
    return array;
}

void status_print_period_json(const struct period *period)
{
    struct json_object *object = json_object_new_object();

    add_text(object, "type", "period");
    add_text(object, "source", period->identity);
    json_object_object_add(object, "read", json_object_new_boolean(period->gap_count == 0));
    json_object_object_add(object, "stretches", stretches_json(period->read, period->read_count));
    json_object_object_add(object, "gaps", gaps_json(period->gaps, period->gap_count, NULL));
    json_object_object_add(object, "other_rules",
                           gaps_json(period->others, period->other_count, NULL));
    print(object);
}
