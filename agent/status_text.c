/* SPDX-License-Identifier: Apache-2.0 */
/* The status, for people. */
#include "agent/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/budget.h"
#include "agent/escape.h"
#include "agent/silence.h"
#include "agent/times.h"

static void put(const char *text)
{
    escape_write(stdout, text, strlen(text));
}

static void print_gaps(const struct stretch *gaps, size_t count, const char *what, const char *why)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        printf("    %-11s %s to %s", what, time_format(gaps[i].start, from),
               time_format(gaps[i].end, to));
        if (why) {
            fputs(": ", stdout);
            put(why);
        }
        putchar('\n');
    }
    if (count == STATUS_GAPS_MAX) {
        printf("    %-11s (and more before that)\n", what);
    }
}

static void print_reading(const struct source_reading *reading)
{
    if (*reading->dialect) {
        fputs("    dialect     ", stdout);
        put(reading->dialect);
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

static void print_ages(const struct source_state *source)
{
    char text[DURATION_TEXT_MAX];

    printf("    read again  the newest %s", duration_format(source->ages.overlap, text));
    if (source->overlap_every > 1) {
        printf(" (at one poll of %" PRId64 ": the log is busy)", source->overlap_every);
    }
    for (size_t i = 0; i < AGES_COUNT; i++) {
        printf("%s %s", i == 0 ? "; all after" : ",", duration_format(source->ages.age[i], text));
    }
    putchar('\n');
    if (delays_total(&source->delays) > 0) {
        printf("    late events half within %s",
               duration_format(delays_quantile(&source->delays, 0.5), text));
        printf(", 99 of 100 within %s",
               duration_format(delays_quantile(&source->delays, 0.99), text));
        printf(", the latest %s\n", duration_format(source->delays.longest, text));
    }
}

static void print_server(const struct source_state *source, const struct server *server,
                         int64_t now)
{
    char text[DURATION_TEXT_MAX], time[TIME_TEXT_MAX];

    fputs("    server      ", stdout);
    if (*server->name) {
        put(server->name);
        fputs(" in ", stdout);
    }
    put(server->stream);
    printf(": last heard %s, %s ago; ", time_format(server->last_at, time),
           duration_format(now - server->last_at, text));
    switch (silence_state(server)) {
    case SILENCE_SILENT:
        puts("SILENT, which was told");
        break;
    case SILENCE_LEARNING:
        puts("not known well enough yet to tell its silence");
        break;
    case SILENCE_IRREGULAR:
        printf("not regular enough to tell its silence: it paused for %s\n",
               duration_format(silence_usual(server), text));
        break;
    case SILENCE_HEARD:
        printf("silence is told after %s",
               duration_format(silence_limit(server) + source->ages.overlap, text));
        printf(", as it pauses up to %s\n", duration_format(silence_usual(server), text));
        break;
    }
}

static void print_servers(const struct source_state *source, int64_t now)
{
    for (size_t i = 0; i < source->server_count; i++) {
        print_server(source, &source->servers[i], now);
    }
    if (source->server_count == SERVERS_MAX) {
        puts("    server      (no further ones are watched)");
    }
}

static void print_source(const struct status_state *state, const struct source_state *source)
{
    char time[TIME_TEXT_MAX], behind[DURATION_TEXT_MAX];

    fputs("source        ", stdout);
    put(source->watched->identity);
    printf("\n    since       %s\n", time_format(source->watched->since, time));
    printf("    read to     %s, %s ago\n", time_format(source->read_to, time),
           duration_format(status_service_now(state) - source->read_to, behind));
    printf("    settled to  %s\n", time_format(source->settled, time));
    print_gaps(source->gaps, source->gap_count, "not read", status_gap_reason(state, source));
    print_gaps(source->lost, source->lost_count, "lost", STATUS_LOST);
    print_ages(source);
    print_reading(&source->reading);
    print_servers(source, status_service_now(state));
    if (*source->trouble) {
        fputs("    trouble     ", stdout);
        put(source->trouble);
        putchar('\n');
    }
    if (source->unread_since) {
        printf("    unreadable  since %s\n", time_format(source->unread_since, time));
    }
}

static void print_member(struct json_object *object, const char *name)
{
    struct json_object *value = json_object_object_get(object, name);

    put(value ? json_object_get_string(value) : "-");
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

static void print_pace(const struct pace *pace)
{
    char text[DURATION_TEXT_MAX];

    for (size_t i = 0; i < pace->budget_count; i++) {
        const struct bucket_use *use = &pace->budgets[i];
        fputs("requests      ", stdout);
        put(use->name + sizeof BUDGET_NAMES - 1);
        printf(": %" PRId64 " in all, %" PRId64 " in this hour, %" PRId64 " in the one before",
               use->taken, use->in_hour, use->hour_before);
        if (use->share < 1) {
            printf("; the service throttles, now at %.0f %% of the rate", 100 * use->share);
        }
        putchar('\n');
    }
    if (pace->poll_interval > 0) {
        printf("pace          %g requests a second, each source polled every %s", pace->rate,
               duration_format(pace->poll_interval, text));
        printf("; a row is read at most %s after it can be\n",
               duration_format(pace->worst_delay, text));
    }
}

void status_print_text(const struct status_state *state)
{
    char time[TIME_TEXT_MAX], off[DURATION_TEXT_MAX];

    printf("tailgate      %s, state file %s\n", PACKAGE_VERSION, state->path);
    printf("agent         %s", state->running ? "running" : "not running");
    if (state->alive_at) {
        printf(", last seen %s", time_format(state->alive_at, time));
    }
    if (state->clock_offset != 0) {
        printf("\nclock         this host's is %s %s; AWS's is used",
               duration_format(llabs(state->clock_offset), off),
               state->clock_offset < 0 ? "fast" : "slow");
    }
    printf("\nfindings      %" PRId64 "\nalerts        %" PRId64 " sent, %" PRId64 " waiting\n",
           state->findings, state->alerts.sent, state->alerts.waiting);
    if (state->refused_since) {
        printf("    refused     since %s by ", time_format(state->refused_since, time));
        put(state->refusing_topic);
        putchar('\n');
    }
    if (*state->alerts.last_error) {
        fputs("    last error  ", stdout);
        put(state->alerts.last_error);
        putchar('\n');
    }
    print_pace(&state->pace);
    print_notices(state->notices);
    for (size_t i = 0; i < state->source_count; i++) {
        print_source(state, &state->sources[i]);
    }
    if (state->source_count == 0) {
        puts("source        none watched yet");
    }
}

void status_print_period_text(const struct period *period)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX], at[TIME_TEXT_MAX], age[DURATION_TEXT_MAX];

    fputs("source        ", stdout);
    put(period->identity);
    puts(period->gap_count == 0 ? "\n    read        the whole period" : "");
    for (size_t i = 0; i < period->read_count; i++) {
        const struct stretch *read = &period->read[i];
        printf("    read        %s to %s: %" PRId64 " times or more, last at %s, %s after\n",
               time_format(read->start, from), time_format(read->end, to), read->reads,
               time_format(read->read_at, at), duration_format(status_read_age(read), age));
    }
    if (period->read_count == STATUS_STRETCHES_MAX) {
        puts("    read        (and more after that)");
    }
    print_gaps(period->gaps, period->gap_count, "not read", NULL);
    print_gaps(period->others, period->other_count, "other rules", NULL);
}
