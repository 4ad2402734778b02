/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets in the store. */
#include "storage/bucket.h"

#include <stdio.h>

#include "storage/sql.h"

#define HOUR_MS         3600000
#define BACK_MAX_MS     10000   /* how far a clock may go back before the bucket follows it */
#define GROWTH_PER_MS   0.00001 /* a tenth of the full rate in ten seconds */
#define SHARE_MIN       0.0625
#define THROTTLE_GAP_MS 1000

/* These spare a library of mathematics. */
static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static const char what[] = "use a request budget";

/* A bucket; its rate is a share of that in the terms, which grows since it was throttled. */
struct bucket {
    double tokens;
    int64_t filled_at;
    double share;
    int64_t throttled_at;
    struct spent {
        int64_t taken, hour, in_hour, before;
    } spent;
};

static bool load(struct store *store, const char *name, const struct bucket_terms *terms,
                 int64_t now, struct bucket *bucket, struct store_error *error)
{
    static const char text[] =
        "SELECT tokens, filled_at, share, throttled_at, taken, hour, in_hour, hour_before"
        " FROM bucket WHERE name = :name";
    struct sql sql = sql_open(store, text);
    int step;

    *bucket = (struct bucket){ terms->burst, now, 1, now - THROTTLE_GAP_MS, { 0, 0, 0, 0 } };
    sql_bind_text(&sql, ":name", name);
    step = sql_step(&sql, what, error);
    if (step == 1) {
        *bucket = (struct bucket){ sqlite3_column_double(sql.stmt, 0),
                                   sql_number(&sql, 1),
                                   sqlite3_column_double(sql.stmt, 2),
                                   sql_number(&sql, 3),
                                   { sql_number(&sql, 4), sql_number(&sql, 5), sql_number(&sql, 6),
                                     sql_number(&sql, 7) } };
    }
    sql_close(&sql);
    return step >= 0;
}

static bool save(struct store *store, const char *name, const struct bucket *bucket,
                 struct store_error *error)
{
    static const char text[] =
        "INSERT OR REPLACE INTO bucket (name, tokens, filled_at, share, throttled_at, taken, hour,"
        " in_hour, hour_before)"
        " VALUES (:name, :tokens, :filled_at, :share, :throttled_at, :taken, :hour, :in_hour,"
        " :before)";
    struct sql sql = sql_open(store, text);

    sql_bind_text(&sql, ":name", name);
    sql_bind_real(&sql, ":tokens", bucket->tokens);
    sql_bind_number(&sql, ":filled_at", bucket->filled_at);
    sql_bind_real(&sql, ":share", bucket->share);
    sql_bind_number(&sql, ":throttled_at", bucket->throttled_at);
    sql_bind_number(&sql, ":taken", bucket->spent.taken);
    sql_bind_number(&sql, ":hour", bucket->spent.hour);
    sql_bind_number(&sql, ":in_hour", bucket->spent.in_hour);
    sql_bind_number(&sql, ":before", bucket->spent.before);
    return sql_run(&sql, what, error);
}

/* The share of the full rate at a time. */
static double share_at(const struct bucket *bucket, int64_t time)
{
    if (time <= bucket->throttled_at) {
        return bucket->share;
    }
    return smaller(1, bucket->share + GROWTH_PER_MS * (double)(time - bucket->throttled_at));
}

/* Lets time pass: fills the bucket up to now. */
static void fill(struct bucket *bucket, const struct bucket_terms *terms, int64_t now)
{
    if (now < bucket->throttled_at - BACK_MAX_MS) {
        bucket->throttled_at = now;
    }
    if (now < bucket->filled_at - BACK_MAX_MS) {
        bucket->filled_at = now;
    }
    if (now > bucket->filled_at) {
        double share = (share_at(bucket, bucket->filled_at) + share_at(bucket, now)) / 2;

        bucket->tokens += terms->rate * share * (double)(now - bucket->filled_at) / 1000;
        bucket->filled_at = now;
    }
    bucket->tokens = smaller(bucket->tokens, larger(terms->burst, 1));
}

/* Closes the hours that are over. */
static void pass_hours(struct spent *spent, int64_t now)
{
    int64_t hour = now - now % HOUR_MS;

    if (hour != spent->hour) {
        spent->before = hour == spent->hour + HOUR_MS ? spent->in_hour : 0;
        spent->in_hour = 0;
        spent->hour = hour;
    }
}

/* Takes a token, or says how long the lacking part of one takes to come. */
static bool take(struct bucket *bucket, const struct bucket_terms *terms, int64_t now,
                 int64_t *wait_ms)
{
    /* A reserve of all there is would never give any. */
    double needed = smaller(larger(terms->reserve, 0) + 1, larger(terms->burst, 1));
    double wait;

    fill(bucket, terms, now);
    *wait_ms = 0;
    /* Filling in many small parts rounds; a millionth of a token is no reason to wait. */
    if (bucket->tokens >= needed - 0.000001) {
        bucket->tokens -= 1;
        pass_hours(&bucket->spent, now);
        bucket->spent.taken++;
        bucket->spent.in_hour++;
        return true;
    }
    wait = (needed - bucket->tokens) / (terms->rate * share_at(bucket, now)) * 1000;
    wait += bucket->filled_at > now ? (double)(bucket->filled_at - now) : 0;
    /* Written so that a rate of 0 waits longest. */
    *wait_ms = wait < BUCKET_WAIT_MAX_MS ? (int64_t)wait + 1 : BUCKET_WAIT_MAX_MS;
    return false;
}

static bool take_stored(struct store *store, const char *name, const struct bucket_terms *terms,
                        int64_t now, bool *taken, int64_t *wait_ms, struct store_error *error)
{
    struct bucket bucket;

    if (!load(store, name, terms, now, &bucket, error)) {
        return false;
    }
    *taken = take(&bucket, terms, now, wait_ms);
    return save(store, name, &bucket, error);
}

bool bucket_take(struct store *store, const char *name, const struct bucket_terms *terms,
                 int64_t now, bool *taken, int64_t *wait_ms, struct store_error *error)
{
    struct store_error ignored;
    bool ok;

    /* A bucket that loses its last moments in a power cut does no harm; a sync for each request
     * would.  SQLite refuses to change this within a transaction, and so does store_begin. */
    *taken = false;
    ok = sql_exec(store, "PRAGMA synchronous = NORMAL", what, error) && store_begin(store, error) &&
         sql_end(store, take_stored(store, name, terms, now, taken, wait_ms, error), error);
    /* Findings are never to be committed without a sync. */
    return sql_exec(store, "PRAGMA synchronous = FULL", what, ok ? error : &ignored) && ok;
}

static bool throttle(struct store *store, const char *name, const struct bucket_terms *terms,
                     int64_t now, struct store_error *error)
{
    struct bucket bucket;

    if (!load(store, name, terms, now, &bucket, error)) {
        return false;
    }
    fill(&bucket, terms, now);
    bucket.tokens = 0;
    if (now - bucket.throttled_at >= THROTTLE_GAP_MS) {
        bucket.share = larger(SHARE_MIN, share_at(&bucket, now) / 2);
        bucket.throttled_at = now;
    }
    return save(store, name, &bucket, error);
}

bool bucket_throttled(struct store *store, const char *name, const struct bucket_terms *terms,
                      int64_t now, struct store_error *error)
{
    return store_begin(store, error) &&
           sql_end(store, throttle(store, name, terms, now, error), error);
}

bool buckets_list(struct store *store, const char *beginning, int64_t now, struct bucket_use *out,
                  size_t max, size_t *count, struct store_error *error)
{
    static const char text[] =
        "SELECT name, share, throttled_at, taken, hour, in_hour, hour_before FROM bucket"
        " WHERE substr(name, 1, length(:beginning)) = :beginning ORDER BY name";
    struct sql sql = sql_open(store, text);
    int step = 0;

    *count = 0;
    sql_bind_text(&sql, ":beginning", beginning);
    while (*count < max && (step = sql_step(&sql, what, error)) == 1) {
        struct bucket_use *use = &out[(*count)++];
        struct bucket bucket = { .share = sqlite3_column_double(sql.stmt, 1),
                                 .throttled_at = sql_number(&sql, 2),
                                 .spent = { sql_number(&sql, 3), sql_number(&sql, 4),
                                            sql_number(&sql, 5), sql_number(&sql, 6) } };
        struct store_bytes name = sql_bytes(sql.stmt, 0);

        pass_hours(&bucket.spent, now);
        (void)snprintf(use->name, sizeof use->name, "%.*s", (int)name.len, name.data);
        use->share = share_at(&bucket, now);
        use->taken = bucket.spent.taken;
        use->in_hour = bucket.spent.in_hour;
        use->hour_before = bucket.spent.before;
    }
    sql_close(&sql);
    return step >= 0;
}
