/* SPDX-License-Identifier: Apache-2.0 */
/* What `match` reads: lines of a file or of the gzip members in it, and events as JSON.  The first
 * byte says how the rest becomes a file.  What was packed must come out again, and json-c must find
 * the same message in an event. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

#include "agent/events.h"
#include "agent/lines.h"

#define GZIP_WINDOW (15 + 16)
#define MEMBERS_MAX 4
#define PATH_SIZE   64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file = -1;
static char path[PATH_SIZE];

static void put(const void *data, size_t len)
{
    if (write(file, data, len) != (ssize_t)len) {
        abort();
    }
}

static void begin_file(void)
{
    if (file < 0) {
        file = memfd_create("events", 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0) {
        abort();
    }
}

static void put_member(const uint8_t *data, size_t len)
{
    z_stream stream = { 0 };
    unsigned char room[4096];

    if (deflateInit2(&stream, 1, Z_DEFLATED, GZIP_WINDOW, 1, Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    stream.next_in = data;
    stream.avail_in = (unsigned)len;
    int result;
    do {
        stream.next_out = room;
        stream.avail_out = sizeof room;
        result = deflate(&stream, Z_FINISH);
        put(room, sizeof room - stream.avail_out);
    } while (result == Z_OK || result == Z_BUF_ERROR);
    (void)deflateEnd(&stream);
}

/* Every line must be what the file is made of, one behind the other. */
static void read_lines(const uint8_t *data, size_t size, bool known)
{
    struct lines *lines = lines_open(path);
    struct line line;
    size_t at = 0;
    int step;

    while ((step = lines_next(lines, &line)) == 1) {
        if (known && (line.offset != at || line.len > size - at ||
                      memcmp(line.data, data + at, line.len) != 0)) {
            abort();
        }
        at += line.len;
        if (known && !line.piece && at < size && data[at++] != '\n') {
            abort();
        }
    }
    if (known && (step != 0 || at != size)) {
        abort();
    }
    lines_close(lines);
}

static bool same_text(struct json_object *event, const char *name, struct slice text)
{
    struct json_object *value;

    if (!json_object_object_get_ex(event, name, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return text.len == 0;
    }
    return (size_t)json_object_get_string_len(value) == text.len &&
           (text.len == 0 || memcmp(json_object_get_string(value), text.data, text.len) == 0);
}

static bool same_time(struct json_object *event, int64_t time)
{
    struct json_object *value;

    return time == EVENT_TIME_NONE || (json_object_object_get_ex(event, "timestamp", &value) &&
                                       json_object_get_int64(value) == time);
}

static bool take(void *data, uint64_t place, const struct events_event *found)
{
    struct slice text = found->text;
    struct json_tokener *tokener = json_tokener_new_ex(EVENTS_DEPTH_MAX + 2);
    struct json_object *event = json_tokener_parse_ex(tokener, text.data, (int)text.len), *value;

    (void)data;
    if (place == 0 || memchr(text.data, '\n', text.len) ||
        !json_object_object_get_ex(event, "message", &value) ||
        !same_text(event, "message", found->message) || !same_text(event, "eventId", found->id) ||
        !same_text(event, "logStreamName", found->stream) || !same_time(event, found->timestamp)) {
        (void)fprintf(stderr, "%.*s\n", (int)text.len, text.data);
        abort();
    }
    json_object_put(event);
    json_tokener_free(tokener);
    return true;
}

static void take_bad(void *data, uint64_t place, const char *why)
{
    (void)data;
    if (place == 0 || !why) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct events_taker taker = { .event = take, .bad = take_bad };

    if (size == 0) {
        return 0;
    }
    size_t members = data[0] % (MEMBERS_MAX + 1);
    bool known = members > 0;
    data++;
    size--;
    begin_file();
    if (!known) {
        put(data, size);
        known = size < 2 || data[0] != 0x1f || data[1] != 0x8b;
    }
    for (size_t i = 0; i < members; i++) {
        size_t begin = size * i / members, end = size * (i + 1) / members;
        put_member(data + begin, end - begin);
    }
    read_lines(data, size, known);

    struct lines *lines = lines_open(path);
    (void)events_read(lines, &taker);
    lines_close(lines);
    return 0;
}
