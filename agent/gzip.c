/* SPDX-License-Identifier: Apache-2.0 */
/* gzip files. */
#include "agent/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/memory.h"

#define GZIP_WINDOW (15 + 16) /* the largest, and gzip's header (zlib.h, inflateInit2) */

static const char magic[GZIP_MAGIC_SIZE] = { '\x1f', '\x8b' };

struct gzip {
    z_stream stream;
    const char *problem;
    bool between; /* a member has ended, and no other begun */
    unsigned char input[GZIP_INPUT_SIZE];
};

bool gzip_begins(const char *data, size_t len)
{
    return len >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

struct gzip *gzip_new(const char *data, size_t len)
{
    struct gzip *gzip = xcalloc(1, sizeof *gzip);

    if (inflateInit2(&gzip->stream, GZIP_WINDOW) != Z_OK) {
        gzip->problem = "gzip: out of memory";
    }
    gzip->stream.next_in = gzip->input;
    gzip->stream.avail_in = (unsigned)len;
    memcpy(gzip->input, data, gzip->stream.avail_in);
    return gzip;
}

void gzip_free(struct gzip *gzip)
{
    if (gzip) {
        inflateEnd(&gzip->stream);
        free(gzip);
    }
}

const char *gzip_problem(const struct gzip *gzip)
{
    return gzip->problem;
}

/* More input; 1, 0 at the file's end, -1. */
static int refill(struct gzip *gzip, int file)
{
    ssize_t got;

    do {
        got = read(file, gzip->input, GZIP_INPUT_SIZE);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        gzip->stream.next_in = gzip->input;
        gzip->stream.avail_in = (unsigned)got;
    }
    return got > 0 ? 1 : (int)got;
}

/* Whether another member follows the one that has ended. */
static bool begins_anew(struct gzip *gzip)
{
    if (gzip->stream.next_in[0] != (unsigned char)magic[0] || inflateReset(&gzip->stream) != Z_OK) {
        return false;
    }
    gzip->between = false;
    return true;
}

/* What was unpacked before is returned first. */
static ssize_t fail(struct gzip *gzip, const char *problem, unsigned got)
{
    gzip->problem = problem;
    return got > 0 ? (ssize_t)got : -1;
}

ssize_t gzip_read(struct gzip *gzip, int file, char *out, size_t size)
{
    z_stream *stream = &gzip->stream;
    unsigned room = size < GZIP_INPUT_SIZE ? (unsigned)size : GZIP_INPUT_SIZE;

    stream->next_out = (unsigned char *)out;
    stream->avail_out = room;
    while (stream->avail_out == room && !gzip->problem) {
        if (stream->avail_in == 0) {
            int step = refill(gzip, file);
            if (step == 0 && !gzip->between) {
                return fail(gzip, "the gzip data ends too early", 0);
            }
            if (step <= 0) {
                return step;
            }
        }
        if (gzip->between && !begins_anew(gzip)) {
            return 0;
        }
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            gzip->between = true;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return fail(gzip, "the gzip data is damaged", room - stream->avail_out);
        }
    }
    return gzip->problem ? -1 : (ssize_t)(room - stream->avail_out);
}
