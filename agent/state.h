/* SPDX-License-Identifier: Apache-2.0 */
/* The state file of `run`: opened, locked, and salvaged when it is damaged. */
#ifndef TAILGATE_AGENT_STATE_H
#define TAILGATE_AGENT_STATE_H

#include <stdbool.h>

#include "storage/lock.h"
#include "storage/store.h"

struct state {
    struct store *store;
    struct lock_file *lock; /* with LOCK_RUN */
    bool lost; /* a salvage is to be told: sources are read again from the deepest age on */
};

/* Opens and checks the state file and takes the place of the one `run` on it.  A damaged one is
 * salvaged first, also when the damage showed only in use: `known` is what store_damage said of it
 * then, else NULL.  A new file is said to be new.  On failure nothing is open. */
bool state_open(struct state *state, const char *path, const char *known,
                struct store_error *error);
/* Puts the alert that state was lost into the outbox.  To be called when the sources have been
 * started, so that after a crash in between they are started once more as they are to be. */
bool state_tell_lost(struct state *state, struct store_error *error);
/* Closes what is open, so that it can be opened again. */
void state_close(struct state *state);

#endif
