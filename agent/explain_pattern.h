/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate explain PATTERN`: what a filter pattern means, and what it hides. */
#ifndef TAILGATE_AGENT_EXPLAIN_PATTERN_H
#define TAILGATE_AGENT_EXPLAIN_PATTERN_H

/* Prints it; returns an exit status: EXIT_YES, or EXIT_USAGE for a pattern that is none. */
int explain_pattern(const char *text);

#endif
