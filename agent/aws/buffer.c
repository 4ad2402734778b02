/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow up to a limit. */
#include "agent/aws/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SIZE 1024

void buffer_init(struct buffer *buffer, size_t max)
{
    *buffer = (struct buffer){ .max = max };
}

void buffer_free(struct buffer *buffer)
{
    if (buffer->data) {
        OPENSSL_cleanse(buffer->data, buffer->size);
    }
    free(buffer->data);
    buffer_init(buffer, buffer->max);
}

/* Makes room for len more bytes and a NUL. */
static bool grow(struct buffer *buffer, size_t len)
{
    size_t size = buffer->size ? buffer->size : FIRST_SIZE;

    if (buffer->failed || len > buffer->max - buffer->len) {
        return false;
    }
    if (buffer->data && buffer->len + len < buffer->size) {
        return true;
    }
    while (size <= buffer->len + len) {
        size *= 2;
    }
    char *data = malloc(size);
    if (!data) {
        return false;
    }
    if (buffer->data) {
        memcpy(data, buffer->data, buffer->len);
        OPENSSL_cleanse(buffer->data, buffer->size);
        free(buffer->data);
    }
    buffer->data = data;
    buffer->size = size;
    return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
    if (!grow(buffer, len)) {
        buffer->failed = true;
        return;
    }
    if (len > 0) {
        memcpy(buffer->data + buffer->len, bytes, len);
    }
    buffer->len += len;
    buffer->data[buffer->len] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

static bool unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void buffer_add_encoded(struct buffer *buffer, const void *bytes, size_t len, const char *kept)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *in = bytes;

    for (size_t i = 0; i < len; i++) {
        if (unreserved(in[i]) || (in[i] != '\0' && strchr(kept, in[i]))) {
            buffer_add(buffer, &in[i], 1);
        } else {
            char out[3] = { '%', digits[in[i] >> 4], digits[in[i] & 15] };
            buffer_add(buffer, out, sizeof out);
        }
    }
}

bool buffer_add_file(struct buffer *buffer, const char *path)
{
    char chunk[4096];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    int problem = 0;

    if (descriptor < 0) {
        return false;
    }
    for (;;) {
        ssize_t got = read(descriptor, chunk, sizeof chunk);
        if (got > 0) {
            buffer_add(buffer, chunk, (size_t)got);
        }
        if (got == 0 || (got < 0 && errno != EINTR) || buffer->failed) {
            problem = got < 0 ? errno : buffer->failed ? EFBIG : 0;
            break;
        }
    }
    OPENSSL_cleanse(chunk, sizeof chunk);
    (void)close(descriptor);
    errno = problem;
    return problem == 0;
}

void buffer_cut(struct buffer *buffer, size_t len)
{
    if (buffer->data && len < buffer->len) {
        buffer->len = len;
        buffer->data[len] = '\0';
    }
}

char *buffer_take(struct buffer *buffer)
{
    char *data;

    buffer_add(buffer, "", 0); /* so that an empty one is a text too */
    if (buffer->failed) {
        buffer_free(buffer);
        return NULL;
    }
    data = buffer->data;
    buffer_init(buffer, buffer->max);
    return data;
}
