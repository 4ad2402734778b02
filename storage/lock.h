/* SPDX-License-Identifier: Apache-2.0 */
/* Who does what on a state file.  The locks live in STATE.lock, a file of its own, because closing
 * a descriptor of the database would drop SQLite's own locks.  They are open-file-description locks
 * (fcntl(2), F_OFD_SETLK) on single bytes of it, and end with the process, however it ends.  A
 * child that lives on without exec keeps them; the descriptor is closed on exec. */
#ifndef TAILGATE_STORAGE_LOCK_H
#define TAILGATE_STORAGE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

/* Bytes of the lock file.  A backfill's window has the byte LOCK_WINDOW + a hash of it (below
 * 2^31). */
enum lock_place { LOCK_RUN = 0, LOCK_PUBLISH = 1, LOCK_WINDOW = 16 };

struct lock_file;
/* Opens (creating it, mode 0600, owned as the state file is) the lock file beside a state file;
 * takes nothing yet.  Symbolic links to one state file lead to one lock file, so open the store
 * first.  Where it may only be read, it can still be asked (lock_held_elsewhere). */
struct lock_file *lock_open(const char *state_path, struct store_error *error);
/* Drops what was taken.  NULL is fine. */
void lock_close(struct lock_file *file);

/* Takes a byte if nobody has it.  False with STORE_LOCKED when another process has it, with another
 * status when it cannot be asked.  Taking what this lock_file has already is fine. */
bool lock_take(struct lock_file *file, int64_t place, struct store_error *error);
void lock_drop(struct lock_file *file, int64_t place);
/* Whether another process (or another lock_file of this one) holds the byte now. */
bool lock_held_elsewhere(struct lock_file *file, int64_t place);

#endif
