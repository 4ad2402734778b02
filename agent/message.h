/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an alert: a subject and a body for people, or OCSF JSON for programs. */
#ifndef TAILGATE_AGENT_MESSAGE_H
#define TAILGATE_AGENT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config.h"
#include "agent/fingerprint.h"
#include "storage/alerts.h"

#define MESSAGE_SUBJECT_MAX 100 /* printable ASCII, as SNS takes it */
/* SNS takes 262,144 bytes with the attributes; what is form-encoded and read on a phone should be
 * far less. */
#define MESSAGE_BODY_MAX   (240 * 1024)
#define MESSAGE_LISTED_MAX 50 /* findings a digest lists */

struct message {
    char subject[MESSAGE_SUBJECT_MAX + 1];
    char *body; /* owned; UTF-8 */
    size_t body_len;
    /* Values of attributes. */
    char severity[16], verdict[16], fingerprint[FINGERPRINT_TEXT_MAX];
    char rule[128], source[640];
};

/* Makes the text of an alert from its findings in the store. */
bool message_make(struct store *store, const struct alert *alert, enum alert_format format,
                  struct message *out, struct store_error *error);
void message_free(struct message *message);

#endif
