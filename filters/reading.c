/* SPDX-License-Identifier: Apache-2.0 */
/* The words for marks and kinds. */
#include "filters/reading.h"

static const char *const mark_names[MARKS_COUNT] = {
    "derived", "ambiguous", "tainted",         "repeated",      "fragment", "undecided",
    "late",    "reused-id", "server-mismatch", "time-mismatch", "forged"
};
static const char *const kind_names[KINDS_COUNT] = { "connection", "pattern", "fragment", "forgery",
                                                     "hostile-name" };

const char *mark_name(unsigned index)
{
    return index < MARKS_COUNT ? mark_names[index] : NULL;
}

const char *finding_kind_name(unsigned index)
{
    return index < KINDS_COUNT ? kind_names[index] : NULL;
}
