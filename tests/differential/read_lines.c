/* SPDX-License-Identifier: Apache-2.0 */
/* Prints how lines are read, for the comparison with the reference in tests/reference.
 * Usage: read_lines FORMAT < LINES.  Each line of the input is its length as four bytes, least
 * significant first, and then its bytes; for each, one JSON object is printed, texts in
 * hexadecimal.
 * With "alone", "apart" or "whole" in place of a format each is an event of a log of the MySQL
 * family, and what is printed is what a rule of networks tells of it: when nothing else is
 * remembered, when events before it may be missing, and when all are there.  "filter" prints what
 * the service may be asked to filter by. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/mysql.h"
#include "filters/oracle.h"
#include "filters/postgresql_line.h"
#include "filters/postgresql_message.h"
#include "filters/record.h"
#include "filters/rule.h"
#include "filters/service_filter.h"
#include "filters/sqlserver.h"

#define LINE_MAX_BYTES (16U << 20)

static void put_hex(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        printf("%02x", (unsigned)(unsigned char)text.data[i]);
    }
}

static void put_text(const char *name, struct slice text)
{
    printf(",\"%s\":\"", name);
    put_hex(text);
    putchar('"');
}

static void put_number(const char *name, int64_t number)
{
    printf(",\"%s\":%" PRId64, name, number);
}

static void put_flag(const char *name, bool flag)
{
    printf(",\"%s\":%s", name, flag ? "true" : "false");
}

static void put_record(const struct record *record)
{
    static const char *const encryptions[] = { "unknown", "clear", "tls", "local" };
    static const char *const times[] = { "none", "seconds", "micros", "dated" };

    printf("{\"kind\":\"%s\"", record->kind == RECORD_CONNECTION ? "connection" : "other");
    printf(",\"time_form\":\"%s\"", times[record->time_form]);
    put_text("time", record->time);
    put_number("time_ms", record->time_form == RECORD_TIME_DATED ? record->time_ms : 0);
    put_text("server", record->server);
    put_text("user", record->user);
    put_text("database", record->database);
    put_flag("has_code", record->has_code);
    put_number("code", record->has_code ? record->code : 0);
    put_text("connection_type", record->connection_type);
    printf(",\"encryption\":\"%s\"", encryptions[record->encryption]);
    put_text("tls", record->tls);
    printf(",\"outcome\":\"%s\"", outcome_name(record->outcome));
    printf(",\"dialect\":\"%s\"", record->dialect ? record->dialect : "");
    put_flag("torn", record->torn);
    put_flag("unterminated", record->unterminated);
    put_flag("too_many", record->too_many);
    put_flag("quoted", record->quoted);
    put_number("port", record->port);
    put_number("in_sql", (int64_t)record->in_sql);
    printf(",\"candidates\":[");
    for (size_t i = 0; i < record->count; i++) {
        const struct candidate *candidate = &record->candidates[i];

        printf("%s{\"operation\":\"%s\"", i ? "," : "", operation_name(candidate->operation));
        if (candidate->connection_id == RECORD_NO_ID) {
            printf(",\"id\":null");
        } else {
            put_number("id", candidate->connection_id);
        }
        put_text("host", candidate->host);
        put_flag("counts", candidate->counts);
        putchar('}');
    }
    /* Without those that stand for a client the line does not come to. */
    printf("],\"hosts\":[");
    for (size_t i = 0, told = 0; i < record->count; i++) {
        struct slice host = record->candidates[i].host;

        if (host.len > 0) {
            printf("%s\"", told++ ? "," : "");
            put_hex(host);
            putchar('"');
        }
    }
    printf("]}\n");
}

static void mysql(struct slice line)
{
    struct record record;

    mysql_read(line, &record);
    if (record.statement.data) {
        mysql_read_head(line, &record);
    }
    put_record(&record);
}

static void sqlserver(struct slice line)
{
    struct record record;

    sqlserver_read(line, &record);
    put_record(&record);
}

static void oracle(struct slice line)
{
    struct record record;

    oracle_read(line, &record);
    put_record(&record);
}

static void put_split(struct slice line, const struct postgresql_head *head,
                      const struct postgresql_split *split)
{
    static const char *const severities[] = { "LOG", "FATAL", "ERROR", "STATEMENT", "other" };
    struct slice names = { line.data + head->names, split->at - head->names };
    struct slice user, database, host = { "", 0 };
    bool unnamed, agrees = false;

    postgresql_names(names, &user, &database, &unnamed);
    bool received = postgresql_received(split, head, &host, &agrees);
    printf("{\"severity\":\"%s\"", severities[split->severity]);
    put_number("at", (int64_t)split->at);
    put_number("pid", split->pid);
    put_flag("early", split->early);
    put_text("message", split->message);
    put_text("user", user);
    put_text("database", database);
    put_flag("unnamed", unnamed);
    put_flag("received", received);
    put_flag("agrees", received && agrees);
    put_text("received_host", received ? host : (struct slice){ "", 0 });
    putchar('}');
}

static void postgresql(struct slice line)
{
    static const char *const remotes[] = { "none", "local", "client" };
    static struct postgresql_clock clock;
    struct postgresql_head head;
    struct postgresql_split splits[POSTGRESQL_SPLITS_MAX];

    if (!postgresql_head_read(line, &clock, &head)) {
        puts("{\"head\":false}");
        return;
    }
    printf("{\"head\":true,\"remote_kind\":\"%s\"", remotes[head.kind]);
    put_text("time", head.time);
    put_flag("dated", head.dated);
    put_number("time_ms", head.dated ? head.time_ms : 0);
    put_text("remote", head.remote);
    put_text("host", head.host);
    put_number("port", head.port);
    put_number("names", (int64_t)head.names);
    printf(",\"splits\":[");
    size_t count = postgresql_split_all(line, head.names, splits);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            putchar(',');
        }
        put_split(line, &head, &splits[i]);
    }
    printf("]}\n");
}

static struct rules *network_rules(void)
{
    static const char *const outside[] = { "vpc" };
    const struct rule_spec spec = { .name = "out", .outside = outside, .outside_count = 1 };
    struct networks *networks = networks_new();
    struct rules *rules = rules_new(networks);
    struct network_error network_error;
    struct rule_error rule_error;
    struct block block;

    if (!rules || !block_parse((struct slice){ "10.0.0.0/8", 10 }, &block, &network_error) ||
        !networks_add(networks, "vpc", &block, &network_error) ||
        !rules_add(rules, &spec, &rule_error)) {
        fputs("read_lines: no rule\n", stderr);
        exit(EXIT_FAILURE);
    }
    return rules;
}

static void put_told(struct slice message, bool apart, bool alone)
{
    static struct judge *judge;
    static struct event event = { .time = EVENT_TIME_NONE, .ingested = EVENT_TIME_NONE };
    static int64_t findings;
    const struct hit *hit;
    const char *comma = "";

    if (!judge) {
        judge = judge_new(network_rules(), FORMAT_MYSQL);
    }
    if (alone) {
        judge_window(judge, false);
    }
    event.key++;
    event.apart = apart;
    event.message = message;
    judge_event(judge, &event);
    printf("{\"told\":[");
    while ((hit = judge_next(judge))) {
        if (!hit->change) {
            judge_stored(judge, ++findings);
            printf("%s[%" PRId64 ",\"%s\",%" PRIu32 "]", comma, findings,
                   finding_kind_name(hit->kind), hit->line);
        } else if (hit->change->withdrawn) {
            printf("%s[%" PRId64 ",\"withdrawn\",0]", comma, hit->change->finding);
        } else {
            continue;
        }
        comma = ",";
    }
    printf("],\"rows\":%s}\n", judge_has_rows(judge) ? "true" : "false");
}

static void alone(struct slice line)
{
    put_told(line, true, true);
}

static void apart(struct slice line)
{
    put_told(line, true, false);
}

static void whole(struct slice line)
{
    put_told(line, false, false);
}

static void filter(struct slice line)
{
    (void)line;
    printf("{\"filter\":\"");
    for (const char *p = service_filter(network_rules(), FORMAT_MYSQL); *p; p++) {
        printf(*p == '\\' ? "\\\\" : "%c", *p);
    }
    printf("\"}\n");
}

/* False at the end of the input. */
static bool read_line(struct slice *line)
{
    static char *room;
    unsigned char prefix[4];

    if (fread(prefix, 1, sizeof prefix, stdin) != sizeof prefix) {
        return false;
    }
    uint32_t len = (uint32_t)prefix[0] | (uint32_t)prefix[1] << 8 | (uint32_t)prefix[2] << 16 |
                   (uint32_t)prefix[3] << 24;
    /* Room of exactly that size, so that a sanitizer sees what is read beyond it. */
    free(room);
    room = len <= LINE_MAX_BYTES ? malloc(len ? len : 1) : NULL;
    if (!room || fread(room, 1, len, stdin) != len) {
        fputs("read_lines: the input is cut, or a line is too long\n", stderr);
        exit(EXIT_FAILURE);
    }
    *line = (struct slice){ room, len };
    return true;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(struct slice line);
    } formats[] = {
        { "mysql", mysql },   { "postgresql", postgresql }, { "sqlserver", sqlserver },
        { "oracle", oracle }, { "alone", alone },           { "apart", apart },
        { "whole", whole },   { "filter", filter },
    };
    struct slice line;

    for (size_t i = 0; argc == 2 && i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(argv[1], formats[i].name) == 0) {
            while (read_line(&line)) {
                formats[i].print(line);
            }
            return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    fputs("usage: read_lines mysql|postgresql|sqlserver|oracle|alone|apart|whole|filter\n", stderr);
    return 2;
}
