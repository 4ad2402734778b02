/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations for people. */
#include "agent/explain.h"

#include <inttypes.h>
#include <string.h>

#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/meaning.h"
#include "agent/times.h"

static void put_label(FILE *out, const char *label)
{
    fprintf(out, "    %-11s ", label);
}

/* Of a candidate. */
static void put_inner_label(FILE *out, const char *label)
{
    fprintf(out, "      %-9s ", label);
}

/* Bytes that strangers wrote. */
static void put(FILE *out, struct slice bytes, const char *otherwise)
{
    size_t shown = bytes.len ? escape_cut(bytes.data, bytes.len, EXPLAIN_NAME_MAX) : 0;

    if (bytes.len == 0) {
        fputs(otherwise, out);
        return;
    }
    escape_write(out, bytes.data, shown);
    if (shown < bytes.len) {
        fprintf(out, "... and %zu bytes more", bytes.len - shown);
    }
}

static void put_line(FILE *out, const char *label, struct slice bytes, const char *otherwise)
{
    put_label(out, label);
    put(out, bytes, otherwise);
    fputc('\n', out);
}

static void put_failure(FILE *out, const struct login_failure *failure)
{
    fprintf(out, "%s%s", failure->password_right ? FINDING_PASSWORD_RIGHT : "", failure->meaning);
}

/* The error number the server ended the row with. */
static void put_code(FILE *out, const struct record *record)
{
    put_label(out, "code");
    fprintf(out, "%" PRId32 ": ", record->code);
    if (record->failure) {
        put_failure(out, record->failure);
    } else if (record->code != 0) {
        fputs("nothing particular is known about it; see the server's error reference", out);
    } else {
        fputs(record->candidates[0].operation == OPERATION_DISCONNECT
                  ? "no error, which at the end of a session says nothing of its beginning"
                  : "success",
              out);
    }
    fputc('\n', out);
}

/* For formats whose rows say it in words. */
static void put_outcome(FILE *out, const struct record *record)
{
    if (record->outcome == OUTCOME_UNKNOWN) {
        return;
    }
    put_label(out, "outcome");
    fputs(outcome_name(record->outcome), out);
    if (record->failure && !record->has_code) {
        fputs(": ", out);
        put_failure(out, record->failure);
    }
    fputc('\n', out);
}

static void put_encryption(FILE *out, const struct record *record)
{
    static const char *const words[] = {
        [ENCRYPTION_UNKNOWN] = NULL,
        [ENCRYPTION_NONE] = "none: names and data crossed the network in clear text",
        [ENCRYPTION_TLS] = "TLS",
        [ENCRYPTION_LOCAL] = "none needed: a socket of the database host itself",
    };

    if (words[record->encryption]) {
        put_label(out, "encryption");
        fputs(words[record->encryption], out);
        if (record->tls.len > 0) {
            fputs(", ", out);
            put(out, record->tls, "");
        }
        fputc('\n', out);
    }
}

static void put_format(FILE *out, const struct explanation *explanation)
{
    const struct record *record = &explanation->record;

    put_label(out, "format");
    fputs(record->time_form == RECORD_TIME_NONE && record->count == 0 ? "not recognized, read as "
                                                                      : "",
          out);
    fputs(format_name((unsigned)explanation->format), out);
    if (record->dialect) {
        fprintf(out, " (%s)", record->dialect);
    }
    fputc('\n', out);
}

static void put_time(FILE *out, const struct record *record)
{
    char text[TIME_TEXT_MAX];
    int64_t ms;

    put_label(out, "time");
    if (record->time_form == RECORD_TIME_NONE) {
        fputs("(the row does not begin with one)\n", out);
    } else if (!record_time_ms(record, 0, &ms)) {
        fputs("(no valid time)\n", out);
    } else {
        fprintf(out, "%s%s\n", time_format(ms, text),
                record->time_form == RECORD_TIME_SECONDS ? ", if the server's clock is on UTC"
                                                         : "");
    }
}

/* The fields of a row that reads as a connection. */
static void put_fields(FILE *out, const struct explanation *explanation)
{
    const struct record *record = &explanation->record;

    put_line(out, "user", explain_user(explanation), "(none)");
    put_line(out, "database", explain_database(explanation), "(none)");
    if (record->has_code) {
        put_code(out, record);
    }
    put_outcome(out, record);
    if (record->connection_type.len > 0) {
        put_line(out, "type", record->connection_type, "");
    }
    put_encryption(out, record);
}

/* ---- candidates ---- */

static void put_networks(FILE *out, const struct explanation *explanation,
                         const struct address *address)
{
    const struct networks *networks = explanation->config->networks;
    size_t count = networks_count(networks), inside = 0;

    put_inner_label(out, "network");
    for (size_t i = 0; i < count; i++) {
        if (networks_contains(networks, i, address)) {
            fprintf(out, "%s%s", inside++ ? ", " : "in ", networks_name(networks, i));
        }
    }
    for (size_t i = 0; i < count && inside == 0; i++) {
        fprintf(out, "%s%s", i ? ", " : "in none of: ", networks_name(networks, i));
    }
    fputs(count == 0 ? "none is given, so whether this is inside cannot be told: give --network "
                       "CIDR\n"
                     : "\n",
          out);
}

/* The verdict of each rule that has networks; once if they agree. */
static void put_verdicts(FILE *out, const struct explanation *explanation, size_t candidate)
{
    const struct config *config = explanation->config;
    enum verdict first = VERDICT_UNKNOWN, verdict;
    size_t count = 0;
    bool agree = true;

    for (size_t i = 0; i < config->rule_count; i++) {
        if (explain_verdict(explanation, i, candidate, &verdict)) {
            first = count++ == 0 ? verdict : first;
            agree = agree && verdict == first;
        }
    }
    for (size_t i = 0; i < config->rule_count && count > 0; i++) {
        if (explain_verdict(explanation, i, candidate, &verdict)) {
            put_inner_label(out, "verdict");
            fputs(verdict_name(verdict), out);
            if (!agree) {
                fprintf(out, " to rule %s", config->rules[i].name);
            }
            fprintf(out, ": %s\n", meaning_of_verdict(verdict));
            count = agree ? 0 : count;
        }
    }
}

static void put_candidate(FILE *out, const struct explanation *explanation, size_t index)
{
    const struct record *record = &explanation->record;
    const struct candidate *candidate = &record->candidates[index];
    struct host host = host_read(candidate->host);
    int32_t port = index == 0 && record->port >= 0 ? record->port : host.port;
    char label[32], text[ADDRESS_TEXT_MAX];
    struct address address;

    (void)snprintf(label, sizeof label, "client %zu", index + 1);
    put_line(out, record->count > 1 ? label : "client", candidate->host, "(empty)");
    put_inner_label(out, "operation");
    fprintf(out, "%s%s\n", operation_name(candidate->operation),
            candidate->counts ? "" : ": begins no connection, so no rule judges it");
    put_inner_label(out, "id");
    if (candidate->connection_id == RECORD_NO_ID) {
        fputs("(none in rows of this kind)\n", out);
    } else {
        fprintf(out, "%" PRId64 "\n", candidate->connection_id);
    }
    put_inner_label(out, "host is");
    fputs(explain_host_meaning(&host, record), out);
    if (explain_address(&host, record, &address)) {
        address_format(&address, text);
        fprintf(out, ": %s", text);
    }
    if (port >= 0) {
        fprintf(out, ", port %" PRId32, port);
    }
    fputs(explain_from_above(explanation, index) ? ", known from rows above" : "", out);
    fputc('\n', out);
    if (explain_address(&host, record, &address)) {
        put_networks(out, explanation, &address);
    }
    put_verdicts(out, explanation, index);
}

static void put_candidates(FILE *out, const struct explanation *explanation)
{
    const struct record *record = &explanation->record;

    if (record->count > 1) {
        put_label(out, "clients");
        fprintf(out, "%s%zu places in the row read as a connection%s\n",
                record->too_many ? "more than " : "", record->count,
                explanation->format == FORMAT_MYSQL
                    ? ", rightmost first; that one is the true one unless the client has a login "
                      "and a hostile name"
                    : "");
    }
    for (size_t i = 0; i < record->count; i++) {
        put_candidate(out, explanation, i);
    }
}

/* ---- what is odd ---- */

static void put_odd(FILE *out, const struct explanation *explanation)
{
    const struct record *record = &explanation->record;

    for (unsigned i = 0; i < MARKS_COUNT; i++) {
        if (explanation->marks & 1U << i) {
            put_label(out, "odd");
            fprintf(out, "%s: %s\n", mark_name(i), meaning_of_mark(i));
        }
    }
    if (record->disguised) {
        put_label(out, "odd");
        fputs("dressed: the row has the form of a statement, but an id in its text may be that of "
              "a new connection, dressed up by its names\n",
              out);
    }
    if (record->in_sql > 0) {
        put_label(out, "odd");
        fprintf(out,
                "in SQL: %zu places in the text of the statement read like connections, with ids "
                "that cannot be in use: not told\n",
                record->in_sql);
    }
    if (record->unterminated && (explanation->marks & MARK_FRAGMENT) == 0) {
        put_label(out, "odd");
        fputs("unterminated: the row does not end as rows do; its rest should come next\n", out);
    }
}

static void put_kind(FILE *out, const struct explanation *explanation)
{
    static const char *const words[KINDS_COUNT] = {
        [KIND_FRAGMENT] = "the row is torn; with a line end in a name a client can do so",
        [KIND_FORGERY] = "a client wrote rows of the log through a user or database name",
        [KIND_HOSTILE_NAME] = "the statement makes a name that can forge or hide rows",
    };
    const struct reading *reading = explanation->reading;

    if (words[reading->kind]) {
        put_label(out, "kind");
        fprintf(out, "%s: %s\n", finding_kind_name(reading->kind), words[reading->kind]);
    }
    if (reading->true_client.len > 0) {
        put_line(out, "true client", reading->true_client, "");
    }
}

/* ---- what becomes of rows above, and of this one ---- */

static void put_change_outcome(FILE *out, const struct change *change)
{
    if (change->outcome == OUTCOME_SUCCESS) {
        fputs(" It succeeded.", out);
    } else if (change->outcome == OUTCOME_FAILURE) {
        fputs(" It failed", out);
        if (change->failure) {
            fputs(": ", out);
            put_failure(out, change->failure);
        }
        fputc('.', out);
    }
    if (change->user.data) {
        fputs(" User: ", out);
        put(out, change->user, "(none)");
        fputc('.', out);
    }
    if (change->database.data) {
        fputs(" Database: ", out);
        put(out, change->database, "(none)");
        fputc('.', out);
    }
    if (change->encryption == ENCRYPTION_TLS) {
        fputs(" Encryption: TLS, ", out);
        put(out, change->tls, "version not told");
        fputc('.', out);
    } else if (change->encryption == ENCRYPTION_NONE) {
        fputs(" It was in clear text.", out);
    }
}

static void put_change(FILE *out, const struct change *change)
{
    char label[32];

    (void)snprintf(label, sizeof label, "row %" PRId64, change->finding);
    put_label(out, label);
    fputs("(above)", out);
    if (change->withdrawn) {
        fputs(" Its rest has come, so it is no fragment.", out);
    }
    for (unsigned i = 0; i < MARKS_COUNT; i++) {
        if (change->marks & 1U << i) {
            fprintf(out, " It is marked %s now.", mark_name(i));
        }
    }
    if (change->true_client.len > 0) {
        fputs(" Its true client is ", out);
        put(out, change->true_client, "");
        fputc('.', out);
    }
    put_change_outcome(out, change);
    fputc('\n', out);
}

static void put_hit(FILE *out, const struct explanation *explanation, const struct hit *hit)
{
    const struct config_rule *rule = &explanation->config->rules[hit->rule];

    put_label(out, "result");
    fprintf(out, "finding of rule %s, severity %s: ", rule->name, severity_name(hit->severity));
    explain_because(out, explanation, hit);
    fputc('\n', out);
    if (rule->except_count > 0) {
        put_label(out, "");
        fputs("the rule has exceptions: where one holds, this is stored but not alerted\n", out);
    }
}

void explain_text_write(FILE *out, const struct explanation *explanation)
{
    const struct record *record = &explanation->record;
    char row[EXPLAIN_ROW_MAX];
    struct slice shown = explain_row(explanation, row);

    fprintf(out, "%srow %-11" PRId64 " ", explanation->number > 1 ? "\n" : "", explanation->number);
    if (shown.len > 0) {
        escape_write(out, shown.data, shown.len);
        fputc('\n', out);
        put_format(out, explanation);
        put_time(out, record);
    } else {
        fputs("(empty)\n", out);
    }
    if (record->time_form != RECORD_TIME_NONE && record->server.len > 0) {
        put_line(out, "server", record->server, "");
    }
    if (record->count > 0) {
        put_fields(out, explanation);
        put_candidates(out, explanation);
    }
    put_odd(out, explanation);
    put_kind(out, explanation);
    for (size_t i = 0; i < explanation->reading->change_count; i++) {
        put_change(out, &explanation->reading->changes[i]);
    }
    for (size_t i = 0; i < explanation->hit_count; i++) {
        put_hit(out, explanation, &explanation->hits[i]);
    }
    if (explanation->hit_count == 0) {
        put_label(out, "result");
        fprintf(out, "no finding: %s\n", explain_no_finding(explanation));
    }
}
