/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of PostgreSQL's log that a name has torn, and what their ends prove. */
#include "filters/postgresql_internal.h"

#define UNDOES_MS 10000 /* a login that was authorized and yet fails does so within this */

/* Whether what a line says of an attempt changes what is known of it. */
static bool is_news(const struct postgresql_work *work, const struct postgresql_attempt *attempt,
                    const struct postgresql_said *said)
{
    if (said->outcome == OUTCOME_SUCCESS) {
        return attempt->outcome != OUTCOME_SUCCESS;
    }
    if (said->outcome != OUTCOME_FAILURE || (said->doubtful && !attempt->received)) {
        return false;
    }
    if (attempt->outcome == OUTCOME_UNKNOWN) {
        /* An error nobody knows may also be the end of a session that began long ago. */
        return said->failure || attempt->received;
    }
    return attempt->outcome == OUTCOME_SUCCESS && said->undoes && !said->doubtful &&
           work->memory->now - attempt->decided_ms <= UNDOES_MS;
}

void postgresql_torn_apply(struct postgresql_work *work, struct postgresql_attempt *attempt,
                           const struct postgresql_said *said, struct slice names, unsigned marks)
{
    struct change *change;
    bool unnamed;

    attempt->ended = attempt->ended || (said->ends && !said->doubtful);
    if (!is_news(work, attempt, said)) {
        return;
    }
    attempt->outcome = said->outcome;
    attempt->decided_ms = work->memory->now;
    change = attempt->finding != 0 ? postgresql_rows_change(work->reading, attempt->finding) : NULL;
    if (!change) {
        return;
    }
    change->marks |= marks;
    change->outcome = said->outcome;
    change->failure = said->failure;
    change->encryption = said->encryption;
    change->tls = said->tls;
    if (names.data) {
        postgresql_names(names, &change->user, &change->database, &unnamed);
    }
}

/* What the end of a client's torn line says.  Who has logged in can write the same into a statement
 * of several lines, so what continues a line only tells of logins seen from their beginning.
 * guessed: the split may be the client's text, so that a failure is not believed. */
static void apply_end(struct postgresql_work *work, struct postgresql_attempt *client,
                      const struct postgresql_split *split, bool guessed)
{
    struct postgresql_said said;

    if (work->line.data[0] == '\t' && (client->outcome != OUTCOME_UNKNOWN || !client->received)) {
        return;
    }
    postgresql_said(split, (struct slice){ work->line.data, 0 }, &said);
    if (guessed && said.outcome == OUTCOME_FAILURE) {
        return;
    }
    postgresql_torn_apply(work, client, &said, (struct slice){ NULL, 0 }, MARK_FRAGMENT);
}

/* The client of a pid, if it is the one whose torn line is open; while none is, if its pid was told
 * by "connection received", one of the last rows is its own, and none behind that is of an attempt
 * that had begun before: the end would rather be that one's.  Other pids may be text of names.  The
 * time does not count: it may be of a forged row. */
static struct postgresql_attempt *closes(const struct postgresql_work *work, int64_t pid,
                                         uint64_t *after)
{
    const struct postgresql_rows *rows = &work->stream->rows;
    struct postgresql_attempt *client = postgresql_attempts_of_pid(work->attempts, pid);
    bool open = rows->open > 0 && rows->open_remote != 0;

    if (!client || client->hash == work->remote || !postgresql_rows_of(rows, client->hash, after)) {
        return NULL;
    }
    if (open ? client->hash != rows->open_remote
             : !client->received || !postgresql_rows_began_from(rows, *after)) {
        return NULL;
    }
    return client;
}

/* The splits of a client that ends its torn line: only one is not its own text. */
static void apply_ends(struct postgresql_work *work, struct postgresql_attempt *client)
{
    size_t count = 0;

    for (size_t i = 0; i < work->split_count; i++) {
        count += work->splits[i].pid == client->pid;
    }
    for (size_t i = 0; i < work->split_count; i++) {
        if (work->splits[i].pid == client->pid) {
            apply_end(work, client, &work->splits[i],
                      count > 1 || work->split_count == POSTGRESQL_SPLITS_MAX);
        }
    }
}

/* Of several clients that the splits name, one has written the pids of the others: none is told,
 * and what stands behind the first of them is in doubt. */
struct postgresql_attempt *postgresql_torn_close(struct postgresql_work *work)
{
    struct postgresql_rows *rows = &work->stream->rows;
    struct postgresql_attempt *client = NULL;
    bool several = false;
    uint64_t from = 0;

    for (size_t i = 0; i < work->split_count; i++) {
        uint64_t after;
        struct postgresql_attempt *other = closes(work, work->splits[i].pid, &after);

        if (!other) {
            continue;
        }
        several = several || (client && client != other);
        if (!client || after < from) {
            from = after;
        }
        client = client ? client : other;
    }
    if (several) {
        postgresql_rows_mark_from(rows, from, MARK_TAINTED, NULL, work->reading);
        return NULL;
    }
    if (client) {
        postgresql_rows_mark_from(rows, from, MARK_FORGED, client, work->reading);
        rows->open = 0;
        apply_ends(work, client);
    }
    return client;
}

void postgresql_torn_tell(struct postgresql_work *work, struct postgresql_attempt *client,
                          enum finding_kind kind)
{
    if (!client->told) {
        client->told = true;
        work->reading->kind = kind;
        work->reading->marks |= MARK_FRAGMENT;
        work->reading->true_client = postgresql_attempts_host(client);
    }
}

/* The end of a torn line of nobody knows whom; the line has splits. */
static void read_end(struct postgresql_work *work)
{
    struct postgresql_rows *rows = &work->stream->rows;
    struct postgresql_attempt *client = postgresql_rows_torn(rows);
    int64_t pid = work->splits[0].pid;

    if (client && client->pid < 0) {
        /* Its first line told no pid; the first that comes is taken for its own. */
        postgresql_attempts_set_pid(work->attempts, client, pid);
        postgresql_rows_mark_from(rows, rows->open_at + 1, MARK_FORGED, client, work->reading);
        for (size_t i = 0; i < work->split_count; i++) {
            apply_end(work, client, &work->splits[i], true);
        }
    }
    if (rows->open > 0) {
        return; /* it was told with the beginning of that line */
    }
    postgresql_rows_mark_from(rows, rows->count - postgresql_rows_run(rows), MARK_TAINTED, NULL,
                              work->reading);
    if (work->stream->told_pid != pid) {
        work->stream->told_pid = pid;
        work->reading->kind = KIND_FRAGMENT;
        work->reading->marks |= MARK_FRAGMENT;
    }
}

/* Something in a name has ended the line before.  Extensions and the C library write such lines,
 * too, but without a pid in brackets: those are not told. */
void postgresql_torn_rest(struct postgresql_work *work)
{
    struct postgresql_rows *rows = &work->stream->rows;
    struct postgresql_attempt *client;
    struct slice host;
    bool agrees;

    work->split_count = postgresql_split_all(work->line, 0, work->splits);
    client = postgresql_torn_close(work);
    if (client) {
        postgresql_torn_tell(work, client, KIND_FORGERY);
        return;
    }
    if (work->split_count > 0) {
        read_end(work);
    }
    if (rows->open == 0) {
        rows->open = work->split_count > 0 ? POSTGRESQL_OPEN_FEW : 2;
        rows->open_remote = 0;
    }
    if (work->reading->kind == KIND_FRAGMENT &&
        postgresql_received(&work->splits[0], &work->head, &host, &agrees)) {
        postgresql_put_client(work, RECORD_CONNECTION, host, work->splits[0].pid);
    }
}

void postgresql_torn_background(struct postgresql_work *work)
{
    struct postgresql_rows *rows = &work->stream->rows;

    if (rows->open > 0 || postgresql_rows_run(rows) > 0) {
        struct postgresql_attempt *client;

        work->split_count = postgresql_split_all(work->line, work->head.names, work->splits);
        client = postgresql_torn_close(work);
        if (client) {
            postgresql_torn_tell(work, client, KIND_FORGERY);
        }
    }
    postgresql_rows_add(rows, work->head.time_ms, 0, NULL, false);
}

/* Messages name users, with a TAB behind each LF: what looks like the beginning of a line there,
 * and was one just before, was written through such a name. */
static void read_quoted_head(struct postgresql_work *work)
{
    struct slice rest = { work->line.data + 1, work->line.len - 1 };
    struct postgresql_rows *rows = &work->stream->rows;
    struct postgresql_attempt *client = postgresql_rows_torn(rows);
    const struct postgresql_row *row;
    struct postgresql_head head;
    struct change *change;

    if (!postgresql_head_read(rest, &work->memory->clock, &head) ||
        head.kind != POSTGRESQL_REMOTE_CLIENT) {
        return;
    }
    row = postgresql_rows_first(rows, postgresql_attempts_hash(work->attempts, head.remote),
                                head.time_ms);
    if (!row || client == row->attempt) {
        return;
    }
    if (rows->open == 0 && !row->attempt->doubtful) {
        /* Somebody who is logged in may quote a line that he has seen.  That leaves its mark, but
         * no doubt: else to quote it again would prove it forged. */
        change = row->attempt->finding != 0
                     ? postgresql_rows_change(work->reading, row->attempt->finding)
                     : NULL;
        if (change) {
            change->marks |= MARK_TAINTED;
        }
        return;
    }
    postgresql_rows_mark(row, MARK_FORGED, client, work->reading);
    if (!client && !row->attempt->told) {
        row->attempt->told = true;
        work->reading->kind = KIND_FORGERY;
        work->reading->marks |= MARK_FRAGMENT;
    }
}

/* Whether the last row is of a client that one of the splits names: a statement of its own holds
 * them.  Behind its torn line they would be the end of that. */
static bool is_own_text(const struct postgresql_work *work)
{
    const struct postgresql_rows *rows = &work->stream->rows;
    uint64_t after;

    for (size_t i = 0; i < work->split_count; i++) {
        const struct postgresql_attempt *client =
            postgresql_attempts_of_pid(work->attempts, work->splits[i].pid);

        if (client && (rows->open == 0 || rows->open_remote != client->hash) &&
            postgresql_rows_of(rows, client->hash, &after) && after == rows->count) {
            return true;
        }
    }
    return false;
}

/* It continues a message; but a name may end with LF and TAB, so that the end of a torn line looks
 * the same. */
void postgresql_torn_continuation(struct postgresql_work *work)
{
    struct postgresql_rows *rows = &work->stream->rows;
    struct postgresql_attempt *client;

    if (work->line.len > POSTGRESQL_DATE_LEN && work->line.data[5] == '-') {
        read_quoted_head(work);
    }
    if (rows->open == 0 && postgresql_rows_run(rows) == 0) {
        return;
    }
    work->split_count = postgresql_split_all(work->line, 1, work->splits);
    if (work->split_count == 0 || is_own_text(work)) {
        return;
    }
    client = postgresql_torn_close(work);
    if (client) {
        postgresql_torn_tell(work, client, KIND_FORGERY);
    } else if (rows->open > 0 || postgresql_rows_run(rows) > 1) {
        read_end(work);
    }
}
