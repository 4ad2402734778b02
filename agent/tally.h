/* SPDX-License-Identifier: Apache-2.0 */
/* What a backfill found, as a table a person can act on: who came, from where, how it ended, how
 * often, and when first and last. */
#ifndef TAILGATE_AGENT_TALLY_H
#define TAILGATE_AGENT_TALLY_H

#include <stdio.h>

#include "storage/findings.h"

/* Different rows that are counted, in some 2 MiB; what comes after is counted together. */
#define TALLY_ROWS_MAX 4096
#define TALLY_SHOWN    40 /* rows that are printed, the most frequent first */

struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *tally);
void tally_add(struct tally *tally, const struct finding *finding);
/* Nothing when nothing was added.  What strangers wrote is escaped. */
void tally_print(const struct tally *tally, FILE *out);

#endif
