/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes found in a configuration: all of them are collected, each with its place, and told
 * together. */
#ifndef TAILGATE_AGENT_PROBLEMS_H
#define TAILGATE_AGENT_PROBLEMS_H

#include <stddef.h>

/* Where something was said: a place in a file, or (line 0) the name of an option or environment
 * variable. */
struct place {
    const char *origin;  /* borrowed; lives as long as the program */
    size_t line, column; /* from 1 */
};

struct problems {
    struct problem *items;
    size_t count, capacity;
};

void problems_add(struct problems *problems, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Logs each as an error, in the order found. */
void problems_log(const struct problems *problems);
void problems_free(struct problems *problems);

/* Of `count` names the one most like `text`, or NULL when none is close; `name_at` gives the names.
 */
const char *problems_nearest(const char *text,
                             const char *(*name_at)(const void *list, size_t index),
                             const void *list, size_t count);

#endif
