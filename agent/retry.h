/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait after a call to AWS failed. */
#ifndef TAILGATE_AGENT_RETRY_H
#define TAILGATE_AGENT_RETRY_H

#include <stdint.h>

#include "agent/aws/error.h"

/* Milliseconds, by chance between 0 and min(cap, base << attempt); not less than `refused` when
 * only a person can help. */
int64_t retry_delay(enum aws_problem problem, int64_t attempt, int64_t base, int64_t cap,
                    int64_t refused);

#endif
