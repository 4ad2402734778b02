/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: what a new read does to the stretches it touches. */
#ifndef TAILGATE_STORAGE_STRETCHES_H
#define TAILGATE_STORAGE_STRETCHES_H

#include <stddef.h>
#include <stdint.h>

#include "storage/coverage.h"

/* The most stretches that come out of `count` old ones and one read. */
#define STRETCHES_AFTER(count) (2 * (count) + 3)

/* Lays a read over the stretches of a list, by the rules of coverage_add, and merges.  The list is
 * in order, without overlaps; `out` has room for STRETCHES_AFTER(count).  Returns how many. */
size_t stretches_apply(const struct stretch *list, size_t count, const struct stretch *read,
                       int64_t deepest, struct stretch *out);

#endif
