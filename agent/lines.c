/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out of large reads. */
#include "agent/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/gzip.h"
#include "agent/mapping.h"
#include "agent/memory.h"

/* Room for the usual read; grows to LINES_LINE_MAX for long lines. */
#define READ_SIZE   (256 * 1024)
#define WINDOW_SIZE (1024 * 1024) /* shown at once, and more for long lines */

struct lines {
    int file;
    char *buffer;
    size_t size, start, end; /* what is read and not yet handed out is [start, end) */
    size_t searched;         /* bytes after start known to hold no LF */
    uint64_t offset;         /* of start in the file */
    bool begun, finished;
    bool map, mapped;  /* wanted; the buffer is a window of the file */
    bool cut;          /* the file is shorter now than what was read of it */
    struct gzip *gzip; /* NULL: the file is none */
};

struct lines *lines_open(const char *path)
{
    int file = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0) {
        return NULL;
    }
    struct lines *lines = xcalloc(1, sizeof *lines);
    lines->file = file;
    lines->buffer = xgrow(NULL, &lines->size, READ_SIZE, 1);
    return lines;
}

void lines_map(struct lines *lines)
{
    lines->map = true;
}

void lines_close(struct lines *lines)
{
    if (lines) {
        if (lines->mapped) {
            mapping_end();
            lines->buffer = NULL;
        }
        close(lines->file);
        gzip_free(lines->gzip);
        free(lines->buffer);
        free(lines);
    }
}

/* Reads once, behind what is there, at most so many bytes; -1 at an error. */
static ssize_t read_more(struct lines *lines, size_t most)
{
    char *to = lines->buffer + lines->end;
    size_t room = lines->size - lines->end < most ? lines->size - lines->end : most;
    ssize_t got;

    if (lines->gzip) {
        return gzip_read(lines->gzip, lines->file, to, room);
    }
    do {
        got = read(lines->file, to, room);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Shows the file from the line at hand, with more behind it than was there before. */
static bool show_window(struct lines *lines, uint64_t size)
{
    size_t there = lines->end - lines->start, grain = mapping_grain();
    uint64_t at = lines->offset / grain * grain, left = size > at ? size - at : 0;
    size_t before = (size_t)(lines->offset - at), len = WINDOW_SIZE + there;

    if (left <= before + there) {
        lines->cut = left < before + there;
        lines->finished = true;
        return !lines->cut;
    }
    len = left < len ? (size_t)left : len;
    char *window = mapping_show(lines->file, at, len);
    if (window) {
        lines->buffer = window;
        lines->start = before;
        lines->end = len;
    }
    return window != NULL;
}

/* Shows what was begun to be read; a file that cannot be shown is read on. */
static void map_file(struct lines *lines)
{
    struct lines before = *lines;
    struct stat status;

    if (fstat(lines->file, &status) != 0 || !S_ISREG(status.st_mode) ||
        (uint64_t)status.st_size < lines->end || lines->end == 0 ||
        lseek(lines->file, 0, SEEK_CUR) != (off_t)lines->end) {
        return;
    }
    lines->end = 0;
    if (!show_window(lines, (uint64_t)status.st_size)) {
        lines->end = before.end;
        return;
    }
    free(before.buffer);
    lines->size = 0;
    lines->mapped = true;
}

/* The first read: a pipe may bring the two bytes that tell a gzip file one by one. */
static bool begin(struct lines *lines)
{
    ssize_t got = 1;

    lines->begun = true;
    while (lines->end < GZIP_MAGIC_SIZE && got > 0) {
        got = read_more(lines, GZIP_INPUT_SIZE - lines->end);
        lines->end += got > 0 ? (size_t)got : 0;
    }
    if (gzip_begins(lines->buffer, lines->end)) {
        lines->gzip = gzip_new(lines->buffer, lines->end);
        lines->end = 0;
    }
    lines->finished = got == 0;
    if (lines->map && !lines->gzip && got > 0) {
        map_file(lines);
    }
    return got >= 0;
}

bool lines_whole(const struct lines *lines)
{
    return !lines->mapped || !mapping_broken();
}

const char *lines_problem(const struct lines *lines)
{
    const char *problem = lines && lines->gzip ? gzip_problem(lines->gzip) : NULL;

    if (lines && (lines->cut || !lines_whole(lines))) {
        problem = "the file was cut, or became unreadable, while it was read";
    }

    return problem ? problem : strerror(errno);
}

/* Reads more behind what is there; false at an error. */
static bool fill(struct lines *lines)
{
    struct stat status;

    if (!lines->begun) {
        return begin(lines);
    }
    if (lines->mapped) {
        return fstat(lines->file, &status) == 0 && show_window(lines, (uint64_t)status.st_size);
    }
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end == lines->size) {
        lines->buffer = xgrow(lines->buffer, &lines->size, lines->size + 1, 1);
    }
    ssize_t got = read_more(lines, SIZE_MAX);
    lines->end += got > 0 ? (size_t)got : 0;
    lines->finished = got == 0;
    lines->cut = got == 0 && fstat(lines->file, &status) == 0 && S_ISREG(status.st_mode) &&
                 status.st_size < lseek(lines->file, 0, SEEK_CUR);
    return got >= 0 && !lines->cut;
}

static int hand_out(struct lines *lines, size_t len, size_t skip, bool piece, struct line *out)
{
    *out = (struct line){ lines->buffer + lines->start, len, lines->offset, piece };
    lines->start += len + skip;
    lines->offset += len + skip;
    lines->searched = 0;
    return 1;
}

size_t lines_peek(struct lines *lines, size_t want, const char **out)
{
    while (lines->end - lines->start < want && !lines->finished) {
        if (!fill(lines)) {
            return 0;
        }
    }
    *out = lines->buffer + lines->start;
    return lines->end - lines->start < want ? lines->end - lines->start : want;
}

bool lines_waiting(const struct lines *lines)
{
    return memchr(lines->buffer + lines->start, '\n', lines->end - lines->start) != NULL;
}

size_t lines_take(struct lines *lines, const char **out, uint64_t *offset)
{
    const char *begin = lines->buffer + lines->start;
    const char *last = memrchr(begin, '\n', lines->end - lines->start);
    size_t len = last ? (size_t)(last - begin) + 1 : 0;

    *out = begin;
    *offset = lines->offset;
    lines->start += len;
    lines->offset += len;
    lines->searched = 0;
    return len;
}

int lines_next(struct lines *lines, struct line *out)
{
    for (;;) {
        const char *begin = lines->buffer + lines->start;
        size_t there = lines->end - lines->start;
        const char *newline = memchr(begin + lines->searched, '\n', there - lines->searched);
        if (!lines_whole(lines)) {
            return -1;
        }
        if (newline) {
            return hand_out(lines, (size_t)(newline - begin), 1, false, out);
        }
        lines->searched = there;
        if (there >= LINES_LINE_MAX) {
            return hand_out(lines, LINES_LINE_MAX, 0, true, out);
        }
        if (lines->finished) {
            return there > 0 ? hand_out(lines, there, 0, false, out) : lines->cut ? -1 : 0;
        }
        if (!fill(lines)) {
            return there > 0 && !lines->mapped ? hand_out(lines, there, 0, false, out) : -1;
        }
    }
}
