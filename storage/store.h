/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: one SQLite database (WAL, mode 0600), its identity, its migrations, its
 * transactions.  What is kept in it has a header each: coverage.h, findings.h, alerts.h, bucket.h.
 * A store belongs to one thread.  All times are milliseconds since 1970 UTC.  Every function that
 * can fail returns false (or NULL) and fills the error. */
#ifndef TAILGATE_STORAGE_STORE_H
#define TAILGATE_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "tgte", in the header of the file (sqlite.org/fileformat2.html, offset 68). */
#define STORE_APPLICATION_ID  0x74677465
#define STORE_ERROR_MAX       512
#define STORE_BUSY_TIMEOUT_MS 10000              /* how long a writer waits for another */
#define STORE_PATH_MAX        480                /* SQLite takes 512, with what it appends */
#define STORE_BYTES_MAX       ((size_t)16 << 20) /* one text or blob */
#define STORE_FACT_MAX        4096               /* one fact's value */

enum store_status {
    STORE_OK,
    STORE_ABSENT,     /* there is no such file, or nothing in it yet (reading only) */
    STORE_NOT_OURS,   /* a file of another program, or no database */
    STORE_NEWER,      /* written by a newer tailgate */
    STORE_BUSY,       /* another process holds it for too long */
    STORE_LOCKED,     /* another tailgate does what we wanted to do (lock.h) */
    STORE_DENIED,     /* permissions, read-only file or file system */
    STORE_FULL,       /* no space, or over a quota */
    STORE_NETWORK_FS, /* on NFS, EFS, SMB...: WAL does not work there */
    STORE_CORRUPT,    /* ours, but damaged; nothing was changed */
    STORE_FAILED,     /* anything else: I/O error, out of memory */
};

struct store_error {
    enum store_status status;
    char text[STORE_ERROR_MAX]; /* what failed, on which file, why, what to do */
};

/* Bytes given to or got from the store; any bytes, NUL included, at most STORE_BYTES_MAX of them.
 * { NULL, 0 } is stored as NULL. */
struct store_bytes {
    const char *data;
    size_t len;
};

enum store_mode {
    /* Create it if need be, migrate it, read and write.  Of a path whose directory is missing, the
     * last directory is made (0700).  Network file systems are refused; FUSE is not, because it
     * may well be a local disk. */
    STORE_WRITE,
    /* It must exist, be ours and have this version's schema; neither data nor schema is ever
     * changed.  What other processes have committed is seen.  SQLite may make the -wal and -shm
     * files beside it, with its mode and owner; where it cannot, because the directory is
     * read-only, a file that was closed properly is read all the same. */
    STORE_READ,
    /* path is ignored: a private file that goes with the store (a backfill of a file without
     * --state). */
    STORE_TEMPORARY,
};

struct store;
struct store *store_open(const char *path, enum store_mode mode, struct store_error *error);
/* Rolls back what was not committed.  NULL is fine. */
void store_close(struct store *store);

/* The text of the first error so far that said that the file is damaged, or NULL.  Only salvage.h
 * can help then. */
const char *store_damage(const struct store *store);

/* Whether SQLite and the system disagree about the locks it holds (SQLITE_PROTOCOL), as when one
 * could not be given back.  Every call will fail then; a store that is opened anew works. */
bool store_locked_out(const struct store *store);

/* A write transaction (BEGIN IMMEDIATE).  They do not nest, and no findings_list may be open when
 * one begins.  A commit is on disk when it returns (synchronous=FULL); one that fails has been
 * rolled back.  A rollback without a transaction does nothing. */
bool store_begin(struct store *store, struct store_error *error);
bool store_commit(struct store *store, struct store_error *error);
void store_rollback(struct store *store);

/* Small facts by name, such as the account number learned from STS.  A value that does not fit into
 * out_size with its NUL is an error; an absent one gives an empty text.  Setting works inside and
 * outside a transaction. */
bool store_fact_get(struct store *store, const char *name, char *out, size_t out_size,
                    struct store_error *error);
bool store_fact_set(struct store *store, const char *name, const char *value,
                    struct store_error *error);

#endif
