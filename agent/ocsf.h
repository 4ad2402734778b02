/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as OCSF (Open Cybersecurity Schema Framework 1.3): class 2004, Detection Finding, with
 * the connection as evidence. */
#ifndef TAILGATE_AGENT_OCSF_H
#define TAILGATE_AGENT_OCSF_H

#include <stdbool.h>
#include <stdio.h>

#include "storage/alerts.h"

/* Writes one JSON document.  A digest is an update of the kind's first finding, with the newest of
 * its findings as evidence. */
bool ocsf_write(FILE *out, struct store *store, const struct alert *alert,
                const struct finding *finding, struct store_error *error);

#endif
