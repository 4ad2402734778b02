/* SPDX-License-Identifier: Apache-2.0 */
/* A run of bytes that somebody else owns: log text is never copied to be read. */
#ifndef TAILGATE_FILTERS_SLICE_H
#define TAILGATE_FILTERS_SLICE_H

#include <stddef.h>

struct slice {
    const char *data; /* not terminated; may hold any byte, NUL included */
    size_t len;
};

#endif
