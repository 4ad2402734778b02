/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate match`: what a filter pattern matches, like grep. */
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/caret.h"
#include "agent/command.h"
#include "agent/escape.h"
#include "agent/events.h"
#include "agent/lines.h"
#include "agent/log.h"
#include "agent/memory.h"
#include "filters/pattern.h"
#include "filters/pattern_lines.h"
#include "filters/pattern_lint.h"

#define FILES_MAX 1000000

static const struct option_spec match_options[] = {
    { "events", NULL,
      "read JSON: an object with a \"message\" on each line, or one document with an \"events\" "
      "array (or that is one)" },
    { "count", NULL, "print only how many matched, for each file" },
    { "invert-match", NULL, "print what the pattern does not match" },
    { "extract", NULL,
      "of a space-delimited pattern: print the fields as JSON, \"$name\" or \"$number\" and "
      "value" },
    { "raw", NULL, "to a terminal too, print control characters as they are" },
    { NULL, NULL, NULL },
};

struct match {
    const struct pattern *pattern;
    struct pattern_scratch *scratch;
    bool events, count, invert, extract, escape;
    bool show_names; /* several files: each count has its file's name */
    const char *path;
    uint64_t place; /* of the event at hand: line or index, from 1; of a line: its offset */
    int64_t matched, matched_here;
    struct events_bad bad;
    bool begun;         /* the first event of the file was seen */
    const char *unlike; /* why it is none that the pattern is for; NULL: it may be */
    bool trouble;       /* something was undecided or unreadable */
};

static void print(const struct match *match, const char *text, size_t len, bool ends)
{
    if (match->escape) {
        escape_write(stdout, text, len);
    } else {
        fwrite(text, 1, len, stdout);
    }
    if (ends) {
        putchar('\n');
    }
}

/* The fields of what was matched last, named as TestMetricFilter names them. */
static void print_fields(const struct match *match)
{
    struct json_object *fields = json_object_new_object();
    struct slice name, value;
    char key[PATTERN_LENGTH_MAX + 2];

    for (size_t i = 0; pattern_field(match->pattern, match->scratch, i, &name, &value); i++) {
        if (name.len > 0) {
            snprintf(key, sizeof key, "$%.*s", (int)name.len, name.data);
        } else {
            snprintf(key, sizeof key, "$%zu", i + 1);
        }
        json_object_object_add(fields, key, json_object_new_string_len(value.data, (int)value.len));
    }
    escape_write_json(stdout, fields);
    putchar('\n');
    json_object_put(fields);
}

static void warn_undecided(struct match *match, uint64_t place)
{
    log_warning("%s: %s %" PRIu64 ": the matcher reached a limit: undecided, so it is printed",
                match->path, match->events ? "event" : "the line at byte", place);
    match->trouble = true;
}

/* A pattern that finds nothing may be meant for another log. */
static void look_at_first(struct match *match, struct slice message)
{
    if (!match->begun) {
        match->unlike = pattern_lint_event(match->pattern, message);
    }
    match->begun = true;
}

/* Judges a message; `shown` is what is printed if it matches. */
static void judge(struct match *match, struct slice message, struct slice shown)
{
    enum pattern_answer answer = pattern_match(match->pattern, match->scratch, message);
    bool undecided = answer == PATTERN_UNDECIDED;

    look_at_first(match, message);
    if (undecided) {
        warn_undecided(match, match->place);
    }
    if (undecided || (answer == PATTERN_YES) != match->invert) {
        match->matched_here++;
        if (match->extract && !match->count) {
            print_fields(match);
        } else if (!match->count) {
            print(match, shown.data, shown.len, true);
        }
    }
}

/* Lines as they stand, each with its LF. */
static void show_lines(struct match *match, struct slice text)
{
    if (match->escape) {
        for (const char *p = text.data, *end = p + text.len; p < end;) {
            const char *lf = memchr(p, '\n', (size_t)(end - p));
            print(match, p, (size_t)(lf - p), true);
            p = lf + 1;
        }
    } else {
        fwrite(text.data, 1, text.len, stdout);
    }
}

/* What is found: those lines, or when asked for the others, these. */
static void take_lines(struct match *match, struct slice text)
{
    if (!match->count) {
        show_lines(match, text);
        match->matched_here += text.len > 0;
        return;
    }
    for (const char *p = text.data, *end = p + text.len; p < end; match->matched_here++) {
        p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
    }
}

/* Judges whole lines, each with its LF, that begin at an offset of the file. */
static void judge_lines(struct match *match, const struct lines *from, struct slice text,
                        uint64_t offset)
{
    struct pattern_lines lines;
    enum pattern_answer answer;
    struct slice line;
    size_t done = 0;

    pattern_lines_begin(&lines, match->pattern, match->scratch, text);
    while (pattern_lines_next(&lines, &line, &answer) && lines_whole(from)) {
        size_t begin = (size_t)(line.data - text.data), end = begin + line.len + 1;

        if (answer == PATTERN_UNDECIDED) {
            warn_undecided(match, offset + begin);
        }
        if (match->extract && !match->count) {
            print_fields(match);
            match->matched_here++;
            continue;
        }
        if (!match->invert) {
            take_lines(match, (struct slice){ line.data, line.len + 1 });
            continue;
        }
        take_lines(match, (struct slice){ text.data + done, begin - done });
        /* Undecided, it is neither, and is shown. */
        done = answer == PATTERN_UNDECIDED ? begin : end;
    }
    if (match->invert && lines_whole(from)) {
        take_lines(match, (struct slice){ text.data + done, text.len - done });
    }
}

/* A line that no event can be, for its length: it is not judged, and so shown. */
static void pass_piece(struct match *match, const struct line *line, bool first)
{
    if (first) {
        log_warning("%s: the line at byte %" PRIu64 " is longer than %d bytes: undecided, so it is "
                    "printed",
                    match->path, line->offset, LINES_LINE_MAX);
        match->trouble = true;
        match->matched_here++;
    }
    if (!match->count && !match->extract) {
        print(match, line->data, line->len, !line->piece);
    }
}

/* The lines are taken as they are read, many at a time. */
static int read_lines(struct match *match, struct lines *lines)
{
    struct slice text;
    struct line line;
    uint64_t offset;
    bool rest = false;
    int step;

    lines_map(lines);
    while ((step = lines_next(lines, &line)) == 1) {
        if (line.piece || rest) {
            pass_piece(match, &line, !rest);
            rest = line.piece;
            continue;
        }
        match->place = line.offset;
        judge(match, (struct slice){ line.data, line.len }, (struct slice){ line.data, line.len });
        text.len = lines_take(lines, &text.data, &offset);
        judge_lines(match, lines, text, offset);
    }
    return step;
}

static bool take_event(void *data, uint64_t place, const struct events_event *event)
{
    struct match *match = data;

    match->place = place;
    judge(match, event->message, event->text);
    return true;
}

static void take_bad(void *data, uint64_t place, const char *why)
{
    struct match *match = data;

    events_complain(&match->bad, place, why);
    match->trouble = true;
}

static int read_events(struct match *match, struct lines *lines)
{
    const struct events_taker taker = { .event = take_event, .bad = take_bad, .data = match };

    match->bad = (struct events_bad){ .path = match->path };
    int step = events_read(lines, &taker);
    events_complain_more(&match->bad);
    return step;
}

static void match_file(struct match *match, const char *path)
{
    struct lines *lines = lines_open(path);

    match->path = strcmp(path, "-") == 0 ? "(standard input)" : path;
    match->place = 0;
    match->matched_here = 0;
    match->begun = false;
    match->unlike = NULL;
    if (!lines) {
        log_error("%s: %s", match->path, lines_problem(NULL));
        match->trouble = true;
        return;
    }
    if ((match->events ? read_events : read_lines)(match, lines) < 0) {
        log_error("%s: %s", match->path, lines_problem(lines));
        match->trouble = true;
    }
    lines_close(lines);
    if (match->unlike && match->matched_here == 0 && !match->invert) {
        log_warning("%s: nothing matches, and its first event is %s", match->path, match->unlike);
    }
    if (match->count && match->show_names) {
        printf("%s:%" PRId64 "\n", match->path, match->matched_here);
    } else if (match->count) {
        printf("%" PRId64 "\n", match->matched_here);
    }
    match->matched += match->matched_here;
}

static int match_main(const struct arguments *arguments)
{
    const char *text = arguments->operands[0];
    struct pattern_error error;
    struct pattern *pattern = pattern_parse((struct slice){ text, strlen(text) }, &error);
    struct match match = { .pattern = pattern,
                           .events = arguments_flag(arguments, "events"),
                           .count = arguments_flag(arguments, "count"),
                           .invert = arguments_flag(arguments, "invert-match"),
                           .extract = arguments_flag(arguments, "extract"),
                           .escape = isatty(STDOUT_FILENO) && !arguments_flag(arguments, "raw"),
                           .show_names = arguments->operand_count > 2 };

    (void)signal(SIGPIPE, SIG_DFL); /* before `head` it ends as grep does */
    if (!pattern) {
        caret_show(text, &error);
        return EXIT_USAGE;
    }
    if (match.extract && (match.invert || pattern_field_count(pattern) == 0)) {
        log_error(match.invert
                      ? "--extract and --invert-match exclude each other: what does not "
                        "match has no fields"
                      : "--extract needs a space-delimited pattern: [name, name=value, ...]");
        pattern_free(pattern);
        return EXIT_USAGE;
    }
    match.scratch = pattern_scratch_new();
    if (!match.scratch) {
        pattern_free(pattern);
        log_error("out of memory");
        return EXIT_USAGE;
    }
    for (size_t i = 1; i < arguments->operand_count; i++) {
        match_file(&match, arguments->operands[i]);
    }
    if (arguments->operand_count == 1) {
        match_file(&match, "-");
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        log_error("standard output could not be written whole");
        match.trouble = true;
    }
    pattern_scratch_free(match.scratch);
    pattern_free(pattern);
    return match.trouble ? EXIT_USAGE : match.matched > 0 ? EXIT_YES : EXIT_NO;
}

const struct command match_command = {
    .name = "match",
    .operands = "PATTERN [FILE...]",
    .summary = "print the lines or events a filter pattern matches",
    .details = "  Reads standard input without a FILE.  A pattern that begins with '-' goes after "
               "\"--\".\n"
               "  Exit status: 0 something matched, 1 nothing, 2 a bad pattern, an unreadable file "
               "or an undecided line.\n",
    .min_operands = 1,
    .max_operands = FILES_MAX,
    .options = match_options,
    .run = match_main,
};
