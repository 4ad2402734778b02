/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of PostgreSQL's log in the light of the lines before them.
 *
 * Who has not even logged in chooses the names of user and database, which stand raw in the prefix
 * of each of its lines and so can end a line and write others.  Two things cannot be chosen: %r at
 * the beginning of such a line, and ":[pid]:" behind the names.  What stands between them was
 * written by that client.  So an attempt is told from its %r at once, lines behind one whose prefix
 * does not end are tainted until its end comes, and when that end comes, with a pid that belongs to
 * a %r just before, what stands between is proved to be forged. */
#include "filters/postgresql.h"

#include <stdlib.h>
#include <string.h>

#include "filters/network.h"
#include "filters/postgresql_internal.h"

#define SAME_MOMENT_MS 1000 /* no port is used for two connections within it */
#define NAMES_ATTEMPTS 1024 /* how long one name in %r says that all may be names */

struct postgresql *postgresql_new(void)
{
    struct postgresql *memory = calloc(1, sizeof *memory);

    if (memory) {
        memory->attempts = postgresql_attempts_new();
        if (!memory->attempts) {
            free(memory);
            return NULL;
        }
    }
    return memory;
}

void postgresql_free(struct postgresql *memory)
{
    if (memory) {
        postgresql_attempts_free(memory->attempts);
        free(memory);
    }
}

void postgresql_window(struct postgresql *memory, bool goes_on)
{
    memset(memory->streams, 0, sizeof memory->streams);
    memory->stream = NULL;
    if (!goes_on) {
        postgresql_attempts_clear(memory->attempts);
        memory->now = 0;
        memory->names_left = 0;
    }
}

static struct postgresql_stream *stream_of(struct postgresql *memory, uint64_t number)
{
    struct postgresql_stream *oldest = &memory->streams[0];

    if (memory->stream && memory->stream->number == number) {
        return memory->stream;
    }
    for (size_t i = 0; i < POSTGRESQL_STREAMS_MAX; i++) {
        struct postgresql_stream *stream = &memory->streams[i];

        if (stream->used && stream->number == number) {
            return stream;
        }
        if (!stream->used || (oldest->used && stream->turn < oldest->turn)) {
            oldest = stream;
        }
    }
    *oldest = (struct postgresql_stream){ .number = number, .used = true };
    return oldest;
}

static struct slice names_of(const struct postgresql_work *work,
                             const struct postgresql_split *split)
{
    return (struct slice){ work->line.data + work->head.names, split->at - work->head.names };
}

static bool is_tainted(const struct postgresql_work *work)
{
    return postgresql_rows_tainted(&work->stream->rows, work->remote);
}

static void add_row(struct postgresql_work *work, struct postgresql_attempt *attempt, bool began)
{
    postgresql_rows_add(&work->stream->rows, work->head.time_ms, work->remote, attempt, began);
}

void postgresql_put_client(struct postgresql_work *work, enum record_kind kind, struct slice host,
                           int64_t pid)
{
    struct record *record = work->record;

    record->kind = kind;
    record->port = work->head.port;
    record->names_only = work->memory->names_left > 0;
    record->candidates[record->count++] = (struct candidate){
        .host = host, .connection_id = pid, .operation = OPERATION_CONNECT, .counts = true
    };
}

/* With log_hostname the server prints what reverse zones say, unchecked. */
static void note_name(const struct postgresql_work *work, bool doubtful)
{
    struct slice host = work->head.host;
    const char *scope = memchr(host.data, '%', host.len);
    struct address ignored;

    if (scope) {
        host.len = (size_t)(scope - host.data);
    }
    if (doubtful) {
        return; /* another client may have written it */
    }
    if (!address_parse(host, &ignored)) {
        work->memory->names_left = NAMES_ATTEMPTS;
    } else if (work->memory->names_left > 0) {
        work->memory->names_left--;
    }
}

/* Whether a line is "connection received" as the server writes it for this very client. */
static bool is_received(const struct postgresql_work *work)
{
    const struct postgresql_split *split = &work->splits[0];
    struct slice host, user, database;
    bool agrees, unnamed;

    if (work->split_count != 1 || !postgresql_received(split, &work->head, &host, &agrees) ||
        !agrees) {
        return false;
    }
    postgresql_names(names_of(work, split), &user, &database, &unnamed);
    return unnamed;
}

/* Whether the client's port is in use by another process still: then the pid of this line is one
 * that the client has put into its names. */
static bool is_suspect(const struct postgresql_work *work, const struct postgresql_attempt *other)
{
    if (!other || other->ended || other->pid < 0 || other->doubtful || work->head.port < 0) {
        return false;
    }
    return work->memory->now - other->last_ms <= SAME_MOMENT_MS ||
           (other->received && !is_received(work));
}

/* Marks for a process that has not ended and serves another client; if that has just written, this
 * line may be its text. */
static unsigned marks_of_pid(const struct postgresql_work *work, int64_t pid)
{
    const struct postgresql_attempt *owner =
        pid < 0 ? NULL : postgresql_attempts_of_pid(work->attempts, pid);

    uint64_t after;

    if (!owner || owner->ended || owner->hash == work->remote ||
        work->memory->now - owner->last_ms > POSTGRESQL_ATTEMPT_MS) {
        return 0;
    }
    return postgresql_rows_of(&work->stream->rows, owner->hash, &after) && !is_received(work)
               ? MARK_REUSED_ID | MARK_TAINTED
               : MARK_REUSED_ID;
}

/* What the first line of an attempt says. */
static void read_first(struct postgresql_work *work, struct postgresql_attempt *attempt)
{
    const struct postgresql_split *split = &work->splits[0];
    struct record *record = work->record;
    struct postgresql_said said;
    struct slice host;
    bool agrees, unnamed;

    if (work->split_count != 1) {
        return;
    }
    attempt->names_len = split->at - work->head.names;
    postgresql_names(names_of(work, split), &record->user, &record->database, &unnamed);
    attempt->received = is_received(work);
    if (postgresql_received(split, &work->head, &host, &agrees)) {
        if (!agrees) {
            work->reading->marks |= MARK_AMBIGUOUS;
            postgresql_put_client(work, RECORD_CONNECTION, host, split->pid);
        }
        return;
    }
    postgresql_said(split, names_of(work, split), &said);
    if (said.outcome == OUTCOME_FAILURE && ((!said.failure && !unnamed) || said.doubtful)) {
        return; /* it may be the end of a session that began long ago, or text of one */
    }
    attempt->outcome = record->outcome = said.outcome;
    attempt->decided_ms = work->memory->now;
    attempt->ended = said.ends;
    record->failure = said.failure;
    record->encryption = said.encryption;
    record->tls = said.tls;
}

/* The first line of an attempt is torn, or has a pid that cannot be its own because that of
 * `before` is. */
static void tell_first(struct postgresql_work *work, struct postgresql_attempt *attempt,
                       struct postgresql_attempt *before, bool tainted)
{
    struct reading *reading = work->reading;

    attempt->told = true;
    reading->marks |= MARK_FRAGMENT;
    if (!attempt->suspect || !before->told) {
        reading->kind = KIND_FRAGMENT;
    }
    if (attempt->suspect && !before->told) {
        work->record->kind = RECORD_OTHER; /* no attempt, as far as can be seen */
        reading->attempt_continues = false;
        before->told = true;
    }
    if (!tainted) {
        reading->true_client = work->head.host;
        postgresql_rows_open(&work->stream->rows);
    }
}

/* `before`: the attempt its client made last, or NULL. */
static void begin_attempt(struct postgresql_work *work, struct postgresql_attempt *before)
{
    struct reading *reading = work->reading;
    bool tainted = is_tainted(work), suspect = is_suspect(work, before), doubtful;
    int64_t pid = work->split_count == 1 ? work->splits[0].pid : RECORD_NO_ID;
    struct postgresql_attempt *attempt, *writer;

    reading->marks =
        (tainted ? MARK_TAINTED : 0U) | (work->split_count > 1 || suspect ? MARK_AMBIGUOUS : 0U);
    writer = is_received(work) ? NULL : postgresql_torn_close(work);
    if (writer) {
        reading->marks |= MARK_FORGED;
        reading->true_client = postgresql_attempts_host(writer);
    }
    doubtful = reading->marks != 0;
    if (!writer) {
        reading->marks |= marks_of_pid(work, pid);
    }
    note_name(work, doubtful);
    postgresql_put_client(work, RECORD_CONNECTION, work->head.host, pid);
    attempt = postgresql_attempts_add(work->attempts, work->remote, work->head.remote,
                                      work->head.host.len, pid, doubtful);
    postgresql_attempts_touch(work->attempts, attempt, work->memory->now);
    attempt->suspect = suspect;
    attempt->forged = writer != NULL;
    read_first(work, attempt);
    reading->slot = &attempt->finding;
    reading->attempt_continues = !attempt->received;
    add_row(work, attempt, true);
    if (work->split_count == 0 || suspect) {
        tell_first(work, attempt, before, tainted);
    }
}

/* A line of a known attempt whose prefix does not end on it, or ends with another's pid. */
static void read_torn(struct postgresql_work *work, struct postgresql_attempt *attempt)
{
    bool tainted = is_tainted(work);

    postgresql_attempts_touch(work->attempts, attempt, work->memory->now);
    add_row(work, attempt, false);
    if (!attempt->told) {
        postgresql_put_client(work, RECORD_OTHER, work->head.host, attempt->pid);
        postgresql_torn_tell(work, attempt, KIND_FRAGMENT);
    }
    if (!tainted || !attempt->doubtful) {
        postgresql_rows_open(&work->stream->rows);
    }
}

/* What the splits with an attempt's own pid say: if there are several, its client has put all but
 * one there, and a success is believed rather than a failure.  False if they do not agree, or there
 * are more splits than are kept. */
static bool said_by_all(const struct postgresql_work *work, int64_t pid,
                        struct postgresql_said *said, struct slice *names)
{
    bool agree = work->split_count < POSTGRESQL_SPLITS_MAX, any = false;

    for (size_t i = 0; i < work->split_count; i++) {
        const struct postgresql_split *split = &work->splits[i];
        struct postgresql_said other;

        if (split->pid != pid) {
            continue;
        }
        postgresql_said(split, names_of(work, split), &other);
        agree = agree && (!any || other.outcome == said->outcome);
        if (!any || (other.outcome != OUTCOME_UNKNOWN && said->outcome != OUTCOME_SUCCESS)) {
            *said = other;
            *names = names_of(work, split);
        }
        any = true;
    }
    return agree;
}

/* A whole line of a known attempt. */
static void read_known(struct postgresql_work *work, struct postgresql_attempt *attempt)
{
    struct postgresql_said said = { .outcome = OUTCOME_UNKNOWN };
    struct slice names = { NULL, 0 };
    bool tainted = is_tainted(work), agree;

    postgresql_attempts_touch(work->attempts, attempt, work->memory->now);
    if (tainted) {
        struct postgresql_attempt *writer = postgresql_torn_close(work);

        if (writer) {
            postgresql_torn_tell(work, writer, KIND_FORGERY);
        }
    }
    add_row(work, attempt, false);
    attempt->received = attempt->received || is_received(work);
    agree = said_by_all(work, attempt->pid, &said, &names);
    if (said.outcome == OUTCOME_FAILURE && (tainted || !agree)) {
        /* Another client may have written it, or this one into its names. */
        said = (struct postgresql_said){ .outcome = OUTCOME_UNKNOWN };
    }
    if (!agree && attempt->outcome != OUTCOME_SUCCESS && attempt->finding != 0) {
        struct change *change = postgresql_rows_change(work->reading, attempt->finding);

        if (change) {
            change->marks |= MARK_AMBIGUOUS;
        }
    }
    postgresql_torn_apply(work, attempt, &said, names, 0);
}

/* Whether what comes of an attempt's client now is of another attempt, if no pid says so. */
static bool is_over(const struct postgresql_work *work, const struct postgresql_attempt *attempt)
{
    return attempt->ended && work->memory->now - attempt->last_ms > SAME_MOMENT_MS;
}

/* The attempt that a line belongs to by one of its splits, or because it began with a line that
 * showed no pid; NULL if it begins one.  `latest`: of its client. */
static struct postgresql_attempt *find_known(struct postgresql_work *work,
                                             struct postgresql_attempt *latest)
{
    bool received = is_received(work);

    for (size_t i = 0; i < work->split_count; i++) {
        struct postgresql_attempt *attempt =
            postgresql_attempts_find(work->attempts, work->remote, work->head.remote,
                                     work->splits[i].pid, work->memory->now);

        /* Nobody can announce an attempt of his own by a forged line, and so have it passed over:
         * one in doubt takes no line that is not. */
        if (attempt &&
            (!attempt->doubtful || is_tainted(work) || (attempt->suspect && !received))) {
            attempt->names_len = work->splits[i].at - work->head.names;
            return attempt;
        }
    }
    if (!latest || latest->pid >= 0 || received || is_over(work, latest)) {
        return NULL;
    }
    if (work->split_count == 1) {
        if (latest->doubtful) {
            return NULL;
        }
        postgresql_attempts_set_pid(work->attempts, latest, work->splits[0].pid);
    }
    return latest;
}

/* The line as one of the attempt its client made last, if the names are as long as they were: so
 * are nearly all. */
static bool is_next_of(const struct postgresql_work *work, const struct postgresql_attempt *attempt,
                       struct postgresql_split *split)
{
    size_t at;

    if (!attempt || attempt->pid_len == 0 || attempt->doubtful) {
        return false;
    }
    at = work->head.names + attempt->names_len;
    return at < work->line.len && work->line.len - at >= attempt->pid_len &&
           memcmp(work->line.data + at, attempt->pid_text, attempt->pid_len) == 0 &&
           postgresql_split_read(work->line, at, split);
}

/* Names that hold more places than are kept have pushed out the one with the attempt's own pid. */
static void add_own_split(struct postgresql_work *work, const struct postgresql_attempt *attempt)
{
    const char *end = work->line.data + work->line.len;
    const char *at = work->splits[POSTGRESQL_SPLITS_MAX - 1].at + work->line.data + 1;

    while (attempt->pid_len > 0 &&
           (at = memmem(at, (size_t)(end - at), attempt->pid_text, attempt->pid_len))) {
        if (postgresql_split_read(work->line, (size_t)(at - work->line.data),
                                  &work->splits[POSTGRESQL_SPLITS_MAX - 1])) {
            return;
        }
        at++;
    }
}

static bool is_disconnection(struct slice message)
{
    static const char word[] = "disconnection: session time: ";

    return message.len >= sizeof word - 1 && memcmp(message.data, word, sizeof word - 1) == 0;
}

static void read_client(struct postgresql_work *work)
{
    struct postgresql_attempt *latest, *known;
    struct postgresql_split split;

    work->remote = postgresql_attempts_hash(work->attempts, work->head.remote);
    latest = postgresql_attempts_latest(work->attempts, work->remote, work->head.remote,
                                        work->memory->now);
    if (is_next_of(work, latest, &split) && latest->outcome == OUTCOME_SUCCESS &&
        split.severity != POSTGRESQL_FATAL) {
        latest->ended = latest->ended || is_disconnection(split.message);
        postgresql_attempts_touch(work->attempts, latest, work->memory->now);
        add_row(work, latest, false);
        return;
    }
    work->split_count = postgresql_split_all(work->line, work->head.names, work->splits);
    if (latest && work->split_count == POSTGRESQL_SPLITS_MAX) {
        add_own_split(work, latest);
    }
    known = find_known(work, latest);
    if (known && known->suspect) {
        read_torn(work, known);
    } else if (known && work->split_count > 0) {
        read_known(work, known);
    } else if (latest && work->split_count == 0 && !is_over(work, latest)) {
        read_torn(work, latest);
    } else {
        begin_attempt(work, latest);
    }
}

static void read_time(const struct postgresql_work *work)
{
    struct record *record = work->record;

    record->time = work->head.time;
    if (work->head.dated) {
        record->time_form = RECORD_TIME_DATED;
        record->time_ms = work->head.time_ms;
        work->memory->now = work->head.time_ms;
    }
}

static const struct postgresql_head no_head = { .port = -1 };

void postgresql_read(struct postgresql *memory, const struct event *event, struct slice line,
                     struct record *record, struct reading *reading)
{
    struct postgresql_stream *stream = stream_of(memory, event->stream);
    unsigned open = stream->rows.open;
    struct postgresql_work work;

    record_clear(record);
    reading_clear(reading);
    memory->stream = stream;
    stream->turn = ++memory->turns;
    if (line.len == 0) {
        return;
    }
    work.memory = memory;
    work.attempts = memory->attempts;
    work.stream = stream;
    work.line = line;
    work.remote = 0;
    work.splits = memory->splits;
    work.split_count = 0;
    work.record = record;
    work.reading = reading;
    if (line.data[0] == '\t') {
        work.head = no_head;
        postgresql_torn_continuation(&work);
        return;
    }
    if (!postgresql_head_read(line, &memory->clock, &work.head)) {
        work.head = no_head;
        postgresql_torn_rest(&work);
    } else {
        read_time(&work);
        if (work.head.kind == POSTGRESQL_REMOTE_CLIENT) {
            read_client(&work);
        } else {
            postgresql_torn_background(&work);
        }
    }
    if (stream->rows.open > 0 && stream->rows.open == open) {
        stream->rows.open--;
    }
}
