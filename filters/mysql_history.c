/* SPDX-License-Identifier: Apache-2.0 */
/* What rows of the MySQL family say of each other.
 *
 * A name is printed with every row of its connection.  So what a client writes through a name comes
 * back byte for byte when its connection ends: the line before a row of an id equals the line
 * before that id's DISCONNECT.  No server writes a row twice, since every row has an id or a query
 * id of its own; this is the proof of a forgery, and it names the client. */
#include "filters/mysql_history.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "filters/hostile_name.h"
#include "filters/mysql.h"
#include "filters/mysql_usual.h"
#include "filters/network.h"

#define STREAMS_MAX  16
#define ROWS_MAX     512  /* rows remembered by their bytes; a power of two */
#define SESSIONS_MAX 352  /* connections remembered by their id */
#define HOST_KEPT    39   /* bytes of a host: any address, and most names */
#define LINES_BACK   3    /* lines compared before a connection's row */
#define TORN_MAX     2048 /* bytes of a torn line; names are far shorter */
#define TORN_LINES   16   /* the end of a torn row stands no further behind its head */
#define BETWEEN_MAX  3    /* rows between the two that are told of */

/* A row of a connection, or the head of a torn row. */
struct row {
    uint64_t hash;        /* of its bytes; 0: none */
    uint64_t identity;    /* of the event and line where it stood last */
    int64_t before, last; /* findings made of it where it stood before, and stands last; 0: none */
};

/* A connection, from its CONNECT or FAILED_CONNECT on. */
struct session {
    uint64_t server; /* hash of the name */
    int64_t id;      /* 0: none */
    uint64_t identity;
    uint64_t before[LINES_BACK], after; /* hashes of the lines around that row; 0: not worth one */
    bool doubtful : 1;                  /* the id was used twice: its host proves nothing */
    unsigned host_len : 7;
    char host[HOST_KEPT];
};

struct stream {
    uint64_t number;
    uint64_t turn; /* when it was read last */
    bool used;
    uint64_t lines[LINES_BACK]; /* hashes of the last lines, latest first */
    struct session *session;    /* whose row was the last line; NULL: none */
    bool ended;                 /* that row was its DISCONNECT */
    bool open;                  /* the last line was not terminated */
    size_t torn_len;            /* bytes of the last line that are kept while it is open */
    uint64_t head;              /* hash of the torn head whose end is still to come; 0: none */
    unsigned head_age;          /* lines since */
    size_t between_count;
    uint64_t between[BETWEEN_MAX];
    struct usual usual;
};

/* Apart from the rest, and not cleared: most sources never tear a line, and what is not touched
 * takes no memory. */
struct pieces {
    char torn[STREAMS_MAX][TORN_MAX]; /* the last line of each stream while it is open */
    char joined[2 * TORN_MAX];
};

struct mysql_history {
    struct pieces *pieces;
    struct stream streams[STREAMS_MAX];
    struct stream *stream; /* of the last line */
    uint64_t turns;
    struct usual_ids ids[USUAL_SERVERS_MAX];
    struct row rows[ROWS_MAX];
    struct session sessions[SESSIONS_MAX];
    int64_t fresh_from; /* events up to here were counted by an earlier window */
    int64_t latest;     /* time of the latest event */
    int64_t in_sql, id_gaps;
    char host[HOST_KEPT];
};

static char *torn_of(struct mysql_history *history, const struct stream *stream)
{
    return history->pieces->torn[stream - history->streams];
}

struct mysql_history *mysql_history_new(void)
{
    struct mysql_history *history = calloc(1, sizeof *history);

    if (history) {
        history->pieces = malloc(sizeof *history->pieces);
        history->latest = history->fresh_from = EVENT_TIME_NONE;
    }
    if (history && !history->pieces) {
        free(history);
        return NULL;
    }
    return history;
}

void mysql_history_free(struct mysql_history *history)
{
    if (history) {
        free(history->pieces);
    }
    free(history);
}

/* The next line's neighbours are not known. */
static void forget_neighbours(struct stream *stream)
{
    memset(stream->lines, 0, sizeof stream->lines);
    stream->session = NULL;
    stream->open = false;
    stream->head = 0;
}

void mysql_history_window(struct mysql_history *history, bool goes_on)
{
    int64_t in_sql = history->in_sql, id_gaps = history->id_gaps;

    if (!goes_on && history->turns > 0) {
        struct pieces *pieces = history->pieces;
        memset(history, 0, sizeof *history);
        history->pieces = pieces;
        history->latest = EVENT_TIME_NONE;
        history->in_sql = in_sql;
        history->id_gaps = id_gaps;
    }
    history->fresh_from = history->latest;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        forget_neighbours(&history->streams[i]);
    }
}

/* Of lines that hold a row of a connection, the lowest bit is set. */
static bool is_row(uint64_t hash)
{
    return (hash & 1) != 0;
}

/* Two sums at once, so that one multiplication need not wait for the other. */
static uint64_t hash_bytes(struct slice text)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t even = text.len * factor, odd = ~even, word[2] = { 0, 0 };
    size_t at = 0;

    for (; at + sizeof word <= text.len; at += sizeof word) {
        memcpy(word, text.data + at, sizeof word);
        even = (even ^ word[0]) * factor;
        odd = (odd ^ word[1]) * factor;
        even ^= even >> 29;
        odd ^= odd >> 31;
    }
    word[0] = word[1] = 0;
    memcpy(word, text.data + at, text.len - at);
    even = (even ^ word[0]) * factor;
    odd = (odd ^ word[1]) * factor;
    even = (even ^ (odd >> 32) ^ (odd << 32)) * factor;
    even ^= even >> 32;
    return even ? even : 1;
}

static struct stream *stream_of(struct mysql_history *history, uint64_t number)
{
    struct stream *oldest = &history->streams[0];

    if (history->stream && history->stream->number == number) {
        return history->stream;
    }
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct stream *stream = &history->streams[i];

        if (stream->used && stream->number == number) {
            return stream;
        }
        if (stream->turn < oldest->turn) {
            oldest = stream;
        }
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->used = true;
    oldest->number = number;
    return oldest;
}

static struct row *row_of(struct mysql_history *history, uint64_t hash)
{
    return &history->rows[hash >> 2 & (ROWS_MAX - 1)]; /* two bits say what it is */
}

static struct session *session_of(struct mysql_history *history, uint64_t server, int64_t id)
{
    return &history->sessions[(server + (uint64_t)id) % SESSIONS_MAX];
}

static struct session *find_session(struct mysql_history *history, uint64_t server, int64_t id)
{
    struct session *session = session_of(history, server, id);

    return id != 0 && session->id == id && session->server == server ? session : NULL;
}

static void add_change(struct reading *reading, const struct change *change)
{
    if (change->finding != 0 && reading->change_count < READING_CHANGES_MAX) {
        reading->changes[reading->change_count++] = *change;
    }
}

/* Changes the findings made of a row, where it stood last and before. */
static void add_change_of(struct mysql_history *history, uint64_t hash, struct change change,
                          struct reading *reading)
{
    const struct row *row = row_of(history, hash);

    if (row->hash != hash) {
        return;
    }
    change.finding = row->before;
    add_change(reading, &change);
    change.finding = row->last;
    add_change(reading, &change);
}

/* Remembers a row by its bytes, and tells when they stood elsewhere. */
static void note_row(struct mysql_history *history, uint64_t hash, uint64_t identity,
                     struct reading *reading)
{
    struct row *row = row_of(history, hash);

    if (row->hash != hash) {
        *row = (struct row){ .hash = hash, .identity = identity };
        reading->slot = &row->last;
        return;
    }
    reading->slot = &row->last;
    if (row->identity != identity) {
        struct change change = { .finding = row->last, .marks = MARK_REPEATED };

        reading->marks |= MARK_REPEATED;
        add_change(reading, &change);
        row->identity = identity;
        row->before = row->last;
        row->last = 0;
    }
}

static struct slice kept_host(const struct session *session)
{
    return (struct slice){ session->host, session->host_len };
}

/* The connection of a row, remembered for what may come: a change of user, its end. */
static void note_session(struct mysql_history *history, struct stream *stream, uint64_t server,
                         const struct candidate *candidate, uint64_t identity,
                         struct reading *reading)
{
    struct session *session = session_of(history, server, candidate->connection_id);

    if (session->id == candidate->connection_id && session->server == server) {
        if (session->identity != identity && (reading->marks & MARK_REPEATED) == 0) {
            session->doubtful = true;
            reading->marks |= MARK_REUSED_ID;
        }
        return;
    }
    session->server = server;
    session->id = candidate->connection_id;
    session->identity = identity;
    session->after = 0;
    session->doubtful = candidate->host.len > HOST_KEPT;
    session->host_len = session->doubtful ? 0 : candidate->host.len & 0x7f;
    memcpy(session->host, candidate->host.data, session->host_len);
    memcpy(session->before, stream->lines, sizeof session->before);
    stream->session = session;
    stream->ended = false;
}

/* A connection's end: were the lines before it those before its beginning? */
static void end_session(struct mysql_history *history, struct stream *stream, uint64_t server,
                        const struct candidate *candidate, struct reading *reading)
{
    struct session *session = find_session(history, server, candidate->connection_id);

    if (!session) {
        return;
    }
    for (size_t i = 0; i < LINES_BACK; i++) {
        if (stream->lines[i] != session->before[i]) {
            break;
        }
        if (stream->lines[i] == 0) {
            continue; /* not worth a hash, before both */
        }
        if (is_row(stream->lines[i])) { /* the torn head of a name alone forges nothing */
            reading->kind = KIND_FORGERY;
            reading->true_client = candidate->host;
        }
        add_change_of(history, stream->lines[i],
                      (struct change){ .marks = is_row(stream->lines[i]) ? MARK_FORGED : 0,
                                       .true_client = candidate->host },
                      reading);
    }
    stream->session = session;
    stream->ended = true;
}

/* The line behind a connection's row: noted behind the first, compared behind its end. */
static void compare_after(struct mysql_history *history, struct stream *stream, uint64_t hash,
                          struct reading *reading)
{
    struct session *session = stream->session;

    stream->session = NULL;
    if (!session || hash == 0) {
        return;
    }
    if (!stream->ended) {
        session->after = hash;
    } else if (session->after == hash && is_row(hash)) {
        reading->kind = KIND_FORGERY;
        reading->marks |= MARK_FORGED;
        reading->true_client = kept_host(session);
        add_change_of(history, hash,
                      (struct change){ .marks = MARK_FORGED, .true_client = reading->true_client },
                      reading);
    }
}

/* The rest of a torn row has come.  Where it names a client, that is who tore it, and may have
 * written what stands between; where nothing does, a name with a line end is all there is to it. */
static void close_torn(struct mysql_history *history, struct stream *stream,
                       const struct record *record, struct reading *reading)
{
    struct slice client = record->count > 0 ? record->candidates[0].host : (struct slice){ "", 0 };
    struct row *row = row_of(history, stream->head);

    for (size_t i = 0; i < stream->between_count; i++) {
        add_change_of(history, stream->between[i], (struct change){ .marks = MARK_TAINTED },
                      reading);
    }
    if (record->count > 1) {
        reading->kind = KIND_FORGERY;
        /* Who was let in may have a database that is a row; nobody else's row has one. */
        if (record->candidates[0].operation == OPERATION_FAILED_CONNECT) {
            reading->true_client = client;
        }
    }
    if (stream->between_count > 0) {
        add_change_of(history, stream->head, (struct change){ .true_client = client }, reading);
    } else if (row->hash == stream->head) {
        struct change change = { .finding = row->last, .withdrawn = true };

        add_change(reading, &change);
        row->last = 0;
    }
    stream->head = 0;
}

/* Whether an event is counted now, and was not when an overlapping window was read. */
static bool is_fresh(const struct mysql_history *history, const struct event *event)
{
    return !event->again && (event->time == EVENT_TIME_NONE || event->time > history->fresh_from);
}

/* Keeps of a quoted line's candidates those whose ids may be in use: a connection may be dressed as
 * a statement by its names, but its id is the server's. */
static void settle_quoted(struct mysql_history *history, int64_t now, bool fresh,
                          struct record *record)
{
    size_t kept = 0;
    bool first_kept = false, known = true;

    for (size_t i = 0; i < record->count; i++) {
        if (usual_id_possible(history->ids, record->candidates[i].connection_id, now, &known)) {
            first_kept = first_kept || i == 0;
            record->candidates[kept++] = record->candidates[i];
        } else {
            record->in_sql++;
        }
    }
    record->count = kept;
    record->disguised = kept > 0;
    record->guessed = kept > 0 && !known;
    record->torn = record->unterminated = record->torn && kept > 0;
    if (kept > 0) {
        record->kind = RECORD_CONNECTION;
        if (!first_kept) {
            record->database = (struct slice){ NULL, 0 };
        }
    }
    if (fresh) {
        history->in_sql += (int64_t)record->in_sql;
    }
}

/* Whether a candidate of two joined pieces begins before the cut and ends behind it. */
static bool stands_across(const struct candidate *candidate, const char *cut, const char *end)
{
    const char *p = candidate->host.data + candidate->host.len + 1; /* the id */

    if (candidate->host.data >= cut) {
        return false;
    }
    while (p < end && *p != ',') {
        p++;
    }
    return p + 3 + strlen(operation_name(candidate->operation)) >= cut;
}

/* What the pieces of a row make together. */
struct joint {
    bool across; /* a candidate stands across the cut */
    bool whole;  /* they are one whole record */
};

/* A row cut into lines anywhere: what no piece holds, or holds only a part of, may stand across the
 * cut. */
static struct joint join_torn(struct mysql_history *history, const struct stream *stream,
                              struct slice line, struct record *record)
{
    size_t len = line.len < TORN_MAX ? line.len : TORN_MAX, place = record->count;
    const char *cut = history->pieces->joined + stream->torn_len;
    struct joint joint = { false, false };
    struct record whole;
    bool partial;

    memcpy(history->pieces->joined, torn_of(history, stream), stream->torn_len);
    memcpy(history->pieces->joined + stream->torn_len, line.data, len);
    mysql_read((struct slice){ history->pieces->joined, stream->torn_len + len }, &whole);
    joint.whole = !whole.unterminated;
    /* A host that begins the line is only the rest of one: a comma stands before a whole one. */
    partial = place > 0 && record->candidates[place - 1].host.data == line.data;
    for (size_t i = 0; i < whole.count && !whole.quoted; i++) {
        const struct candidate *candidate = &whole.candidates[i];

        if (!stands_across(candidate, cut, cut + len) || record->count == RECORD_CANDIDATES_MAX) {
            continue;
        }
        if (partial) {
            record->candidates[place - 1] = *candidate;
            partial = false;
        } else {
            if (record->count == 0) {
                memcpy(record, &whole, offsetof(struct record, count));
            }
            record->candidates[record->count++] = *candidate;
        }
        record->kind = candidate->counts ? RECORD_CONNECTION : record->kind;
        joint.across = true;
    }
    return joint;
}

/* MariaDB 12 writes the port behind an IPv6 address with a colon, too; only once it is known to be
 * one can that be told from the address. */
static void cut_port(const struct stream *stream, struct record *record)
{
    struct candidate *candidate = &record->candidates[0];
    const char *colon = memrchr(candidate->host.data, ':', candidate->host.len);
    struct address address;
    int32_t port = 0;

    if (!colon || colon == candidate->host.data) {
        return;
    }
    if (memchr(candidate->host.data, '.', candidate->host.len) &&
        memchr(candidate->host.data, ':', candidate->host.len) == colon) {
        record->dialect = mysql_dialect_mariadb_12;
        return;
    }
    if (usual_dialect(&stream->usual) != mysql_dialect_mariadb_12) {
        return;
    }
    for (const char *p = colon + 1; p < candidate->host.data + candidate->host.len; p++) {
        if (*p < '0' || *p > '9' || port > UINT16_MAX) {
            return;
        }
        port = port * 10 + (*p - '0');
    }
    if (!address_parse(
            (struct slice){ candidate->host.data, (size_t)(colon - candidate->host.data) },
            &address)) {
        return;
    }
    candidate->host.len = (size_t)(colon - candidate->host.data);
    record->port = port;
}

/* What one row of a connection, or its end, says. */
static void read_row(struct mysql_history *history, struct stream *stream,
                     const struct event *event, uint64_t identity, struct record *record,
                     struct reading *reading)
{
    struct candidate *last = &record->candidates[0];
    uint64_t server = record->server.data ? hash_bytes(record->server) : 0;
    bool clean = record->count == 1 && !record->torn && !record->disguised && !stream->open &&
                 record->time_form != RECORD_TIME_NONE &&
                 (reading->marks & (MARK_REPEATED | MARK_FORGED)) == 0;
    bool begins =
        last->operation == OPERATION_CONNECT || last->operation == OPERATION_FAILED_CONNECT;
    unsigned marks = 0;
    int64_t ignored = 0;

    if (last->host.len > 3) {
        cut_port(stream, record);
    }
    if (record->time_form != RECORD_TIME_NONE) {
        marks |= usual_row(&stream->usual, event, record, server);
    }
    if (begins && last->connection_id != 0 && !record->disguised) {
        struct usual_ids *ids = usual_ids_of(history->ids, server);

        if (!usual_id_follows(ids, last->connection_id, stream->usual.now, clean && marks == 0,
                              is_fresh(history, event) ? &history->id_gaps : &ignored)) {
            marks |= MARK_REUSED_ID;
        }
        note_session(history, stream, server, last, identity, reading);
    } else if (last->operation == OPERATION_DISCONNECT) {
        end_session(history, stream, server, last, reading);
    } else if (last->operation == OPERATION_CHANGEUSER && last->host.len == 0) {
        const struct session *session = find_session(history, server, last->connection_id);

        if (session && !session->doubtful) {
            memcpy(history->host, session->host, session->host_len);
            last->host = (struct slice){ history->host, session->host_len };
        }
    }
    reading->marks |= marks;
}

static void push_line(struct stream *stream, uint64_t hash)
{
    memmove(stream->lines + 1, stream->lines, sizeof stream->lines - sizeof stream->lines[0]);
    stream->lines[0] = hash;
}

/* What the next line needs to know of this one. */
static void remember_line(struct mysql_history *history, struct stream *stream, struct slice line,
                          uint64_t hash, bool open, bool goes_on)
{
    push_line(stream, hash);
    stream->open = open;
    if (open) {
        size_t len = line.len < TORN_MAX ? line.len : TORN_MAX;

        if (!goes_on || stream->torn_len + len > TORN_MAX) {
            stream->torn_len = 0;
        }
        memcpy(torn_of(history, stream) + stream->torn_len, line.data + line.len - len, len);
        stream->torn_len += len;
    }
    if (stream->head != 0) {
        if (++stream->head_age > TORN_LINES) {
            stream->head = 0;
        } else if (is_row(hash) && hash != stream->head && stream->between_count < BETWEEN_MAX) {
            stream->between[stream->between_count++] = hash;
        }
    }
}

/* A line whose record goes on elsewhere. */
static void read_torn_head(struct stream *stream, struct slice line, uint64_t hash,
                           struct reading *reading)
{
    if (line.len > TORN_MAX) {
        return; /* too long for a name: a statement that was cut on its way */
    }
    reading->kind = KIND_FRAGMENT;
    reading->marks |= MARK_FRAGMENT;
    stream->head = hash;
    stream->head_age = 0;
    stream->between_count = 0;
}

void mysql_history_read(struct mysql_history *history, const struct event *event, struct slice line,
                        uint32_t line_number, struct record *record, struct reading *reading)
{
    struct stream *stream = stream_of(history, event->stream);
    uint64_t identity = event->key * UINT64_C(0x9e3779b97f4a7c15) + line_number;
    uint64_t hash = 0;
    struct joint joint = { false, false };
    bool counts, torn_head;

    reading_clear(reading);
    if (event->apart && line_number == 1) {
        forget_neighbours(stream);
    }
    history->stream = stream;
    stream->turn = ++history->turns;
    if (event->time > history->latest) {
        history->latest = event->time;
    }
    if (record->statement.data) {
        if (!stream->open && stream->head == 0 && !hostile_name_possible(record->statement)) {
            stream->session = NULL;
            push_line(stream, 0);
            return;
        }
        mysql_read_head(line, record); /* it may be the rest of a torn one */
    }
    if (line.len == 0) {
        return; /* no server writes one: the line before stays the one before */
    }
    if (stream->open && record->time_form == RECORD_TIME_NONE) {
        joint = join_torn(history, stream, line, record);
    }
    if (record->quoted && record->count > 0) {
        settle_quoted(history, stream->usual.now, is_fresh(history, event), record);
    }
    counts = record->kind == RECORD_CONNECTION;
    torn_head = record->count == 0 && record->unterminated && record->time_form != RECORD_TIME_NONE;
    if (counts || torn_head) {
        hash = (hash_bytes(line) | 2) & ~UINT64_C(1);
        hash |= counts;
    }
    if (hash != 0) {
        note_row(history, hash, identity, reading);
    }
    compare_after(history, stream, hash, reading);
    if (stream->head != 0 && (joint.across || joint.whole || record->count > 1 ||
                              (record->count > 0 && record->time_form == RECORD_TIME_NONE))) {
        close_torn(history, stream, record, reading);
    }
    if (record->count > 0) {
        if (stream->open) {
            reading->marks |= MARK_TAINTED;
        }
        read_row(history, stream, event, identity, record, reading);
        if (counts && record->torn && !record->quoted && reading->kind == KIND_CONNECTION &&
            record->time_form != RECORD_TIME_NONE) {
            read_torn_head(stream, line, hash, reading);
        }
    } else if (torn_head) {
        read_torn_head(stream, line, hash, reading);
    }
    if ((record->count == 0 || record->disguised) && !torn_head &&
        hostile_name_possible(record->statement) && hostile_name_find(line, NULL)) {
        reading->kind = KIND_HOSTILE_NAME;
    }
    remember_line(history, stream, line, hash, record->unterminated,
                  stream->open && record->time_form == RECORD_TIME_NONE);
}

size_t mysql_history_skip(struct mysql_history *history, uint64_t number, struct slice text,
                          int64_t *lines, const char **newline)
{
    struct stream *stream = stream_of(history, number);
    size_t at = 0;

    *newline = NULL;
    if (stream->open || stream->head != 0) {
        return 0;
    }
    while (at < text.len) {
        struct slice line = { text.data + at, 0 }, statement;

        *newline = memchr(line.data, '\n', text.len - at);
        line.len = *newline ? (size_t)(*newline - line.data) : 0;
        if (!*newline || !mysql_is_statement(line, &statement) ||
            hostile_name_possible(statement)) {
            break;
        }
        *newline = NULL;
        at += line.len + 1;
        stream->session = NULL;
        push_line(stream, 0);
        (*lines)++;
    }
    return at;
}

void mysql_history_seen(const struct mysql_history *history, int64_t *in_sql, int64_t *id_gaps,
                        const char **dialect)
{
    *in_sql = history->in_sql;
    *id_gaps = history->id_gaps;
    *dialect = history->stream ? usual_dialect(&history->stream->usual) : NULL;
}
