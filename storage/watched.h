/* SPDX-License-Identifier: Apache-2.0 */
/* The sources that `run` has been answerable for, for those who report on them. */
#ifndef TAILGATE_STORAGE_WATCHED_H
#define TAILGATE_STORAGE_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

#define WATCHED_MAX 100000 /* sources one call lists */

struct watched {
    char *identity; /* of the source (coverage.h) */
    int64_t source;
    int64_t watch; /* the one run last */
    int64_t since; /* from when on it is answerable */
};

/* Lists them by identity.  The array is the caller's, to be given to watched_free. */
bool watched_list(struct store *store, struct watched **out, size_t *count,
                  struct store_error *error);
/* A source is not watched any more: it is left out of the list until it is run again. */
bool watched_forget(struct store *store, int64_t source, struct store_error *error);
void watched_free(struct watched *list, size_t count);

#endif
