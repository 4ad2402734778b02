/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the coverage ledger against a model that keeps every millisecond of a short time. */
#include "test_storage_fixture.h"

#include "storage/coverage.h"
#include "storage/stretches.h"

#define SPAN 120 /* milliseconds the model knows */
#define ROWS 400

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* When each millisecond was last read, and how often. */
struct model {
    bool covered[SPAN];
    int64_t read_at[SPAN];
    int64_t reads[SPAN];
};

static uint32_t seed;

static int64_t pick(int64_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (int64_t)(seed >> 8) % below;
}

static void model_add(struct model *model, const struct stretch *read)
{
    for (int64_t t = read->start; t < read->end; t++) {
        if (!model->covered[t] || model->reads[t] == 0 || read->read_at > model->read_at[t]) {
            model->read_at[t] = read->read_at;
        }
        model->reads[t] = model->covered[t] ? model->reads[t] + 1 : 1;
        model->covered[t] = true;
    }
}

/* A list must be in order, and say of every millisecond what the model says.  Merging may raise
 * read_at where the deepest age is past, and lower reads, but not to nothing. */
static void compare(const struct model *model, const struct stretch *list, size_t count,
                    int64_t deepest)
{
    bool seen[SPAN] = { false };

    for (size_t i = 0; i < count; i++) {
        assert_true(list[i].start < list[i].end);
        assert_true(i == 0 || list[i - 1].end <= list[i].start);
        for (int64_t t = list[i].start; t < list[i].end; t++) {
            bool past = model->read_at[t] - t >= deepest;

            seen[t] = true;
            if (list[i].read_at != model->read_at[t]) {
                assert_true(past && list[i].read_at > model->read_at[t]);
            }
            assert_true(list[i].reads <= model->reads[t]);
            assert_int_equal(list[i].reads == 0, model->reads[t] == 0);
        }
    }
    for (int64_t t = 0; t < SPAN; t++) {
        assert_int_equal(seen[t], model->covered[t]);
    }
}

static void compare_holes(const struct model *model, const struct stretch *list, size_t count)
{
    struct stretch holes[SPAN];
    int64_t from = pick(SPAN), to = pick(SPAN + 1);
    bool inherited = pick(2) == 0;
    size_t max = (size_t)pick(6), n;
    bool hole[SPAN + 1] = { false };
    size_t expected = 0;
    int64_t t;

    for (t = from; t < to; t++) {
        hole[t] = !model->covered[t] || (model->reads[t] == 0 && !inherited);
    }
    n = coverage_holes(list, count, from, to, inherited, holes, max);
    assert_true(n <= max);
    /* From the newest to the oldest, each as long as it can be. */
    for (t = to; t > from && expected < max; t--) {
        int64_t start;

        if (!hole[t - 1]) {
            continue;
        }
        for (start = t - 1; start > from && hole[start - 1]; start--) {
            ;
        }
        assert_true(expected < n);
        assert_int_equal(holes[expected].start, start);
        assert_int_equal(holes[expected].end, t);
        expected++;
        t = start + 1;
    }
    assert_int_equal(n, expected);
}

static void compare_due(const struct model *model, const struct stretch *list, size_t count,
                        int64_t deepest)
{
    int64_t age = 1 + pick(deepest), now = pick(INT64_C(3) * SPAN), min_length = pick(12);
    struct stretch due = { -1, -1, -1, -1 };
    bool found = coverage_due(list, count, age, min_length, now, &due);
    int64_t start, end, read_at = INT64_MAX;

#define DUE(t) (model->covered[t] && model->read_at[t] - (t) < age && age <= now - (t))
    for (start = 0; start < SPAN && !DUE(start); start++) {
        ;
    }
    for (end = start; end < SPAN && DUE(end); end++) {
        if (model->read_at[end] < read_at) {
            read_at = model->read_at[end];
        }
    }
#undef DUE
    if (start == SPAN || (end - start < min_length && now - start < age + min_length)) {
        assert_false(found);
        return;
    }
    assert_true(found);
    assert_int_equal(due.start, start);
    assert_int_equal(due.end, end);
    assert_int_equal(due.read_at, read_at);
}

static void compare_settled(const struct model *model, const struct stretch *list, size_t count,
                            int64_t deepest)
{
    int64_t since = pick(SPAN), t = since;

    while (t < SPAN && model->covered[t] && model->read_at[t] - t >= deepest) {
        t++;
    }
    assert_int_equal(coverage_settled(list, count, since, deepest), t);
}

/* Random reads, straight on lists. */
static void arithmetic_agrees_with_the_model(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 3000; round++) {
        struct model model = { .covered = { false } };
        struct stretch lists[2][ROWS] = { { { 0, 0, 0, 0 } } };
        struct stretch *list = lists[0], *next = lists[1], *swap;
        int64_t deepest = 5 + pick(80), clock = 0;
        size_t count = 0;

        seed = round;
        for (int i = 0; i < 25; i++) {
            struct stretch read = { .start = pick(SPAN), .reads = 77 };

            /* Clocks go on, mostly. */
            clock += pick(15) - (pick(8) == 0 ? 20 : 0);
            read.end = read.start + 1 + pick(SPAN - read.start);
            read.read_at = clock + (pick(3) == 0 ? read.end : 0);
            assert_true(STRETCHES_AFTER(count) <= ROWS);
            count = stretches_apply(list, count, &read, deepest, next);
            model_add(&model, &read);
            swap = list;
            list = next;
            next = swap;
            compare(&model, list, count, deepest);
            for (int j = 0; j < 3; j++) {
                compare_holes(&model, list, count);
                compare_due(&model, list, count, deepest);
                compare_settled(&model, list, count, deepest);
            }
        }
    }
}

static int64_t new_watch(struct scratch *s, const char *identity, uint8_t digest_byte)
{
    uint8_t digest[COVERAGE_DIGEST_SIZE] = { digest_byte };
    int64_t source, watch, again;

    ok(s, coverage_source(s->store, identity, &source, &s->error));
    assert_true(source > 0);
    ok(s, coverage_watch(s->store, source, digest, &watch, &s->error));
    assert_true(watch > 0);
    ok(s, coverage_watch(s->store, source, digest, &again, &s->error));
    assert_int_equal(again, watch);
    return watch;
}

static void add(struct scratch *s, int64_t watch, struct stretch read, int64_t deepest)
{
    ok(s, store_begin(s->store, &s->error));
    ok(s, coverage_add(s->store, watch, &read, deepest, &s->error));
    ok(s, store_commit(s->store, &s->error));
}

/* The same in the store, with two watches in turn, which must not disturb each other and take over
 * from each other. */
static void store_agrees_with_the_model(void **state)
{
    struct scratch *s = *state;

    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    for (uint32_t round = 0; round < 60; round++) {
        struct model models[2] = { { .covered = { false } }, { .covered = { false } } };
        int64_t deepest = 5 + pick(80), since = 0, watches[2];
        char identity[32];
        int which = 0;

        seed = 1000 + round;
        (void)snprintf(identity, sizeof identity, "group-%u", (unsigned)round);
        watches[0] = new_watch(s, identity, 1);
        watches[1] = new_watch(s, identity, 2);
        ok(s, coverage_run(s->store, watches[0], 5, false, &since, &s->error));
        for (int i = 0; i < 40; i++) {
            struct stretch read = { .start = pick(SPAN), .read_at = pick(INT64_C(2) * SPAN) };
            struct stretch *list = NULL;
            struct model cut = models[which];
            int64_t from = pick(SPAN), to = from + pick(SPAN - from + 1);
            size_t count = 0;

            if (pick(6) == 0) {
                struct model *ours = &models[!which], *theirs = &models[which];

                which = !which;
                ok(s, coverage_run(s->store, watches[which], 0, false, &since, &s->error));
                for (int64_t t = 0; t < SPAN; t++) {
                    if (theirs->covered[t] && !ours->covered[t]) {
                        ours->covered[t] = true;
                        ours->read_at[t] = theirs->read_at[t];
                    }
                }
                cut = models[which];
            } else {
                read.end = read.start + 1 + pick(SPAN - read.start);
                add(s, watches[which], read, deepest);
                model_add(&models[which], &read);
                cut = models[which];
            }
            for (int64_t t = 0; t < SPAN; t++) {
                cut.covered[t] = cut.covered[t] && t >= from && t < to;
            }
            ok(s, coverage_list(s->store, watches[which], from, to, &list, &count, &s->error));
            compare(&cut, list, count, deepest);
            free(list);
            for (int j = 0; j < 2; j++) {
                ok(s, coverage_list(s->store, watches[j], INT64_MIN, INT64_MAX, &list, &count,
                                    &s->error));
                compare(&models[j], list, count, deepest);
                free(list);
            }
        }
        assert_int_equal(since, 5);
    }
}

static void expect(struct scratch *s, int64_t watch, const char *expected)
{
    struct stretch *list = NULL;
    size_t count = 0, len = 0;
    char text[1000] = "";

    ok(s, coverage_list(s->store, watch, INT64_MIN, INT64_MAX, &list, &count, &s->error));
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "[%lld,%lld)@%lldx%lld ",
                                (long long)list[i].start, (long long)list[i].end,
                                (long long)list[i].read_at, (long long)list[i].reads);
    }
    assert_string_equal(text, expected);
    free(list);
}

/* The cases the header speaks of, by hand. */
static void examples(void **state)
{
    struct scratch *s = *state;
    int64_t watch;

    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    watch = new_watch(s, "group", 1);
    add(s, watch, (struct stretch){ 100, 200, 210, 0 }, 1000);
    expect(s, watch, "[100,200)@210x1 ");
    /* The newest read wins and splits. */
    add(s, watch, (struct stretch){ 140, 160, 400, 0 }, 1000);
    expect(s, watch, "[100,140)@210x1 [140,160)@400x2 [160,200)@210x1 ");
    /* An older one counts, but changes no read_at. */
    add(s, watch, (struct stretch){ 150, 160, 300, 0 }, 1000);
    expect(s, watch, "[100,140)@210x1 [140,160)@400x2 [160,200)@210x1 ");
    /* Neighbours read at one time are one. */
    add(s, watch, (struct stretch){ 100, 250, 500, 0 }, 1000);
    expect(s, watch, "[100,250)@500x1 ");
    add(s, watch, (struct stretch){ 250, 260, 500, 0 }, 1000);
    add(s, watch, (struct stretch){ 90, 100, 500, 0 }, 1000);
    expect(s, watch, "[90,260)@500x1 ");
    /* Past the deepest age on both sides: one. */
    add(s, watch, (struct stretch){ 100, 200, 1300, 0 }, 1000);
    add(s, watch, (struct stretch){ 200, 260, 1259, 0 }, 1000);
    expect(s, watch, "[90,100)@500x1 [100,260)@1300x2 ");
    /* And not, when a millisecond is missing. */
    add(s, watch, (struct stretch){ 260, 300, 1298, 0 }, 1000);
    expect(s, watch, "[90,100)@500x1 [100,260)@1300x2 [260,300)@1298x1 ");
    add(s, watch, (struct stretch){ 260, 300, 1299, 0 }, 1000);
    expect(s, watch, "[90,100)@500x1 [100,300)@1300x2 ");
    add(s, watch, (struct stretch){ 300, 310, 1500, 0 }, 1201);
    expect(s, watch, "[90,100)@500x1 [100,300)@1300x2 [300,310)@1500x1 ");
    watch = new_watch(s, "group", 2);
    add(s, watch, (struct stretch){ 100, 300, 1300, 0 }, 1002);
    add(s, watch, (struct stretch){ 300, 301, 1301, 0 }, 1002);
    expect(s, watch, "[100,300)@1300x1 [300,301)@1301x1 ");
    watch = new_watch(s, "group", 3);
    add(s, watch, (struct stretch){ 100, 300, 1299, 0 }, 1000);
    add(s, watch, (struct stretch){ 300, 301, 1301, 0 }, 1000);
    expect(s, watch, "[100,301)@1301x1 ");
    /* A hole stays a hole. */
    add(s, watch, (struct stretch){ 303, 304, 1303, 0 }, 1000);
    expect(s, watch, "[100,301)@1301x1 [303,304)@1303x1 ");
}

static void run_and_take_over(void **state)
{
    struct scratch *s = *state;
    int64_t old, new, other, since, source;

    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    old = new_watch(s, "group", 1);
    new = new_watch(s, "group", 2);
    other = new_watch(s, "another group", 1);
    ok(s, coverage_source(s->store, "group", &source, &s->error));
    ok(s, coverage_since(s->store, source, &since, &s->error));
    assert_true(since == COVERAGE_NEVER);

    ok(s, coverage_run(s->store, old, 1000, false, &since, &s->error));
    assert_int_equal(since, 1000);
    ok(s, coverage_run(s->store, old, 5000, false, &since, &s->error));
    assert_int_equal(since, 1000);
    ok(s, coverage_run(s->store, old, 5000, true, &since, &s->error));
    assert_int_equal(since, 1000);
    ok(s, coverage_run(s->store, old, 500, false, &since, &s->error));
    assert_int_equal(since, 1000);
    ok(s, coverage_run(s->store, old, 500, true, &since, &s->error));
    assert_int_equal(since, 500);
    ok(s, coverage_since(s->store, source, &since, &s->error));
    assert_int_equal(since, 500);

    add(s, old, (struct stretch){ 500, 900, 1000, 0 }, 10000);
    add(s, old, (struct stretch){ 900, 1000, 1100, 0 }, 10000);
    add(s, new, (struct stretch){ 600, 700, 1200, 0 }, 10000); /* a backfill with the new rules */
    ok(s, coverage_run(s->store, new, 7, false, &since, &s->error));
    assert_int_equal(since, 500);
    expect(s, new, "[500,600)@1000x0 [600,700)@1200x1 [700,900)@1000x0 [900,1000)@1100x0 ");
    expect(s, old, "[500,900)@1000x1 [900,1000)@1100x1 ");
    expect(s, other, "");
    /* Again: nothing is taken over twice. */
    ok(s, coverage_run(s->store, new, 7, false, &since, &s->error));
    expect(s, new, "[500,600)@1000x0 [600,700)@1200x1 [700,900)@1000x0 [900,1000)@1100x0 ");
    /* The first read of what was taken over counts as it is, even if the other looked later. */
    add(s, new, (struct stretch){ 850, 950, 990, 0 }, 10000);
    expect(s, new,
           "[500,600)@1000x0 [600,700)@1200x1 [700,850)@1000x0 [850,950)@990x1 [950,1000)@1100x0 ");
    refused(s, coverage_run(s->store, 12345, 0, false, &since, &s->error), STORE_FAILED);
}

static void misuse(void **state)
{
    static const struct stretch bad[] = {
        { 10, 10, 20, 0 },        { 20, 10, 20, 0 },        { INT64_MIN, 10, 20, 0 },
        { 10, INT64_MAX, 20, 0 }, { 10, 20, INT64_MAX, 0 },
    };
    struct scratch *s = *state;
    int64_t watch;

    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    watch = new_watch(s, "group", 1);
    refused(s, coverage_add(s->store, watch, &(struct stretch){ 1, 2, 3, 0 }, 10, &s->error),
            STORE_FAILED);
    ok(s, store_begin(s->store, &s->error));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(s, coverage_add(s->store, watch, &bad[i], 10, &s->error), STORE_FAILED);
    }
    /* A watch that does not exist is refused by the foreign key. */
    refused(s, coverage_add(s->store, watch + 1, &(struct stretch){ 1, 2, 3, 0 }, 10, &s->error),
            STORE_FAILED);
    store_rollback(s->store);
    expect(s, watch, "");
}

static void reading_makes_nothing(void **state)
{
    const uint8_t digest[COVERAGE_DIGEST_SIZE] = { 9 };
    struct scratch *s = *state;
    struct stretch *list = NULL;
    size_t count = 1;
    int64_t id = 5;

    store_close(store_open(s->path, STORE_WRITE, &s->error));
    s->store = store_open(s->path, STORE_READ, &s->error);
    ok(s, s->store != NULL);
    ok(s, coverage_source(s->store, "group", &id, &s->error));
    assert_int_equal(id, 0);
    ok(s, coverage_watch(s->store, id, digest, &id, &s->error));
    assert_int_equal(id, 0);
    ok(s, coverage_list(s->store, id, 0, 100, &list, &count, &s->error));
    assert_int_equal(count, 0);
    assert_null(list);
}

/* A day of polls every 5 s that read the last minute again, and of re-reads in pieces of a quarter
 * of the age: the rows stay few, and everything is read at every age. */
static void a_day_in_few_rows(void **state)
{
    static const int64_t ages[] = { 2 * MINUTE, 10 * MINUTE, 2 * HOUR, 24 * HOUR };
    enum { AGES = sizeof ages / sizeof ages[0] };
    struct scratch *s = *state;
    const int64_t begin = INT64_C(1790000000000), deepest = ages[AGES - 1];
    int64_t now, watch, since;
    size_t most = 0, count = 0;
    struct stretch *list = NULL, due;

    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    watch = new_watch(s, "group", 1);
    ok(s, coverage_run(s->store, watch, begin, false, &since, &s->error));
    for (now = begin + 5 * SECOND; now <= begin + 36 * HOUR; now += 5 * SECOND) {
        int64_t from = now - 65 * SECOND < begin ? begin : now - 65 * SECOND;

        ok(s, store_begin(s->store, &s->error));
        ok(s, coverage_add(s->store, watch, &(struct stretch){ from, now, now, 0 }, deepest,
                           &s->error));
        ok(s, coverage_list(s->store, watch, begin, now, &list, &count, &s->error));
        most = count > most ? count : most;
        for (size_t i = 0; i < AGES; i++) {
            if (coverage_due(list, count, ages[i], ages[i] / 4, now, &due)) {
                due.read_at = now;
                ok(s, coverage_add(s->store, watch, &due, deepest, &s->error));
                free(list);
                ok(s, coverage_list(s->store, watch, begin, now, &list, &count, &s->error));
            }
        }
        assert_int_equal(coverage_holes(list, count, begin, now, false, &due, 1), 0);
        free(list);
        ok(s, store_commit(s->store, &s->error));
    }
    now -= 5 * SECOND;
    assert_true(most < 300);
    assert_true(most > 50); /* or the ages were not kept apart */
    ok(s, coverage_list(s->store, watch, begin, now, &list, &count, &s->error));
    /* Settled as deep as pieces of six hours and a poll allow. */
    assert_true(coverage_settled(list, count, begin, deepest) >= now - 30 * HOUR - 5 * SECOND);
    for (size_t i = 0; i < AGES; i++) {
        assert_false(coverage_due(list, count, ages[i], ages[i] / 4, now, &due));
    }
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_agrees_with_the_model),
        cmocka_unit_test_setup_teardown(store_agrees_with_the_model, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(examples, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(run_and_take_over, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(misuse, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(reading_makes_nothing, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_day_in_few_rows, scratch_setup, scratch_teardown),
    };

    return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
