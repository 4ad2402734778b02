/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate status`: what is watched, how far, what is missing, what is waiting. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ages.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/config.h"
#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/notice.h"
#include "agent/session.h"
#include "agent/source.h"
#include "agent/times.h"
#include "agent/window.h"
#include "storage/alerts.h"
#include "storage/coverage.h"
#include "storage/readings.h"
#include "storage/watched.h"

#define ALIVE_FOR_MS   60000  /* `run` says so every 15 s */
#define BEHIND_MAX_MS  300000 /* a source further behind is a "no" */
#define GAPS_SHOWN_MAX 20
#define NUMBER_TEXT    32
#define NOTICES_SHOWN  5
#define NOTICES_FOR_MS (7 * 24 * 60 * INT64_C(60000))

static const struct option_spec status_options[] = {
    { "live", NULL, "ask only whether the agent is alive and getting on" },
    { "since", "TIME", "tell whether a past period was read: from this time on" },
    { "until", "TIME", "to this time, not included; by default now" },
    { NULL, NULL, NULL },
};

/* One source, as status tells it. */
struct source_state {
    const struct watched *watched;
    char trouble[STORE_ERROR_MAX]; /* what only a person can mend, or empty */
    int64_t read_to;               /* end of coverage, or since */
    int64_t settled;
    struct stretch gaps[GAPS_SHOWN_MAX];
    size_t gap_count;
    struct source_reading reading;
};

struct state {
    int64_t now;
    int64_t alive_at; /* 0: never */
    bool running;
    int64_t findings;
    struct alerts_state alerts;
    struct watched *watched;
    struct source_state *sources;
    size_t source_count;
    struct json_object *notices; /* the latest, oldest first, as findings */
};

static bool read_source(struct store *store, int64_t now, const struct watched *watched,
                        struct source_state *out, struct store_error *error)
{
    struct stretch *list;
    size_t count;

    if (!coverage_list(store, watched->watch, watched->since, INT64_MAX, &list, &count, error)) {
        return false;
    }
    *out = (struct source_state){ .watched = watched };
    out->read_to = count > 0 ? list[count - 1].end : watched->since;
    out->settled = coverage_settled(list, count, watched->since, AGE_SETTLED);
    out->gap_count =
        coverage_holes(list, count, watched->since, out->read_to < now ? out->read_to : now, true,
                       out->gaps, GAPS_SHOWN_MAX);
    free(list);
    char fact[SOURCE_FACT_MAX];
    source_fact_trouble(watched->source, fact);
    return store_fact_get(store, fact, out->trouble, sizeof out->trouble, error) &&
           reading_get(store, watched->source, &out->reading, error);
}

static bool read_alive(struct store *store, const char *path, struct state *state,
                       struct store_error *error)
{
    char text[NUMBER_TEXT];
    struct store_error lock_error;

    if (!store_fact_get(store, SESSION_FACT_ALIVE, text, sizeof text, error)) {
        return false;
    }
    state->alive_at = strtoll(text, NULL, 10);
    struct lock_file *lock = lock_open(path, &lock_error);
    state->running =
        lock && lock_held_elsewhere(lock, LOCK_RUN) && state->now - state->alive_at < ALIVE_FOR_MS;
    lock_close(lock);
    return true;
}

static bool read_notices(struct store *store, struct state *state, struct store_error *error)
{
    struct findings_query query = { .since = state->now - NOTICES_FOR_MS,
                                    .rule = NOTICE_RULE,
                                    .limit = NOTICES_SHOWN };
    struct findings_list *list = findings_list(store, &query, error);
    struct finding finding;
    int step = -1;

    state->notices = json_object_new_array();
    while (list && (step = findings_next(list, &finding, error)) == 1) {
        json_object_array_add(state->notices, finding_json(&finding, true));
    }
    findings_list_free(list);
    return step == 0;
}

static bool read_state(struct store *store, const char *path, struct state *state,
                       struct store_error *error)
{
    state->now = clock_now();
    if (!read_alive(store, path, state, error) || !findings_count(store, &state->findings, error) ||
        !alerts_state(store, &state->alerts, error) || !read_notices(store, state, error) ||
        !watched_list(store, &state->watched, &state->source_count, error)) {
        return false;
    }
    state->sources = calloc(state->source_count + 1, sizeof *state->sources);
    for (size_t i = 0; state->sources && i < state->source_count; i++) {
        if (!read_source(store, state->now, &state->watched[i], &state->sources[i], error)) {
            return false;
        }
    }
    return state->sources != NULL;
}

/* Whether everything is as it should be. */
static bool is_well(const struct state *state)
{
    int64_t oldest = state->alerts.oldest_waiting;
    bool well = state->running && state->source_count > 0 && !*state->alerts.last_error &&
                (oldest == FINDING_NONE || state->now - oldest < BEHIND_MAX_MS);

    for (size_t i = 0; i < state->source_count; i++) {
        well = well && !*state->sources[i].trouble &&
               state->now - state->sources[i].read_to < BEHIND_MAX_MS;
    }
    return well;
}

static void print_gaps(const struct stretch *gaps, size_t count, const char *what)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        printf("    %-11s %s to %s\n", what, time_format(gaps[i].start, from),
               time_format(gaps[i].end, to));
    }
    if (count == GAPS_SHOWN_MAX) {
        printf("    %-11s (and more before that)\n", what);
    }
}

static void print_reading(const struct source_reading *reading)
{
    if (*reading->dialect) {
        fputs("    dialect     ", stdout);
        escape_write(stdout, reading->dialect, strlen(reading->dialect));
        putchar('\n');
    }
    if (reading->in_sql > 0) {
        printf("    in SQL      %" PRId64 " that read like connections, in the text of statements: "
               "not told\n",
               reading->in_sql);
    }
    if (reading->id_gaps > 0) {
        printf("    id gaps     %" PRId64 " connection ids of which no row was seen\n",
               reading->id_gaps);
    }
}

static void print_source(const struct source_state *source, int64_t now)
{
    char time[TIME_TEXT_MAX], behind[DURATION_TEXT_MAX];

    fputs("source        ", stdout);
    escape_write(stdout, source->watched->identity, strlen(source->watched->identity));
    printf("\n    since       %s\n", time_format(source->watched->since, time));
    printf("    read to     %s, %s ago\n", time_format(source->read_to, time),
           duration_format(now - source->read_to, behind));
    printf("    settled to  %s\n", time_format(source->settled, time));
    print_gaps(source->gaps, source->gap_count, "not read");
    print_reading(&source->reading);
    if (*source->trouble) {
        fputs("    trouble     ", stdout);
        escape_write(stdout, source->trouble, strlen(source->trouble));
        putchar('\n');
    }
}

static void print_member(struct json_object *object, const char *name)
{
    struct json_object *value = json_object_object_get(object, name);
    const char *text = value ? json_object_get_string(value) : "-";

    escape_write(stdout, text, strlen(text));
}

static void print_notices(struct json_object *notices)
{
    for (size_t i = 0; i < json_object_array_length(notices); i++) {
        struct json_object *notice = json_object_array_get_idx(notices, i);
        fputs("notice        ", stdout);
        print_member(notice, "event_time");
        fputs(", ", stdout);
        print_member(notice, "kind");
        fputs(": ", stdout);
        print_member(notice, "message");
        putchar('\n');
    }
}

static void print_text(const struct state *state, const char *path)
{
    char time[TIME_TEXT_MAX];

    printf("tailgate      %s, state file %s\n", PACKAGE_VERSION, path);
    printf("agent         %s", state->running ? "running" : "not running");
    if (state->alive_at) {
        printf(", last seen %s", time_format(state->alive_at, time));
    }
    printf("\nfindings      %" PRId64 "\nalerts        %" PRId64 " sent, %" PRId64 " waiting\n",
           state->findings, state->alerts.sent, state->alerts.waiting);
    if (*state->alerts.last_error) {
        fputs("    last error  ", stdout);
        escape_write(stdout, state->alerts.last_error, strlen(state->alerts.last_error));
        putchar('\n');
    }
    print_notices(state->notices);
    for (size_t i = 0; i < state->source_count; i++) {
        print_source(&state->sources[i], state->now);
    }
    if (state->source_count == 0) {
        puts("source        none watched yet");
    }
}

static struct json_object *gaps_json(const struct stretch *gaps, size_t count)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_object *gap = json_object_new_object();
        json_object_object_add(gap, "start", finding_json_time(gaps[i].start));
        json_object_object_add(gap, "end", finding_json_time(gaps[i].end));
        json_object_array_add(list, gap);
    }
    return list;
}

static void print_json(const struct state *state, const char *path)
{
    struct json_object *object = json_object_new_object(), *alerts = json_object_new_object();
    struct json_object *sources = json_object_new_array();

    json_object_object_add(alerts, "sent", json_object_new_int64(state->alerts.sent));
    json_object_object_add(alerts, "waiting", json_object_new_int64(state->alerts.waiting));
    json_object_object_add(
        alerts, "last_error",
        *state->alerts.last_error ? json_object_new_string(state->alerts.last_error) : NULL);
    for (size_t i = 0; i < state->source_count; i++) {
        const struct source_state *source = &state->sources[i];
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "source", json_object_new_string(source->watched->identity));
        json_object_object_add(item, "since", finding_json_time(source->watched->since));
        json_object_object_add(item, "read_to", finding_json_time(source->read_to));
        json_object_object_add(item, "behind_ms",
                               json_object_new_int64(state->now - source->read_to));
        json_object_object_add(item, "settled", finding_json_time(source->settled));
        json_object_object_add(item, "gaps", gaps_json(source->gaps, source->gap_count));
        json_object_object_add(
            item, "dialect",
            *source->reading.dialect ? json_object_new_string(source->reading.dialect) : NULL);
        json_object_object_add(item, "in_sql", json_object_new_int64(source->reading.in_sql));
        json_object_object_add(item, "id_gaps", json_object_new_int64(source->reading.id_gaps));
        json_object_object_add(item, "trouble",
                               *source->trouble ? json_object_new_string(source->trouble) : NULL);
        json_object_array_add(sources, item);
    }
    json_object_object_add(object, "type", json_object_new_string("status"));
    json_object_object_add(object, "version", json_object_new_string(PACKAGE_VERSION));
    json_object_object_add(object, "state", json_object_new_string(path));
    json_object_object_add(object, "well", json_object_new_boolean(is_well(state)));
    json_object_object_add(object, "running", json_object_new_boolean(state->running));
    json_object_object_add(object, "alive_at",
                           finding_json_time(state->alive_at ? state->alive_at : FINDING_NONE));
    json_object_object_add(object, "findings", json_object_new_int64(state->findings));
    json_object_object_add(object, "alerts", alerts);
    json_object_object_add(object, "notices", json_object_get(state->notices));
    json_object_object_add(object, "sources", sources);
    escape_write_json(stdout, object);
    putchar('\n');
    json_object_put(object);
}

/* A source in a past period: what was not read, and what was read looking for something else than
 * today. */
struct period {
    const char *identity;
    struct stretch gaps[GAPS_SHOWN_MAX], others[GAPS_SHOWN_MAX];
    size_t gap_count, other_count;
};

static bool read_period(struct store *store, const struct watched *watched, int64_t since,
                        int64_t until, struct period *out, struct store_error *error)
{
    struct stretch *list;
    size_t count;

    if (!coverage_list(store, watched->watch, since, until, &list, &count, error)) {
        return false;
    }
    *out = (struct period){ .identity = watched->identity };
    out->gap_count = coverage_holes(list, count, since, until, true, out->gaps, GAPS_SHOWN_MAX);
    for (size_t i = 0; i < count && out->other_count < GAPS_SHOWN_MAX; i++) {
        if (list[i].reads == 0) {
            out->others[out->other_count++] = list[i];
        }
    }
    free(list);
    return true;
}

static void print_period(const struct period *period, bool json)
{
    if (json) {
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "type", json_object_new_string("period"));
        json_object_object_add(object, "source", json_object_new_string(period->identity));
        json_object_object_add(object, "read", json_object_new_boolean(period->gap_count == 0));
        json_object_object_add(object, "gaps", gaps_json(period->gaps, period->gap_count));
        json_object_object_add(object, "other_rules",
                               gaps_json(period->others, period->other_count));
        escape_write_json(stdout, object);
        putchar('\n');
        json_object_put(object);
        return;
    }
    fputs("source        ", stdout);
    escape_write(stdout, period->identity, strlen(period->identity));
    puts(period->gap_count == 0 ? "\n    read        the whole period" : "");
    print_gaps(period->gaps, period->gap_count, "not read");
    print_gaps(period->others, period->other_count, "other rules");
}

/* Whether we were looking in a past period, source by source. */
static int tell_period(struct store *store, const struct state *state, int64_t since, int64_t until,
                       bool json)
{
    struct store_error error;
    int status = state->source_count > 0 ? EXIT_YES : EXIT_NO;

    for (size_t i = 0; i < state->source_count; i++) {
        struct period period;
        if (!read_period(store, &state->watched[i], since, until, &period, &error)) {
            log_error("%s", error.text);
            return EXIT_STORE;
        }
        print_period(&period, json);
        status = period.gap_count > 0 ? EXIT_NO : status;
    }
    return status;
}

static void free_state(struct state *state)
{
    watched_free(state->watched, state->source_count);
    free(state->sources);
    json_object_put(state->notices);
}

struct status_request {
    bool live, period, json;
    int64_t since, until;
};

static int tell(struct store *store, const char *path, const struct status_request *request)
{
    struct store_error error = { .text = "out of memory" };
    struct state state = { 0 };
    int status;

    if (!read_state(store, path, &state, &error)) {
        log_error("%s", error.text);
        status = EXIT_STORE;
    } else if (request->period) {
        status = tell_period(store, &state, request->since, request->until, request->json);
    } else if (request->live) {
        puts(state.running ? "alive" : "not alive");
        status = state.running ? EXIT_YES : EXIT_NO;
    } else {
        (request->json ? print_json : print_text)(&state, path);
        status = is_well(&state) ? EXIT_YES : EXIT_NO;
    }
    free_state(&state);
    return status;
}

static int status_main(const struct arguments *arguments)
{
    struct problems problems = { 0 };
    struct status_request request = { .live = arguments_flag(arguments, "live"),
                                      .period = arguments_value(arguments, "since") != NULL,
                                      .until = clock_now() };

    arguments_time(arguments, "since", &request.since, &problems);
    arguments_time(arguments, "until", &request.until, &problems);
    if (problems.count == 0 && request.period && request.since >= request.until) {
        problems_add(&problems, (struct place){ "--since", 0, 0 }, "is not before --until");
    }
    struct config *config = config_load(arguments, CONFIG_STATE, &problems);
    if (problems.count > 0) {
        config_free(config);
        return command_refuse(&problems);
    }
    request.json = config->output == OUTPUT_JSON;
    struct store *store = command_open_store(config->state);
    int status = store ? tell(store, config->state, &request) : EXIT_STORE;
    store_close(store);
    config_free(config);
    return status;
}

const struct command status_command = {
    .name = "status",
    .operands = "[OPTION...]",
    .summary = "what is watched, how far, what is missing, what is waiting",
    .details = "  Exit status: 0 all is well, 1 it is not (the agent does not run, is behind, or "
               "alerts cannot be sent).\n",
    .options = status_options,
    .common = true,
    .run = status_main,
};
