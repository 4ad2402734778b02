/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of salvaging damaged state files: what is kept, what is put in order, and what is never
 * touched.  The damage is done to every page in turn. */
#include "test_storage_alerts.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "storage/lock.h"
#include "storage/salvage.h"
#include "storage/schema.h"

#define FINDINGS 900
#define DEEPEST  500
#define NOW      INT64_C(1795356494000) /* 2026-11-22T14:08:14Z */
#define PAGE     4096
/* Findings are small here: more of them than this never stand on one page. */
#define ON_ONE_PAGE 45

static void plain_sql(const char *path, const char *text)
{
    char *problem = NULL;
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", text, problem);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t number_of(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t number;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

static char *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *data = malloc(4 << 20);

    assert_non_null(file);
    assert_non_null(data);
    *len = fread(data, 1, 4 << 20, file);
    assert_true(*len < 4 << 20);
    (void)fclose(file);
    return data;
}

static void write_whole(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Every table has rows: findings of two sources, some told by alerts that wait or are sent, some
 * folded into a kind. */
static void fill(struct scratch *s)
{
    char text[4096];

    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    store_close(s->store);
    s->store = NULL;
    (void)snprintf(
        text, sizeof text,
        "INSERT INTO source VALUES (1, 'arn:one', 0, 1), (2, 'arn:two', 5, 2);"
        "INSERT INTO watch VALUES (1, 1, x'01'), (2, 2, x'01'), (3, 1, x'02');"
        "INSERT INTO coverage VALUES (1, 0, 1000, 1500, 2), (1, 1200, 2000, 2100, 1),"
        " (2, 5, 3000, 3000, 0), (3, 0, 10, 20, 1);"
        "INSERT INTO fact VALUES ('account', '123456789012'), ('alive_at', '7');"
        "INSERT INTO reading VALUES (1, 'MariaDB', 3, 4), (2, NULL, 0, 0);"
        "INSERT INTO bucket VALUES ('breaker', 2.5, 77, 1, 0, 5, 0, 2, 3);"
        "INSERT INTO delay VALUES (1, 3, 7, 6000), (1, 4, 1, 9000), (2, 0, 1, 500);"
        "INSERT INTO server VALUES (1, 's', 'db1', 40, 1, 9, 0, 3, 3, NULL);"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO finding (id, fingerprint, source, rule, severity, event_time, seen_at,"
        " line, message, quiet, kind, alert) SELECT i, zeroblob(28) || CAST(printf('%%04d', i) AS"
        " BLOB), 1 + i %% 2, 'outside', 'high', i, i, 1, 'row ' || i, 0,"
        " CASE i %% 3 WHEN 1 THEN 1 + i %% 50 END, CASE i %% 3 WHEN 0 THEN i / 3 END FROM n;"
        "UPDATE finding SET fingerprint = CAST(fingerprint AS BLOB);"
        "INSERT INTO alert (row, id, form, finding, severity, rank, count, created_at, sent_at)"
        " SELECT alert, 'a' || alert, 0, id, 'high', 3, 1, id, CASE WHEN alert %% 4 THEN 1 END"
        " FROM finding WHERE alert NOTNULL;"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
        " INSERT INTO kind (id, key, first, ends_at, folded) SELECT i, 'key' || i, 3 * i, 9000, 6"
        " FROM n",
        FINDINGS);
    plain_sql(s->path, text);
}

/* A digest of all rows of a table, whatever they are, but for what a salvage adds. */
static uint64_t digest_of(sqlite3 *db, const char *table)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    sqlite3_stmt *stmt = NULL;
    char text[200];

    (void)snprintf(text, sizeof text, "SELECT * FROM \"%s\"%s", table,
                   strcmp(table, "fact") == 0 ? " WHERE name NOT LIKE 'salvaged%'" : "");
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const unsigned char *bytes = sqlite3_column_blob(stmt, i);

            hash = (hash ^ (uint64_t)sqlite3_column_type(stmt, i)) * UINT64_C(0x100000001b3);
            for (int j = 0; j < sqlite3_column_bytes(stmt, i); j++) {
                hash = (hash ^ bytes[j]) * UINT64_C(0x100000001b3);
            }
        }
    }
    (void)sqlite3_finalize(stmt);
    return hash;
}

struct dump {
    char names[32][40];
    uint64_t digests[32];
    int count;
};

static void dump(const char *path, struct dump *out)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    out->count = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_master WHERE type = 'table'"
                                        " AND name NOT LIKE 'sqlite_%' ORDER BY name",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);

        assert_true(out->count < 32);
        (void)snprintf(out->names[out->count], sizeof out->names[0], "%s", name);
        out->digests[out->count++] = digest_of(db, name);
    }
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* What must hold of every state file. */
static void well_formed(struct scratch *s)
{
    struct store *store = store_open(s->path, STORE_WRITE, &s->error);
    struct salvaged salvaged;

    ok(s, store != NULL);
    ok(s, salvage_check(store, &s->error));
    ok(s, salvage_pending(store, &salvaged, &s->error));
    assert_int_equal(salvaged.at, NOW);
    assert_non_null(strstr(salvaged.text, ".damaged-20261122T140814Z"));
    store_close(store);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(
        number_of(
            s->path,
            "SELECT (SELECT COUNT(*) FROM alert WHERE finding NOT IN (SELECT id FROM finding))"
            " + (SELECT COUNT(*) FROM kind WHERE first NOT IN (SELECT id FROM finding))"
            " + (SELECT COUNT(*) FROM finding WHERE alert IS NULL AND kind NOTNULL AND kind"
            " NOT IN (SELECT id FROM kind))"),
        0);
}

static void aside_name(const struct scratch *s, char *out, size_t size)
{
    (void)snprintf(out, size, "%s.damaged-20261122T140814Z", s->path);
}

/* Deletes the damaged file that was put aside. */
static void forget_aside(const struct scratch *s)
{
    char path[400];

    aside_name(s, path, sizeof path);
    (void)unlink(path);
    (void)strncat(path, "-wal", sizeof path - strlen(path) - 1);
    (void)unlink(path);
}

static void nothing_is_lost_of_what_is_whole(void **state)
{
    static struct dump before, after;
    struct scratch *s = *state;
    size_t len, after_len;
    char *data, *aside, path[400];

    fill(s);
    dump(s->path, &before);
    data = read_whole(s->path, &len);
    ok(s, salvage(s->path, "a reason", NOW, 0, &s->error));
    dump(s->path, &after);
    assert_int_equal(before.count, after.count);
    for (int i = 0; i < before.count; i++) {
        if (before.digests[i] != after.digests[i]) {
            fail_msg("the rows of %s are not what they were", before.names[i]);
        }
    }
    well_formed(s);
    aside_name(s, path, sizeof path);
    aside = read_whole(path, &after_len);
    assert_int_equal(len, after_len);
    assert_memory_equal(data, aside, len);
    free(aside);
    free(data);
}

/* Tables this file fills, so that a new table cannot be forgotten in salvage_rows.c. */
static void every_table_has_rows_here(void **state)
{
    static struct dump all;
    struct scratch *s = *state;
    char text[120];

    fill(s);
    dump(s->path, &all);
    for (int i = 0; i < all.count; i++) {
        (void)snprintf(text, sizeof text, "SELECT COUNT(*) FROM \"%s\"", all.names[i]);
        if (number_of(s->path, text) == 0) {
            fail_msg("no rows in %s", all.names[i]);
        }
    }
}

static void told_once(void **state)
{
    struct scratch *s = *state;
    struct salvaged salvaged;

    fill(s);
    ok(s, salvage(s->path, "a reason", NOW, 0, &s->error));
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    ok(s, salvage_pending(s->store, &salvaged, &s->error));
    assert_non_null(strstr(salvaged.text, "damaged (a reason)"));
    assert_non_null(strstr(salvaged.text, "900 findings, 75 alerts that wait, 2 sources. Every "));
    ok(s, salvage_told(s->store, &s->error));
    ok(s, salvage_pending(s->store, &salvaged, &s->error));
    assert_int_equal(salvaged.at, 0);
}

static void the_deepest_age_is_read_again(void **state)
{
    struct scratch *s = *state;
    struct stretch *list;
    size_t count;

    fill(s);
    ok(s, salvage(s->path, "a reason", NOW, DEEPEST, &s->error));
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    ok(s, coverage_list(s->store, 1, 0, 10000, &list, &count, &s->error));
    assert_int_equal(count, 2);
    assert_int_equal(list[0].end, 1000);
    assert_int_equal(list[1].end, 1500);
    free(list);
    ok(s, coverage_list(s->store, 2, 0, 10000, &list, &count, &s->error));
    assert_int_equal(count, 1);
    assert_int_equal(list[0].end, 2500);
    free(list);
    ok(s, coverage_list(s->store, 3, 0, 10000, &list, &count, &s->error));
    assert_int_equal(count, 0);
}

enum damage { ZEROED, NOISE, DAMAGES };

static void damage_page(char *data, size_t page, enum damage damage)
{
    uint32_t random = 12345;

    for (size_t i = 0; i < PAGE; i++) {
        random = random * 1664525 + 1013904223;
        if (page > 0 || i >= 100) {
            data[page * PAGE + i] = damage == ZEROED ? 0 : (char)(random >> 24);
        }
    }
}

/* Whatever page is damaged: if SQLite notices it, the salvage gives a whole file, and of nearly all
 * pages only what stood on that page is missing. */
static void every_page(void **state)
{
    struct scratch *s = *state;
    int noticed = 0, small = 0;
    size_t len;
    char *data, *spoilt;

    fill(s);
    data = read_whole(s->path, &len);
    spoilt = malloc(len);
    assert_non_null(spoilt);
    for (size_t i = 0; i < DAMAGES * (len / PAGE); i++) {
        int64_t findings, waiting;
        bool whole;

        memcpy(spoilt, data, len);
        damage_page(spoilt, i / DAMAGES, i % DAMAGES);
        write_whole(s->path, spoilt, len);
        s->store = store_open(s->path, STORE_WRITE, &s->error);
        whole = s->store && salvage_check(s->store, &s->error);
        store_close(s->store);
        s->store = NULL;
        if (whole) {
            continue;
        }
        assert_int_equal(s->error.status, STORE_CORRUPT);
        noticed++;
        ok(s, salvage(s->path, s->error.text, NOW, DEEPEST, &s->error));
        well_formed(s);
        findings = number_of(s->path, "SELECT COUNT(*) FROM finding");
        waiting = number_of(s->path, "SELECT COUNT(*) FROM alert WHERE sent_at IS NULL");
        small += findings >= FINDINGS - ON_ONE_PAGE && waiting >= FINDINGS / 12 - ON_ONE_PAGE;
        forget_aside(s);
    }
    free(spoilt);
    free(data);
    assert_true(noticed > (int)(len / PAGE));
    /* The others are the roots of trees, and the pages that say where those are. */
    assert_true(noticed - small <= 8);
}

static void cut_short(void **state)
{
    struct scratch *s = *state;
    size_t len;
    char *data;

    fill(s);
    data = read_whole(s->path, &len);
    for (size_t keep = 100; keep < len; keep += 3 * PAGE + 77) {
        write_whole(s->path, data, keep);
        s->store = store_open(s->path, STORE_WRITE, &s->error);
        assert_true(!s->store || !salvage_check(s->store, &s->error));
        assert_int_equal(s->error.status, STORE_CORRUPT);
        store_close(s->store);
        s->store = NULL;
        ok(s, salvage(s->path, s->error.text, NOW, DEEPEST, &s->error));
        well_formed(s);
        forget_aside(s);
    }
    free(data);
}

/* A process died with commits in its write-ahead log, and then the file was damaged. */
static void what_the_log_holds_is_kept(void **state)
{
    struct scratch *s = *state;
    char from[300], text[400];
    size_t len, wal_len;
    char *data, *wal;

    fill(s);
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    (void)note(s, 1000000, "high", key_a, 1);
    data = read_whole(s->path, &len);
    (void)snprintf(from, sizeof from, "%s-wal", s->path);
    wal = read_whole(from, &wal_len);
    assert_true(wal_len > 0);
    store_close(s->store);
    s->store = NULL;
    damage_page(data, len / PAGE / 2, NOISE);
    write_whole(s->path, data, len);
    write_whole(from, wal, wal_len);
    ok(s, salvage(s->path, "a reason", NOW, DEEPEST, &s->error));
    well_formed(s);
    (void)snprintf(text, sizeof text,
                   "SELECT COUNT(*) FROM alert AS a JOIN finding AS f ON f.id = a.finding"
                   " WHERE a.sent_at IS NULL AND f.event_time = %d",
                   1000000 + 1000);
    assert_int_equal(number_of(s->path, text), 1);
    free(wal);
    free(data);
}

/* Numbers of rows that are gone are not given to others. */
static void numbers_go_on(void **state)
{
    struct scratch *s = *state;

    fill(s);
    ok(s, salvage(s->path, "a reason", NOW, 0, &s->error));
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    (void)note(s, 1000000, "high", key_a, 1);
    assert_true(number_of(s->path, "SELECT MAX(id) FROM finding") > FINDINGS + 1000);
    assert_true(number_of(s->path, "SELECT MAX(row) FROM alert") > FINDINGS + 1000);
}

/* What rows say of others that are lost. */
static void torn_apart(void **state)
{
    struct scratch *s = *state;

    fill(s);
    plain_sql(s->path, "PRAGMA foreign_keys = OFF;"
                       /* The finding of an alert, the alert of a finding, the first of a kind. */
                       "DELETE FROM finding WHERE id = 12;"
                       "DELETE FROM alert WHERE row = 5;"
                       "DELETE FROM finding WHERE id = 21;"
                       /* A digest that told two, one of which is its name. */
                       "UPDATE alert SET form = 1, count = 2, sent_at = NULL WHERE row = 10;"
                       "UPDATE finding SET alert = 10 WHERE id = 100;"
                       "DELETE FROM finding WHERE id = 30;"
                       "DELETE FROM source WHERE id = 2;"
                       "DELETE FROM watch WHERE id = 1;"
                       "UPDATE alert SET form = 77 WHERE row = 200;");
    ok(s, salvage(s->path, "a reason", NOW, 100000, &s->error));
    well_formed(s);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM alert WHERE row IN (4, 200)"), 0);
    /* The alert of finding 15 may not have been sent, so it is made anew under the same id. */
    assert_int_equal(
        number_of(s->path, "SELECT a.id = lower(hex(f.fingerprint)) AND a.form = 0 AND a.count = 1"
                           " AND a.sent_at ISNULL AND a.rank = 3 FROM finding AS f"
                           " JOIN alert AS a ON a.row = f.alert WHERE f.id = 15"),
        1);
    /* Those that a kind held which is lost, likewise. */
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM finding WHERE kind ISNULL AND alert"
                                        " ISNULL AND id % 3 = 1"),
                     0);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM kind WHERE first IN (12, 21, 30)"),
                     0);
    assert_int_equal(number_of(s->path, "SELECT 1000 * finding + count FROM alert WHERE row = 10"),
                     100001);
    assert_int_equal(number_of(s->path, "SELECT identity = 'lost:2' FROM source WHERE id = 2"), 1);
    assert_int_equal(number_of(s->path, "SELECT since = 0 AND watch ISNULL FROM source WHERE id = "
                                        "1"),
                     1);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM coverage WHERE watch = 1"), 0);
}

/* A file of the first version is brought up to date on the way. */
static void older_schema(void **state)
{
    struct scratch *s = *state;

    run_file(s, "storage-schema-1.sql");
    ok(s, salvage(s->path, "a reason", NOW, 0, &s->error));
    well_formed(s);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM finding WHERE user = x'617070'"), 3);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM alert WHERE sent_at ISNULL"), 1);
    assert_int_equal(number_of(s->path, "PRAGMA user_version"), schema_current());
}

static void newer_schema(void **state)
{
    struct scratch *s = *state;

    fill(s);
    plain_sql(s->path, "PRAGMA user_version = 999");
    refused(s, salvage(s->path, "a reason", NOW, 0, &s->error), STORE_NEWER);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM finding"), FINDINGS);
}

static int entries(const struct scratch *s)
{
    DIR *dir = opendir(s->dir);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    (void)closedir(dir);
    return count - 2;
}

/* While another process has it open, it stays. */
static void in_use(void **state)
{
    struct scratch *s = *state;
    int ready[2], end[2];
    char byte = 0;
    pid_t pid;

    fill(s);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store = store_open(s->path, STORE_WRITE, &s->error);
        int64_t count;
        bool held = store && findings_count(store, &count, &s->error);

        (void)close(end[1]);
        if (write(ready[1], held ? "y" : "n", 1) == 1) {
            (void)!read(end[0], &byte, 1);
        }
        _exit(0);
    }
    (void)close(end[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    refused(s, salvage(s->path, "a reason", NOW, 0, &s->error), STORE_BUSY);
    (void)close(end[1]);
    assert_int_equal(child_end(pid), 0);
    (void)close(ready[0]);
    (void)close(ready[1]);
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM finding"), FINDINGS);
    assert_int_equal(entries(s), 1);
}

/* A disk that damages one file after another is not to be filled. */
static void not_for_ever(void **state)
{
    struct scratch *s = *state;

    fill(s);
    for (int i = 0; i < SALVAGE_ASIDE_MAX; i++) {
        ok(s, salvage(s->path, "a reason", NOW, 0, &s->error));
    }
    refused(s, salvage(s->path, "a reason", NOW, 0, &s->error), STORE_CORRUPT);
    assert_non_null(strstr(s->error.text, ".damaged-*"));
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    store_close(s->store);
    s->store = NULL;
    assert_int_equal(number_of(s->path, "SELECT COUNT(*) FROM finding"), FINDINGS);
    assert_int_equal(entries(s), 1 + SALVAGE_ASIDE_MAX);
}

/* It keeps the mode that the first one had, and leaves nothing else behind. */
static void what_lies_there_then(void **state)
{
    struct scratch *s = *state;
    struct stat st;

    fill(s);
    ok(s, salvage(s->path, "a reason", NOW, 0, &s->error));
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    store_close(s->store);
    s->store = NULL;
    assert_int_equal(entries(s), 2);
}

/* A store knows that it is damaged from the first call on that fails for it. */
static void noticed_by_use(void **state)
{
    struct scratch *s = *state;
    struct findings_list *list;
    struct finding finding;
    char *data;
    size_t len;
    int step;

    fill(s);
    data = read_whole(s->path, &len);
    damage_page(data,
                (size_t)number_of(s->path, "SELECT rootpage - 1 FROM sqlite_master"
                                           " WHERE name = 'finding'"),
                NOISE);
    write_whole(s->path, data, len);
    free(data);
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    assert_null(store_damage(s->store));
    list = findings_list(s->store, &(struct findings_query){ .since = 0 }, &s->error);
    step = list ? findings_next(list, &finding, &s->error) : -1;
    findings_list_free(list);
    assert_int_equal(step, -1);
    assert_int_equal(s->error.status, STORE_CORRUPT);
    assert_string_equal(store_damage(s->store), s->error.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_lost_of_what_is_whole),
        TEST(every_table_has_rows_here),
        TEST(told_once),
        TEST(the_deepest_age_is_read_again),
        TEST(every_page),
        TEST(cut_short),
        TEST(what_the_log_holds_is_kept),
        TEST(numbers_go_on),
        TEST(torn_apart),
        TEST(older_schema),
        TEST(newer_schema),
        TEST(in_use),
        TEST(not_for_ever),
        TEST(what_lies_there_then),
        TEST(noticed_by_use),
    };

    return cmocka_run_group_tests_name("salvage", tests, NULL, NULL);
}
