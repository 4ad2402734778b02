/* SPDX-License-Identifier: Apache-2.0 */
/* Explaining patterns.  What a pattern hides is shown by rows of an audit log, and the matcher
 * itself says which of them it takes. */
#include "agent/explain_pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/caret.h"
#include "agent/command.h"
#include "agent/escape.h"
#include "agent/log.h"
#include "agent/memory.h"
#include "filters/network.h"
#include "filters/pattern_lint.h"

#define ROW_MAX  1024
#define WORD_MAX 256 /* longer terms are in no example */

struct explained {
    struct slice source;
    struct pattern *pattern;
    struct pattern_scratch *scratch;
    struct pattern_part *parts;
    size_t count;
    FILE *out;     /* in memory: what a pattern holds is escaped before it is shown */
    bool is_audit; /* it says something about audit logs: some row of one matches */
};

/* ---- what it means ---- */

static struct slice source_of(const struct explained *explained, const struct pattern_part *part)
{
    return (struct slice){ explained->source.data + part->offset, part->len };
}

__attribute__((format(printf, 3, 4))) static void say(const struct explained *explained,
                                                      const char *label, const char *format, ...)
{
    va_list arguments;

    fprintf(explained->out, "%-10s", label);
    va_start(arguments, format);
    vfprintf(explained->out, format, arguments);
    va_end(arguments);
    fputc('\n', explained->out);
}

/* The parts of one kind, joined by a word; returns how many there are. */
static size_t list(const struct explained *explained, enum pattern_part_kind kind,
                   const char *before, const char *joined)
{
    size_t count = 0;

    for (size_t i = 0; i < explained->count; i++) {
        const struct pattern_part *part = &explained->parts[i];
        struct slice source = source_of(explained, part);

        if (part->kind != kind) {
            continue;
        }
        fputs(count++ == 0 ? before : joined, explained->out);
        if (part->regex) {
            fprintf(explained->out, "%.*s", (int)source.len, source.data);
        } else {
            fprintf(explained->out, "\"%.*s\"", (int)part->text.len, part->text.data);
        }
    }
    return count;
}

static bool has_kind(const struct explained *explained, enum pattern_part_kind kind)
{
    for (size_t i = 0; i < explained->count; i++) {
        if (explained->parts[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* What stands between the brackets of a pattern. */
static void print_body(const struct explained *explained)
{
    const char *begin = explained->source.data, *end = begin + explained->source.len;

    begin += strcspn(begin, "{[") + 1;
    while (end > begin && *end != '}' && *end != ']') {
        end--;
    }
    fprintf(explained->out, "%s%.*s\n", *begin == ' ' ? "" : " ", (int)(end - begin), begin);
}

static void say_fields(const struct explained *explained)
{
    size_t count = pattern_field_count(explained->pattern);
    bool open = memmem(explained->source.data, explained->source.len, "...", 3) != NULL;

    fprintf(explained->out,
            "every event of at least %zu fields between blanks (what stands in quotes or brackets "
            "is one)%s",
            count - open, open ? "" : ", the last of which takes all that is left");
    if (has_kind(explained, PART_CONDITION)) {
        fputs(", where", explained->out);
        print_body(explained);
    } else {
        fputc('\n', explained->out);
    }
}

static void say_meaning(const struct explained *explained)
{
    const char *shape = pattern_shape_name(explained->pattern);

    say(explained, "pattern", "%.*s", (int)explained->source.len, explained->source.data);
    say(explained, "shape", "%s", shape);
    fprintf(explained->out, "%-10s", "meaning");
    if (strcmp(shape, "JSON") == 0) {
        fprintf(explained->out, "every event that is one JSON object, where");
        print_body(explained);
        return;
    }
    if (pattern_field_count(explained->pattern) > 0) {
        say_fields(explained);
        return;
    }
    if (explained->count == 0) {
        fputs("every event\n", explained->out);
        return;
    }
    fputs("every event", explained->out);
    size_t plain = list(explained, PART_PLAIN, " that holds ", " and ");
    plain += list(explained, PART_OPTIONAL, " that holds ", " or ");
    list(explained, PART_EXCLUDED, plain > 0 ? ", and does not hold " : " that does not hold ",
         " nor ");
    fputs("; anywhere, within words too, and case counts\n", explained->out);
}

static const char *kind_meaning(const struct pattern_part *part)
{
    static const char *const meanings[] = { [PART_PLAIN] = "must be there",
                                            [PART_EXCLUDED] = "must not be there",
                                            [PART_OPTIONAL] = "one of these must be there",
                                            [PART_IGNORED] = "is ignored",
                                            [PART_CONDITION] = "is a condition" };

    return meanings[part->kind];
}

static void say_parts(const struct explained *explained)
{
    for (size_t i = 0; i < explained->count; i++) {
        struct slice source = source_of(explained, &explained->parts[i]);

        say(explained, i == 0 ? "parts" : "", "%-24.*s %s", (int)source.len, source.data,
            kind_meaning(&explained->parts[i]));
    }
}

static void say_warnings(const struct explained *explained)
{
    struct pattern_warning warnings[PATTERN_WARNINGS_MAX];
    size_t count = pattern_lint(explained->pattern, explained->source, warnings);

    for (size_t i = 0; i < count; i++) {
        say(explained, "warning", "at byte %zu: %s", warnings[i].offset, warnings[i].text);
    }
}

/* ---- what it hides ---- */

struct row {
    const char *user, *host, *operation, *database;
    int code;
};

static bool write_row(const struct row *row, char out[static ROW_MAX])
{
    int len = snprintf(out, ROW_MAX, "20261122 14:08:14,db-1,%s,%s,1042,0,%s,%s,,%d", row->user,
                       row->host, row->operation, row->database, row->code);

    return len > 0 && len < ROW_MAX;
}

static bool matches(const struct explained *explained, const char *row)
{
    return pattern_match(explained->pattern, explained->scratch,
                         (struct slice){ row, strlen(row) }) != PATTERN_NO;
}

/* Rows of every audit log, and whether somebody who wants to hear of connections from outside wants
 * to hear of them. */
static const struct {
    struct row row;
    bool wanted;
    const char *what;
} usual[] = {
    { { "app", "203.0.113.9", "CONNECT", "prod", 0 }, true, "a login from outside" },
    { { "app", "203.0.113.9", "FAILED_CONNECT", "prod", 1045 },
      true,
      "a wrong password from outside" },
    { { "app", "203.0.113.9", "CHANGEUSER", "prod", 0 },
      true,
      "a connection that becomes another user" },
    { { "app", "203.0.113.9", "DISCONNECT", "prod", 0 },
      false,
      "the end of a connection, which was told when it began" },
    { { "app", "ip-10-0-0-7.ec2.internal", "CONNECT", "prod", 0 },
      false,
      "a host inside the VPC, printed by its name" },
    { { "app", "10.0.0.7", "QUERY", "prod", 0 }, false, "a statement" },
};

static void say_row(const struct explained *explained, const struct row *row, bool wanted,
                    const char *what)
{
    char text[ROW_MAX];

    if (!write_row(row, text)) {
        return;
    }
    bool found = matches(explained, text);
    say(explained, found ? "matches" : wanted ? "MISSES" : "leaves", "%s", text);
    say(explained, "", "  %s%s%s", what, found && !wanted ? ": noise" : "",
        !found && wanted ? ": nobody hears of it" : "");
}

/* Whether an address can be a client's on the internet: it is in none of the ranges that are not
 * (RFC 6890). */
static bool is_public(const struct address *address)
{
    static const char *const others[] = { "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",
                                          "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
                                          "192.168.0.0/16", "224.0.0.0/3" };
    struct network_error error;
    struct block block;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!block_parse((struct slice){ others[i], strlen(others[i]) }, &block, &error) ||
            block_contains(&block, address)) {
            return false;
        }
    }
    return true;
}

/* An address from outside that holds the text of an exclusion, if any does: "172.31" is in
 * 203.172.31.9. */
static bool outside_address(const char *text, char out[static WORD_MAX + 16])
{
    static const struct {
        const char *before, *after;
    } tries[] = { { "203.", ".9" },    { "203.", "9" }, { "203.", ".113.9" },
                  { "203.", "113.9" }, { "203.", "" },  { "1", ".9" },
                  { "1", "9" },        { "2", ".9" },   { "2", "9" } };

    if (*text == '.' || text[strspn(text, "0123456789.")] != '\0' || !strchr(text, '.')) {
        return false;
    }
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct address address;

        (void)snprintf(out, WORD_MAX + 16, "%s%s%s", tries[i].before, text, tries[i].after);
        if (address_parse((struct slice){ out, strlen(out) }, &address) && is_public(&address)) {
            return true;
        }
    }
    return false;
}

/* Rows from outside in which an excluded text stands where a client puts it. */
static void say_exclusion(const struct explained *explained, struct slice excluded)
{
    static const char host_signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789.-_";
    char word[WORD_MAX + 1], address[WORD_MAX + 16], name[WORD_MAX + 16], row[ROW_MAX];

    if (excluded.len == 0 || excluded.len > WORD_MAX || memchr(excluded.data, '\n', excluded.len)) {
        return;
    }
    (void)snprintf(word, sizeof word, "%.*s", (int)excluded.len, excluded.data);
    (void)snprintf(name, sizeof name, "%s%sevil.example", word,
                   word[excluded.len - 1] == '.' ? "" : ".");
    bool is_address = outside_address(word, address);
    const struct {
        struct row row;
        const char *what;
    } tries[] = {
        { { "app", is_address ? address : name, "CONNECT", "prod", 0 },
          is_address ? "another address, in which the same digits stand"
                     : "a host whose owner calls it so" },
        { { word, "203.0.113.9", "CONNECT", "prod", 0 }, "a user of that name" },
        { { "app", "203.0.113.9", "CONNECT", word, 0 }, "a database of that name" },
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        if (i == 0 && !is_address && word[strspn(word, host_signs)] != '\0') {
            continue; /* no host has such a name */
        }
        if (write_row(&tries[i].row, row) && !matches(explained, row)) {
            say_row(explained, &tries[i].row, true, tries[i].what);
        }
    }
}

static void say_hidden(const struct explained *explained)
{
    fputs("\nIn the audit log of a database (MySQL family), by the matcher itself:\n",
          explained->out);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        say_row(explained, &usual[i].row, usual[i].wanted, usual[i].what);
    }
    for (size_t i = 0; i < explained->count; i++) {
        if (explained->parts[i].kind == PART_EXCLUDED && !explained->parts[i].regex) {
            say_exclusion(explained, explained->parts[i].text);
        }
    }
}

/* ---- how to write it ---- */

static const char *const whole_fields[] = { "CONNECT",    "FAILED_CONNECT", "DISCONNECT",
                                            "CHANGEUSER", "QUERY",          "localhost" };

static bool is_field(struct slice text)
{
    for (size_t i = 0; i < sizeof whole_fields / sizeof *whole_fields; i++) {
        if (strlen(whole_fields[i]) == text.len &&
            memcmp(whole_fields[i], text.data, text.len) == 0) {
            return true;
        }
    }
    return false;
}

static size_t count_dots(struct slice text)
{
    size_t dots = 0;

    for (size_t i = 0; i < text.len; i++) {
        dots += text.data[i] == '.';
    }
    return dots;
}

/* Whether a text is the beginning of an IPv4 address, or all of it. */
static bool is_address_part(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] < '0' || text.data[i] > '9') && text.data[i] != '.') {
            return false;
        }
    }
    return text.len > 0 && text.data[0] != '.' && count_dots(text) > 0 && count_dots(text) < 4;
}

/* The text of a term with commas around it where it is a whole field of an audit row. */
static void print_tight(const struct explained *explained, struct slice text)
{
    const char *before = "", *after = "";

    if (explained->is_audit && is_field(text)) {
        before = after = ",";
    } else if (explained->is_audit && is_address_part(text)) {
        before = ",";
        after = text.data[text.len - 1] == '.' ? "" : count_dots(text) == 3 ? "," : ".";
    }
    fprintf(explained->out, "\"%s", before);
    for (size_t i = 0; i < text.len; i++) {
        bool special = text.data[i] == '"' || text.data[i] == '\\';

        fprintf(explained->out, "%s%c", special ? "\\" : "", text.data[i]);
    }
    fprintf(explained->out, "%s\"", after);
}

static void say_spelling(const struct explained *explained)
{
    static const char *const signs[] = {
        [PART_PLAIN] = "", [PART_EXCLUDED] = "-", [PART_OPTIONAL] = "?"
    };
    const char *space = "";

    fprintf(explained->out, "\n%-10s", "safer");
    for (size_t i = 0; i < explained->count; i++) {
        const struct pattern_part *part = &explained->parts[i];
        struct slice source = source_of(explained, part);

        if (part->kind == PART_IGNORED) {
            continue;
        }
        if (part->regex) {
            fprintf(explained->out, "%s%.*s", space, (int)source.len, source.data);
        } else {
            fprintf(explained->out, "%s%s", space, signs[part->kind]);
            print_tight(explained, part->text);
        }
        space = " ";
    }
    fputc('\n', explained->out);
}

/* The network that an excluded beginning of an address looks like: "172.31" is 172.31.0.0/16. */
static bool print_network(FILE *out, struct slice text, bool first)
{
    static const char *const rest[] = { ".0.0.0", ".0.0", ".0", "" };
    char name[WORD_MAX];
    struct network_error error;
    struct block block;

    if (!is_address_part(text) || text.len > sizeof "255.255.255.255.") {
        return false;
    }
    size_t len = text.len - (text.data[text.len - 1] == '.');
    size_t octets = count_dots((struct slice){ text.data, len }) + 1;
    (void)snprintf(name, sizeof name, "%.*s%s/%zu", (int)len, text.data, rest[octets - 1],
                   8 * octets);
    if (*name == '0' || !block_parse((struct slice){ name, strlen(name) }, &block, &error)) {
        return false;
    }
    fprintf(out, "%s%s", first ? "" : ", ", name);
    return true;
}

static size_t print_networks(const struct explained *explained)
{
    size_t count = 0;

    for (size_t i = 0; i < explained->count; i++) {
        const struct pattern_part *part = &explained->parts[i];

        if (part->kind == PART_EXCLUDED && !part->regex) {
            count += print_network(explained->out, part->text, count == 0);
        }
    }
    return count;
}

static void say_rule(const struct explained *explained)
{
    fputs("\nA text filter cannot tell an address from a name. A rule on networks reads the client "
          "of each\n"
          "row, whatever its names hold, and of each way to connect:\n\n"
          "    networks:\n",
          explained->out);
    fputs("      vpc: [", explained->out);
    bool known = print_networks(explained) > 0;
    fputs(known ? "]\n" : "172.31.0.0/16]  # put the networks of your VPC here\n", explained->out);
    fputs("    rules:\n"
          "      - name: outside\n"
          "        outside: [vpc]\n",
          explained->out);
}

/* ---- all of it ---- */

static bool is_audit(const struct explained *explained)
{
    char row[ROW_MAX];

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (write_row(&usual[i].row, row) && matches(explained, row)) {
            return true;
        }
    }
    return false;
}

/* A pattern that takes no row of an audit log may be meant for one. */
static void say_other_format(const struct explained *explained)
{
    char row[ROW_MAX];

    if (write_row(&usual[0].row, row)) {
        const char *unlike =
            pattern_lint_event(explained->pattern, (struct slice){ row, strlen(row) });
        if (unlike) {
            say(explained, "note", "a row of an audit log is %s", unlike);
        }
    }
}

static void explain_all(struct explained *explained)
{
    explained->count = pattern_parts(explained->pattern, explained->parts, PATTERN_PARTS_MAX);
    explained->is_audit = explained->count > 0 && is_audit(explained);
    say_meaning(explained);
    say_parts(explained);
    say_warnings(explained);
    if (explained->is_audit) {
        say_hidden(explained);
    } else {
        say_other_format(explained);
    }
    if (explained->count > 0 && !has_kind(explained, PART_CONDITION)) {
        say_spelling(explained);
    }
    if (explained->is_audit) {
        say_rule(explained);
    }
}

/* Escapes all but the line ends that were put there. */
static void show(const char *text, size_t len)
{
    for (const char *p = text, *end = text + len; p < end;) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        escape_write_plain(stdout, p, (size_t)(lf - p));
        putchar('\n');
        p = lf + 1;
    }
}

int explain_pattern(const char *text)
{
    struct explained explained = { .source = { text, strlen(text) } };
    struct pattern_error error;
    char *memory = NULL;
    size_t len = 0;

    explained.pattern = pattern_parse(explained.source, &error);
    if (!explained.pattern) {
        caret_show(text, &error);
        return EXIT_USAGE;
    }
    explained.scratch = pattern_scratch_new();
    explained.out = open_memstream(&memory, &len);
    explained.parts = xcalloc(PATTERN_PARTS_MAX, sizeof *explained.parts);
    if (explained.scratch && explained.out) {
        explain_all(&explained);
    }
    bool ok = explained.scratch && explained.out && fclose(explained.out) == 0;
    if (ok) {
        show(memory, len);
    } else {
        log_error("out of memory");
    }
    free(memory);
    free(explained.parts);
    pattern_scratch_free(explained.scratch);
    pattern_free(explained.pattern);
    return ok ? EXIT_YES : EXIT_USAGE;
}
