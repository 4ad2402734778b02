/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: what the rules matched, each once for ever by its fingerprint. */
#ifndef TAILGATE_STORAGE_FINDINGS_H
#define TAILGATE_STORAGE_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

#define FINGERPRINT_SIZE 32

/* Numbers that may be absent. */
#define FINDING_NONE INT64_MIN

/* Words (severity, verdict, kind, operation, outcome, tls, reason) are the caller's and kept as
 * text; the order of severities is low, medium, high, critical; any other word is below low. */
struct finding {
    int64_t id; /* set by the store; rises with the order of storing */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    int64_t source;
    struct store_bytes rule, severity;
    int64_t time; /* of the row, or FINDING_NONE */
    int64_t event_time;
    int64_t ingestion_time;  /* or FINDING_NONE */
    int64_t seen_at;         /* when it was stored */
    struct store_bytes kind; /* what is told, such as "connection"; NULL in rows of old versions */
    struct store_bytes verdict, operation, outcome;
    int64_t code;              /* or FINDING_NONE */
    struct store_bytes reason; /* why the attempt failed, in words for people, or NULL */
    struct store_bytes user, host, address;
    int64_t port; /* or FINDING_NONE */
    struct store_bytes database;
    struct store_bytes tls; /* a version such as "TLSv1.3", "yes", "no", or NULL: not known */
    int64_t connection_id;  /* or FINDING_NONE */
    struct store_bytes server, account, region, log_group, log_stream, event_id;
    int64_t line;
    struct store_bytes marks;      /* words with single blanks between, such as "ambiguous late" */
    struct store_bytes candidates; /* JSON array, or NULL */
    /* The client that wrote the row, where the log proves that it is not the one the row names. */
    struct store_bytes true_client;
    struct store_bytes message;
    /* An exception of its rule: stored, but no alert is to tell it, not even that of a window. */
    bool quiet;
    /* Only when listed: which alert told it (NULL: none yet), and when that was sent (FINDING_NONE:
     * not yet). */
    struct store_bytes alert_id;
    int64_t alert_sent_at;
};

/* Stores a finding unless its fingerprint is known; *known says which, and finding->id is set in
 * both cases.  Call it within a transaction.  The bytes are borrowed.  The source must be one of
 * coverage_source; rule and severity must not be NULL. */
bool findings_add(struct store *store, struct finding *finding, bool *known,
                  struct store_error *error);

/* One finding by its id; an unknown id is an error.  The bytes are the store's, valid until the
 * next findings_get. */
bool findings_get(struct store *store, int64_t id, struct finding *out, struct store_error *error);

/* Which findings to list.  Zeroed: all of them (from 1970 on). */
struct findings_query {
    int64_t since, until; /* event time, half-open; until 0: no end */
    const char *rule;
    const char *min_severity;
    int64_t limit; /* 0: no limit; else the newest so many */
};

/* A listing, oldest event first, of what was committed when it began.  Slices given by
 * findings_next are valid until the next call.  Free it before anything is written through the same
 * store. */
struct findings_list;
struct findings_list *findings_list(struct store *store, const struct findings_query *query,
                                    struct store_error *error);
/* 1: a finding; 0: no more; -1: an error. */
int findings_next(struct findings_list *list, struct finding *out, struct store_error *error);
void findings_list_free(struct findings_list *list);

/* What became known of a finding after it was stored.  NULL data and FINDING_NONE: as before, which
 * is what FINDING_UNCHANGED says of every member; begin with it. */
struct finding_change {
    struct store_bytes marks; /* the whole new list */
    struct store_bytes kind, severity, outcome, reason, tls;
    int64_t code;
    struct store_bytes user, database, true_client;
};
#define FINDING_UNCHANGED ((struct finding_change){ .code = FINDING_NONE })

/* Changes a finding, within the caller's transaction; an id that is not there is an error.  An
 * alert that tells it and is not sent yet becomes as severe as the finding, if that is more; it
 * never becomes less.  Whether the change is worth telling is alerts_note_again's to say. */
bool findings_change(struct store *store, int64_t id, const struct finding_change *change,
                     struct store_error *error);

/* Deletes a finding that later lines show to be none, within the caller's transaction: if it is of
 * this kind and no alert tells or waits for it.  *gone says whether it was; an id that is not there
 * is no error. */
bool findings_withdraw(struct store *store, int64_t id, struct store_bytes kind, bool *gone,
                       struct store_error *error);

/* The ids of the findings that different rules made of the same row (source, event, line, message;
 * of a file that is written anew the first three may be another row's) as this one, itself among
 * them: the lowest `max` of them, in order.  *count is 0 when it is not there any more; a finding
 * without an event id has no others. */
bool findings_of_row(struct store *store, int64_t id, int64_t *out, size_t max, size_t *count,
                     struct store_error *error);

/* The finding that a rule made of a connection (its id in the log, its client as printed, and the
 * client's port or FINDING_NONE) with the latest event time from `since` to `until`, both included;
 * of several, the one stored last.  *id is 0 when there is none. */
bool findings_of_connection(struct store *store, int64_t source, struct store_bytes rule,
                            int64_t connection_id, struct store_bytes host, int64_t port,
                            int64_t since, int64_t until, int64_t *id, struct store_error *error);

bool findings_count(struct store *store, int64_t *out, struct store_error *error);

/* Deletes findings seen before a time whose alert is sent (or that have none to wait for), at most
 * `max` at once; *deleted says how many.  What an open kind or a waiting alert still needs stays.
 * Alerts sent before that time that tell no finding any more go too, at most `max`.  A transaction
 * of its own. */
bool findings_prune(struct store *store, int64_t before, int64_t max, int64_t *deleted,
                    struct store_error *error);

#endif
