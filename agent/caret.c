/* SPDX-License-Identifier: Apache-2.0 */
/* A caret under a byte. */
#include "agent/caret.h"

#include <stdio.h>

#include "agent/log.h"

void caret_show(const char *pattern, const struct pattern_error *error)
{
    log_error("the pattern is not valid: %s", error->text);
    fputs("  ", stderr);
    for (const char *p = pattern; *p; p++) {
        fputc((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e ? '?' : *p, stderr);
    }
    fprintf(stderr, "\n  %*s^\n", (int)error->offset, "");
}
