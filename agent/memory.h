/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation for the program itself: running out ends it with a message, because every commit
 * leaves the store whole and a restart goes on where it was.  The libraries beside it return errors
 * instead. */
#ifndef TAILGATE_AGENT_MEMORY_H
#define TAILGATE_AGENT_MEMORY_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size);
/* Room for `need` items: returns `items`, grown to at least that many when *capacity is less. */
void *xgrow(void *items, size_t *capacity, size_t need, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
