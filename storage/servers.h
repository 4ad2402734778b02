/* SPDX-License-Identifier: Apache-2.0 */
/* The database servers that a source's rows come from, and when each was heard.  A server is known
 * by the log stream and the name that its rows give; both are text of the log.  What the times mean
 * for silence is for those who listen to say. */
#ifndef TAILGATE_STORAGE_SERVERS_H
#define TAILGATE_STORAGE_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

/* Servers of one source.  Names can be forged, so there is an end to them. */
#define SERVERS_MAX 64
/* Bytes; CloudWatch Logs API reference, CreateLogStream: a stream's name has at most 512. */
#define SERVER_STREAM_MAX 512
#define SERVER_NAME_MAX   255

/* It is heard: no silence of it was told. */
#define SERVER_HEARD INT64_MIN

struct server {
    char *stream, *name; /* name: empty where rows name no server */
    int64_t rows;        /* each at a time of its own */
    int64_t first_at, last_at;
    int64_t week;           /* when the week began that `longest` is of */
    int64_t longest;        /* the longest time between two rows of that week, as learned */
    int64_t longest_before; /* of the week before */
    int64_t silent_at;      /* up to when it had been silent when that was told, or SERVER_HEARD */
};

/* The servers of a source, by stream and name.  The array has room for SERVERS_MAX and is the
 * caller's, to be given to servers_free. */
bool servers_list(struct store *store, int64_t source, struct server **out, size_t *count,
                  struct store_error *error);
void servers_free(struct server *list, size_t count);

/* Stores one server, new or known, within the caller's transaction. */
bool servers_save(struct store *store, int64_t source, const struct server *server,
                  struct store_error *error);
/* Forgets one, likewise; one that is not there is no error. */
bool servers_forget(struct store *store, int64_t source, const struct server *server,
                    struct store_error *error);

#endif
