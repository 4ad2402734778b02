/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that ends the program when there is no memory left. */
#include "agent/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_OF_MEMORY 2

static void *must(void *memory)
{
    if (!memory) {
        fputs("tailgate: out of memory\n", stderr);
        exit(OUT_OF_MEMORY); /* not 1, which is an answer: nothing matched, or a probe's no */
    }
    return memory;
}

void *xcalloc(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *xgrow(void *items, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) {
        return items;
    }
    size_t wanted = *capacity ? *capacity : 8;
    while (wanted < need) {
        wanted *= 2;
    }
    if (wanted > SIZE_MAX / size) {
        return must(NULL);
    }
    items = must(realloc(items, wanted * size));
    *capacity = wanted;
    return items;
}

char *xstrdup(const char *text)
{
    return must(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
    return must(strndup(text, len));
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    return len < 0 ? must(NULL) : text;
}
