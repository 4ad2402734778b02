/* SPDX-License-Identifier: Apache-2.0 */
/* Proof that one pattern asks for less than another: what the service may be asked for instead. */
#ifndef TAILGATE_FILTERS_PATTERN_IMPLIES_H
#define TAILGATE_FILTERS_PATTERN_IMPLIES_H

#include <stdbool.h>

#include "filters/pattern.h"

/* True only if every text that `strong` matches is matched by `weak`, too.  False when that is not
 * so, and when it is not seen to be: terms are compared with terms, and of the other shapes only
 * patterns of the same text. */
bool pattern_implies(const struct pattern *strong, const struct pattern *weak);

#endif
