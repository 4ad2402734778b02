/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the state file for `run`. */
#include "agent/state.h"

#include <stdio.h>

#include "agent/ages.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/notice.h"
#include "agent/session.h"
#include "storage/salvage.h"

/* Opens and locks; *damage is set when the file must be salvaged, and then it is not open. */
static bool open_store(struct state *state, const char *path, struct store_error *damage,
                       struct store_error *error)
{
    state->store = store_open(path, STORE_WRITE, error);
    if (!state->store && error->status != STORE_CORRUPT) {
        return false;
    }
    if (!state->store && damage->status == STORE_OK) {
        *damage = *error;
    }
    state->lock = lock_open(path, error);
    if (!state->lock || !session_lock_run(state->lock, path, error)) {
        return false;
    }
    if (state->store && damage->status == STORE_OK && !salvage_check(state->store, error)) {
        *damage = *error;
    }
    if (damage->status != STORE_OK) {
        store_close(state->store);
        state->store = NULL;
    }
    return damage->status == STORE_OK || damage->status == STORE_CORRUPT;
}

static bool salvage_and_open(struct state *state, const char *path,
                             const struct store_error *damage, struct store_error *error)
{
    log_error("%s", damage->text);
    if (!salvage(path, damage->text, clock_now(), AGE_SETTLED, error)) {
        return false;
    }
    state->store = store_open(path, STORE_WRITE, error);
    return state->store != NULL;
}

/* Says so when no `run` has ever been here: then nothing of the past will be read. */
static bool greet(const struct state *state, const char *path, struct store_error *error)
{
    char alive[24];

    if (!store_fact_get(state->store, SESSION_FACT_ALIVE, alive, sizeof alive, error)) {
        return false;
    }
    if (!*alive) {
        log_info("%s holds no state of an earlier run: this is a first start, and what was logged "
                 "before it is read only as far back as --since says",
                 path);
    }
    return true;
}

bool state_open(struct state *state, const char *path, const char *known, struct store_error *error)
{
    struct store_error damage = { .status = known ? STORE_CORRUPT : STORE_OK };
    struct salvaged salvaged;

    *state = (struct state){ .store = NULL };
    snprintf(damage.text, sizeof damage.text, "%s", known ? known : "");
    if (!open_store(state, path, &damage, error) ||
        (!state->store && !salvage_and_open(state, path, &damage, error)) ||
        !salvage_pending(state->store, &salvaged, error) ||
        (salvaged.at == 0 && !greet(state, path, error))) {
        state_close(state);
        return false;
    }
    state->lost = salvaged.at != 0;
    if (state->lost) {
        log_warning("%s", salvaged.text);
    }
    return true;
}

static bool tell_lost(struct store *store, struct store_error *error)
{
    struct salvaged salvaged;
    char text[NOTICE_TEXT_MAX];
    bool known;

    if (!salvage_pending(store, &salvaged, error)) {
        return false;
    }
    snprintf(text, sizeof text,
             "%s The last 24 hours before the damage are read again, so that nothing of them is "
             "missed.",
             salvaged.text);
    struct notice notice = {
        .kind = NOTICE_STATE_LOST, .severity = SEVERITY_HIGH, .time = salvaged.at, .text = text
    };
    return notice_add(store, &notice, &known, error) && salvage_told(store, error);
}

bool state_tell_lost(struct state *state, struct store_error *error)
{
    if (!store_begin(state->store, error)) {
        return false;
    }
    if (!tell_lost(state->store, error)) {
        store_rollback(state->store);
        return false;
    }
    state->lost = false;
    return store_commit(state->store, error);
}

void state_close(struct state *state)
{
    lock_close(state->lock);
    store_close(state->store);
    *state = (struct state){ .store = NULL };
}
