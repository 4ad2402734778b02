/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate status`: what is watched, how far, what is missing, what is waiting. */
#include "agent/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/budget.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/config.h"
#include "agent/finding_output.h"
#include "agent/notice.h"
#include "agent/retention.h"
#include "agent/session.h"
#include "agent/source.h"
#include "agent/times.h"

#define ALIVE_FOR_MS   60000  /* `run` says so every 15 s */
#define BEHIND_MAX_MS  300000 /* a source further behind, and than its pace explains, is a "no" */
#define NUMBER_TEXT    32
#define NOTICES_SHOWN  5
#define NOTICES_FOR_MS (7 * 24 * 60 * INT64_C(60000))

static const struct option_spec status_options[] = {
    { "live", NULL, "ask only whether the agent is alive and getting on" },
    { "since", "TIME", "tell whether a past period was read: from this time on" },
    { "until", "TIME", "to this time, not included; by default now" },
    { NULL, NULL, NULL },
};

static bool read_source(struct store *store, int64_t now, const struct watched *watched,
                        struct source_state *out, struct store_error *error)
{
    struct stretch *list;
    size_t count;
    struct retention_kept kept;

    if (!retention_get(store, watched->source, now, &kept, error) ||
        !coverage_list(store, watched->watch, watched->since, INT64_MAX, &list, &count, error)) {
        return false;
    }
    *out = (struct source_state){ .watched = watched };
    out->read_to = count > 0 ? list[count - 1].end : watched->since;
    int64_t since = watched->since, end = out->read_to < now ? out->read_to : now;
    if (kept.horizon > since) {
        since = kept.horizon < end ? kept.horizon : end;
        out->lost_count =
            coverage_holes(list, count, watched->since, since, true, out->lost, STATUS_GAPS_MAX);
    }
    out->settled = coverage_settled(list, count, since, kept.settled);
    out->gap_count = coverage_holes(list, count, since, end, true, out->gaps, STATUS_GAPS_MAX);
    free(list);
    char fact[SOURCE_FACT_MAX], every[NUMBER_TEXT];
    source_fact_overlap(watched->source, fact);
    if (!store_fact_get(store, fact, every, sizeof every, error)) {
        return false;
    }
    out->overlap_every = *every ? strtoll(every, NULL, 10) : 1;
    source_fact_trouble(watched->source, fact);
    if (!store_fact_get(store, fact, out->trouble, sizeof out->trouble, error) ||
        !unread_since(store, watched->source, &out->unread_since, error) ||
        !reading_get(store, watched->source, &out->reading, error) ||
        !delays_get(store, watched->source, &out->delays, error) ||
        !servers_list(store, watched->source, &out->servers, &out->server_count, error)) {
        return false;
    }
    ages_for(&out->delays, kept.settled, &out->ages);
    return true;
}

/* A source waits for its poll, and then for a token behind all others. */
static bool read_pace(struct store *store, struct status_state *state, struct store_error *error)
{
    struct pace *pace = &state->pace;
    char text[PACE_TEXT_MAX];
    double share = 1;

    if (!store_fact_get(store, SESSION_FACT_PACE, text, sizeof text, error) ||
        !buckets_list(store, BUDGET_NAMES, state->now, pace->budgets, BUCKETS_MAX,
                      &pace->budget_count, error)) {
        return false;
    }
    for (size_t i = 0; i < pace->budget_count; i++) {
        share = pace->budgets[i].share < share ? pace->budgets[i].share : share;
    }
    char *end;
    pace->poll_interval = strtoll(text, &end, 10);
    pace->rate = strtod(end, NULL);
    if (pace->rate <= 0) {
        pace->poll_interval = 0;
        return true;
    }
    /* A poll may take several requests; then it comes further apart, too. */
    double each = 1000 * (double)state->source_count / pace->rate;
    int64_t pages = 1;
    for (size_t i = 0; i < state->source_count; i++) {
        pages = state->sources[i].overlap_every > pages ? state->sources[i].overlap_every : pages;
    }
    int64_t apart = (int64_t)(2 * each * (double)pages);
    pace->worst_delay = (apart > pace->poll_interval ? apart : pace->poll_interval) +
                        (int64_t)(each * (double)pages / share);
    return true;
}

static bool read_alive(struct store *store, struct status_state *state, struct store_error *error)
{
    char text[NUMBER_TEXT];
    struct store_error lock_error;

    if (!store_fact_get(store, SESSION_FACT_CLOCK, text, sizeof text, error)) {
        return false;
    }
    state->clock_offset = strtoll(text, NULL, 10);
    if (!store_fact_get(store, SESSION_FACT_ALIVE, text, sizeof text, error)) {
        return false;
    }
    state->alive_at = strtoll(text, NULL, 10);
    struct lock_file *lock = lock_open(state->path, &lock_error);
    state->running =
        lock && lock_held_elsewhere(lock, LOCK_RUN) && state->now - state->alive_at < ALIVE_FOR_MS;
    lock_close(lock);
    if (!state->running) {
        state->clock_offset = 0; /* of a clock that may have been mended since */
    }
    return true;
}

static bool read_notices(struct store *store, struct status_state *state, struct store_error *error)
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

static bool read_state(struct store *store, struct status_state *state, struct store_error *error)
{
    state->now = clock_now();
    if (!read_alive(store, state, error) || !findings_count(store, &state->findings, error) ||
        !alerts_state(store, &state->alerts, error) ||
        !refusal_since(store, &state->refused_since, state->refusing_topic, error) ||
        !read_notices(store, state, error) ||
        !watched_list(store, &state->watched, &state->source_count, error)) {
        return false;
    }
    state->sources = calloc(state->source_count + 1, sizeof *state->sources);
    for (size_t i = 0; state->sources && i < state->source_count; i++) {
        if (!read_source(store, status_service_now(state), &state->watched[i], &state->sources[i],
                         error)) {
            return false;
        }
    }
    return state->sources && read_pace(store, state, error);
}

/* Whether everything is as it should be. */
static bool is_well(const struct status_state *state)
{
    int64_t oldest = state->alerts.oldest_waiting, behind = 2 * state->pace.worst_delay;
    bool well = state->running && state->source_count > 0 && !*state->alerts.last_error &&
                state->refused_since == 0 &&
                (oldest == FINDING_NONE || state->now - oldest < BEHIND_MAX_MS);

    for (size_t i = 0; i < state->source_count; i++) {
        well = well && !*state->sources[i].trouble &&
               status_service_now(state) - state->sources[i].read_to <
                   (behind > BEHIND_MAX_MS ? behind : BEHIND_MAX_MS);
    }
    return well;
}

int64_t status_service_now(const struct status_state *state)
{
    return state->now + state->clock_offset;
}

const char *status_gap_reason(const struct status_state *state, const struct source_state *source)
{
    if (*source->trouble) {
        return source->trouble;
    }
    return state->running ? "to be read, the newest first" : "the agent does not run";
}

int64_t status_read_age(const struct stretch *stretch)
{
    return stretch->read_at - stretch->start;
}

static bool read_period(struct store *store, const struct watched *watched, int64_t since,
                        int64_t until, struct period *out, struct store_error *error)
{
    struct stretch *list;
    size_t count;

    if (!coverage_list(store, watched->watch, since, until, &list, &count, error)) {
        return false;
    }
    *out = (struct period){ .identity = watched->identity };
    out->gap_count = coverage_holes(list, count, since, until, true, out->gaps, STATUS_GAPS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (list[i].reads > 0 && out->read_count < STATUS_STRETCHES_MAX) {
            out->read[out->read_count++] = list[i];
        } else if (list[i].reads == 0 && out->other_count < STATUS_GAPS_MAX) {
            out->others[out->other_count++] = list[i];
        }
    }
    free(list);
    return true;
}

/* Whether we were looking in a past period, source by source. */
static int tell_period(struct store *store, const struct status_state *state, int64_t since,
                       int64_t until, bool json)
{
    struct store_error error;
    int status = state->source_count > 0 ? EXIT_YES : EXIT_NO;

    for (size_t i = 0; i < state->source_count; i++) {
        struct period period;
        if (!read_period(store, &state->watched[i], since, until, &period, &error)) {
            log_error("%s", error.text);
            return EXIT_STORE;
        }
        (json ? status_print_period_json : status_print_period_text)(&period);
        status = period.gap_count > 0 ? EXIT_NO : status;
    }
    return status;
}

static void free_state(struct status_state *state)
{
    for (size_t i = 0; state->sources && i < state->source_count; i++) {
        servers_free(state->sources[i].servers, state->sources[i].server_count);
    }
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
    struct status_state state = { .path = path };
    int status;

    if (!read_state(store, &state, &error)) {
        log_error("%s", error.text);
        status = EXIT_STORE;
    } else if (request->period) {
        status = tell_period(store, &state, request->since, request->until, request->json);
    } else if (request->live) {
        puts(state.running ? "alive" : "not alive");
        status = state.running ? EXIT_YES : EXIT_NO;
    } else {
        state.well = is_well(&state);
        (request->json ? status_print_json : status_print_text)(&state);
        status = state.well ? EXIT_YES : EXIT_NO;
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
