/* SPDX-License-Identifier: Apache-2.0 */
/* Salvaging a damaged state file: reading around what is damaged, putting the rest in order, and
 * the change of files. */
#include "storage/salvage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/place.h"
#include "storage/salvage_rows.h"
#include "storage/schema.h"
#include "storage/sql.h"

#define FACT_AT         "salvaged_at"
#define FACT_TEXT       "salvaged"
#define NEW             ".salvaging"
#define ASIDE           ".damaged-"
#define CHECK_SHOWN_MAX 100
#define ASIDE_NAME_MAX  (STORE_PATH_MAX + 64)

static const char what[] = "salvage the damaged state file";
static const char check_what[] = "check the state file";

/* One salvage under way. */
struct salvage {
    const char *path; /* as given, for messages */
    char *real;
    char fresh[ASIDE_NAME_MAX]; /* the new file, until it takes the place of the old one */
    char aside[ASIDE_NAME_MAX];
    struct store old;
    struct store *new;
    struct salvage_count count;
    bool damaged; /* whether something could not be read */
};

/* What a check says is wrong, without the line before it that names the database. */
static struct store_bytes last_line(struct store_bytes said)
{
    const char *end = said.data ? memrchr(said.data, '\n', said.len) : NULL;

    if (end) {
        said.len -= (size_t)(end + 1 - said.data);
        said.data = end + 1;
    }
    said.len = said.len < CHECK_SHOWN_MAX ? said.len : CHECK_SHOWN_MAX;
    return said;
}

bool salvage_check(struct store *store, struct store_error *error)
{
    static const char text[] = "PRAGMA quick_check(1)";
    struct sql sql = sql_open(store, text);
    int step = sql_step(&sql, check_what, error);
    struct store_bytes said = { NULL, 0 };
    bool well;

    if (step == 1) {
        said = last_line(sql_bytes(sql.stmt, 0));
    }
    well = said.len == 2 && memcmp(said.data, "ok", 2) == 0;
    if (step >= 0 && !well && sql_meaning(store, SQLITE_CORRUPT) != SQLITE_CORRUPT) {
        (void)sql_fail(store, SQLITE_CORRUPT, check_what, error);
    } else if (step >= 0 && !well) {
        (void)store_fail(error, STORE_CORRUPT, "the state file %s is damaged: %.*s",
                         store_name(store), (int)said.len, said.data);
    }
    sql_close(&sql);
    return well;
}

static bool system_fail(const struct salvage *salvage, const char *doing, const char *path,
                        struct store_error *error)
{
    int why = errno;

    return store_fail(error, place_status(why), "cannot %s %s: cannot %s %s: %s", what,
                      salvage->path, doing, path, strerror(why));
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Counts the damaged files beside this one. */
static bool count_aside(const struct salvage *salvage, int *count, struct store_error *error)
{
    const char *slash = strrchr(salvage->real, '/');
    size_t len = strlen(slash + 1);
    char *directory = strndup(salvage->real, (size_t)(slash - salvage->real) + 1);
    DIR *dir = directory ? opendir(directory) : NULL;
    const struct dirent *entry;
    bool ok = dir || system_fail(salvage, "list", directory ? directory : "", error);

    *count = 0;
    while (dir && (entry = readdir(dir))) {
        *count += begins_with(entry->d_name, slash + 1) && begins_with(entry->d_name + len, ASIDE);
    }
    if (dir) {
        (void)closedir(dir);
    }
    free(directory);
    return ok;
}

/* Chooses the names, none of which is there yet. */
static bool choose_names(struct salvage *salvage, int64_t now, struct store_error *error)
{
    int count;

    if (!count_aside(salvage, &count, error)) {
        return false;
    }
    if (count >= SALVAGE_ASIDE_MAX) {
        return store_fail(error, STORE_CORRUPT,
                          "the state file %s is damaged, and beside it lie %d others that were "
                          "(%s" ASIDE "*): look at the disk, then move those away",
                          salvage->path, count, salvage->real);
    }
    (void)snprintf(salvage->fresh, sizeof salvage->fresh, "%s" NEW, salvage->real);
    do {
        time_t seconds = (time_t)(now / 1000);
        char stamp[32] = "";
        struct tm tm;

        if (gmtime_r(&seconds, &tm)) {
            (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
        }
        (void)snprintf(salvage->aside, sizeof salvage->aside, "%s" ASIDE "%s", salvage->real,
                       stamp);
        now += 1000;
    } while (access(salvage->aside, F_OK) == 0);
    if (unlink(salvage->fresh) != 0 && errno != ENOENT) {
        return system_fail(salvage, "remove", salvage->fresh, error);
    }
    return true;
}

/* Opens the old file for ourselves alone, and brings what its write-ahead log holds into it, so
 * that it is one file.  A file whose header is damaged can do neither, and then gives no rows
 * either. */
static bool open_old(struct salvage *salvage, struct store_error *error)
{
    struct store *old = &salvage->old;
    int64_t number;
    int rc =
        sqlite3_open_v2(salvage->real, &old->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    *old = (struct store){ .db = old->db, .path = salvage->real, .mode = STORE_WRITE };
    if (!old->db) {
        return store_fail(error, STORE_FAILED, "cannot %s %s: out of memory", what, salvage->path);
    }
    (void)sqlite3_extended_result_codes(old->db, 1);
    (void)sqlite3_busy_timeout(old->db, STORE_BUSY_TIMEOUT_MS);
    /* It is closed when the new file has its name: then it must not delete a log beside that. */
    (void)sqlite3_db_config(old->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(old->db,
                          "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
                          "PRAGMA locking_mode = EXCLUSIVE",
                          NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        if (!schema_number(old, &number, error) && error->status != STORE_CORRUPT) {
            return false;
        }
        rc = sqlite3_wal_checkpoint_v2(old->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    salvage->damaged = rc != SQLITE_OK;
    return rc == SQLITE_OK || salvage_unreadable(old, rc) || sql_fail(old, rc, what, error);
}

static bool open_new(struct salvage *salvage, struct store_error *error)
{
    struct stat st;

    salvage->new = store_open(salvage->fresh, STORE_WRITE, error);
    if (!salvage->new) {
        return false;
    }
    /* What root makes must not be in the way of the service's user. */
    if (geteuid() == 0 && stat(salvage->real, &st) == 0 &&
        chown(salvage->fresh, st.st_uid, st.st_gid) != 0) {
        return system_fail(salvage, "give its owner", salvage->fresh, error);
    }
    /* It is thrown away unless it becomes whole, so it needs no journal. */
    return sql_exec(salvage->new, "PRAGMA journal_mode = OFF; PRAGMA foreign_keys = OFF", what,
                    error);
}

/* What people are told, and the fact that they are to be. */
static bool leave_word(struct salvage *salvage, const char *why, int64_t now,
                       struct store_error *error)
{
    const struct salvage_count *count = &salvage->count;
    char text[SALVAGE_TEXT_MAX], at[24];

    (void)snprintf(
        text, sizeof text,
        "The state file %s was damaged (%.400s). It lies in %s now, and a new one has "
        "what could be read of it: %" PRId64 " findings, %" PRId64 " alerts that wait, %" PRId64
        " sources. %s",
        salvage->path, why, salvage->aside, count->findings, count->waiting, count->sources,
        salvage->damaged ? "The rest could not be read."
                         : "Every row could be read, so only what helps to find them was damaged.");
    (void)snprintf(at, sizeof at, "%" PRId64, now);
    return store_fact_set(salvage->new, FACT_AT, at, error) &&
           store_fact_set(salvage->new, FACT_TEXT, text, error);
}

static bool fill_new(struct salvage *salvage, const char *why, int64_t now, int64_t deepest,
                     struct store_error *error)
{
    bool ok = store_begin(salvage->new, error) &&
              salvage_copy(&salvage->old, salvage->new, &salvage->damaged, error) &&
              salvage_order(salvage->new, deepest, &salvage->count, error) &&
              leave_word(salvage, why, now, error);

    ok = sql_end(salvage->new, ok, error);
    store_close(salvage->new);
    salvage->new = NULL;
    return ok;
}

/* A write-ahead log that could not be brought into the old file goes where that goes. */
static bool move_log(const struct salvage *salvage, struct store_error *error)
{
    char from[ASIDE_NAME_MAX + 8], to[ASIDE_NAME_MAX + 8];
    struct stat st;

    (void)snprintf(from, sizeof from, "%s-wal", salvage->real);
    (void)snprintf(to, sizeof to, "%s-wal", salvage->aside);
    if (stat(from, &st) != 0 || st.st_size == 0) {
        return true;
    }
    return rename(from, to) == 0 || system_fail(salvage, "move", from, error);
}

static bool sync_directory(const struct salvage *salvage, struct store_error *error)
{
    char *directory = strdup(salvage->real);
    int fd = -1;
    bool ok;

    if (directory) {
        strrchr(directory, '/')[1] = '\0';
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    ok = fd >= 0 && fsync(fd) == 0;
    if (!ok) {
        (void)system_fail(salvage, "write", directory ? directory : "", error);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(directory);
    return ok;
}

/* The old file gets a second name first, so that there is no moment without a state file. */
static bool change_files(const struct salvage *salvage, struct store_error *error)
{
    if (link(salvage->real, salvage->aside) != 0) {
        return system_fail(salvage, "keep it as", salvage->aside, error);
    }
    if (!move_log(salvage, error)) {
        return false;
    }
    if (rename(salvage->fresh, salvage->real) != 0) {
        (void)system_fail(salvage, "put in its place", salvage->fresh, error);
        (void)unlink(salvage->aside);
        return false;
    }
    return sync_directory(salvage, error);
}

bool salvage(const char *path, const char *why, int64_t now, int64_t deepest,
             struct store_error *error)
{
    struct salvage salvage = { .path = path };
    struct place place;
    bool ok = place_find(path, false, &place, error);

    salvage.real = place.real;
    ok = ok && choose_names(&salvage, now, error) && open_old(&salvage, error) &&
         open_new(&salvage, error) && fill_new(&salvage, why, now, deepest, error) &&
         change_files(&salvage, error);
    store_close(salvage.new);
    sql_finish(&salvage.old);
    if (!ok && *salvage.fresh) {
        (void)unlink(salvage.fresh);
    }
    free(salvage.real);
    return ok;
}

bool salvage_pending(struct store *store, struct salvaged *out, struct store_error *error)
{
    char at[24];

    *out = (struct salvaged){ 0 };
    if (!store_fact_get(store, FACT_AT, at, sizeof at, error) ||
        !store_fact_get(store, FACT_TEXT, out->text, sizeof out->text, error)) {
        return false;
    }
    out->at = strtoll(at, NULL, 10);
    return true;
}

bool salvage_told(struct store *store, struct store_error *error)
{
    return store_fact_set(store, FACT_AT, "", error) && store_fact_set(store, FACT_TEXT, "", error);
}
