/* SPDX-License-Identifier: Apache-2.0 */
/* The connection attempts of PostgreSQL that are remembered: a bounded number, by the server's
 * process and the client's address and port. */
#ifndef TAILGATE_FILTERS_POSTGRESQL_ATTEMPTS_H
#define TAILGATE_FILTERS_POSTGRESQL_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/failure.h"
#include "filters/slice.h"

#define POSTGRESQL_REMOTE_KEPT                                                                     \
    64 /* bytes of %r: any address, scope and port; of names their hash */

/* Places in lists; 0: none. */
struct postgresql_link {
    uint16_t before, after;
};
enum postgresql_list {
    POSTGRESQL_BY_USE,
    POSTGRESQL_BY_REMOTE,
    POSTGRESQL_BY_BOTH, /* client and process */
    POSTGRESQL_BY_PID,  /* without those in doubt */
    POSTGRESQL_LISTS,
};

struct postgresql_attempt {
    uint64_t hash; /* of %r */
    size_t remote_len;
    char remote[POSTGRESQL_REMOTE_KEPT];
    size_t host_len; /* of what is kept of %r */
    int64_t pid;     /* RECORD_NO_ID while it is not known */
    size_t pid_len;
    char pid_text[16];  /* ":[1475]:" */
    size_t names_len;   /* of the line read last, before the pid */
    bool listed;        /* in the list by process */
    uint64_t turn;      /* of this use of the memory: it differs from any before */
    int64_t last_ms;    /* time of its last line */
    int64_t decided_ms; /* of the line that told the outcome */
    int64_t finding;    /* the caller's number; 0: none */
    enum outcome outcome;
    bool received; /* seen from its "connection received" on */
    bool ended;
    bool doubtful; /* begun by a line that another client may have written */
    bool forged;   /* it is proved that another client wrote that line */
    bool suspect;  /* its names imitate the end of the prefix */
    bool told;     /* there is a finding that it tears or forges rows */
    struct postgresql_link links[POSTGRESQL_LISTS];
};

struct postgresql_attempts;
struct postgresql_attempts *postgresql_attempts_new(void); /* NULL when out of memory */
void postgresql_attempts_free(struct postgresql_attempts *attempts);
void postgresql_attempts_clear(struct postgresql_attempts *attempts);

uint64_t postgresql_attempts_hash(const struct postgresql_attempts *attempts, struct slice remote);
/* That of this process and client, and the one begun or used last of this client; NULL if its last
 * line is more than POSTGRESQL_ATTEMPT_MS older than `now`, or there is none. */
struct postgresql_attempt *postgresql_attempts_find(struct postgresql_attempts *attempts,
                                                    uint64_t hash, struct slice remote, int64_t pid,
                                                    int64_t now);
struct postgresql_attempt *postgresql_attempts_latest(struct postgresql_attempts *attempts,
                                                      uint64_t hash, struct slice remote,
                                                      int64_t now);
/* The one begun last of this process, without those in doubt, however old; or NULL. */
struct postgresql_attempt *postgresql_attempts_of_pid(struct postgresql_attempts *attempts,
                                                      int64_t pid);

/* A new one, in the place of that whose last line came longest ago when all are taken. */
struct postgresql_attempt *postgresql_attempts_add(struct postgresql_attempts *attempts,
                                                   uint64_t hash, struct slice remote,
                                                   size_t host_len, int64_t pid, bool doubtful);
/* The client's host, as long as the attempt is remembered. */
struct slice postgresql_attempts_host(const struct postgresql_attempt *attempt);
/* A line of it was read. */
void postgresql_attempts_touch(struct postgresql_attempts *attempts,
                               struct postgresql_attempt *attempt, int64_t now);
/* Its process has become known. */
void postgresql_attempts_set_pid(struct postgresql_attempts *attempts,
                                 struct postgresql_attempt *attempt, int64_t pid);

#endif
