/* SPDX-License-Identifier: Apache-2.0 */
/* Showing where a pattern is no pattern. */
#ifndef TAILGATE_AGENT_CARET_H
#define TAILGATE_AGENT_CARET_H

#include "filters/pattern.h"

/* Logs the reason, and below it on standard error the pattern with a caret under the byte at fault.
 * Control characters would move it, so they are shown as '?'. */
void caret_show(const char *pattern, const struct pattern_error *error);

#endif
