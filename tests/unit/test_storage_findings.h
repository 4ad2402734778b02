/* SPDX-License-Identifier: Apache-2.0 */
/* Findings for the tests of storage/ that need some. */
#ifndef TAILGATE_TESTS_STORAGE_FINDINGS_H
#define TAILGATE_TESTS_STORAGE_FINDINGS_H

#include "test_storage_fixture.h"

#include "storage/coverage.h"
#include "storage/findings.h"

#define BYTES(text) ((struct store_bytes){ (text), sizeof(text) - 1 })

static inline struct store_bytes words(const char *text)
{
    return (struct store_bytes){ text, strlen(text) };
}

static inline int64_t source_id(struct scratch *s, const char *identity)
{
    int64_t source = 0;

    ok(s, coverage_source(s->store, identity, &source, &s->error));
    return source;
}

/* A plain finding; its number makes its fingerprint. */
static inline struct finding plain(int64_t source, int number, const char *severity)
{
    struct finding finding = {
        .source = source,
        .rule = BYTES("outside"),
        .severity = words(severity),
        .time = FINDING_NONE,
        .event_time = 1000 + number,
        .ingestion_time = FINDING_NONE,
        .seen_at = 2000 + number,
        .code = FINDING_NONE,
        .port = FINDING_NONE,
        .connection_id = FINDING_NONE,
        .line = 1,
        .message = BYTES("a row"),
    };

    for (int i = 0; i < 4; i++) {
        finding.fingerprint[i] = (uint8_t)(number >> (24 - 8 * i));
    }
    return finding;
}

#endif
