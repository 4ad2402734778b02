/* SPDX-License-Identifier: Apache-2.0 */
/* Telling of log groups that cannot be read. */
#include "agent/unread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/memory.h"
#include "agent/notice.h"
#include "agent/times.h"

/* What began a little later than what is told now is told with it: log groups that share a cause
 * are polled one after the other.  And what can be read again waits so long for the others. */
#define TOGETHER_MS (5 * INT64_C(60000))
#define LISTED      10 /* log groups that one notice names */
#define FACT_MAX    32 /* of its name and of its value */

static void fact_name(int64_t source, char out[static FACT_MAX])
{
    snprintf(out, FACT_MAX, "unread %" PRId64, source);
}

/* The fact is "SINCE TOLD", or empty. */
static bool keep(struct unread *unread, struct store *store, struct store_error *error)
{
    char name[FACT_MAX], value[FACT_MAX] = "";

    fact_name(unread->origin->source, name);
    if (unread->kept) {
        snprintf(value, sizeof value, "%" PRId64 " %d", unread->since, unread->told);
    }
    return store_fact_set(store, name, value, error);
}

static bool look_up(struct store *store, int64_t source, int64_t *since, bool *told,
                    struct store_error *error)
{
    char name[FACT_MAX], value[FACT_MAX];
    char *end;

    fact_name(source, name);
    if (!store_fact_get(store, name, value, sizeof value, error)) {
        return false;
    }
    *since = strtoll(value, &end, 10);
    *told = strcmp(end, " 1") == 0;
    return true;
}

bool unread_begin(struct unread *unread, struct store *store, const struct origin *origin,
                  struct store_error *error)
{
    *unread = (struct unread){ .origin = origin };
    if (!look_up(store, origin->source, &unread->since, &unread->told, error)) {
        return false;
    }
    unread->kept = unread->since != 0;
    return true;
}

void unread_end(struct unread *unread)
{
    free(unread->why);
    unread->why = NULL;
}

bool unread_since(struct store *store, int64_t source, int64_t *since, struct store_error *error)
{
    bool told;

    return look_up(store, source, since, &told, error);
}

bool unread_forget(struct store *store, int64_t source, struct store_error *error)
{
    char name[FACT_MAX];

    fact_name(source, name);
    return store_fact_set(store, name, "", error);
}

bool unread_failed(struct unread *unread, struct store *store, const struct aws_error *why,
                   int64_t now, struct store_error *error)
{
    /* A beginning that lies ahead was noted by a clock that has gone back since. */
    bool first = unread->since == 0 || unread->since > now;

    free(unread->why);
    unread->why = xstrdup(why->text);
    unread->over_at = 0;
    if (first) {
        unread->since = now;
    }
    if (aws_problem_passes(why->problem) || (unread->kept && !first)) {
        return true;
    }
    unread->kept = true;
    return keep(unread, store, error);
}

bool unread_was_read(struct unread *unread, struct store *store, struct store_error *error)
{
    if (unread->since == 0 || unread->over_at != 0) {
        return true;
    }
    if (unread->told) {
        unread->over_at = clock_ticks();
        return true;
    }
    bool kept = unread->kept;
    unread->since = 0;
    unread->kept = false;
    return !kept || keep(unread, store, error);
}

static int by_since(const void *left, const void *right)
{
    const struct unread *a = *(const struct unread *const *)left;
    const struct unread *b = *(const struct unread *const *)right;

    return (a->since > b->since) - (a->since < b->since);
}

/* Names the log groups of a notice that tells several. */
static void list_groups(FILE *out, const struct unread *const *group, size_t count)
{
    for (size_t i = 0; i < count && i < LISTED; i++) {
        const struct origin *origin = group[i]->origin;
        char since[TIME_TEXT_MAX];
        fprintf(out, "%s %s in %s, since %s", i == 0 ? " They are:" : ";", origin->log_group,
                origin->region, time_format(group[i]->since, since));
    }
    if (count > LISTED) {
        fprintf(out, "; and %zu more, which `tailgate status` lists", count - LISTED);
    }
    fputc('.', out);
}

static void write_trouble(FILE *out, const struct unread *const *group, size_t count, int64_t now)
{
    const struct unread *first = group[0];
    char since[TIME_TEXT_MAX], length[DURATION_TEXT_MAX];

    (void)time_format(first->since, since);
    (void)duration_format(now - first->since, length);
    if (count == 1) {
        fprintf(out, "%s in %s could not be read since %s (%s). What failed last: %s.",
                first->origin->log_group, first->origin->region, since, length, first->why);
    } else {
        fprintf(out,
                "%zu log groups could not be read, the longest since %s (%s). What failed last for "
                "that one: %s.",
                count, since, length, first->why);
        list_groups(out, group, count);
    }
    fputs(" It is tried on, and once it works what was logged meanwhile is read, as far back as "
          "the service keeps it.",
          out);
}

static void write_end(FILE *out, const struct unread *const *group, size_t count, int64_t now)
{
    const struct unread *first = group[0];
    char since[TIME_TEXT_MAX], length[DURATION_TEXT_MAX];

    if (count == 1) {
        fprintf(out, "%s in %s can be read again, after it could not since %s (%s).",
                first->origin->log_group, first->origin->region, time_format(first->since, since),
                duration_format(now - first->since, length));
    } else {
        fprintf(out,
                "%zu log groups can be read again, after they could not, the longest since %s.",
                count, time_format(first->since, since));
        list_groups(out, group, count);
    }
    fputs(" What was logged meanwhile is read now, the newest first; `tailgate status` shows what "
          "is still missing.",
          out);
}

static const struct {
    enum notice_kind kind;
    enum severity severity;
    void (*write)(FILE *out, const struct unread *const *group, size_t count, int64_t now);
} kinds[] = {
    [false] = { NOTICE_UNREADABLE, SEVERITY_HIGH, write_trouble },
    [true] = { NOTICE_READABLE, SEVERITY_LOW, write_end },
};

/* One notice about some log groups, and what is remembered of each. */
static bool tell(struct store *store, struct unread **group, size_t count, bool over, int64_t now,
                 struct store_error *error)
{
    const struct unread *const *told = (const struct unread *const *)group;
    char *text = NULL;
    size_t len = 0;
    bool known, ok;

    FILE *out = open_memstream(&text, &len);
    if (!out) {
        error->status = STORE_FAILED;
        snprintf(error->text, sizeof error->text, "no memory for a notice");
        return false;
    }
    kinds[over].write(out, told, count, now);
    (void)fclose(out);
    struct notice notice = { .kind = kinds[over].kind,
                             .severity = kinds[over].severity,
                             .origin = count == 1 ? group[0]->origin : NULL,
                             .time = over ? now : group[0]->since,
                             .text = text };
    ok = store_begin(store, error);
    if (ok) {
        ok = notice_add(store, &notice, &known, error);
        for (size_t i = 0; ok && i < count; i++) {
            struct unread after = *group[i];
            after.told = after.kept = !over;
            ok = keep(&after, store, error);
        }
        ok = ok && store_commit(store, error);
        store_rollback(store);
    }
    for (size_t i = 0; ok && i < count; i++) {
        group[i]->told = group[i]->kept = !over;
        group[i]->since = over ? 0 : group[i]->since;
        group[i]->over_at = 0;
    }
    free(text);
    return ok;
}

/* Tells of a group: a few one by one, or all in one notice. */
static bool tell_group(struct store *store, struct unread **group, size_t count, bool over,
                       int64_t now, struct store_error *error)
{
    size_t each = count > UNREAD_FEW ? count : 1;

    qsort(group, count, sizeof(struct unread *), by_since);
    for (size_t i = 0; i < count; i += each) {
        if (!tell(store, &group[i], each, over, now, error)) {
            return false;
        }
    }
    return true;
}

/* Collects what has lasted, if anything has for long enough, or, with `over`, what has come back
 * and waits no longer for others. */
static size_t collect(struct unread *const *list, size_t count, bool over, int64_t now,
                      struct unread **group)
{
    int64_t longest = 0, limit = over ? TOGETHER_MS : UNREAD_TOLD_AFTER;
    size_t found = 0;
    bool others = false; /* that are told and may come back, too */

    for (size_t i = 0; i < count; i++) {
        struct unread *unread = list[i];
        /* What failed before a restart may work now: an attempt of this process comes first. */
        if (unread->since == 0 || unread->told != over || (!over && !unread->why)) {
            continue;
        }
        if (over && unread->over_at == 0) {
            others = true;
            continue;
        }
        int64_t lasts = over ? clock_ticks() - unread->over_at : now - unread->since;
        longest = lasts > longest ? lasts : longest;
        if (over || lasts >= UNREAD_TOLD_AFTER - TOGETHER_MS) {
            group[found++] = unread;
        }
    }
    return longest >= limit || (over && !others) ? found : 0;
}

bool unread_tell(struct unread *const *list, size_t count, struct store *store, int64_t now,
                 struct store_error *error)
{
    struct unread **group = xcalloc(count + 1, sizeof(struct unread *));
    bool ok = true;

    for (int over = 0; over <= 1; over++) {
        size_t found = collect(list, count, over, now, group);
        ok = tell_group(store, group, found, over, now, error) && ok;
    }
    free(group);
    return ok;
}
