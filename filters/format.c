/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of logs. */
#include "filters/format.h"

#include <string.h>

#define ZONE_MAX    16 /* bytes of a time zone's abbreviation */
#define PROCESS_MAX 32 /* of the name SQL Server gives the part of itself that speaks */

static const char *const names[FORMATS_COUNT] = { "auto", "mysql", "postgresql", "sqlserver",
                                                  "oracle" };

/* Types of logs that one engine alone exports. */
static const struct {
    const char *type;
    enum format format;
} types[] = {
    { "audit", FORMAT_MYSQL },
    { "listener", FORMAT_ORACLE },
    { "postgresql", FORMAT_POSTGRESQL },
};

const char *format_name(unsigned index)
{
    return index < FORMATS_COUNT ? names[index] : NULL;
}

bool format_parse(const char *text, enum format *out)
{
    for (size_t i = 0; i < FORMATS_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum format)i;
            return true;
        }
    }
    return false;
}

static bool equals(struct slice text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool begins(struct slice text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.data, word, len) == 0;
}

static struct slice behind(struct slice text, size_t len)
{
    return (struct slice){ text.data + len, text.len - len };
}

enum format format_of_log_group(struct slice name)
{
    static const char *const prefixes[] = { "/aws/rds/instance/", "/aws/rds/cluster/" };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct slice rest, type;
        const char *slash;

        if (!begins(name, prefixes[i])) {
            continue;
        }
        rest = behind(name, strlen(prefixes[i]));
        slash = memchr(rest.data, '/', rest.len);
        if (!slash || slash == rest.data) {
            return FORMAT_AUTO;
        }
        type = behind(rest, (size_t)(slash - rest.data) + 1);
        for (size_t j = 0; j < sizeof types / sizeof *types; j++) {
            if (equals(type, types[j].type)) {
                return types[j].format;
            }
        }
    }
    return FORMAT_AUTO;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether a text begins in a form, where 0 stands for any digit and A for any letter. */
static bool has_form(struct slice text, const char *form)
{
    size_t len = strlen(form);

    if (text.len < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool fits = form[i] == '0'   ? is_digit(text.data[i])
                    : form[i] == 'A' ? is_letter(text.data[i])
                                     : text.data[i] == form[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

/* "UTC:", as it ends the time in PostgreSQL's prefixes; zones without a name are "+03". */
static bool begins_zone(struct slice text)
{
    size_t at = 0;

    while (at < text.len && at < ZONE_MAX &&
           (is_letter(text.data[at]) || is_digit(text.data[at]) || text.data[at] == '+' ||
            text.data[at] == '-')) {
        at++;
    }
    return at > 0 && at < text.len && text.data[at] == ':';
}

/* "Logon ", "spid51s ", "Server ". */
static bool begins_process(struct slice text)
{
    size_t at = 0;

    while (at < text.len && at < PROCESS_MAX &&
           (is_letter(text.data[at]) || (at > 0 && is_digit(text.data[at])))) {
        at++;
    }
    return at > 0 && at < text.len && (text.data[at] == ' ' || text.data[at] == '\t');
}

enum format format_of_line(struct slice line)
{
    static const char day[] = "0000-00-00 00:00:00";
    struct slice rest;

    if (has_form(line, "00000000 00:00:00,") || has_form(line, "0000000000000000,")) {
        return FORMAT_MYSQL;
    }
    if (has_form(line, "00-AAA-0000 00:00:00 * ")) {
        return FORMAT_ORACLE;
    }
    if (!has_form(line, day)) {
        return FORMAT_AUTO;
    }
    rest = behind(line, sizeof day - 1);
    if (has_form(rest, " ")) {
        return begins_zone(behind(rest, 1)) ? FORMAT_POSTGRESQL : FORMAT_AUTO;
    }
    if (has_form(rest, ".000 ")) {
        rest = behind(rest, 5);
        return begins_zone(rest)      ? FORMAT_POSTGRESQL
               : begins_process(rest) ? FORMAT_SQLSERVER
                                      : FORMAT_AUTO;
    }
    return has_form(rest, ".00 ") && begins_process(behind(rest, 4)) ? FORMAT_SQLSERVER
                                                                     : FORMAT_AUTO;
}
