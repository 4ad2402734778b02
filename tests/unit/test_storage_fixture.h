/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of storage/ share: a folder of their own, and errors shown in full. */
#ifndef TAILGATE_TESTS_STORAGE_FIXTURE_H
#define TAILGATE_TESTS_STORAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/store.h"

struct scratch {
    char dir[200];
    char path[256]; /* of a state file that does not exist yet */
    struct store *store;
    struct store_error error;
};

/* Fails with the store's own text. */
#define ok(s, call)                                                                                \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, (s)->error.text);                                            \
    } while (0)

/* The call must fail, with this status and a text that says something. */
#define refused(s, call, expected)                                                                 \
    do {                                                                                           \
        (s)->error.text[0] = '\0';                                                                 \
        if (call)                                                                                  \
            fail_msg("%s: was not refused", #call);                                                \
        if ((s)->error.status != (expected) || strlen((s)->error.text) < 20)                       \
            fail_msg("%s: status %d: %s", #call, (int)(s)->error.status, (s)->error.text);         \
    } while (0)

static int scratch_setup(void **state)
{
    struct scratch *s = calloc(1, sizeof *s);
    const char *tmp = getenv("TMPDIR");

    if (!s) {
        return -1;
    }
    (void)snprintf(s->dir, sizeof s->dir, "%s/tailgate-storage-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(s->dir)) {
        free(s);
        return -1;
    }
    (void)snprintf(s->path, sizeof s->path, "%s/state.db", s->dir);
    *state = s;
    return 0;
}

static int scratch_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int scratch_teardown(void **state)
{
    struct scratch *s = *state;

    store_close(s->store);
    (void)nftw(s->dir, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

/* Runs a file of SQL on the path of the scratch, with SQLite alone. */
static inline void run_file(struct scratch *s, const char *name)
{
    const char *folder = getenv("TAILGATE_TEST_DATA");
    static char text[64 * 1024];
    char path[512], *problem = NULL;
    sqlite3 *db = NULL;
    FILE *file;
    size_t len;

    assert_non_null(folder);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (!file) {
        fail_msg("%s: cannot be opened", path);
        return;
    }
    len = fread(text, 1, sizeof text - 1, file);
    assert_true(len > 0 && len < sizeof text - 1);
    text[len] = '\0';
    (void)fclose(file);
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", path, problem);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* How a child ended: its exit status, or 256 and its signal. */
static inline int child_end(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
