/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: kinds of findings that are open, and the outbox of what is to be told.
 *
 * The first finding of its kind makes an alert at once; later ones are folded: they carry the kind
 * and no alert, until a digest takes them.  An alert's id is fixed when its row is made, before it
 * is ever sent.  Alerts hold no text: it is made from the findings when they are published.
 * alerts_note and alerts_note_again are called in the transaction that stores or changes the
 * finding; what else changes more than one row is a transaction of its own. */
#ifndef TAILGATE_STORAGE_ALERTS_H
#define TAILGATE_STORAGE_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/findings.h"
#include "storage/store.h"

#define KIND_KEY_SIZE   32
#define KINDS_OPEN_MAX  10000 /* the caller chooses a coarser key past it (kinds_open) */
#define ALERT_ID_MAX    100   /* an SNS FIFO de-duplication id may have 128 */
#define ALERT_ERROR_MAX 256

enum alert_form {
    /* One finding, the first of its kind.  Id: its fingerprint in hex. */
    ALERT_FIRST,
    /* Findings folded into a kind.  Id: the fingerprint of the kind's first finding, '.' (".c." if
     * that finding had changed: it may be the first of two kinds), a running number. */
    ALERT_DIGEST,
    /* Takes the place of several alerts that wait (a storm).  Id: the fingerprint of the first of
     * them's finding, ".s", the row of the last of them. */
    ALERT_SUMMARY,
    /* Everything a backfill found that no alert has told.  Id: "w.", the fingerprint of the oldest
     * of it, '.', how many. */
    ALERT_WINDOW,
    /* One finding that another alert told before, as what became known of it since makes it one of
     * another kind.  Id: its fingerprint in hex, ".c". */
    ALERT_CHANGED,
};

struct alert {
    int64_t row;
    enum alert_form form;
    char id[ALERT_ID_MAX];
    int64_t finding; /* the finding it tells; the first of its kind; the oldest of a window */
    struct store_bytes severity; /* the highest among what it tells */
    int64_t count;               /* findings it tells */
    int64_t created_at;
    int64_t attempts; /* failed so far */
};

/* Whether an alert tells one finding, the one it names, rather than a list of them: even when
 * another alert tells that one by now. */
bool alert_tells_one(const struct alert *alert);

/* A new finding that is to be alerted: either it is told at once (*told) or folded into its open
 * kind.  `fold` is how long a kind stays open, in milliseconds.  A digest is made as well when the
 * number folded since the kind opened reaches 10, 100, 1000...  A kind whose time is over with
 * nothing folded counts as closed.  A finding that is told or folded already, or quiet, is left
 * alone. */
bool alerts_note(struct store *store, const struct finding *finding,
                 const uint8_t key[static KIND_KEY_SIZE], int64_t now, int64_t fold, bool *told,
                 struct store_error *error);

/* Notes a finding whose kind has changed (findings_change), such as an attempt that is now known to
 * have succeeded; the key is that of the new kind, the finding as findings_get gives it now.  Once
 * in a finding's life: later calls do nothing.
 *
 * Held by a kind and told by no alert: it leaves that kind, which goes on counting it as folded,
 * and is noted as a new one (in the old kind nothing happens).  Told by an alert that cannot have
 * reached anybody yet: that alert will tell it as it is now; if it is the finding's own, it is also
 * the first of the new kind.  Told by one that was sent, or may have been: unless the new kind is
 * open, it is opened, and an ALERT_CHANGED tells the finding at once.  A finding not noted yet is
 * noted; a quiet one stays quiet.  *told: whether an alert was made. */
bool alerts_note_again(struct store *store, const struct finding *finding,
                       const uint8_t key[static KIND_KEY_SIZE], int64_t now, int64_t fold,
                       bool *told, struct store_error *error);

bool kinds_open(struct store *store, int64_t *count, struct store_error *error);

/* Makes the digests of kinds whose time is over at `now`; such a kind stays open for another
 * `fold`.  A kind whose time is over with nothing folded is closed.  Time is over, too, when it
 * would last for more than `fold` from now: then the clock went back, or `fold` was made shorter.
 * *next: when the next one is due (INT64_MAX: none).  A transaction of its own; writes nothing when
 * nothing is due. */
bool alerts_fold(struct store *store, int64_t now, int64_t fold, int64_t *next,
                 struct store_error *error);

/* One alert for all findings of these sources with event times in [start, end) that no alert tells,
 * no kind holds and no exception covers; *made false when there are none.  A transaction of its
 * own. */
bool alerts_window(struct store *store, const int64_t *sources, size_t source_count, int64_t start,
                   int64_t end, int64_t now, bool *made, struct store_error *error);

/* When more than `waiting_max` alerts below `keep` (a severity; NULL: of any) are due, one summary
 * takes their place.  An alert that may have reached people (alerts_trying) stays as it is: under a
 * new id they would get it twice.  Alerts that have a copy (copies.h) are counted and summarised
 * apart, and the summary of such counts as copied.  A transaction of its own for each; writes
 * nothing when there is nothing to do. */
bool alerts_summarise(struct store *store, int64_t waiting_max, const char *keep, int64_t now,
                      bool *made, struct store_error *error);

/* The next alert that is due: the highest severity first, then the oldest; *found false when none
 * is.  A new one is due at once, whatever the clock does.  `severity` points into the store until
 * the next call. */
bool alerts_next(struct store *store, int64_t now, struct alert *out, bool *found,
                 struct store_error *error);

/* The findings an alert tells, oldest first, for its text: `limit` of them, the most severe and
 * then the oldest where there are more. */
struct findings_list *alerts_findings(struct store *store, const struct alert *alert, int64_t limit,
                                      struct store_error *error);

/* To be called before an attempt: from now on this alert may have reached people, and keeps its id
 * until every attempt so far is known to have failed. */
bool alerts_trying(struct store *store, int64_t row, struct store_error *error);

/* What became of an attempt.  A next_attempt_at more than an hour ahead counts as due: the clock
 * has gone back since.  `maybe_sent`: the answer was lost, so it may have arrived. */
bool alerts_sent(struct store *store, int64_t row, int64_t now, const char *message_id,
                 struct store_error *error);
bool alerts_failed(struct store *store, int64_t row, int64_t next_attempt_at, bool maybe_sent,
                   const char *why, struct store_error *error);

struct alerts_state {
    int64_t waiting;                  /* not sent */
    int64_t oldest_waiting;           /* created_at, or FINDING_NONE */
    int64_t sent;                     /* and not yet pruned */
    char last_error[ALERT_ERROR_MAX]; /* of those that wait; empty when none failed */
};
bool alerts_state(struct store *store, struct alerts_state *out, struct store_error *error);
/* When the next waiting alert may be tried (INT64_MAX: none waits); one that was never tried gives
 * 0, that is at once. */
bool alerts_next_due(struct store *store, int64_t *at, struct store_error *error);

#endif
