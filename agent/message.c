/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts in words. */
#include "agent/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/meaning.h"
#include "agent/memory.h"
#include "agent/notice.h"
#include "agent/ocsf.h"
#include "agent/times.h"
#include "filters/failure.h"
#include "filters/reading.h"
#include "filters/record.h"

#define ROW_SHOWN_MAX 4096 /* bytes of a row in a body */

struct meaning_of_word {
    const char *word, *text;
};

static const char *meaning_of(const struct meaning_of_word *list, size_t count,
                              struct store_bytes word)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i].word) == word.len && memcmp(list[i].word, word.data, word.len) == 0) {
            return list[i].text;
        }
    }
    return "";
}

static void put(FILE *out, struct store_bytes bytes, const char *otherwise)
{
    if (bytes.len) {
        escape_write(out, bytes.data,
                     bytes.len < ROW_SHOWN_MAX ? bytes.len
                                               : escape_cut(bytes.data, bytes.len, ROW_SHOWN_MAX));
    } else {
        fputs(otherwise, out);
    }
}

static void put_line_start(FILE *out, const char *label)
{
    fprintf(out, "  %-10s ", label);
}

static void put_line(FILE *out, const char *label, struct store_bytes bytes, const char *otherwise)
{
    put_line_start(out, label);
    put(out, bytes, otherwise);
    fputc('\n', out);
}

static void put_text(FILE *out, const char *label, const char *text)
{
    put_line_start(out, label);
    fprintf(out, "%s\n", text);
}

#define OUTSIDE_IS_REACHABLE                                                                       \
    "The database can be reached from outside. Even where no password was right, it should not "   \
    "be."
#define CREDENTIALS_ARE_OUT                                                                        \
    "Somebody outside holds working credentials and can reach the database. If you do not know "   \
    "this client, close the path (security group, public access) and change the account's "        \
    "password."

#define LOOK_AROUND                                                                                \
    "Look at all rows around it, and at the client seen next on this stream: a name with line "    \
    "breaks in it leaves such rows behind, and nobody has one by accident."

/* What is said of a finding: the first line that fits.  NULL fits anything. */
static const struct telling {
    const char *kind, *mark, *verdict, *outcome;
    const char *headline, *why;
} tellings[] = {
    { "forgery", NULL, NULL, NULL, "A client forged rows of the log",
      "It put whole rows into a user or database name, which the server writes as they come. "
      "Nobody does so by accident: treat it as an attack by that client, and do not take the rows "
      "around it for true." },
    { "hostile-name", NULL, NULL, NULL, "A name was made that can forge or hide rows of the log",
      "A database or an account now has a name that holds a part of a row. Whoever uses it can "
      "dress a connection as something else. Find out who made it, and drop it." },
    { "fragment", NULL, NULL, NULL, "A row was torn, and its rest never came",
      "The client it tells of stood in the part that is missing. " LOOK_AROUND },
    { "pattern", NULL, NULL, NULL, "A row matched the filter",
      "The rule's filter matched this row." },
    { NULL, "forged", NULL, NULL, "A row was forged",
      "Another client wrote it through a user or database name: treat it as an attack by that "
      "client, and what the row says as its invention." },
    { NULL, "ambiguous", NULL, NULL, "A row reads as more than one connection",
      "Names in this row imitate other rows. Nobody has such names by accident: treat it as an "
      "attack, and look at all rows around it." },
    { NULL, "tainted", NULL, NULL, "A row may have been forged",
      "It has no beginning of its own, as when a client puts line breaks into a name to forge "
      "rows. "
      "Look at the client seen next on this stream." },
    { NULL, "undecided", NULL, NULL, "A row could not be judged within the limits",
      "What is too unusual to be judged is told, because a detector must not go blind." },
    { NULL, NULL, "outside", "success", "A connection from outside SUCCEEDED",
      CREDENTIALS_ARE_OUT },
    { NULL, NULL, "outside", "failure", "A connection attempt from outside failed",
      OUTSIDE_IS_REACHABLE },
    { NULL, "fragment", "outside", NULL, "A connection from outside, its outcome not readable",
      OUTSIDE_IS_REACHABLE },
    { NULL, NULL, "outside", NULL,
      "A connection attempt from outside, its outcome not in the log yet", OUTSIDE_IS_REACHABLE },
    { NULL, NULL, "unresolved", "success", "A connection from an unknown name SUCCEEDED",
      CREDENTIALS_ARE_OUT },
    { NULL, NULL, "unresolved", NULL, "A connection attempt from an unknown name",
      OUTSIDE_IS_REACHABLE },
    { NULL, NULL, "unknown", NULL, "A connection whose client cannot be placed",
      "What cannot be placed is told: the server wrote no client, or there are no networks to "
      "judge "
      "it by." },
    { NULL, NULL, NULL, NULL, "A connection matched the filter",
      "The rule's filter matched this row." },
};

static const struct telling *telling_of(const struct finding *finding)
{
    const struct telling *telling = tellings;
    struct store_bytes kind = finding_kind_word(finding);

    while ((telling->kind && !finding_word_is(kind, telling->kind)) ||
           (telling->mark && !finding_has_mark(finding, telling->mark)) ||
           (telling->verdict && !finding_word_is(finding->verdict, telling->verdict)) ||
           (telling->outcome && !finding_word_is(finding->outcome, telling->outcome))) {
        telling++;
    }
    return telling;
}

/* Why an attempt failed: what was kept with the finding, or else what its code means, and whether
 * the password had been accepted before.  Empty when nothing is known. */
static struct store_bytes failure_of(const struct finding *finding, bool *password_right)
{
    const struct login_failure *known = login_failure_find(finding->code);
    struct store_bytes reason = finding->reason;
    size_t skip = strlen(FINDING_PASSWORD_RIGHT);

    *password_right = known && known->password_right;
    if (!reason.len && known) {
        reason = (struct store_bytes){ known->meaning, strlen(known->meaning) };
    }
    if (reason.len >= skip && memcmp(reason.data, FINDING_PASSWORD_RIGHT, skip) == 0) {
        *password_right = true;
        reason.data += skip;
        reason.len -= skip;
    }
    return reason;
}

/* Whether the row is one of a connection by what it says itself. */
static bool is_attempt(const struct finding *finding)
{
    return finding_word_is(finding_kind_word(finding), "connection") &&
           !finding_has_mark(finding, "forged");
}

static const char *why_it_matters(const struct finding *finding)
{
    bool password_right;

    (void)failure_of(finding, &password_right);
    if (password_right && is_attempt(finding)) {
        return "The login failed only after the password had been accepted: this client holds "
               "working credentials.";
    }
    return telling_of(finding)->why;
}

static void put_outcome(FILE *out, const struct finding *finding)
{
    bool has_code = finding->code != FINDING_NONE && finding->code != 0, password_right;
    struct store_bytes reason = failure_of(finding, &password_right);

    put_line_start(out, "outcome");
    put(out, finding->outcome, "unknown");
    if (has_code) {
        fprintf(out, " (%" PRId64 ")", finding->code);
    }
    if (has_code || reason.len) {
        fprintf(out, ": %s", password_right ? FINDING_PASSWORD_RIGHT : "");
        put(out, reason, "see the server's error reference");
    } else if (finding_word_is(finding->outcome, outcome_name(OUTCOME_UNKNOWN))) {
        fputs(finding_has_mark(finding, "fragment") ? ": not readable in the row"
                                                    : ": not in the log yet",
              out);
    }
    fputc('\n', out);
}

/* Only where the log says it. */
static void put_encryption(FILE *out, const struct finding *finding)
{
    if (finding_word_is(finding->tls, "no")) {
        put_text(out, "encryption", "none: names and data crossed the network in clear text");
    } else if (finding_word_is(finding->tls, "yes")) {
        put_text(out, "encryption", "TLS");
    } else if (finding->tls.len) {
        put_line(out, "encryption", finding->tls, "");
    }
}

static void put_time(FILE *out, const char *label, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    if (ms != FINDING_NONE) {
        fprintf(out, "  %-10s %s\n", label, time_format(ms, text));
    }
}

/* CloudWatch's console wants its path segments percent-encoded, and the percent signs as "$25"
 * within the fragment. */
static void put_console_segment(FILE *out, struct store_bytes text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c && strchr(plain, c)) {
            fputc(c, out);
        } else {
            fprintf(out, "$25%02X", (unsigned char)c);
        }
    }
}

static void put_console_link(FILE *out, const struct finding *finding)
{
    if (!finding->region.len || !finding->account.len) {
        return;
    }
    const char *domain = strncmp(finding->region.data, "cn-", 3) == 0 ? "console.amazonaws.cn"
                         : strncmp(finding->region.data, "us-gov-", 7) == 0
                             ? "console.amazonaws-us-gov.com"
                             : "console.aws.amazon.com";
    int region_len = (int)finding->region.len;

    fprintf(out,
            "\nIn the console\n  "
            "https://%.*s.%s/cloudwatch/home?region=%.*s#logsV2:log-groups/log-group/",
            region_len, finding->region.data, domain, region_len, finding->region.data);
    put_console_segment(out, finding->log_group);
    fputs("/log-events", out);
    if (finding->log_stream.len) {
        fputc('/', out);
        put_console_segment(out, finding->log_stream);
    }
    fprintf(out, "$3Fstart$3D%" PRId64 "$26end$3D%" PRId64 "\n", finding->event_time - 60000,
            finding->event_time + 60000);
}

static void put_certainty(FILE *out, const struct finding *finding)
{
    put_line(out, "verdict", finding->verdict, "");
    for (unsigned i = 0; verdict_name((enum verdict)i); i++) {
        if (finding_word_is(finding->verdict, verdict_name((enum verdict)i))) {
            fprintf(out, "  %-10s %s\n", "", meaning_of_verdict((enum verdict)i));
        }
    }
    for (unsigned i = 0; i < MARKS_COUNT; i++) {
        if (1U << i != MARK_FORGED && finding_has_mark(finding, mark_name(i))) {
            fprintf(out, "  %-10s %s: %s\n", "marked", mark_name(i), meaning_of_mark(i));
        }
    }
    if (finding_has_mark(finding, "forged")) {
        fprintf(out, "  %-10s forged: this row was written by ", "marked");
        put(out, finding->true_client, "another client");
        fputs(" through a user or database name: it proves nothing about the host it names\n", out);
    }
}

/* A session that was open changes its user: the server writes less of it than of a new one. */
static bool is_user_change(const struct finding *finding)
{
    return finding_word_is(finding->operation, operation_name(OPERATION_CHANGEUSER));
}

static void put_operation(FILE *out, const struct finding *finding)
{
    put_line_start(out, "what");
    put(out, finding->operation, "");
    if (is_user_change(finding)) {
        fputs(" (an open session changed its user)", out);
    }
    if (finding->connection_id != FINDING_NONE) {
        fprintf(out, ", connection %" PRId64, finding->connection_id);
    }
    fputc('\n', out);
}

/* Why there is no user name. */
static const char *no_user(const struct finding *finding)
{
    if (is_user_change(finding)) {
        return "(the server does not write the new user)";
    }
    return finding_word_is(finding->outcome, outcome_name(OUTCOME_UNKNOWN))
               ? "(no user name so far)"
               : "(no user name: the handshake did not get that far)";
}

static void put_connection(FILE *out, const struct finding *finding)
{
    put_line(out, "who", finding->user, no_user(finding));
    put_line(out, "from", finding->host, "(the server wrote no host)");
    if (finding->address.len &&
        !(finding->address.len == finding->host.len &&
          memcmp(finding->address.data, finding->host.data, finding->host.len) == 0)) {
        put_line(out, "address", finding->address, "");
    }
    put_line(out, "to", finding->database, "(no database named)");
    put_line(out, "server", finding->server, "(not in the row)");
    put_operation(out, finding);
    put_outcome(out, finding);
    put_encryption(out, finding);
}

static void put_account(FILE *out, const struct finding *finding)
{
    if (finding->account.len) {
        fprintf(out, "  %-10s %.*s, %.*s\n", "account", (int)finding->account.len,
                finding->account.data, (int)finding->region.len, finding->region.data);
    }
}

/* All that is known of one finding. */
static void put_finding(FILE *out, const struct finding *finding)
{
    if (finding->true_client.len) {
        put_line(out, "written by", finding->true_client, "");
    }
    if (finding->operation.len) {
        put_connection(out, finding);
    }
    put_time(out, "row time", finding->time);
    put_time(out, "event time", finding->event_time);
    put_time(out, "ingested", finding->ingestion_time);
    put_certainty(out, finding);
    put_line(out, "severity", finding->severity, "");
    put_line(out, "rule", finding->rule, "");
    put_line(out, "log group", finding->log_group, "");
    put_account(out, finding);
    fputs("\nThe row\n  ", out);
    put(out, finding->message, "(empty)");
    fputc('\n', out);
    put_console_link(out, finding);
}

/* Tells a notice: there is no row, and nothing of its kind is folded. */
static void notice_body(FILE *out, const struct finding *finding, const struct notice_words *words)
{
    struct finding group = *finding;
    char id[FINGERPRINT_TEXT_MAX];

    fingerprint_text(finding->fingerprint, id);
    fprintf(out, "%s\n\n  ", words->headline);
    put(out, finding->message, "");
    fputs("\n\n", out);
    if (finding->server.len) {
        put_line(out, "server", finding->server, "");
    }
    put_time(out, "time", finding->event_time);
    put_line(out, "severity", finding->severity, "");
    if (finding->log_group.len) {
        put_line(out, "log group", finding->log_group, "");
    }
    if (finding->log_stream.len) {
        put_line(out, "log stream", finding->log_stream, "");
    }
    put_account(out, finding);
    fprintf(out, "\nWhy it matters\n  %s\n\nfinding %s\n", words->why, id);
    group.log_stream.len = 0; /* it may stand for streams that rotate */
    put_console_link(out, &group);
}

/* Tells one finding. */
static void single_body(FILE *out, const struct alert *alert, const struct finding *finding)
{
    char id[FINGERPRINT_TEXT_MAX];

    fingerprint_text(finding->fingerprint, id);
    fprintf(out, "%s\n", telling_of(finding)->headline);
    if (alert->form == ALERT_CHANGED) {
        fputs("You were told of this before; what has become known of it since is news.\n", out);
    }
    fputc('\n', out);
    put_finding(out, finding);
    fprintf(out,
            "\nWhy it matters\n  %s\n\nFurther findings of this kind are counted and told in a "
            "digest.\nfinding %s\n",
            why_it_matters(finding), id);
}

static const char *const digest_titles[] = {
    [ALERT_DIGEST] = "more findings of a kind that was told before",
    [ALERT_SUMMARY] = "findings at once: told together, so that this channel stays readable",
    [ALERT_WINDOW] = "findings in a window of the past",
};

/* Tells several findings: the first of them one a line, and how many there are. */
static bool digest_body(FILE *out, struct store *store, const struct alert *alert,
                        struct store_error *error)
{
    struct findings_list *list = alerts_findings(store, alert, MESSAGE_LISTED_MAX, error);
    struct finding finding;
    int64_t listed = 0;
    int step = -1;

    fprintf(out, "%" PRId64 " %s\n\n", alert->count, digest_titles[alert->form]);
    while (list && (step = findings_next(list, &finding, error)) == 1) {
        finding_write(out, &finding, true, OUTPUT_TEXT);
        listed++;
    }
    findings_list_free(list);
    if (alert->count > listed) {
        fprintf(out, "... and %" PRId64 " more\n", alert->count - listed);
    }
    fputs("\nAll of them: tailgate findings\n", out);
    return step == 0;
}

/* Keeps what SNS takes in a subject: printable ASCII, beginning with something visible. */
static void clean_subject(char *subject)
{
    for (char *p = subject; *p; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }
}

/* Part of a subject: bytes, but not many. */
static int part_len(struct store_bytes bytes, size_t max)
{
    return (int)(bytes.len < max ? bytes.len : max);
}

static const char *part(struct store_bytes bytes)
{
    return bytes.data ? bytes.data : "";
}

/* The client to blame, as far as it is known. */
static struct store_bytes client_of(const struct finding *finding)
{
    static const struct store_bytes nobody = { "(no host)", sizeof "(no host)" - 1 };
    struct store_bytes client = finding->true_client.len ? finding->true_client : finding->host;

    return client.len ? client : nobody;
}

/* What a subject says of one finding that is no attempt, by its kind. */
static const struct meaning_of_word subjects[] = {
    { "forgery", "forged log rows" },
    { "fragment", "a torn log row" },
    { "hostile-name", "a hostile name was made" },
};

static void single_subject(const struct finding *finding, FILE *out)
{
    struct store_bytes client = client_of(finding), user = finding->user;
    const struct notice_words *notice = notice_words(finding);
    const char *other =
        notice ? notice->subject
               : meaning_of(subjects, sizeof subjects / sizeof *subjects, finding->kind);

    other = finding_has_mark(finding, "forged") ? "a forged log row" : other;
    if (user.len == 0) {
        user = (struct store_bytes){ "(no user)", strlen("(no user)") };
    }
    if (is_attempt(finding)) {
        fprintf(out, "%s %.*s from %.*s",
                is_user_change(finding)                        ? "change of user"
                : finding_word_is(finding->outcome, "success") ? "login"
                                                               : "attempt",
                part_len(user, 24), part(user), part_len(client, 40), part(client));
    } else if (*other) {
        fputs(other, out);
        if (finding->true_client.len) {
            fprintf(out, " by %.*s", part_len(client, 40), part(client));
        }
    } else {
        fprintf(out, "rule %.*s matched", part_len(finding->rule, 40), part(finding->rule));
    }
}

static void make_subject(const struct alert *alert, const struct finding *finding,
                         struct message *message)
{
    struct store_bytes client = client_of(finding);
    FILE *out = fmemopen(message->subject, sizeof message->subject, "w");

    if (!out) {
        snprintf(message->subject, sizeof message->subject, "tailgate %s", message->severity);
        return;
    }
    fprintf(out, "tailgate %s: ", message->severity);
    if (alert->form == ALERT_DIGEST) {
        fprintf(out, "%" PRId64 " more from %.*s", alert->count, part_len(client, 40),
                part(client));
    } else if (!alert_tells_one(alert)) {
        fprintf(out, "%" PRId64 " findings, the first from %.*s", alert->count,
                part_len(client, 40), part(client));
    } else {
        fputs(alert->form == ALERT_CHANGED ? "told before, now: " : "", out);
        single_subject(finding, out);
    }
    if (finding->log_group.len) {
        fprintf(out, ", %.*s", part_len(finding->log_group, sizeof message->subject),
                part(finding->log_group));
    }
    (void)fclose(out);
    message->subject[sizeof message->subject - 1] = '\0';
    clean_subject(message->subject);
}

/* Escaped, and short: an attribute is for filter policies. */
static void copy_word(char *out, size_t size, struct store_bytes bytes)
{
    FILE *stream = fmemopen(out, size, "w");

    *out = '\0';
    if (stream) {
        escape_write(stream, bytes.data ? bytes.data : "", bytes.len);
        (void)fclose(stream);
    }
    out[size - 1] = '\0';
}

static void fill_attributes(const struct alert *alert, const struct finding *finding,
                            struct message *out)
{
    copy_word(out->severity, sizeof out->severity, alert->severity);
    copy_word(out->verdict, sizeof out->verdict, finding->verdict);
    copy_word(out->rule, sizeof out->rule, finding->rule);
    copy_word(out->source, sizeof out->source, finding->log_group);
    fingerprint_text(finding->fingerprint, out->fingerprint);
}

bool message_make(struct store *store, const struct alert *alert, enum alert_format format,
                  struct message *out, struct store_error *error)
{
    struct finding finding;
    bool ok = findings_get(store, alert->finding, &finding, error);

    *out = (struct message){ 0 };
    if (!ok) {
        return false;
    }
    fill_attributes(alert, &finding, out);
    make_subject(alert, &finding, out);
    FILE *body = open_memstream(&out->body, &out->body_len);
    if (!body) {
        snprintf(error->text, sizeof error->text, "out of memory");
        return false;
    }
    if (format == ALERT_OCSF) {
        ok = ocsf_write(body, store, alert, &finding, error);
    } else if (alert_tells_one(alert) && notice_words(&finding)) {
        notice_body(body, &finding, notice_words(&finding));
    } else if (alert_tells_one(alert)) {
        single_body(body, alert, &finding);
    } else {
        ok = digest_body(body, store, alert, error);
    }
    if (fclose(body) != 0) {
        ok = false;
    }
    out->body_len = escape_cut(out->body ? out->body : "", out->body_len, MESSAGE_BODY_MAX);
    return ok;
}

void message_free(struct message *message)
{
    free(message->body);
    message->body = NULL;
}
