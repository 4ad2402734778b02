/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts in words. */
#include "agent/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/memory.h"
#include "agent/ocsf.h"
#include "agent/times.h"
#include "filters/login_error.h"

#define ROW_SHOWN_MAX 4096 /* bytes of a row in a body */

/* How sure the reading is, and what to think of it. */
static const struct meaning_of_word {
    const char *word, *text;
} marks[] = {
    { "derived", "the address was decoded from the name the VPC's resolver gives instances" },
    { "ambiguous", "the row reads as more than one connection: a name in it may imitate a row; all candidates are in the finding" },
    { "tainted", "the row has no beginning of its own: the client seen next on this stream may have forged it" },
    { "repeated", "the same row came twice with different event ids" },
    { "fragment", "the row does not end as it should: something is cut off, or a name imitates an end" },
    { "undecided", "the row was too unusual to be judged within the limits, so it is told" },
    { "late", "the row became readable only after its time had been read" },
}, verdicts[] = {
    { "outside", "the address is in none of the networks the rule names" },
    { "unresolved", "the server logged a name, not an address; whoever owns a reverse zone chooses such names, so it counts as outside. "
                    "Set skip_name_resolve=1 on the database to get addresses" },
    { "unknown", "the row does not say where the client is, or there are no networks to judge by" },
    { "inside", "the address is inside the networks" },
    { "local", "the client is on the database host itself" },
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

static bool is(struct store_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data ? bytes.data : "", text, bytes.len) == 0;
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

static void put_line(FILE *out, const char *label, struct store_bytes bytes, const char *otherwise)
{
    fprintf(out, "  %-10s ", label);
    put(out, bytes, otherwise);
    fputc('\n', out);
}

#define OUTSIDE_IS_REACHABLE                                                                       \
    "The database can be reached from outside. Even where no password was right, it should not "   \
    "be."
#define CREDENTIALS_ARE_OUT                                                                        \
    "Somebody outside holds working credentials and can reach the database. If you do not know "   \
    "this client, close the path (security group, public access) and change the account's "        \
    "password."

/* What is said of a connection: the first line that fits.  NULL fits anything. */
static const struct telling {
    const char *mark, *verdict, *outcome;
    const char *headline, *why;
} tellings[] = {
    { "ambiguous", NULL, NULL, "A row reads as more than one connection",
      "Names in this row imitate other rows. Nobody has such names by accident: treat it as an "
      "attack, and look at all rows around it." },
    { "tainted", NULL, NULL, "A row may have been forged",
      "It has no beginning of its own, as when a client puts line breaks into a name to forge "
      "rows. "
      "Look at the client seen next on this stream." },
    { "undecided", NULL, NULL, "A row could not be judged within the limits",
      "What is too unusual to be judged is told, because a detector must not go blind." },
    { NULL, "outside", "success", "A connection from outside SUCCEEDED", CREDENTIALS_ARE_OUT },
    { NULL, "outside", "failure", "A connection attempt from outside failed",
      OUTSIDE_IS_REACHABLE },
    { NULL, "outside", NULL, "A connection from outside, its outcome not readable",
      OUTSIDE_IS_REACHABLE },
    { NULL, "unresolved", "success", "A connection from an unknown name SUCCEEDED",
      CREDENTIALS_ARE_OUT },
    { NULL, "unresolved", NULL, "A connection attempt from an unknown name", OUTSIDE_IS_REACHABLE },
    { NULL, "unknown", NULL, "A connection whose client cannot be placed",
      "What cannot be placed is told: the server wrote no client, or there are no networks to "
      "judge "
      "it by." },
    { NULL, NULL, NULL, "A connection matched the filter", "The rule's filter matched this row." },
};

static const struct telling *telling_of(const struct finding *finding)
{
    const struct telling *telling = tellings;

    while ((telling->mark && !finding_has_mark(finding, telling->mark)) ||
           (telling->verdict && !is(finding->verdict, telling->verdict)) ||
           (telling->outcome && !is(finding->outcome, telling->outcome))) {
        telling++;
    }
    return telling;
}

static const char *headline(const struct finding *finding)
{
    return finding->operation.len ? telling_of(finding)->headline : "A row matched the filter";
}

static const char *why_it_matters(const struct finding *finding)
{
    const struct login_error *known = login_error_find(finding->code);

    if (!finding->operation.len) {
        return "The rule's filter matched this row.";
    }
    if (known && known->password_right) {
        return "The login failed only after the password had been accepted: this client holds "
               "working credentials.";
    }
    return telling_of(finding)->why;
}

static void put_outcome(FILE *out, const struct finding *finding)
{
    const struct login_error *known = login_error_find(finding->code);

    fprintf(out, "  %-10s %.*s", "outcome", (int)finding->outcome.len, finding->outcome.data);
    if (finding->code != FINDING_NONE && finding->code != 0) {
        fprintf(out, " (%" PRId64 "): %s%s", finding->code,
                known && known->password_right ? "the password was RIGHT, but " : "",
                known ? known->meaning : "see the server's error reference");
    }
    fputc('\n', out);
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
    fprintf(out, "  %-10s %s\n", "",
            meaning_of(verdicts, sizeof verdicts / sizeof *verdicts, finding->verdict));
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (finding_has_mark(finding, marks[i].word)) {
            fprintf(out, "  %-10s %s: %s\n", "marked", marks[i].word, marks[i].text);
        }
    }
}

/* All that is known of one finding. */
static void put_finding(FILE *out, const struct finding *finding)
{
    if (finding->operation.len) {
        put_line(out, "who", finding->user, "(no user name: the handshake did not get that far)");
        put_line(out, "from", finding->host, "(the server wrote no host)");
        if (finding->address.len &&
            !(finding->address.len == finding->host.len &&
              memcmp(finding->address.data, finding->host.data, finding->host.len) == 0)) {
            put_line(out, "address", finding->address, "");
        }
        put_line(out, "to", finding->database, "(no database named)");
        put_line(out, "server", finding->server, "(not readable in the row)");
        fprintf(out, "  %-10s %.*s, connection %" PRId64 "\n", "what", (int)finding->operation.len,
                finding->operation.data, finding->connection_id);
        put_outcome(out, finding);
    }
    put_time(out, "row time", finding->time);
    put_time(out, "event time", finding->event_time);
    put_time(out, "ingested", finding->ingestion_time);
    put_certainty(out, finding);
    put_line(out, "severity", finding->severity, "");
    put_line(out, "rule", finding->rule, "");
    put_line(out, "log group", finding->log_group, "");
    if (finding->account.len) {
        fprintf(out, "  %-10s %.*s, %.*s\n", "account", (int)finding->account.len,
                finding->account.data, (int)finding->region.len, finding->region.data);
    }
    fputs("\nThe row\n  ", out);
    put(out, finding->message, "(empty)");
    fputc('\n', out);
    if (finding->region.len && finding->account.len) {
        put_console_link(out, finding);
    }
}

static void first_body(FILE *out, const struct finding *finding)
{
    char id[FINGERPRINT_TEXT_MAX];

    fingerprint_text(finding->fingerprint, id);
    fprintf(out, "%s\n\n", headline(finding));
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
        finding_write(out, &finding, true, false);
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

static void make_subject(const struct alert *alert, const struct finding *finding,
                         struct message *message)
{
    const size_t size = sizeof message->subject;
    char *out = message->subject;
    struct store_bytes user = finding->user;

    if (user.len == 0) {
        user = (struct store_bytes){ "(no user)", strlen("(no user)") };
    }
    if (alert->form == ALERT_DIGEST) {
        snprintf(out, size, "tailgate %s: %" PRId64 " more from %.*s, %.*s", message->severity,
                 alert->count, part_len(finding->host, 40), part(finding->host),
                 part_len(finding->log_group, size), part(finding->log_group));
    } else if (alert->form != ALERT_FIRST) {
        snprintf(out, size, "tailgate %s: %" PRId64 " findings, the first from %.*s, %.*s",
                 message->severity, alert->count, part_len(finding->host, 40), part(finding->host),
                 part_len(finding->log_group, size), part(finding->log_group));
    } else if (finding->operation.len) {
        snprintf(out, size, "tailgate %s: %s %.*s from %.*s, %.*s", message->severity,
                 is(finding->outcome, "success") ? "login" : "attempt", part_len(user, 24),
                 part(user), part_len(finding->host, 40), part(finding->host),
                 part_len(finding->log_group, size), part(finding->log_group));
    } else {
        snprintf(out, size, "tailgate %s: rule %.*s matched, %.*s", message->severity,
                 part_len(finding->rule, 40), part(finding->rule),
                 part_len(finding->log_group, size), part(finding->log_group));
    }
    clean_subject(out);
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
    } else if (alert->form == ALERT_FIRST) {
        first_body(body, &finding);
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
