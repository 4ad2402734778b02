/* SPDX-License-Identifier: Apache-2.0 */
/* The connection attempts of PostgreSQL that are remembered.
 * Each is in up to four lists: one of all by use, and three of those that share a place in a table,
 * latest first. */
#include "filters/postgresql_attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/postgresql.h"

#define PLACES 8192 /* a power of two */
#define FACTOR UINT64_C(0x9e3779b97f4a7c15)

/* The first and last of a list; only that by use needs the last. */
struct ends {
    uint16_t first, last;
};

struct postgresql_attempts {
    uint64_t key; /* so that nobody can choose what shares a place */
    uint64_t turns;
    uint16_t used; /* of items; item 0 stands for none */
    struct ends by_use;
    struct ends places[POSTGRESQL_LISTS][PLACES]; /* not of POSTGRESQL_BY_USE */
    struct postgresql_attempt items[POSTGRESQL_ATTEMPTS_MAX + 1];
};

_Static_assert(POSTGRESQL_ATTEMPTS_MAX < UINT16_MAX, "links are of 16 bits");

struct postgresql_attempts *postgresql_attempts_new(void)
{
    struct postgresql_attempts *attempts = calloc(1, sizeof *attempts);

    if (attempts) {
        /* Where memory lies is not to be known from outside. */
        attempts->key = (uint64_t)(uintptr_t)attempts * FACTOR;
    }
    return attempts;
}

void postgresql_attempts_free(struct postgresql_attempts *attempts)
{
    free(attempts);
}

void postgresql_attempts_clear(struct postgresql_attempts *attempts)
{
    attempts->used = 0;
    attempts->by_use = (struct ends){ 0, 0 };
    memset(attempts->places, 0, sizeof attempts->places);
}

static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 31)) * FACTOR;
    return hash ^ (hash >> 32);
}

uint64_t postgresql_attempts_hash(const struct postgresql_attempts *attempts, struct slice remote)
{
    uint64_t hash = attempts->key + remote.len, word;
    size_t at = 0;

    for (; at + sizeof word <= remote.len; at += sizeof word) {
        memcpy(&word, remote.data + at, sizeof word);
        hash = (hash ^ word) * FACTOR;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, remote.data + at, remote.len - at);
    return mix(hash ^ word) | 1; /* 0 stands for no client */
}

/* The list of those that share a hash of client, or process, or both. */
static struct ends *list_of(struct postgresql_attempts *attempts, enum postgresql_list list,
                            uint64_t hash, int64_t pid)
{
    if (list == POSTGRESQL_BY_USE) {
        return &attempts->by_use;
    }
    if (list == POSTGRESQL_BY_PID) {
        hash = attempts->key;
    }
    if (list != POSTGRESQL_BY_REMOTE) {
        hash = mix(hash + (uint64_t)pid);
    }
    return &attempts->places[list][(hash >> 1) & (PLACES - 1)];
}

static bool lives(const struct postgresql_attempt *attempt, int64_t now)
{
    return now - attempt->last_ms <= POSTGRESQL_ATTEMPT_MS;
}

static bool is_of(const struct postgresql_attempt *attempt, uint64_t hash, struct slice remote)
{
    size_t kept = remote.len < POSTGRESQL_REMOTE_KEPT ? remote.len : POSTGRESQL_REMOTE_KEPT;

    return attempt->hash == hash && attempt->remote_len == remote.len &&
           memcmp(attempt->remote, remote.data, kept) == 0;
}

struct postgresql_attempt *postgresql_attempts_find(struct postgresql_attempts *attempts,
                                                    uint64_t hash, struct slice remote, int64_t pid,
                                                    int64_t now)
{
    uint16_t index = list_of(attempts, POSTGRESQL_BY_BOTH, hash, pid)->first;

    while (index != 0) {
        struct postgresql_attempt *item = &attempts->items[index];

        if (item->pid == pid && is_of(item, hash, remote)) {
            return lives(item, now) ? item : NULL;
        }
        index = item->links[POSTGRESQL_BY_BOTH].after;
    }
    return NULL;
}

struct postgresql_attempt *postgresql_attempts_latest(struct postgresql_attempts *attempts,
                                                      uint64_t hash, struct slice remote,
                                                      int64_t now)
{
    uint16_t index = list_of(attempts, POSTGRESQL_BY_REMOTE, hash, 0)->first;

    while (index != 0) {
        struct postgresql_attempt *item = &attempts->items[index];

        if (is_of(item, hash, remote)) {
            return lives(item, now) ? item : NULL;
        }
        index = item->links[POSTGRESQL_BY_REMOTE].after;
    }
    return NULL;
}

struct postgresql_attempt *postgresql_attempts_of_pid(struct postgresql_attempts *attempts,
                                                      int64_t pid)
{
    uint16_t index = list_of(attempts, POSTGRESQL_BY_PID, 0, pid)->first;

    while (index != 0) {
        struct postgresql_attempt *item = &attempts->items[index];

        if (item->pid == pid && !item->doubtful) {
            return item;
        }
        index = item->links[POSTGRESQL_BY_PID].after;
    }
    return NULL;
}

static void put(struct postgresql_attempts *attempts, enum postgresql_list list, uint16_t index)
{
    struct postgresql_attempt *item = &attempts->items[index];
    struct ends *ends = list_of(attempts, list, item->hash, item->pid);

    item->links[list] = (struct postgresql_link){ .after = ends->first };
    if (ends->first != 0) {
        attempts->items[ends->first].links[list].before = index;
    } else {
        ends->last = index;
    }
    ends->first = index;
}

static void take(struct postgresql_attempts *attempts, enum postgresql_list list, uint16_t index)
{
    const struct postgresql_attempt *item = &attempts->items[index];
    struct ends *ends = list_of(attempts, list, item->hash, item->pid);
    struct postgresql_link link = item->links[list];

    *(link.before ? &attempts->items[link.before].links[list].after : &ends->first) = link.after;
    *(link.after ? &attempts->items[link.after].links[list].before : &ends->last) = link.before;
}

/* By process, or both. */
static void put_pid(struct postgresql_attempts *attempts, uint16_t index)
{
    struct postgresql_attempt *item = &attempts->items[index];

    put(attempts, POSTGRESQL_BY_BOTH, index);
    item->listed = item->pid >= 0 && !item->doubtful;
    if (item->listed) {
        put(attempts, POSTGRESQL_BY_PID, index);
    }
}

static void take_pid(struct postgresql_attempts *attempts, uint16_t index)
{
    take(attempts, POSTGRESQL_BY_BOTH, index);
    if (attempts->items[index].listed) {
        take(attempts, POSTGRESQL_BY_PID, index);
    }
}

static void write_pid(struct postgresql_attempt *attempt)
{
    int len = attempt->pid < 0 ? 0
                               : snprintf(attempt->pid_text, sizeof attempt->pid_text,
                                          ":[%lld]:", (long long)attempt->pid);

    attempt->pid_len = len > 0 && (size_t)len < sizeof attempt->pid_text ? (size_t)len : 0;
}

struct postgresql_attempt *postgresql_attempts_add(struct postgresql_attempts *attempts,
                                                   uint64_t hash, struct slice remote,
                                                   size_t host_len, int64_t pid, bool doubtful)
{
    size_t kept = remote.len < POSTGRESQL_REMOTE_KEPT ? remote.len : POSTGRESQL_REMOTE_KEPT;
    uint16_t index = attempts->by_use.last;
    struct postgresql_attempt *item;

    if (attempts->used < POSTGRESQL_ATTEMPTS_MAX) {
        index = ++attempts->used;
    } else {
        take(attempts, POSTGRESQL_BY_USE, index);
        take(attempts, POSTGRESQL_BY_REMOTE, index);
        take_pid(attempts, index);
    }
    item = &attempts->items[index];
    *item = (struct postgresql_attempt){ .hash = hash,
                                         .remote_len = remote.len,
                                         .host_len = host_len < kept ? host_len : kept,
                                         .pid = pid,
                                         .turn = ++attempts->turns,
                                         .doubtful = doubtful };
    memcpy(item->remote, remote.data, kept);
    write_pid(item);
    put(attempts, POSTGRESQL_BY_USE, index);
    put(attempts, POSTGRESQL_BY_REMOTE, index);
    put_pid(attempts, index);
    return item;
}

struct slice postgresql_attempts_host(const struct postgresql_attempt *attempt)
{
    return (struct slice){ attempt->remote, attempt->host_len };
}

void postgresql_attempts_touch(struct postgresql_attempts *attempts,
                               struct postgresql_attempt *attempt, int64_t now)
{
    uint16_t index = (uint16_t)(attempt - attempts->items);

    attempt->last_ms = now;
    if (attempts->by_use.first != index) {
        take(attempts, POSTGRESQL_BY_USE, index);
        put(attempts, POSTGRESQL_BY_USE, index);
        take(attempts, POSTGRESQL_BY_REMOTE, index);
        put(attempts, POSTGRESQL_BY_REMOTE, index);
    }
}

void postgresql_attempts_set_pid(struct postgresql_attempts *attempts,
                                 struct postgresql_attempt *attempt, int64_t pid)
{
    uint16_t index = (uint16_t)(attempt - attempts->items);

    take_pid(attempts, index);
    attempt->pid = pid;
    write_pid(attempt);
    put_pid(attempts, index);
}
