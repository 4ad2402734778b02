/* SPDX-License-Identifier: Apache-2.0 */
/* Forms, as the Query protocol of AWS wants them. */
#include "agent/aws/form.h"

#include <string.h>

void form_add_bytes(struct buffer *form, const char *name, const void *value, size_t len)
{
    buffer_add_text(form, form->len > 0 ? "&" : "");
    buffer_add_encoded(form, name, strlen(name), "");
    buffer_add_text(form, "=");
    buffer_add_encoded(form, value, len, "");
}

void form_add(struct buffer *form, const char *name, const char *value)
{
    form_add_bytes(form, name, value, strlen(value));
}
