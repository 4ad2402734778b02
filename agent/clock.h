/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock of the program.  Tests run it faster, or elsewhere in time, through the environment
 * variable TAILGATE_TEST_CLOCK=REAL_BASE,VIRTUAL_BASE,SPEED (milliseconds, milliseconds, factor):
 * the time is then VIRTUAL_BASE + (real time - REAL_BASE) * SPEED, and waits are shorter by the
 * same factor. */
#ifndef TAILGATE_AGENT_CLOCK_H
#define TAILGATE_AGENT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the environment once; false when TAILGATE_TEST_CLOCK is there but wrong. */
bool clock_setup(void);
bool clock_is_simulated(void);

/* Milliseconds since 1970 UTC, in the host's opinion. */
int64_t clock_now(void);
/* Milliseconds that only go forward: for when to do something next. */
int64_t clock_ticks(void);
/* How long to wait in real milliseconds for so many of ours. */
int clock_wait(int64_t ms);

#endif
