/* SPDX-License-Identifier: Apache-2.0 */
/* Notices: what tailgate has to tell people that no row of a log says, such as that state was lost.
 * A notice is a finding of the rule NOTICE_RULE whose message is a text of our own, so it is
 * stored, listed and published as every finding is.  A new kind is a word in the enum and a line in
 * the table of notice.c. */
#ifndef TAILGATE_AGENT_NOTICE_H
#define TAILGATE_AGENT_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/origin.h"
#include "filters/rule.h"
#include "storage/findings.h"
#include "storage/store.h"

#define NOTICE_RULE     "tailgate"
#define NOTICE_TEXT_MAX 2048 /* bytes of a text that are kept */

enum notice_kind {
    NOTICE_STATE_LOST,    /* the state file was damaged or not there, and a new one was begun */
    NOTICE_SILENCE,       /* no rows come of a database server that used to be heard */
    NOTICE_HEARD_AGAIN,   /* they come again */
    NOTICE_UNREADABLE,    /* log groups could not be read for long */
    NOTICE_READABLE,      /* and now can be again */
    NOTICE_TOPIC_REFUSES, /* the topic has taken no alerts for long */
    NOTICE_RETENTION,     /* a log group keeps its events for less time than before */
    NOTICE_LOST,          /* some time of a log was not read before its events were deleted */
};

struct notice {
    enum notice_kind kind;
    enum severity severity;
    const struct origin *origin; /* what it is about, with its source; NULL: tailgate itself */
    const char *server;          /* the database server it is about, or NULL; any bytes */
    const char *stream;          /* and its log stream, or NULL; any bytes */
    int64_t time;                /* when what it tells began; milliseconds since 1970 UTC */
    const char *text;            /* what happened and what to do, in sentences for people */
};

/* Stores a notice and puts its alert into the outbox, to be told at once and by itself: it folds
 * into nothing, so whoever makes notices sees to it that they are few.  The same kind, origin,
 * server, stream and time are the same notice: it is told once, and *known says that it was there
 * already. Within the caller's transaction. */
bool notice_add(struct store *store, const struct notice *notice, bool *known,
                struct store_error *error);

/* What is said of every notice of a kind. */
struct notice_words {
    const char *kind;     /* the finding's kind */
    const char *subject;  /* in a subject, after "tailgate SEVERITY: " */
    const char *headline; /* over the text */
    const char *why;      /* why it matters */
};
/* The words for a finding, or NULL if it is no notice. */
const struct notice_words *notice_words(const struct finding *finding);

#endif
