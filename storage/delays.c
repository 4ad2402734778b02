/* SPDX-License-Identifier: Apache-2.0 */
/* Delays of late events. */
#include "storage/delays.h"

#include "storage/sql.h"

/* The longest delay of a class that has one. */
static int64_t class_end(int64_t n)
{
    return DELAY_LEAST_MS << n;
}

void delays_count(struct delays *delays, int64_t delay)
{
    int64_t n = 0;

    while (n < DELAY_CLASSES - 1 && delay > class_end(n)) {
        n++;
    }
    delays->count[n]++;
    if (delay > delays->longest) {
        delays->longest = delay;
    }
}

static const char what[] = "note how late events came";

static bool fade(struct store *store, int64_t source, struct store_error *error)
{
    static const char text[] =
        "UPDATE delay SET count = count / 2 WHERE source = :source AND :most <"
        " (SELECT SUM(count) FROM delay WHERE source = :source)";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":source", source);
    sql_bind_number(&sql, ":most", DELAYS_KEPT_MAX);
    return sql_run(&sql, what, error);
}

bool delays_add(struct store *store, int64_t source, const struct delays *delays,
                struct store_error *error)
{
    static const char text[] =
        "INSERT INTO delay (source, class, count, longest)"
        " VALUES (:source, :class, :count, :longest)"
        " ON CONFLICT (source, class) DO UPDATE SET count = count + excluded.count,"
        " longest = MAX(longest, excluded.longest)";

    if (!sql_inside(store, what, error)) {
        return false;
    }
    for (int64_t n = 0; n < DELAY_CLASSES; n++) {
        if (delays->count[n] > 0) {
            struct sql sql = sql_open(store, text);

            sql_bind_number(&sql, ":source", source);
            sql_bind_number(&sql, ":class", n);
            sql_bind_number(&sql, ":count", delays->count[n]);
            sql_bind_number(&sql, ":longest", delays->longest);
            if (!sql_run(&sql, what, error)) {
                return false;
            }
        }
    }
    return fade(store, source, error);
}

bool delays_get(struct store *store, int64_t source, struct delays *out, struct store_error *error)
{
    static const char text[] = "SELECT class, count, longest FROM delay WHERE source = :source";
    struct sql sql = sql_open(store, text);
    int step;

    *out = (struct delays){ .longest = 0 };
    sql_bind_number(&sql, ":source", source);
    while ((step = sql_step(&sql, "see how late events came", error)) == 1) {
        int64_t n = sql_number(&sql, 0), longest = sql_number(&sql, 2);

        if (n >= 0 && n < DELAY_CLASSES) {
            out->count[n] = sql_number(&sql, 1);
        }
        out->longest = longest > out->longest ? longest : out->longest;
    }
    sql_close(&sql);
    return step == 0;
}

int64_t delays_total(const struct delays *delays)
{
    int64_t total = 0;

    for (int64_t n = 0; n < DELAY_CLASSES; n++) {
        total += delays->count[n];
    }
    return total;
}

int64_t delays_quantile(const struct delays *delays, double share)
{
    int64_t total = delays_total(delays), seen = 0, n = 0;

    if (total == 0) {
        return 0;
    }
    while (n < DELAY_CLASSES - 1 && (double)(seen += delays->count[n]) < share * (double)total) {
        n++;
    }
    /* The last class has no end of its own. */
    return n < DELAY_CLASSES - 1 && class_end(n) < delays->longest ? class_end(n) : delays->longest;
}
