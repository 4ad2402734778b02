/* SPDX-License-Identifier: Apache-2.0 */
/* One event of a log, as far as reading it goes. */
#ifndef TAILGATE_FILTERS_EVENT_H
#define TAILGATE_FILTERS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "filters/slice.h"

#define EVENT_TIME_NONE INT64_MIN

struct event {
    uint64_t stream; /* a number for the log stream; lines of different streams are no neighbours */
    uint64_t key;    /* the same when the same event is read again, else different */
    struct slice message;
    bool is_line; /* known to hold no LF */
    bool again;   /* it was there when its time was read before: it is counted already */
    bool apart;   /* lines that stand before it may have been left out (service_filter.h) */
    int64_t time, ingested; /* as CloudWatch says, milliseconds since 1970, or EVENT_TIME_NONE */
};

#endif
