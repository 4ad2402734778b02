/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of opening, refusing and keeping a state file whole. */
#include "test_storage_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "storage/place.h"
#include "storage/schema.h"

/* Runs SQL on a file as any other program would. */
static void plain_sql(const char *path, const char *text)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void plain_answer(const char *path, const char *text, char *out, size_t out_size)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    (void)snprintf(out, out_size, "%s", (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The whole of a file, to see that it was not touched. */
static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *data = malloc(1 << 20);

    assert_non_null(file);
    assert_non_null(data);
    *len = fread(data, 1, 1 << 20, file);
    (void)fclose(file);
    return data;
}

static bool exists(const char *path, const char *suffix)
{
    char name[400];

    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    return access(name, F_OK) == 0;
}

static unsigned mode_of(const char *path, const char *suffix)
{
    char name[400];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 07777;
}

/* Opens, and expects a refusal that leaves every byte and the folder as they were. */
static void refused_untouched(struct scratch *s, enum store_mode mode, enum store_status status)
{
    size_t before_len, after_len;
    char *before = read_file(s->path, &before_len);
    bool wal = exists(s->path, "-wal"), shm = exists(s->path, "-shm");
    char *after;

    refused(s, store_open(s->path, mode, &s->error), status);
    after = read_file(s->path, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    assert_int_equal(exists(s->path, "-wal"), wal);
    assert_int_equal(exists(s->path, "-shm"), shm);
    assert_false(exists(s->path, "-journal"));
    free(before);
    free(after);
}

static void new_file_is_private(void **state)
{
    static const mode_t masks[] = { 0, 0022, 0777 };
    struct scratch *s = *state;

    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        mode_t old = umask(masks[i]);

        s->store = store_open(s->path, STORE_WRITE, &s->error);
        (void)umask(old);
        ok(s, s->store != NULL);
        ok(s, store_fact_set(s->store, "a", "1", &s->error));
        assert_int_equal(mode_of(s->path, ""), 0600);
        assert_int_equal(mode_of(s->path, "-wal"), 0600);
        assert_int_equal(mode_of(s->path, "-shm"), 0600);
        store_close(s->store);
        s->store = NULL;
        assert_false(exists(s->path, "-wal"));
        assert_int_equal(unlink(s->path), 0);
    }
}

static void last_directory_is_made(void **state)
{
    struct scratch *s = *state;
    char path[300];

    (void)snprintf(path, sizeof path, "%s/new/state.db", s->dir);
    s->store = store_open(path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    (void)snprintf(path, sizeof path, "%s/new", s->dir);
    assert_int_equal(mode_of(path, ""), 0700);

    (void)snprintf(path, sizeof path, "%s/one/two/state.db", s->dir);
    refused(s, store_open(path, STORE_WRITE, &s->error), STORE_FAILED);
    assert_non_null(strstr(s->error.text, "/one/two"));
}

static void impossible_paths(void **state)
{
    struct scratch *s = *state;
    char path[600];

    refused(s, store_open("", STORE_WRITE, &s->error), STORE_FAILED);
    refused(s, store_open(NULL, STORE_WRITE, &s->error), STORE_FAILED);
    refused(s, store_open(s->dir, STORE_WRITE, &s->error), STORE_NOT_OURS);
    write_file(s->path, "", 0);
    (void)snprintf(path, sizeof path, "%s/state.db", s->path);
    refused(s, store_open(path, STORE_WRITE, &s->error), STORE_FAILED);
    refused(s, store_open(path, STORE_READ, &s->error), STORE_ABSENT);
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    refused(s, store_open(path, STORE_WRITE, &s->error), STORE_FAILED);
    (void)snprintf(path, sizeof path, "%s/link", s->dir);
    assert_int_equal(symlink("nowhere/at/all", path), 0);
    refused(s, store_open(path, STORE_WRITE, &s->error), STORE_FAILED);
    (void)snprintf(path, sizeof path, "%s/fifo", s->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(s, store_open(path, STORE_WRITE, &s->error), STORE_NOT_OURS);
}

/* Names that mean something in a URI, or to SQLite. */
static void odd_paths(void **state)
{
    static const char *const names[] = { "a?b", "a#b%20c", "file:x", ":memory:", "\xff\xc3 ü" };
    struct scratch *s = *state;
    char here[4096], value[8];

    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(s->dir), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        s->store = store_open(names[i], STORE_WRITE, &s->error);
        ok(s, s->store != NULL);
        ok(s, store_fact_set(s->store, "name", "1", &s->error));
        store_close(s->store);
        s->store = store_open(names[i], STORE_READ, &s->error);
        ok(s, s->store != NULL);
        ok(s, store_fact_get(s->store, "name", value, sizeof value, &s->error));
        assert_string_equal(value, "1");
        store_close(s->store);
        s->store = NULL;
        assert_int_equal(unlink(names[i]), 0);
    }
    assert_int_equal(chdir(here), 0);
}

static void not_a_database(void **state)
{
    static const char *const texts[] = {
        "x",
        "networks:\n  vpc: [10.0.0.0/8]\n",
    };
    struct scratch *s = *state;
    char text[5000];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(s->path, texts[i], strlen(texts[i]));
        refused_untouched(s, STORE_WRITE, STORE_NOT_OURS);
        refused_untouched(s, STORE_READ, STORE_NOT_OURS);
    }
    /* Longer than a page of a database. */
    memset(text, 'x', sizeof text);
    write_file(s->path, text, sizeof text);
    refused_untouched(s, STORE_WRITE, STORE_NOT_OURS);
    refused_untouched(s, STORE_READ, STORE_NOT_OURS);
}

static void database_of_another(void **state)
{
    static const char *const texts[] = {
        "CREATE TABLE t (x); INSERT INTO t VALUES (1)",
        "PRAGMA application_id = 7; PRAGMA user_version = 1; CREATE TABLE t (x)",
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)",
    };
    struct scratch *s = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        plain_sql(s->path, texts[i]);
        refused_untouched(s, STORE_WRITE, STORE_NOT_OURS);
        refused_untouched(s, STORE_READ, STORE_NOT_OURS);
        assert_int_equal(unlink(s->path), 0);
    }
}

/* The log of a crash of another program must not be recovered by us. */
static void database_of_another_after_a_crash(void **state)
{
    struct scratch *s = *state;
    char wal[300];
    size_t before_len, after_len;
    char *before, *after;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        sqlite3 *db = NULL;

        if (sqlite3_open(s->path, &db) == SQLITE_OK &&
            sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x)", NULL, NULL, NULL) ==
                SQLITE_OK) {
            (void)kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(child_end(pid), 256 + SIGKILL);
    (void)snprintf(wal, sizeof wal, "%s-wal", s->path);
    before = read_file(wal, &before_len);
    assert_true(before_len > 0);
    refused_untouched(s, STORE_WRITE, STORE_NOT_OURS);
    refused_untouched(s, STORE_READ, STORE_NOT_OURS);
    after = read_file(wal, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

static void made(struct scratch *s)
{
    struct store *store = store_open(s->path, STORE_WRITE, &s->error);

    ok(s, store != NULL);
    ok(s, store_fact_set(store, "a", "1", &s->error));
    store_close(store);
}

static void newer_version(void **state)
{
    struct scratch *s = *state;

    made(s);
    plain_sql(s->path, "PRAGMA user_version = 99");
    refused_untouched(s, STORE_WRITE, STORE_NEWER);
    assert_non_null(strstr(s->error.text, "99"));
    refused_untouched(s, STORE_READ, STORE_NEWER);
    assert_non_null(strstr(s->error.text, "99"));
}

/* A crash between the mark and the first migration. */
static void older_version(void **state)
{
    struct scratch *s = *state;
    char text[64];

    (void)snprintf(text, sizeof text, "PRAGMA application_id = %d", STORE_APPLICATION_ID);
    plain_sql(s->path, text);
    refused_untouched(s, STORE_READ, STORE_FAILED);
    assert_non_null(strstr(s->error.text, "older"));
    made(s);
    s->store = store_open(s->path, STORE_READ, &s->error);
    ok(s, s->store != NULL);
}

/* Ours, so it is opened properly; yet not a byte of it may change. */
static void damaged(void **state)
{
    static const struct {
        size_t keep, spoil_from, spoil_to;
    } cases[] = {
        { 100, 0, 0 },       /* cut */
        { 20000, 0, 0 },     /* cut */
        { 1 << 20, 16, 24 }, /* no sensible page size */
        { 1 << 20, 100, 4096 },
    };
    struct scratch *s = *state;
    size_t len, after_len;
    char *data, *spoilt, *after;

    made(s);
    data = read_file(s->path, &len);
    assert_true(len > 40000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t keep = cases[i].keep < len ? cases[i].keep : len;

        spoilt = malloc(len);
        assert_non_null(spoilt);
        memcpy(spoilt, data, len);
        memset(spoilt + cases[i].spoil_from, 0xa5, cases[i].spoil_to - cases[i].spoil_from);
        write_file(s->path, spoilt, keep);
        refused(s, store_open(s->path, STORE_WRITE, &s->error), STORE_CORRUPT);
        refused(s, store_open(s->path, STORE_READ, &s->error), STORE_CORRUPT);
        after = read_file(s->path, &after_len);
        assert_int_equal(after_len, keep);
        assert_memory_equal(after, spoilt, keep);
        free(after);
        free(spoilt);
    }
    free(data);
}

static void opening_again_changes_nothing(void **state)
{
    struct scratch *s = *state;
    char first[16384], again[16384], number[32];

    made(s);
    plain_answer(s->path, "SELECT group_concat(sql) FROM sqlite_master", first, sizeof first);
    made(s);
    plain_answer(s->path, "SELECT group_concat(sql) FROM sqlite_master", again, sizeof again);
    assert_string_equal(first, again);
    assert_true(strlen(first) > 500);
    plain_answer(s->path, "PRAGMA user_version", number, sizeof number);
    assert_int_equal(strtoll(number, NULL, 10), schema_current());
    plain_answer(s->path, "PRAGMA application_id", number, sizeof number);
    assert_int_equal(strtoll(number, NULL, 10), STORE_APPLICATION_ID);
    plain_answer(s->path, "PRAGMA journal_mode", number, sizeof number);
    assert_string_equal(number, "wal");
}

static void two_open_a_new_file_at_once(void **state)
{
    enum { ROUNDS = 8, OPENERS = 6 };
    struct scratch *s = *state;

    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[OPENERS];
        int start[2];
        char path[300], count[16], byte;

        (void)snprintf(path, sizeof path, "%s/%d.db", s->dir, round);
        assert_int_equal(pipe(start), 0);
        for (int i = 0; i < OPENERS; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0) {
                struct store *store;
                char name[8];

                (void)close(start[1]);
                (void)!read(start[0], &byte, 1); /* ends when the parent closes its end */
                store = store_open(path, STORE_WRITE, &s->error);
                (void)snprintf(name, sizeof name, "%d", i);
                if (!store || !store_fact_set(store, name, "x", &s->error)) {
                    (void)fprintf(stderr, "%s\n", s->error.text);
                    _exit(1);
                }
                store_close(store);
                _exit(0);
            }
        }
        (void)close(start[0]);
        (void)close(start[1]);
        for (int i = 0; i < OPENERS; i++) {
            assert_int_equal(child_end(pids[i]), 0);
        }
        plain_answer(path, "SELECT COUNT(*) FROM fact", count, sizeof count);
        assert_int_equal(strtoll(count, NULL, 10), OPENERS);
    }
}

/* A child commits one fact, writes another, and is killed before it commits that. */
static void killed_writer(struct scratch *s)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store = store_open(s->path, STORE_WRITE, &s->error);
        char name[16];

        if (store && store_fact_set(store, "committed", "1", &s->error) &&
            store_begin(store, &s->error)) {
            for (int i = 0; i < 2000; i++) {
                (void)snprintf(name, sizeof name, "n%d", i);
                (void)store_fact_set(store, name, "lost", &s->error);
            }
            (void)kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(child_end(pid), 256 + SIGKILL);
    assert_true(exists(s->path, "-wal"));
}

static void kill_leaves_it_whole(void **state)
{
    struct scratch *s = *state;
    char value[16];

    killed_writer(s);
    s->store = store_open(s->path, STORE_READ, &s->error);
    ok(s, s->store != NULL);
    ok(s, store_fact_get(s->store, "committed", value, sizeof value, &s->error));
    assert_string_equal(value, "1");
    store_close(s->store);

    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    ok(s, store_fact_get(s->store, "n0", value, sizeof value, &s->error));
    assert_string_equal(value, "");
    store_close(s->store);
    s->store = NULL;
    plain_answer(s->path, "PRAGMA integrity_check", value, sizeof value);
    assert_string_equal(value, "ok");
    plain_answer(s->path, "SELECT COUNT(*) FROM fact", value, sizeof value);
    assert_string_equal(value, "1");
}

/* In a child whose file size limit stands for the disk. */
static int fill_disk(struct scratch *s)
{
    struct rlimit limit;
    char value[STORE_FACT_MAX + 1], name[16];
    struct store *store = store_open(s->path, STORE_WRITE, &s->error);
    bool full = false;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (!store || getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = 400000;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 2;
    }
    memset(value, 'v', STORE_FACT_MAX);
    value[STORE_FACT_MAX] = '\0';
    for (int i = 0; i < 1000 && !full; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        full = !(store_begin(store, &s->error) && store_fact_set(store, name, value, &s->error) &&
                 store_commit(store, &s->error));
        if (full) {
            store_rollback(store);
        }
    }
    if (!full || s->error.status != STORE_FULL) {
        (void)fprintf(stderr, "full %d, status %d: %s\n", full, (int)s->error.status,
                      s->error.text);
        return 3;
    }
    if (!strstr(s->error.text, s->path) || !strstr(s->error.text, "space")) {
        return 4;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 5;
    }
    /* There is space again: it goes on as if nothing had been. */
    if (!store_begin(store, &s->error) || !store_fact_set(store, "after", "1", &s->error) ||
        !store_commit(store, &s->error)) {
        return 6;
    }
    store_close(store);
    return 0;
}

static void full_disk(void **state)
{
    struct scratch *s = *state;
    char value[16];
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(fill_disk(s));
    }
    assert_int_equal(child_end(pid), 0);
    plain_answer(s->path, "PRAGMA integrity_check", value, sizeof value);
    assert_string_equal(value, "ok");
    plain_answer(s->path, "SELECT value FROM fact WHERE name = 'after'", value, sizeof value);
    assert_string_equal(value, "1");
}

/* A disk that is full from the start, or fills while the file is being made. */
static void full_disk_while_creating(void **state)
{
    struct scratch *s = *state;

    for (rlim_t size = 0; size < 180000; size += 10000) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            struct rlimit limit = { size, RLIM_INFINITY };
            struct store *store;

            (void)signal(SIGXFSZ, SIG_IGN);
            (void)setrlimit(RLIMIT_FSIZE, &limit);
            store = store_open(s->path, STORE_WRITE, &s->error);
            if (!store && s->error.status != STORE_FULL) {
                (void)fprintf(stderr, "%d: %s\n", (int)s->error.status, s->error.text);
                _exit(1);
            }
            store_close(store);
            _exit(!store && size > 140000 ? 2 : 0);
        }
        assert_int_equal(child_end(pid), 0);
        /* Whatever it left is taken up again. */
        if (size % 20000 == 0) {
            made(s);
            assert_int_equal(unlink(s->path), 0);
        }
    }
}

/* Permissions do not bind root, so a child becomes somebody else. */
static pid_t fork_unprivileged(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0 && geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        _exit(99);
    }
    return pid;
}

static int try_unprivileged(struct scratch *s, enum store_mode mode)
{
    char value[8] = "";
    struct store *store = store_open(s->path, mode, &s->error);

    if (!store) {
        return (int)s->error.status;
    }
    if (!store_fact_get(store, "a", value, sizeof value, &s->error) || strcmp(value, "1") != 0) {
        return 98;
    }
    store_close(store);
    return STORE_OK;
}

static int unprivileged(struct scratch *s, enum store_mode mode)
{
    pid_t pid = fork_unprivileged();

    if (pid == 0) {
        _exit(try_unprivileged(s, mode));
    }
    return child_end(pid);
}

static void permissions(void **state)
{
    struct scratch *s = *state;

    assert_int_equal(chmod(s->dir, 0555), 0);
    assert_int_equal(unprivileged(s, STORE_WRITE), STORE_DENIED);
    assert_int_equal(unprivileged(s, STORE_READ), STORE_ABSENT);
    assert_int_equal(chmod(s->dir, 0700), 0);
    made(s);
    assert_int_equal(chmod(s->dir, 0555), 0);
    assert_int_equal(chmod(s->path, 0000), 0);
    assert_int_equal(unprivileged(s, STORE_WRITE), STORE_DENIED);
    assert_int_equal(unprivileged(s, STORE_READ), STORE_DENIED);
    assert_int_equal(chmod(s->path, 0444), 0);
    assert_int_equal(unprivileged(s, STORE_WRITE), STORE_DENIED);
    /* Closed properly, it can be read where nothing can be made beside it ... */
    assert_int_equal(unprivileged(s, STORE_READ), STORE_OK);
    assert_false(exists(s->path, "-wal"));
    assert_int_equal(chmod(s->dir, 0700), 0);
}

/* ... but after a crash it cannot, if the log is out of reach: better an error than old data. */
static void permissions_after_a_crash(void **state)
{
    struct scratch *s = *state;
    char path[300];

    killed_writer(s);
    (void)snprintf(path, sizeof path, "%s-shm", s->path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(s->path, 0444), 0);
    assert_int_equal(chmod(s->dir, 0555), 0);
    assert_int_equal(unprivileged(s, STORE_READ), STORE_DENIED);
    assert_int_equal(chmod(s->dir, 0700), 0);
}

static void reading(void **state)
{
    struct scratch *s = *state;
    struct store *reader;
    char value[16];

    refused(s, store_open(s->path, STORE_READ, &s->error), STORE_ABSENT);
    assert_false(exists(s->path, ""));
    write_file(s->path, "", 0);
    refused_untouched(s, STORE_READ, STORE_ABSENT);

    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    reader = store_open(s->path, STORE_READ, &s->error);
    ok(s, reader != NULL);
    ok(s, store_begin(s->store, &s->error));
    ok(s, store_fact_set(s->store, "a", "1", &s->error));
    ok(s, store_fact_get(reader, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "");
    ok(s, store_commit(s->store, &s->error));
    ok(s, store_fact_get(reader, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "1");

    refused(s, store_begin(reader, &s->error), STORE_DENIED);
    refused(s, store_fact_set(reader, "b", "1", &s->error), STORE_DENIED);
    store_close(s->store);
    s->store = NULL;
    ok(s, store_fact_get(reader, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "1");
    store_close(reader);
}

static int hurried_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

/* SQLite counts how long it has slept, not the time; so a sleep that returns at once makes ten
 * seconds short. */
static void busy(void **state)
{
    struct scratch *s = *state;
    struct store *other;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    int (*sleep_before)(sqlite3_vfs *, int) = vfs->xSleep;

    made(s);
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    other = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store && other);
    ok(s, store_begin(other, &s->error));
    vfs->xSleep = hurried_sleep;
    refused(s, store_begin(s->store, &s->error), STORE_BUSY);
    vfs->xSleep = sleep_before;
    store_rollback(other);
    ok(s, store_begin(s->store, &s->error));
    store_rollback(s->store);
    store_close(other);
}

static void transactions(void **state)
{
    struct scratch *s = *state;
    char value[16];

    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    store_rollback(s->store);
    refused(s, store_commit(s->store, &s->error), STORE_FAILED);
    ok(s, store_begin(s->store, &s->error));
    refused(s, store_begin(s->store, &s->error), STORE_FAILED);
    ok(s, store_fact_set(s->store, "a", "1", &s->error));
    store_rollback(s->store);
    ok(s, store_fact_get(s->store, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "");
    ok(s, store_begin(s->store, &s->error));
    ok(s, store_fact_set(s->store, "a", "2", &s->error));
    /* Closing gives up what was not committed. */
    store_close(s->store);
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    ok(s, store_fact_get(s->store, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "");
}

static void facts(void **state)
{
    struct scratch *s = *state;
    char value[8], long_value[STORE_FACT_MAX + 2];

    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    ok(s, store_fact_get(s->store, "none", value, sizeof value, &s->error));
    assert_string_equal(value, "");
    ok(s, store_fact_set(s->store, "a", "1234567", &s->error));
    ok(s, store_fact_get(s->store, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "1234567");
    ok(s, store_fact_set(s->store, "a", "12345678", &s->error));
    refused(s, store_fact_get(s->store, "a", value, sizeof value, &s->error), STORE_FAILED);
    assert_string_equal(value, "");
    ok(s, store_fact_set(s->store, "a", "", &s->error));
    ok(s, store_fact_get(s->store, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "");
    memset(long_value, 'x', sizeof long_value);
    long_value[sizeof long_value - 1] = '\0';
    refused(s, store_fact_set(s->store, "a", long_value, &s->error), STORE_FAILED);
}

static void link_leads_to_the_same_store(void **state)
{
    struct scratch *s = *state;
    char link[300], value[8];

    made(s);
    (void)snprintf(link, sizeof link, "%s/link.db", s->dir);
    assert_int_equal(symlink("state.db", link), 0);
    s->store = store_open(link, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    ok(s, store_fact_get(s->store, "a", value, sizeof value, &s->error));
    assert_string_equal(value, "1");
    assert_true(exists(s->path, "-wal"));
    assert_false(exists(link, "-wal"));
}

static void network_file_systems(void **state)
{
    (void)state;
    assert_string_equal(place_network(0x6969), "NFS");
    assert_string_equal(place_network(0xff534d42), "CIFS");
    assert_string_equal(place_network(0x0bd00bd0), "Lustre");
    assert_null(place_network(0xef53));     /* ext4 */
    assert_null(place_network(0x01021994)); /* tmpfs */
    assert_null(place_network(0x794c7630)); /* overlayfs */
    assert_null(place_network(0x65735546)); /* FUSE */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_file_is_private, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(last_directory_is_made, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(impossible_paths, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(odd_paths, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(not_a_database, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(database_of_another, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(database_of_another_after_a_crash, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(newer_version, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(older_version, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(damaged, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(opening_again_changes_nothing, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(two_open_a_new_file_at_once, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(kill_leaves_it_whole, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(full_disk, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(full_disk_while_creating, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(permissions, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(permissions_after_a_crash, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(reading, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(busy, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(transactions, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(facts, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(link_leads_to_the_same_store, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(network_file_systems),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
