/* SPDX-License-Identifier: Apache-2.0 */
/* Counting findings. */
#include "agent/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/escape.h"
#include "agent/fingerprint.h"
#include "agent/memory.h"
#include "agent/times.h"

#define SLOTS    (2 * TALLY_ROWS_MAX)
#define CELL_MAX 96 /* bytes of a text that are kept */
#define WIDE_MAX 32 /* bytes of a text that are shown */

enum column { VERDICT, CLIENT, USER, OUTCOME, COLUMNS };

static const char *const titles[COLUMNS] = { "VERDICT", "CLIENT", "USER", "OUTCOME" };

struct row {
    char cell[COLUMNS][CELL_MAX + 1];
    size_t len[COLUMNS];
    int64_t count, first, last;
};

struct tally {
    struct row *rows;
    size_t count, room;
    int64_t others;       /* findings of rows past the limit */
    uint16_t slot[SLOTS]; /* number of a row, from 1; 0: free */
};

struct tally *tally_new(void)
{
    return xcalloc(1, sizeof(struct tally));
}

void tally_free(struct tally *tally)
{
    if (tally) {
        free(tally->rows);
        free(tally);
    }
}

static void set(struct row *row, enum column column, struct store_bytes text)
{
    row->len[column] = text.len < CELL_MAX ? text.len : CELL_MAX;
    if (row->len[column] > 0) {
        memcpy(row->cell[column], text.data, row->len[column]);
    }
}

/* Over all cells, each with the NUL behind it. */
static uint64_t hash_of(const struct row *row)
{
    uint64_t hash = FINGERPRINT_NUMBER;

    for (size_t i = 0; i < COLUMNS; i++) {
        hash = fingerprint_number(hash, row->cell[i], row->len[i] + 1);
    }
    return hash;
}

static bool same(const struct row *a, const struct row *b)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (a->len[i] != b->len[i] || memcmp(a->cell[i], b->cell[i], a->len[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The row with these cells, a new one if need be; NULL: there are too many. */
static struct row *row_of(struct tally *tally, const struct row *wanted)
{
    size_t slot = hash_of(wanted) % SLOTS;

    for (; tally->slot[slot] > 0; slot = (slot + 1) % SLOTS) {
        struct row *row = &tally->rows[tally->slot[slot] - 1];
        if (same(row, wanted)) {
            return row;
        }
    }
    if (tally->count == TALLY_ROWS_MAX) {
        return NULL;
    }
    tally->rows = xgrow(tally->rows, &tally->room, tally->count + 1, sizeof *tally->rows);
    tally->rows[tally->count] = *wanted;
    tally->slot[slot] = (uint16_t)++tally->count;
    return &tally->rows[tally->count - 1];
}

void tally_add(struct tally *tally, const struct finding *finding)
{
    int64_t time = finding->time == FINDING_NONE ? finding->event_time : finding->time;
    struct row wanted = { .first = time, .last = time };

    set(&wanted, VERDICT, finding->verdict);
    set(&wanted, CLIENT, finding->address.len > 0 ? finding->address : finding->host);
    set(&wanted, USER, finding->user);
    set(&wanted, OUTCOME, finding->outcome);
    struct row *row = row_of(tally, &wanted);
    if (!row) {
        tally->others++;
        return;
    }
    row->count++;
    row->first = time < row->first ? time : row->first;
    row->last = time > row->last ? time : row->last;
}

static int by_count(const void *a, const void *b)
{
    const struct row *left = a, *right = b;

    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return left->first < right->first ? -1 : left->first > right->first;
}

/* A text as it is shown, cut to what a column may take; the caller frees it. */
static char *show(const char *text, size_t len)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);

    if (out) {
        escape_write(out, len > 0 ? text : "-", len > 0 ? len : 1);
        (void)fclose(out);
    }
    if (shown && size > WIDE_MAX) {
        shown[escape_cut(shown, size, WIDE_MAX)] = '\0';
    }
    return shown ? shown : xstrdup("");
}

static void print_rows(const struct row *rows, size_t count, FILE *out)
{
    char *shown[TALLY_SHOWN][COLUMNS], first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
    int width[COLUMNS];

    for (size_t c = 0; c < COLUMNS; c++) {
        width[c] = (int)strlen(titles[c]);
        for (size_t i = 0; i < count; i++) {
            shown[i][c] = show(rows[i].cell[c], rows[i].len[c]);
            int len = (int)strlen(shown[i][c]);
            width[c] = len > width[c] ? len : width[c];
        }
        fprintf(out, "%-*s  ", width[c], titles[c]);
    }
    fprintf(out, "%8s  %-20s  %s\n", "COUNT", "FIRST", "LAST");
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < COLUMNS; c++) {
            fprintf(out, "%-*s  ", width[c], shown[i][c]);
            free(shown[i][c]);
        }
        fprintf(out, "%8" PRId64 "  %-20s  %s\n", rows[i].count, time_format(rows[i].first, first),
                time_format(rows[i].last, last));
    }
}

void tally_print(const struct tally *tally, FILE *out)
{
    size_t count = tally->count < TALLY_SHOWN ? tally->count : TALLY_SHOWN;
    int64_t left = tally->others;

    if (tally->count == 0) {
        return;
    }
    qsort(tally->rows, tally->count, sizeof *tally->rows, by_count);
    fputc('\n', out);
    print_rows(tally->rows, count, out);
    for (size_t i = count; i < tally->count; i++) {
        left += tally->rows[i].count;
    }
    if (left > 0) {
        fprintf(out, "and %" PRId64 " more findings, of other clients, users or outcomes\n", left);
    }
}
