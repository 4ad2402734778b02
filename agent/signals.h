/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are not handled but read, so that nothing runs at an odd moment. */
#ifndef TAILGATE_AGENT_SIGNALS_H
#define TAILGATE_AGENT_SIGNALS_H

#include <stdbool.h>

/* What was asked for since signals_read was last called. */
struct signals {
    unsigned stops; /* SIGTERM and SIGINT */
    bool reload;    /* SIGHUP */
};

/* Blocks the signals and returns a descriptor that is readable when one has come; for the caller to
 * close.  With `reload` false SIGHUP keeps its usual effect. */
int signals_open(bool reload);

/* Adds what has come to *signals. */
void signals_read(int descriptor, struct signals *signals);

#endif
