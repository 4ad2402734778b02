/* SPDX-License-Identifier: Apache-2.0 */
/* What rules are made of, for rule.c and judge.c only. */
#ifndef TAILGATE_FILTERS_RULE_INTERNAL_H
#define TAILGATE_FILTERS_RULE_INTERNAL_H

#include "filters/pattern.h"
#include "filters/rule.h"

struct rule {
    char name[RULE_NAME_MAX + 1];
    struct pattern *pattern; /* NULL: none */
    uint64_t outside;        /* one bit per network, by its index; 0: a text rule */
    enum severity severity;
};

struct rules {
    const struct networks *networks;
    size_t count;
    size_t room;
    struct rule *items;
    struct pattern_scratch *scratch; /* for their patterns; NULL while none has one */
};

#endif
