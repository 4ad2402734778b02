/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate explain`: how a row of a log is read, and why it is a finding or none. */
#include "agent/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command.h"
#include "agent/explain_pattern.h"
#include "agent/finding_output.h"
#include "agent/lines.h"
#include "agent/memory.h"
#include "filters/mysql.h"
#include "filters/redact.h"

static const struct option_spec explain_options[] = {
    { "line", "ROW",
      "the row, or '-' for rows from standard input, each read in the light of "
      "those before it" },
    { "format", "FORMAT",
      "what log the row is from: auto (by how it begins, the default), mysql, postgresql, "
      "sqlserver "
      "or oracle" },
    { NULL, NULL, NULL },
};

/* The work on all rows. */
struct explaining {
    struct judge *judge;
    struct explanation *explanation;
    bool json;
    bool read; /* a row was of a connection, or was told */
};

struct slice explain_row(const struct explanation *explanation, char out[static EXPLAIN_ROW_MAX])
{
    if (explanation->is_rest) {
        /* Nothing in it says whether it is SQL. */
        int len = snprintf(out, EXPLAIN_ROW_MAX, "<%zu bytes>", explanation->line.len);
        return (struct slice){ out, (size_t)len };
    }
    return (struct slice){ out, redact_message(explanation->line, &explanation->record, out,
                                               EXPLAIN_ROW_MAX) };
}

bool explain_from_above(const struct explanation *explanation, size_t candidate)
{
    struct slice host = explanation->record.candidates[candidate].host, line = explanation->line;
    uintptr_t at = (uintptr_t)host.data, begin = (uintptr_t)line.data;

    return host.len > 0 && (at < begin || at >= begin + line.len);
}

static bool holds_sql(const struct explanation *explanation)
{
    return redact_holds_sql(explanation->line, &explanation->record);
}

struct slice explain_user(const struct explanation *explanation)
{
    struct slice user = explanation->record.user;

    if (explanation->is_rest) {
        return (struct slice){ NULL, 0 };
    }
    return holds_sql(explanation) ? redact_name(user) : user;
}

struct slice explain_database(const struct explanation *explanation)
{
    return explanation->is_rest || holds_sql(explanation) ? (struct slice){ NULL, 0 }
                                                          : explanation->record.database;
}

bool explain_address(const struct host *host, const struct record *record, struct address *out)
{
    if (record->names_only || (host->kind != HOST_ADDRESS && host->kind != HOST_DERIVED)) {
        return false;
    }
    *out = host->address;
    return true;
}

bool explain_verdict(const struct explanation *explanation, size_t rule, size_t candidate,
                     enum verdict *out)
{
    const struct record *record = &explanation->record;

    if (explanation->config->rules[rule].outside_count == 0 || record->kind != RECORD_CONNECTION ||
        !record->candidates[candidate].counts) {
        return false;
    }
    *out = judge_verdict(explanation->judge, rule, candidate);
    return true;
}

/* ---- why ---- */

static const char *why_told(const struct hit *hit)
{
    switch (hit->kind) {
    case KIND_PATTERN:
        return "the rule's filter matches the row";
    case KIND_FRAGMENT:
        return "the rest of the row is not there, and somebody may have torn it";
    case KIND_FORGERY:
        return "the log shows that a client wrote rows through a name";
    case KIND_HOSTILE_NAME:
        return "the statement makes a name that can forge or hide rows later";
    case KIND_CONNECTION:
        break;
    }
    if (hit->record->too_many) {
        return "more places in the row read as a connection than can be kept";
    }
    switch (hit->verdict) {
    case VERDICT_OUTSIDE:
        return "the client is outside";
    case VERDICT_UNRESOLVED:
        return "the client is known by a name only, which proves nothing";
    case VERDICT_UNKNOWN:
        return "the row does not say where the client is";
    case VERDICT_INSIDE:
    case VERDICT_LOCAL:
        break;
    }
    return "the rule tells such rows";
}

/* MariaDB writes no client for a change of user that succeeded. */
static bool is_user_change(const struct hit *hit)
{
    return hit->record->count > 0 && hit->host.kind == HOST_EMPTY &&
           hit->record->candidates[hit->candidate].operation == OPERATION_CHANGEUSER;
}

static void put_outcome(FILE *out, const struct hit *hit)
{
    switch (hit->outcome) {
    case OUTCOME_SUCCESS:
        fputs(is_user_change(hit) ? "it succeeded in a connection that was told when it began"
                                  : "it succeeded",
              out);
        break;
    case OUTCOME_FAILURE:
        fprintf(out, "it failed: %s%s",
                hit->failure && hit->failure->password_right ? FINDING_PASSWORD_RIGHT : "",
                hit->failure ? hit->failure->meaning
                             : "nothing particular is known about its code");
        break;
    case OUTCOME_UNKNOWN:
        fputs("this row does not say how it ended", out);
        break;
    }
}

void explain_because(FILE *out, const struct explanation *explanation, const struct hit *hit)
{
    bool of_connection = hit->kind == KIND_CONNECTION || hit->kind == KIND_PATTERN;

    fprintf(out, "%s; ", why_told(hit));
    if (explanation->config->rules[hit->rule].severity != SEVERITY_BY_OUTCOME) {
        fputs("the severity is the one the rule sets", out);
    } else if (!of_connection) {
        fputs("such findings are always high", out);
    } else if ((hit->marks & MARKS_SUSPECT) != 0) {
        fputs("rows that are torn, forged or readable in more than one way are always high", out);
    } else if (hit->record->kind == RECORD_OTHER) {
        fputs("it is no row of a connection, so the severity is medium", out);
    } else {
        put_outcome(out, hit);
    }
}

/* Whether a rule with networks would tell a candidate, were it not for the rule's filter. */
static bool is_filtered_out(const struct explanation *explanation)
{
    for (size_t i = 0; i < explanation->config->rule_count; i++) {
        for (size_t j = 0; j < explanation->record.count; j++) {
            enum verdict verdict;
            if (explain_verdict(explanation, i, j, &verdict) && verdict != VERDICT_INSIDE &&
                verdict != VERDICT_LOCAL) {
                return true;
            }
        }
    }
    return false;
}

static bool has_networks_rule(const struct config *config)
{
    for (size_t i = 0; i < config->rule_count; i++) {
        if (config->rules[i].outside_count > 0) {
            return true;
        }
    }
    return false;
}

const char *explain_no_finding(const struct explanation *explanation)
{
    const struct record *record = &explanation->record;

    if (explanation->config->rule_count == 0) {
        return "there is nothing to judge by: give --network CIDR (your VPC's), --filter PATTERN, "
               "or a configuration with rules";
    }
    if (explanation->reading->kind != KIND_CONNECTION) {
        return "torn rows, forgeries and hostile names are told by rules with networks, and there "
               "is none";
    }
    if (record->kind != RECORD_CONNECTION && explanation->reading->change_count > 0) {
        return "the row only says more of rows above";
    }
    if (record->count == 0) {
        return "there is nothing about a connection in the row";
    }
    if (record->kind != RECORD_CONNECTION) {
        return "the row begins no connection: it ends one, or goes on with one";
    }
    if (!has_networks_rule(explanation->config)) {
        return "no rule's filter matches the row";
    }
    return is_filtered_out(explanation)
               ? "the client is not known to be inside, but no rule's filter matches the row"
               : "every client in the row is inside or local";
}

static const char *const host_words[] = {
    [HOST_EMPTY] = "empty",     [HOST_LOCAL] = "local", [HOST_ADDRESS] = "address",
    [HOST_DERIVED] = "derived", [HOST_NAME] = "name",
};

const char *explain_host_word(enum host_kind kind)
{
    return host_words[kind];
}

const char *explain_host_meaning(const struct host *host, const struct record *record)
{
    if (record->names_only) {
        return "what the client's reverse zone says, as log_hostname is on: it proves nothing, "
               "even where it looks like an address";
    }
    switch (host->kind) {
    case HOST_EMPTY:
        return "the server wrote no client";
    case HOST_LOCAL:
        return "the database host itself";
    case HOST_ADDRESS:
        return "an address";
    case HOST_DERIVED:
        return "decoded from the name the VPC's resolver gives instances";
    case HOST_NAME:
        break;
    }
    return "a name: whoever owns a reverse zone chooses it, so it proves nothing";
}

/* ---- gathering ---- */

/* What a record says of itself; a hit has these marks, but not every row makes one. */
static unsigned marks_of(const struct record *record)
{
    unsigned marks = 0;

    if (record->count == 0) {
        return 0;
    }
    marks |= record->count > 1 || record->disguised || record->too_many ? MARK_AMBIGUOUS : 0U;
    marks |= record->time_form == RECORD_TIME_NONE ? MARK_TAINTED : 0U;
    marks |= record->torn ? MARK_FRAGMENT : 0U;
    marks |= record->too_many ? MARK_UNDECIDED : 0U;
    return marks;
}

static void look(struct explanation *explanation)
{
    static const struct reading nothing;
    struct judge_view view;

    if (explanation->line.len == 0) { /* the judge reads nothing, and still holds the last row */
        record_clear(&explanation->record);
        explanation->reading = &nothing;
        explanation->format = FORMAT_AUTO;
        return;
    }
    judge_look(explanation->judge, &view);
    explanation->format = view.format;
    explanation->record = *view.record;
    explanation->reading = view.reading;
    if (view.format == FORMAT_MYSQL && view.record->statement.data) {
        /* Of most statements the judge reads no more, which would be time lost. */
        mysql_read_head(explanation->line, &explanation->record);
    }
    explanation->marks |= view.reading->marks | marks_of(view.record);
}

static void explain_one(struct explaining *work, struct slice line, bool is_rest)
{
    struct explanation *explanation = work->explanation;
    struct event event = {
        .message = line, .is_line = true, .time = EVENT_TIME_NONE, .ingested = EVENT_TIME_NONE
    };
    const struct hit *hit;

    event.key = (uint64_t)++explanation->number;
    explanation->line = line;
    explanation->is_rest = is_rest;
    explanation->hit_count = 0;
    explanation->marks = 0;
    judge_event(work->judge, &event);
    while ((hit = judge_next(work->judge))) {
        if (!hit->change && explanation->hit_count < RULES_MAX) {
            explanation->hits[explanation->hit_count++] = *hit;
            explanation->marks |= hit->marks;
        }
    }
    look(explanation);
    /* Also for rows that nothing is told of, so that what later rows say of them can be. */
    judge_stored(work->judge, explanation->number);
    work->read = work->read || explanation->record.count > 0 || explanation->hit_count > 0 ||
                 explanation->reading->kind != KIND_CONNECTION ||
                 explanation->reading->change_count > 0;
    (work->json ? explain_json_write : explain_text_write)(stdout, explanation);
}

/* A row that is given may hold line ends: then it is several. */
static void explain_argument(struct explaining *work, const char *text)
{
    do {
        size_t len = strcspn(text, "\n");
        explain_one(work, (struct slice){ text, len }, false);
        text += len + (text[len] == '\n');
    } while (*text);
}

static int explain_input(struct explaining *work)
{
    struct lines *lines = lines_open("-");
    struct line line;
    bool is_rest = false;
    int step = -1;

    while (lines && (step = lines_next(lines, &line)) == 1) {
        if (line.piece) {
            log_warning("the line at byte %" PRIu64
                        " is longer than %d bytes and is judged in pieces",
                        line.offset, LINES_LINE_MAX);
        }
        explain_one(work, (struct slice){ line.data, line.len }, is_rest);
        is_rest = line.piece;
        if (!lines_waiting(lines)) {
            (void)fflush(stdout); /* somebody may be looking; main asks whether all was written */
        }
    }
    if (step < 0) {
        log_error("standard input cannot be read: %s", lines_problem(lines));
    }
    lines_close(lines);
    return step < 0 ? EXIT_USAGE : EXIT_YES;
}

static int explain_all(const struct config *config, enum format format, const char *line)
{
    struct explaining work = { .json = config->output == OUTPUT_JSON };
    int status = EXIT_YES;

    work.judge = config->judged ? judge_new(config->judged, format) : NULL;
    if (!work.judge) {
        log_error("out of memory");
        return EXIT_USAGE;
    }
    work.explanation = xcalloc(1, sizeof *work.explanation);
    work.explanation->config = config;
    work.explanation->judge = work.judge;
    if (strcmp(line, "-") == 0) {
        status = explain_input(&work);
    } else {
        explain_argument(&work, line);
    }
    free(work.explanation);
    judge_free(work.judge);
    return status != EXIT_YES ? status : work.read ? EXIT_YES : EXIT_NO;
}

/* ---- the command ---- */

static int explain_main(const struct arguments *arguments)
{
    struct problems problems = { 0 };
    const char *line = arguments_value(arguments, "line");
    const char *word = arguments_value(arguments, "format");
    enum format format = FORMAT_AUTO;

    if (arguments->operand_count > 0 && !line) {
        return explain_pattern(arguments->operands[0]);
    }
    if (line && arguments->operand_count > 0) {
        problems_add(&problems, (struct place){ "explain", 0, 0 },
                     "explain either a PATTERN or a row (--line), not both at once");
    }
    if (word && !format_parse(word, &format)) {
        problems_add(&problems, (struct place){ "format", 0, 0 },
                     "\"%s\" is not one of auto, mysql, postgresql, sqlserver, oracle", word);
    }
    if (!line) {
        problems_add(
            &problems, (struct place){ "explain", 0, 0 },
            "say what to explain: a PATTERN, --line 'ROW', or --line - for rows from standard "
            "input");
    }
    struct config *config = config_load(arguments, CONFIG_RULES_IF_ANY, &problems);
    if (!line || problems.count > 0) {
        config_free(config);
        return command_refuse(&problems);
    }
    log_setup(config->log_level, false);
    int status = explain_all(config, format, line);
    config_free(config);
    return status;
}

const struct command explain_command = {
    .name = "explain",
    .operands = "PATTERN | --line ROW|-",
    .summary =
        "what a filter pattern means and hides; or how a row is read, and why it is a finding",
    .details = "  Needs no AWS and no state file.  The text of SQL statements is not shown.\n"
               "  A pattern that begins with '-' goes after \"--\".\n"
               "  Exit status: 0 a row was of a connection or was told, 1 none was, 2 usage.\n",
    .max_operands = 1,
    .options = explain_options,
    .common = true,
    .run = explain_main,
};
