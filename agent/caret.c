/* SPDX-License-Identifier: Apache-2.0 */
/* A caret under a byte. */
#include "agent/caret.h"

#include <stdio.h>

/* What is not printable ASCII as '?', so that columns count bytes; backslashes as they are, to be
 * copied. */
static void put(const char *text)
{
    for (const char *p = text; *p; p++) {
        fputc((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e ? '?' : *p, stderr);
    }
}

void caret_show(const char *pattern, const struct pattern_error *error)
{
    fputs("tailgate: the pattern is not valid: ", stderr);
    put(error->text);
    fputs("\n  ", stderr);
    put(pattern);
    fprintf(stderr, "\n  %*s^\n", (int)error->offset, "");
}
