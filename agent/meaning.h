/* SPDX-License-Identifier: Apache-2.0 */
/* What marks and verdicts mean, in sentences for people. */
#ifndef TAILGATE_AGENT_MEANING_H
#define TAILGATE_AGENT_MEANING_H

#include "filters/rule.h"

/* By the index of mark_name; "" past the last. */
const char *meaning_of_mark(unsigned index);
const char *meaning_of_verdict(enum verdict verdict);

#endif
