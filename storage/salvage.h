/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged state file: moved aside under a name with a time, and a new one in its place with
 * everything of it that can still be read.
 *
 * What it promises.  Only a file with our mark that SQLite calls corrupt is touched
 * (STORE_CORRUPT); a wrong file, an I/O error or a full disk is an error, and everything stays as
 * it is.  Nothing is deleted: the damaged file keeps its bytes under its new name.  The new file
 * takes its place in one rename(2), so that a crash at any moment leaves the one or the other, each
 * whole.
 *
 * What the new file holds: every row of every table whose page can be read, put in order where rows
 * that belong together were torn apart.  An alert that waits is kept as long as a finding it tells
 * is; what an alert that cannot be read told is told again when it is read again.  Coverage is cut
 * back, so that the deepest age is read again: whatever of that time was in damaged pages is found
 * once more.  What lies before it and was in damaged pages is lost. */
#ifndef TAILGATE_STORAGE_SALVAGE_H
#define TAILGATE_STORAGE_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

#define SALVAGE_TEXT_MAX  1536
#define SALVAGE_ASIDE_MAX 5 /* damaged files beside a state file; past it the disk is at fault */
#define SALVAGE_JUMPS_MAX 10000 /* over stretches of a table that cannot be read */

/* Reads the whole file once and asks SQLite whether it is well formed (sqlite.org/pragma.html,
 * quick_check): STORE_CORRUPT if it is not. */
bool salvage_check(struct store *store, struct store_error *error);

/* Salvages the file at `path`, which no process may have open (else STORE_BUSY).  To be called by
 * the one `run` of that file (LOCK_RUN), after store_open or a call on a store that is closed by
 * now failed with STORE_CORRUPT; `why` is that error's text.  `now` is for the names and the text;
 * coverage is cut back by `deepest` milliseconds. */
bool salvage(const char *path, const char *why, int64_t now, int64_t deepest,
             struct store_error *error);

/* What a salvage has to tell; the new file remembers it until salvage_told. */
struct salvaged {
    int64_t at;                  /* `now` of the salvage; 0: there was none */
    char text[SALVAGE_TEXT_MAX]; /* sentences for people */
};
bool salvage_pending(struct store *store, struct salvaged *out, struct store_error *error);
/* Works inside and outside a transaction. */
bool salvage_told(struct store *store, struct store_error *error);

#endif
