/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a run of bytes, 32 at a time, where the processor can (AVX2): nothing else is asked of so
 * much text. */
#ifndef TAILGATE_FILTERS_FIND_H
#define TAILGATE_FILTERS_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/slice.h"

struct find {
    struct slice run;   /* borrowed; not empty */
    size_t rare, other; /* two of its bytes, which other text seldom has */
};

/* False when this processor, or this machine, cannot. */
bool find_prepare(struct find *find, struct slice run);
/* The first place at or behind `from`; the text's length: none. */
size_t find_next(const struct find *find, struct slice text, size_t from);

#endif
