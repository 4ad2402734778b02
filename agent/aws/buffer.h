/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow up to a limit.  The first failure sticks, so that a text may be put together
 * without looking after each step. */
#ifndef TAILGATE_AGENT_AWS_BUFFER_H
#define TAILGATE_AGENT_AWS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data; /* NULL while empty, else terminated with a NUL that len does not count */
    size_t len, size, max;
    bool failed; /* memory is out or the limit was passed; what is there is not whole */
};

/* An empty buffer of at most max bytes; to be given to buffer_free. */
void buffer_init(struct buffer *buffer, size_t max);

/* Wipes and frees the content.  Growing leaves no copies behind either: what is put together here
 * may hold keys. */
void buffer_free(struct buffer *buffer);

void buffer_add(struct buffer *buffer, const void *bytes, size_t len);
void buffer_add_text(struct buffer *buffer, const char *text);

/* Percent-encodes all but the unreserved characters of RFC 3986 and those in `kept`. */
void buffer_add_encoded(struct buffer *buffer, const void *bytes, size_t len, const char *kept);

/* Adds a whole file; false with errno when it cannot be read, EFBIG when it is over the limit. */
bool buffer_add_file(struct buffer *buffer, const char *path);

/* Forgets what follows the first len bytes. */
void buffer_cut(struct buffer *buffer, size_t len);

/* The content, for the caller to free; NULL when the buffer failed or memory is out.  The buffer is
 * empty afterwards. */
char *buffer_take(struct buffer *buffer);

#endif
