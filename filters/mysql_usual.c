/* SPDX-License-Identifier: Apache-2.0 */
/* What is usual in a stream of rows. */
#include "filters/mysql_usual.h"

#include <string.h>

#include "filters/mysql.h"

static int64_t distance(int64_t a, int64_t b)
{
    int64_t result;

    if (__builtin_sub_overflow(a, b, &result)) {
        return INT64_MAX;
    }
    return result < 0 ? -result : result;
}

/* Whether a row differs from the others by more than `tolerance`.  Within it the value follows the
 * rows. */
static bool differs(struct usual_value *usual, int64_t value, int64_t tolerance)
{
    if (!usual->known || distance(value, usual->value) <= tolerance) {
        usual->known = true;
        usual->value = value;
        usual->others = 0;
        return false;
    }
    if (usual->others == 0 || distance(value, usual->other) > tolerance) {
        usual->others = 0;
    }
    usual->other = value;
    if (++usual->others == USUAL_ADOPT) {
        usual->value = value;
        usual->others = 0;
    }
    return true;
}

/* Whether a row's time is not one of the rows around it: far back, or so far ahead that no silence
 * explains it. */
static bool out_of_time(struct usual *usual, int64_t time)
{
    if (usual->now == 0 ||
        (time >= usual->now - USUAL_TIME_MS && time <= usual->now + USUAL_QUIET_MS)) {
        usual->now = time;
        usual->laters = 0;
        return false;
    }
    if (usual->laters == 0 || distance(time, usual->later) > USUAL_TIME_MS) {
        usual->laters = 0;
    }
    usual->later = time;
    if (++usual->laters == USUAL_ADOPT) {
        usual->now = time;
        usual->laters = 0;
    }
    return true;
}

/* The time of a row; most rows repeat the last one's. */
static bool time_of(struct usual *usual, const struct record *record, int64_t *out)
{
    struct slice text = record->time;

    if (text.len == usual->time_len && memcmp(text.data, usual->time_text, text.len) == 0) {
        *out = usual->time;
        return true;
    }
    if (!record_time_ms(record, 0, out)) {
        return false;
    }
    memcpy(usual->time_text, text.data, text.len);
    usual->time_len = text.len;
    usual->time = *out;
    return true;
}

static void note_dialect(struct usual *usual, const char *dialect)
{
    if (!usual->dialect || dialect == usual->dialect) {
        usual->dialect = dialect;
        usual->other_dialects = 0;
        return;
    }
    usual->other_dialects = dialect == usual->other_dialect ? usual->other_dialects + 1 : 1;
    usual->other_dialect = dialect;
    if (usual->other_dialects == USUAL_ADOPT) {
        usual->dialect = dialect;
        usual->other_dialects = 0;
    }
}

unsigned usual_row(struct usual *usual, const struct event *event, const struct record *record,
                   uint64_t server)
{
    unsigned marks = 0;
    bool wrong;
    int64_t time;

    if (differs(&usual->server, (int64_t)server, 0)) {
        marks |= MARK_SERVER_MISMATCH;
    }
    wrong = differs(&usual->form, record->time_form, 0) || !time_of(usual, record, &time);
    if (!wrong && event->time == EVENT_TIME_NONE) {
        wrong = out_of_time(usual, time);
    } else if (!wrong) {
        /* The service's time of an event is its row's, but for the zone, and rows that were written
         * together arrive together. */
        int64_t offset, lag;

        wrong = __builtin_sub_overflow(time, event->time, &offset) ||
                differs(&usual->offset, offset, USUAL_TIME_MS);
        if (event->ingested != EVENT_TIME_NONE &&
            (__builtin_sub_overflow(event->ingested, event->time, &lag) ||
             differs(&usual->lag, lag, USUAL_TIME_MS))) {
            wrong = true;
        }
        if (!wrong) {
            usual->now = time;
        }
    }
    if (wrong) {
        return marks | MARK_TIME_MISMATCH;
    }
    if (marks == 0) {
        note_dialect(usual, record->dialect ? record->dialect : mysql_dialect_plain);
    }
    return marks;
}

const char *usual_dialect(const struct usual *usual)
{
    return usual->dialect;
}

struct usual_ids *usual_ids_of(struct usual_ids *servers, uint64_t server)
{
    for (size_t i = 0; i < USUAL_SERVERS_MAX; i++) {
        if (servers[i].server == server) {
            return &servers[i];
        }
        if (servers[i].server == 0) {
            servers[i].server = server;
            return &servers[i];
        }
    }
    return &servers[server % USUAL_SERVERS_MAX];
}

/* The highest id that may come now. */
static int64_t ceiling(const struct usual_ids *ids, int64_t now)
{
    int64_t seconds = now > ids->at ? (now - ids->at) / 1000 : 0, out;

    if (seconds > INT32_MAX ||
        __builtin_add_overflow(ids->highest, USUAL_ID_AHEAD + USUAL_ID_PER_SECOND * seconds,
                               &out)) {
        return INT64_MAX;
    }
    return out;
}

/* Whether an id is neither too far behind the highest one nor too far ahead. */
static bool is_near(const struct usual_ids *ids, int64_t id, int64_t now)
{
    return !ids->known || (distance(id, ids->highest) < USUAL_ID_BEHIND && id <= ids->highest) ||
           (id > ids->highest && id <= ceiling(ids, now));
}

static bool is_possible(const struct usual_ids *ids, int64_t id, int64_t now)
{
    for (size_t i = 0; i < USUAL_IDS_RECENT && ids->recent[i] != 0; i++) {
        if (distance(id, ids->recent[i]) < USUAL_ID_BEHIND) {
            return true;
        }
    }
    return is_near(ids, id, now);
}

bool usual_id_possible(const struct usual_ids *servers, int64_t id, int64_t now, bool *known)
{
    *known = false;
    for (size_t i = 0; i < USUAL_SERVERS_MAX && servers[i].server != 0; i++) {
        if (servers[i].known) {
            *known = true;
            if (is_possible(&servers[i], id, now)) {
                return true;
            }
        }
    }
    return !*known;
}

/* Ids that rows agree on though they do not follow the others are those of a server that was
 * started again. */
static void follow_others(struct usual_ids *ids, int64_t id, int64_t now)
{
    if (ids->others == 0 || distance(id, ids->other) > USUAL_ID_AHEAD) {
        ids->others = 0;
    }
    ids->other = id;
    if (++ids->others == USUAL_ADOPT) {
        ids->highest = id;
        ids->at = now;
        ids->others = 0;
    }
}

bool usual_id_follows(struct usual_ids *ids, int64_t id, int64_t now, bool learn, int64_t *gaps)
{
    bool follows = is_near(ids, id, now);

    ids->recent[ids->next++ % USUAL_IDS_RECENT] = id;
    if (!learn) {
        return follows;
    }
    if (!follows) {
        follow_others(ids, id, now);
        return false;
    }
    if (!ids->known || id > ids->highest) {
        *gaps += ids->known ? id - ids->highest - 1 : 0;
        ids->known = true;
        ids->highest = id;
        ids->at = now;
    } else if (id<ids->highest && * gaps> 0) {
        (*gaps)--; /* it came late */
    }
    ids->others = 0;
    return true;
}
