/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of listening for servers that fall silent. */
#include "tests/unit/test_filters_data.h"

#include "agent/finding_output.h"
#include "agent/notice.h"
#include "agent/silence.h"
#include "agent/times.h"
#include "storage/coverage.h"

#define MINUTE INT64_C(60000)
#define BEGIN  INT64_C(1000000000000)

static struct store_error error;
static unsigned failures; /* all of them are shown */

/* A source that is listened to. */
struct scene {
    struct store *store;
    struct origin origin;
    struct silence silence;
    int64_t now;
    int64_t told; /* notices so far */
    FILE *out;    /* what they say */
    const struct data *data;
};

static void scene_begin(struct scene *scene)
{
    static char identity[] = "arn:group", account[] = "123456789012", region[] = "eu-west-1";
    static char group[] = "/aws/rds/g/audit";

    *scene = (struct scene){ .now = BEGIN,
                             .origin = { .identity = identity,
                                         .account = account,
                                         .region = region,
                                         .log_group = group },
                             .silence = { .unbroken = BEGIN, .late = MINUTE } };
    scene->store = store_open(NULL, STORE_TEMPORARY, &error);
    assert_non_null(scene->store);
    assert_true(coverage_source(scene->store, identity, &scene->origin.source, &error));
}

static void scene_end(struct scene *scene)
{
    silence_drop(&scene->silence);
    store_close(scene->store);
}

static void page_begin(struct scene *scene, bool newest)
{
    scene->silence.newest = newest;
    assert_true(store_begin(scene->store, &error));
    assert_true(silence_begin(&scene->silence, scene->store, &scene->origin, &error));
}

static void page_end(struct scene *scene, bool read)
{
    assert_true(silence_end(&scene->silence, scene->store, &scene->origin,
                            read ? scene->now : SILENCE_NOT_READ, &error));
    assert_true(store_commit(scene->store, &error));
}

static void hear(struct scene *scene, const char *stream, const char *server, int64_t time)
{
    struct silence_row row = { .stream = stream,
                               .stream_len = strlen(stream),
                               .server = { server, strlen(server) },
                               .time = time,
                               .ingested = scene->now,
                               .read_at = scene->now };

    silence_hear(&scene->silence, &row);
}

/* Rows of servers, as a step names them. */
static void hear_all(struct scene *scene, const char *who, int64_t time)
{
    char copy[512], *save = NULL;

    (void)snprintf(copy, sizeof copy, "%s", who);
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        char *at = strchr(name, '@');

        if (at) {
            *at = '\0';
        }
        if (strcmp(name, "-") != 0) {
            hear(scene, at ? at + 1 : "orders", name, time);
        }
    }
}

/* Writes what has been told since. */
static void note_told(struct scene *scene)
{
    char text[DURATION_TEXT_MAX];
    struct finding finding;
    int64_t count;

    assert_true(findings_count(scene->store, &count, &error));
    while (scene->told < count) {
        assert_true(findings_get(scene->store, ++scene->told, &finding, &error));
        (void)fprintf(scene->out, "%s%.*s %.*s %.*s %s", scene->told > 1 ? "; " : "",
                      (int)finding.kind.len, finding.kind.data, (int)finding.severity.len,
                      finding.severity.data, (int)finding.server.len, finding.server.data,
                      duration_format(scene->now - BEGIN, text));
    }
}

static void read_once(struct scene *scene, bool newest, const char *who, int64_t time)
{
    page_begin(scene, newest);
    hear_all(scene, who, time);
    page_end(scene, newest);
    note_told(scene);
}

static int64_t length_of(const struct scene *scene, const char *text)
{
    int64_t length;

    if (!duration_parse(text, &length)) {
        fail_msg("%s:%u: %s is no length of time", scene->data->path, scene->data->line, text);
    }
    return length;
}

static void pass(struct scene *scene, const char *who, int64_t pause)
{
    int64_t end = scene->now + pause;

    while (scene->now + MINUTE < end) {
        scene->now += MINUTE;
        read_once(scene, true, "-", 0);
    }
    scene->now = end;
    read_once(scene, true, who, end);
}

/* KIND:SERVERS/T */
static void row_of(struct scene *scene, const char *kind, const char *who, int64_t length)
{
    bool ahead = strcmp(kind, "ahead") == 0, back = strcmp(kind, "back") == 0;

    assert_true(ahead || back || strcmp(kind, "late") == 0);
    read_once(scene, !back, who, ahead ? scene->now + length : scene->now - length);
}

static void step(struct scene *scene, char *text)
{
    char *slash = strchr(text, '/'), *colon = strchr(text, ':'), *star = strchr(text, '*');

    if (strcmp(text, "filled") == 0) {
        scene->silence.unbroken = BEGIN;
        return;
    }
    if (!slash) {
        fail_msg("%s:%u: what is %s?", scene->data->path, scene->data->line, text);
        return;
    }
    *slash = '\0';
    if (star) {
        *star = '\0';
    }
    int64_t length = length_of(scene, slash + 1);
    if (colon) {
        *colon = '\0';
        row_of(scene, text, colon + 1, length);
    } else if (star) {
        for (long left = strtol(star + 1, NULL, 10); left > 0; left--) {
            pass(scene, text, length);
        }
    } else {
        assert_string_equal(text, "blind");
        scene->now += length;
        scene->silence.unbroken = scene->now;
        read_once(scene, true, "-", 0);
    }
}

static void expect(const struct data *data, const char *what, const char *wanted, const char *got)
{
    if (strcmp(wanted, got) != 0) {
        print_error("%s:%u: %s: %s, not %s\n", data->path, data->line, what, got, wanted);
        failures++;
    }
}

static void expect_states(struct scene *scene, const char *wanted)
{
    struct server *list;
    size_t count, len;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);

    assert_true(servers_list(scene->store, scene->origin.source, &list, &count, &error));
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "%s%s %s", i > 0 ? "; " : "",
                      *list[i].name ? list[i].name : list[i].stream,
                      silence_state_name(silence_state(&list[i])));
    }
    servers_free(list, count);
    assert_int_equal(fclose(out), 0);
    expect(scene->data, "servers", wanted, text);
    free(text);
}

static void test_scenes(void **state)
{
    struct data data;
    unsigned cases = 0;

    (void)state;
    data_open(&data, "silence.txt");
    while (data_next(&data)) {
        char steps[512], *save = NULL, *text = NULL;
        struct scene scene;
        size_t len;

        assert_int_equal(data.count, 3);
        scene_begin(&scene);
        scene.data = &data;
        scene.out = open_memstream(&text, &len);
        (void)snprintf(steps, sizeof steps, "%s", data.field[0]);
        for (char *s = strtok_r(steps, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
            step(&scene, s);
        }
        assert_int_equal(fclose(scene.out), 0);
        expect(&data, "told", data.field[1], *text ? text : "-");
        expect_states(&scene, data.field[2]);
        free(text);
        scene_end(&scene);
        cases++;
    }
    data_close(&data);
    assert_true(cases > 30);
    assert_int_equal(failures, 0);
}

static void test_streams(void **state)
{
    struct data data;

    (void)state;
    data_open(&data, "streams.txt");
    while (data_next(&data)) {
        struct slice name = data_bytes(data.field[0]), stays = data_bytes(data.field[1]);

        if (silence_stream(name.data, name.len) != stays.len ||
            memcmp(name.data, stays.data, stays.len) != 0) {
            fail_msg("%s:%u: %zu bytes stay", data.path, data.line,
                     silence_stream(name.data, name.len));
        }
        data_free(name);
        data_free(stays);
    }
    data_close(&data);
}

static size_t known(struct scene *scene)
{
    struct server *list;
    size_t count;

    assert_true(servers_list(scene->store, scene->origin.source, &list, &count, &error));
    servers_free(list, count);
    return count;
}

static void hear_many(struct scene *scene, const char *prefix, int count)
{
    char name[32];

    page_begin(scene, true);
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "%s%d", prefix, i);
        hear(scene, "orders", name, scene->now);
    }
    page_end(scene, true);
}

/* Names that are made up have an end, and make room for others when they are not heard again. */
static void test_many(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    hear_many(&scene, "a", SERVERS_MAX + 10);
    assert_int_equal(known(&scene), SERVERS_MAX);
    assert_true(scene.silence.said);
    scene.now += 61 * MINUTE;
    page_begin(&scene, true);
    hear(&scene, "orders", "a0", scene.now);
    page_end(&scene, true);
    assert_int_equal(known(&scene), 1);
    hear_many(&scene, "b", 5);
    assert_int_equal(known(&scene), 6);
    scene_end(&scene);
}

/* Names that could not be kept as they are. */
static void test_refused(void **state)
{
    static char long_name[SERVER_STREAM_MAX + 2];
    struct scene scene;
    struct silence_row row = { .stream = "a\0b", .stream_len = 3, .server = { "", 0 } };

    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    scene_begin(&scene);
    page_begin(&scene, true);
    hear(&scene, long_name, "a", scene.now);
    hear(&scene, "orders", long_name, scene.now);
    row.time = row.ingested = row.read_at = scene.now;
    silence_hear(&scene.silence, &row);
    page_end(&scene, true);
    assert_int_equal(known(&scene), 0);
    scene_end(&scene);
}

static void says(const struct finding *finding, const char *text)
{
    if (!memmem(finding->message.data, finding->message.len, text, strlen(text))) {
        fail_msg("no \"%s\" in:\n%.*s", text, (int)finding->message.len, finding->message.data);
    }
}

static void test_texts(void **state)
{
    static char who[] = "srv-1,srv-2/1m*90", then[] = "srv-1/1m*10", again[] = "srv-2/1m*1";
    struct finding finding;
    struct scene scene;
    size_t len;
    char *text = NULL;

    (void)state;
    scene_begin(&scene);
    scene.out = open_memstream(&text, &len);
    step(&scene, who);
    step(&scene, then);
    step(&scene, again);
    assert_int_equal(fclose(scene.out), 0);
    free(text);
    assert_int_equal(scene.told, 2);
    assert_true(findings_get(scene.store, 1, &finding, &error));
    assert_string_equal(notice_words(&finding)->subject, "a database server is silent");
    says(&finding, "server srv-2 (log stream orders)");
    says(&finding, "since 2001-09-09T03:16:40Z, for 7m now");
    says(&finding, "never paused for longer than 1m");
    says(&finding, "Rows of srv-1, first heard at 2001-09-09T01:47:40Z, still come");
    assert_int_equal(finding.log_stream.len, strlen("orders"));
    assert_int_equal(finding.event_time, BEGIN + 90 * MINUTE);
    assert_true(findings_get(scene.store, 2, &finding, &error));
    assert_string_equal(notice_words(&finding)->subject, "a database server is heard again");
    says(&finding, "server srv-2 come again, since 2001-09-09T03:27:40Z");
    says(&finding, "silent for 11m, from 2001-09-09T03:16:40Z on");
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),  cmocka_unit_test(test_streams), cmocka_unit_test(test_many),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
