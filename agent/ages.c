/* SPDX-License-Identifier: Apache-2.0 */
/* Ages of re-reads, out of the delays of late events. */
#include "agent/ages.h"

#include <stddef.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* So many late events must have been seen before they move anything. */
#define ENOUGH 8

/* Each is moved to where a share of the late events have come, within its limits.  What is not
 * moved, and the lower limits, are the ages of a source without late events. */
static const struct {
    int64_t least, most;
    double share; /* 0: fixed */
} limits[] = {
    { MINUTE, 8 * MINUTE, 0.9 }, /* the overlap */
    { 2 * MINUTE, 9 * MINUTE, 0.5 }, { 10 * MINUTE, 90 * MINUTE, 0.99 },
    { 2 * HOUR, 2 * HOUR, 0 },       { AGE_SETTLED, AGE_SETTLED, 0 },
};

static int64_t age_within(size_t i, const struct delays *delays)
{
    int64_t wanted = limits[i].least;

    if (limits[i].share > 0 && delays_total(delays) >= ENOUGH) {
        wanted = delays_quantile(delays, limits[i].share);
    }
    if (wanted < limits[i].least) {
        return limits[i].least;
    }
    return wanted < limits[i].most ? wanted : limits[i].most;
}

void ages_for(const struct delays *delays, int64_t settled, struct ages *out)
{
    out->overlap = age_within(0, delays);
    for (size_t i = 0; i < AGES_COUNT; i++) {
        out->age[i] = age_within(i + 1, delays);
    }
    out->age[AGES_COUNT - 1] = settled;
}
