/* SPDX-License-Identifier: Apache-2.0 */
/* Silent servers. */
#include "agent/silence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/memory.h"
#include "agent/notice.h"
#include "agent/times.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)

/* What must be known of a server before its silence means anything. */
#define LEARNED_ROWS 30
#define LEARNED_TIME HOUR
/* A pause is a silence when it is so much longer than the longest usual one: of short ones four
 * times, up to LIMIT_STEEP, as they vary; of long ones, such as every night's, half as much again.
 */
#define LIMIT_LEAST (5 * MINUTE)
#define LIMIT_STEEP (6 * HOUR)
#define LIMIT_MOST  DAY
/* The longest usual pause for which that stays within a day. */
#define USUAL_MOST (LIMIT_MOST / 3 * 2)
/* Without a row for so long, a server is taken to be gone. */
#define FORGOTTEN_AFTER (30 * DAY)
/* One that is not known well makes room for another after this. */
#define PASSING_AFTER HOUR

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t silence_usual(const struct server *server)
{
    return most(server->longest, server->longest_before);
}

int64_t silence_limit(const struct server *server)
{
    int64_t usual = least(silence_usual(server), USUAL_MOST);

    return most(most(LIMIT_LEAST, least(4 * usual, LIMIT_STEEP)), usual / 2 * 3);
}

enum silence_state silence_state(const struct server *server)
{
    if (server->silent_at != SERVER_HEARD) {
        return SILENCE_SILENT;
    }
    if (server->rows < LEARNED_ROWS || server->last_at - server->first_at < LEARNED_TIME) {
        return SILENCE_LEARNING;
    }
    return silence_usual(server) > USUAL_MOST ? SILENCE_IRREGULAR : SILENCE_HEARD;
}

const char *silence_state_name(enum silence_state state)
{
    static const char *const names[] = { "heard", "silent", "learning", "irregular" };

    return names[state];
}

/* Whether a text is digits, and hyphens or dots if those are allowed; not empty. */
static bool is_number(const char *text, size_t len, const char *also)
{
    for (size_t i = 0; i < len; i++) {
        if ((text[i] < '0' || text[i] > '9') && (text[i] == '\0' || !strchr(also, text[i]))) {
            return false;
        }
    }
    return len > 0;
}

static bool is_instance(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-') {
            return false;
        }
    }
    return len > 0;
}

size_t silence_stream(const char *stream, size_t len)
{
    static const char audit[] = "audit.log.";
    const char *dot = memchr(stream, '.', len);

    if (!dot || !is_instance(stream, (size_t)(dot - stream))) {
        return len;
    }
    const char *rest = dot + 1;
    size_t rest_len = len - (size_t)(rest - stream);
    bool rotated = is_number(rest, rest_len, "") ||
                   (rest_len > sizeof audit - 1 && memcmp(rest, audit, sizeof audit - 1) == 0 &&
                    is_number(rest + sizeof audit - 1, rest_len - (sizeof audit - 1), "-."));
    return rotated ? (size_t)(dot - stream) : len;
}

void silence_drop(struct silence *silence)
{
    servers_free(silence->servers, silence->count);
    silence->servers = NULL;
    silence->count = silence->last = 0;
    memset(silence->changed, 0, sizeof silence->changed);
    memset(silence->back, 0, sizeof silence->back);
    memset(silence->back_at, 0, sizeof silence->back_at);
}

bool silence_begin(struct silence *silence, struct store *store, const struct origin *origin,
                   struct store_error *error)
{
    silence_drop(silence);
    return servers_list(store, origin->source, &silence->servers, &silence->count, error);
}

static bool is_server(const struct server *server, const struct silence_row *row, size_t stream_len)
{
    return strlen(server->name) == row->server.len && strlen(server->stream) == stream_len &&
           memcmp(server->name, row->server.data, row->server.len) == 0 &&
           memcmp(server->stream, row->stream, stream_len) == 0;
}

/* The server of a row, made if need be; NULL when there is no room for it, or none is to be made.
 */
static struct server *server_of(struct silence *silence, const struct silence_row *row,
                                int64_t time)
{
    size_t stream_len = silence_stream(row->stream, row->stream_len);

    if (silence->last < silence->count &&
        is_server(&silence->servers[silence->last], row, stream_len)) {
        return &silence->servers[silence->last];
    }
    for (size_t i = 0; i < silence->count; i++) {
        if (is_server(&silence->servers[i], row, stream_len)) {
            silence->last = i;
            return &silence->servers[i];
        }
    }
    if (!silence->newest || silence->count == SERVERS_MAX) {
        silence->no_room = silence->no_room || silence->newest;
        return NULL;
    }
    struct server *server = &silence->servers[silence->count];
    *server = (struct server){ .stream = xstrndup(row->stream, stream_len),
                               .name = xstrndup(row->server.data, row->server.len),
                               .first_at = time,
                               .last_at = time - 1, /* so that this row counts */
                               .week = time,
                               .silent_at = SERVER_HEARD };
    silence->last = silence->count++;
    return server;
}

/* Learns a pause that ended at a time. */
static void learn(struct server *server, int64_t pause, int64_t time)
{
    if (time - server->week >= WEEK) {
        server->longest_before = time - server->week < 2 * WEEK ? server->longest : 0;
        server->longest = 0;
        server->week = time - (time - server->week) % WEEK;
    }
    server->longest = most(server->longest, pause);
}

void silence_hear(struct silence *silence, const struct silence_row *row)
{
    int64_t ingested = row->ingested != INT64_MIN ? row->ingested : row->read_at;
    int64_t time = least(least(row->time, ingested), row->read_at);

    if (row->stream_len > SERVER_STREAM_MAX || row->server.len > SERVER_NAME_MAX ||
        memchr(row->stream, '\0', row->stream_len)) {
        return;
    }
    struct server *server = server_of(silence, row, time);
    if (!server || time <= server->last_at) {
        return;
    }
    size_t at = (size_t)(server - silence->servers);
    int64_t pause = time - server->last_at;
    /* One that is earlier came late: it does not end the silence. */
    bool ends = server->silent_at != SERVER_HEARD && time > server->silent_at;
    if (ends) {
        silence->back[at] = server->last_at;
        silence->back_at[at] = time;
        server->silent_at = SERVER_HEARD;
        /* Its like is usual from now on, but one long silence is no reason to stop watching. */
        pause = least(pause, USUAL_MOST);
    }
    if (silence->newest && silence->unbroken <= server->last_at) {
        learn(server, pause, time);
    }
    server->rows += silence->newest;
    server->last_at = time;
    silence->changed[at] = true;
}

/* What people know it by. */
static const char *named(const struct server *server)
{
    return *server->name ? server->name : server->stream;
}

static bool tell(struct store *store, const struct origin *origin, const struct server *server,
                 struct notice *notice, struct store_error *error)
{
    bool known;

    notice->origin = origin;
    notice->server = named(server);
    notice->stream = server->stream;
    return notice_add(store, notice, &known, error);
}

static bool tell_back(struct store *store, const struct origin *origin, const struct server *server,
                      int64_t since, int64_t until, struct store_error *error)
{
    char text[NOTICE_TEXT_MAX], from[TIME_TEXT_MAX], to[TIME_TEXT_MAX], length[DURATION_TEXT_MAX];
    struct notice notice = {
        .kind = NOTICE_HEARD_AGAIN, .severity = SEVERITY_LOW, .time = until, .text = text
    };

    snprintf(text, sizeof text,
             "Rows of the database server %s come again, since %s; it was silent for %s, from %s "
             "on. Rows of that time that come late are still read and told. If none do, find out "
             "who or what kept them from being written or sent.",
             named(server), time_format(until, to), duration_format(until - since, length),
             time_format(since, from));
    log_info("%s: %s is heard again, after %s", origin->log_group, named(server), length);
    return tell(store, origin, server, &notice, error);
}

/* Another server whose rows still come in the same stream, the one heard last; or NULL. */
static const struct server *companion(const struct silence *silence, const struct server *server,
                                      int64_t read_to)
{
    const struct server *found = NULL;

    for (size_t i = 0; i < silence->count; i++) {
        const struct server *other = &silence->servers[i];
        if (other != server && strcmp(other->stream, server->stream) == 0 &&
            read_to - other->last_at <= silence_limit(server) + silence->late &&
            (!found || other->last_at > found->last_at)) {
            found = other;
        }
    }
    return found;
}

static bool tell_silent(const struct silence *silence, struct store *store,
                        const struct origin *origin, const struct server *server, int64_t read_to,
                        struct store_error *error)
{
    const struct server *other = companion(silence, server, read_to);
    char text[NOTICE_TEXT_MAX], since[TIME_TEXT_MAX], length[DURATION_TEXT_MAX];
    char usual[DURATION_TEXT_MAX], first[TIME_TEXT_MAX];
    bool replaced = other && other->first_at >= server->last_at;
    struct notice notice = { .kind = NOTICE_SILENCE,
                             .severity = replaced ? SEVERITY_MEDIUM : SEVERITY_HIGH,
                             .time = server->last_at,
                             .text = text };

    int len = snprintf(
        text, sizeof text,
        "No row of the database server %s (log stream %s) has come since %s, for %s now; before "
        "that it never paused for longer than %s. The log group itself can be read. Check whether "
        "the instance was stopped, renamed or deleted, whether its audit plugin or the parameters "
        "of its audit log were turned off, and whether the export of the log to CloudWatch Logs "
        "was.",
        named(server), server->stream, time_format(server->last_at, since),
        duration_format(read_to - server->last_at, length),
        duration_format(silence_usual(server), usual));
    if (other && len > 0 && (size_t)len < sizeof text) {
        snprintf(text + len, sizeof text - (size_t)len,
                 " Rows of %s, first heard at %s, still come in the same stream: after a failover "
                 "the rows of an instance may name another host.",
                 named(other), time_format(other->first_at, first));
    }
    log_warning("%s: %s is silent, for %s now", origin->log_group, named(server), length);
    return tell(store, origin, server, &notice, error);
}

/* Whether nothing more is expected of a server. */
static bool is_gone(const struct silence *silence, const struct server *server, int64_t quiet)
{
    return quiet > FORGOTTEN_AFTER ||
           (silence->count == SERVERS_MAX && silence_state(server) == SILENCE_LEARNING &&
            quiet > PASSING_AFTER);
}

/* What is to be said of one server when all up to a time has been read. */
static bool judge(struct silence *silence, size_t at, struct store *store,
                  const struct origin *origin, int64_t read_to, struct store_error *error)
{
    struct server *server = &silence->servers[at];
    int64_t quiet = read_to - most(server->last_at, silence->unbroken);

    if (is_gone(silence, server, quiet)) {
        silence->changed[at] = false;
        return servers_forget(store, origin->source, server, error);
    }
    if (silence_state(server) != SILENCE_HEARD || quiet <= silence_limit(server) + silence->late) {
        return true;
    }
    server->silent_at = read_to;
    silence->changed[at] = true;
    return tell_silent(silence, store, origin, server, read_to, error);
}

static void say_no_room(struct silence *silence, const struct origin *origin)
{
    if (silence->no_room && !silence->said) {
        log_warning("%s: rows name more than %d database servers; the silence of further ones is "
                    "not watched",
                    origin->log_group, SERVERS_MAX);
        silence->said = true;
    }
    silence->no_room = false;
}

bool silence_end(struct silence *silence, struct store *store, const struct origin *origin,
                 int64_t read_to, struct store_error *error)
{
    bool ok = true;

    say_no_room(silence, origin);
    for (size_t i = 0; ok && i < silence->count; i++) {
        struct server *server = &silence->servers[i];
        if (silence->back_at[i] != 0) {
            ok = tell_back(store, origin, server, silence->back[i], silence->back_at[i], error);
        }
        if (ok && read_to != SILENCE_NOT_READ) {
            ok = judge(silence, i, store, origin, read_to, error);
        }
        if (ok && silence->changed[i]) {
            ok = servers_save(store, origin->source, server, error);
        }
    }
    silence_drop(silence);
    return ok;
}
