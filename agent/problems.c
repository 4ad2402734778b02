/* SPDX-License-Identifier: Apache-2.0 */
/* Collected mistakes, and the guess at what was meant. */
#include "agent/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/memory.h"

#define PROBLEMS_MAX     100 /* a file of rubbish need not be told line by line */
#define NEAREST_NAME_MAX 64

struct problem {
    struct place place;
    char *text;
};

void problems_add(struct problems *problems, struct place place, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    if (problems->count == PROBLEMS_MAX) {
        return;
    }
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = xstrdup("(out of memory)");
    }
    va_end(arguments);
    problems->items =
        xgrow(problems->items, &problems->capacity, problems->count + 1, sizeof *problems->items);
    problems->items[problems->count++] = (struct problem){ place, text };
}

void problems_log(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->place.line) {
            log_error("%s:%zu:%zu: %s", problem->place.origin, problem->place.line,
                      problem->place.column, problem->text);
        } else {
            log_error("%s: %s", problem->place.origin, problem->text);
        }
    }
    if (problems->count == PROBLEMS_MAX) {
        log_error("more than %d mistakes: the rest is not shown", PROBLEMS_MAX);
    }
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].text);
    }
    free(problems->items);
    *problems = (struct problems){ 0 };
}

/* Levenshtein's distance, in one row. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_NAME_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > NEAREST_NAME_MAX || b_len > NEAREST_NAME_MAX) {
        return NEAREST_NAME_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = best < row[j] + 1 ? best : row[j] + 1;
            best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *problems_nearest(const char *text,
                             const char *(*name_at)(const void *list, size_t index),
                             const void *list, size_t count)
{
    const char *nearest = NULL;
    size_t least = 1 + strlen(text) / 3; /* more than a third wrong is another word */

    for (size_t i = 0; i < count; i++) {
        const char *name = name_at(list, i);
        size_t far = name ? distance(text, name) : NEAREST_NAME_MAX;
        if (far <= least) {
            least = far;
            nearest = name;
            if (least == 0) {
                break;
            }
            least--;
        }
    }
    return nearest;
}
