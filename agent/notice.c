/* SPDX-License-Identifier: Apache-2.0 */
/* Findings that tailgate makes of its own. */
#include "agent/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/fingerprint.h"
#include "storage/alerts.h"
#include "storage/coverage.h"

/* The source in the store of what is about no log group. */
#define OWN_IDENTITY "tailgate"

/* In the order of enum notice_kind. */
static const struct notice_words words[] = {
    [NOTICE_STATE_LOST] = { "state-lost", "state was lost", "The state of tailgate was lost",
                            "What was read and told before may be read and told once more, under "
                            "the same ids; connections of times that are not read again may be "
                            "missed. `tailgate backfill` reads such times." },
    [NOTICE_SILENCE] = { "silence", "a database server is silent", "A database server is silent",
                         "Connections to a server whose rows do not come are not seen, whoever "
                         "makes them. Who wants to stay unseen turns the audit log off first." },
    [NOTICE_HEARD_AGAIN] = { "heard-again", "a database server is heard again",
                             "A database server is heard again",
                             "Connections made while it was silent may stand in no row." },
    [NOTICE_UNREADABLE] = { "unreadable", "a log cannot be read", "A log cannot be read",
                            "While it cannot be read, nobody is told of connections it tells of." },
    [NOTICE_READABLE] = { "readable", "a log can be read again", "A log can be read again",
                          "Connections of the time meanwhile are told now, late." },
    [NOTICE_TOPIC_REFUSES] = { "topic-refuses", "a topic takes no alerts",
                               "A topic takes no alerts",
                               "Who is told by that topic is told of nothing until it works." },
    [NOTICE_RETENTION] = { "retention", "a log keeps its events for less time",
                           "A log keeps its events for less time",
                           "What it no longer has, nobody can look at again." },
    [NOTICE_LOST] = { "lost", "a stretch of a log was deleted before it was read",
                      "A stretch of a log was deleted before it was read",
                      "Nobody was told who connected then." },
};
#define WORDS (sizeof words / sizeof words[0])

static struct store_bytes text_bytes(const char *text)
{
    return (struct store_bytes){ text, text ? strlen(text) : 0 };
}

const struct notice_words *notice_words(const struct finding *finding)
{
    for (size_t i = 0; i < WORDS && finding_word_is(finding->rule, NOTICE_RULE); i++) {
        if (finding_word_is(finding->kind, words[i].kind)) {
            return &words[i];
        }
    }
    return NULL;
}

static struct finding finding_of(const struct notice *notice)
{
    const struct origin *origin = notice->origin;
    struct finding finding = { .source = origin ? origin->source : 0,
                               .rule = text_bytes(NOTICE_RULE),
                               .kind = text_bytes(words[notice->kind].kind),
                               .severity = text_bytes(severity_name(notice->severity)),
                               .time = FINDING_NONE,
                               .event_time = notice->time,
                               .ingestion_time = FINDING_NONE,
                               .seen_at = clock_now(),
                               .code = FINDING_NONE,
                               .port = FINDING_NONE,
                               .connection_id = FINDING_NONE,
                               .server = text_bytes(notice->server) };

    if (origin) {
        finding.account = text_bytes(*origin->account ? origin->account : NULL);
        finding.region = text_bytes(*origin->region ? origin->region : NULL);
        finding.log_group = text_bytes(origin->log_group);
        finding.log_stream = text_bytes(notice->stream);
    }
    finding.message.data = notice->text;
    finding.message.len = escape_cut(notice->text, strlen(notice->text), NOTICE_TEXT_MAX);
    return finding;
}

bool notice_add(struct store *store, const struct notice *notice, bool *known,
                struct store_error *error)
{
    const char *identity = notice->origin ? notice->origin->identity : OWN_IDENTITY;
    struct finding finding = finding_of(notice);
    char time[24];
    bool told;

    snprintf(time, sizeof time, "%" PRId64, notice->time);
    fingerprint_of((struct store_bytes[]){ finding.rule, finding.kind, text_bytes(identity),
                                           finding.server, text_bytes(notice->stream),
                                           text_bytes(time) },
                   6, finding.fingerprint);
    if (!notice->origin && !coverage_source(store, identity, &finding.source, error)) {
        return false;
    }
    /* Its own digest as the key, and no time to fold: it is the only one of its kind. */
    return findings_add(store, &finding, known, error) &&
           alerts_note(store, &finding, finding.fingerprint, clock_now(), 0, &told, error);
}
