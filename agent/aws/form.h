/* SPDX-License-Identifier: Apache-2.0 */
/* Forms, as the Query protocol of AWS wants them: application/x-www-form-urlencoded. */
#ifndef TAILGATE_AGENT_AWS_FORM_H
#define TAILGATE_AGENT_AWS_FORM_H

#include <stddef.h>

#include "agent/aws/buffer.h"

/* Adds a field to the form in a buffer; all but unreserved characters are encoded, the blank as
 * %20. */
void form_add(struct buffer *form, const char *name, const char *value);
void form_add_bytes(struct buffer *form, const char *name, const void *value, size_t len);

#endif
