/* SPDX-License-Identifier: Apache-2.0 */
/* When time that was read is read again.  Events arrive late, and how late differs from source to
 * source: what re-reads find moves the early ages, so that they come when most of the late events
 * are there. */
#ifndef TAILGATE_AGENT_AGES_H
#define TAILGATE_AGENT_AGES_H

#include <stdint.h>

#include "storage/delays.h"

#define AGES_COUNT 4
/* The deepest age; what has been read at it is settled.  Of a log group that keeps its events for a
 * day it is lower: the last re-read comes before they go. */
#define AGE_SETTLED         (24 * INT64_C(3600000))
#define AGE_SETTLED_OF_DAYS (18 * INT64_C(3600000))
/* Every stretch is read again in pieces of this part of the age. */
#define AGE_PIECES 4

struct ages {
    int64_t overlap;         /* how far back each read of the newest reaches, milliseconds */
    int64_t age[AGES_COUNT]; /* rising; the last is that at which time is settled */
};

/* The ages for a source whose late events were so late, with the deepest of the two. */
void ages_for(const struct delays *delays, int64_t settled, struct ages *out);

#endif
