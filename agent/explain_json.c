/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations for programs. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "agent/escape.h"
#include "agent/explain.h"
#include "agent/finding_output.h"

static void add(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

static struct json_object *text(struct slice bytes)
{
    return bytes.data ? json_object_new_string_len(bytes.data, (int)bytes.len) : NULL;
}

/* A text that is absent when it is empty. */
static struct json_object *filled(struct slice bytes)
{
    return bytes.len > 0 ? text(bytes) : NULL;
}

static struct json_object *word(const char *static_words)
{
    return static_words ? json_object_new_string(static_words) : NULL;
}

static struct json_object *marks_json(unsigned marks)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < MARKS_COUNT; i++) {
        if (marks & 1U << i) {
            json_object_array_add(list, word(mark_name(i)));
        }
    }
    return list;
}

static struct json_object *reason_json(const struct login_failure *failure)
{
    char *words = NULL;
    size_t len;
    FILE *stream = failure ? open_memstream(&words, &len) : NULL;

    if (!stream) {
        return NULL;
    }
    fprintf(stream, "%s%s", failure->password_right ? FINDING_PASSWORD_RIGHT : "",
            failure->meaning);
    struct json_object *result = fclose(stream) == 0 ? word(words) : NULL;
    free(words);
    return result;
}

static const char *encryption_word(enum record_encryption encryption)
{
    static const char *const words[] = { NULL, "none", "tls", "local" };

    return words[encryption];
}

static struct json_object *networks_json(const struct networks *networks,
                                         const struct address *address)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < networks_count(networks); i++) {
        if (networks_contains(networks, i, address)) {
            json_object_array_add(list, word(networks_name(networks, i)));
        }
    }
    return list;
}

static struct json_object *verdicts_json(const struct explanation *explanation, size_t candidate)
{
    struct json_object *object = json_object_new_object();
    enum verdict verdict;

    for (size_t i = 0; i < explanation->config->rule_count; i++) {
        if (explain_verdict(explanation, i, candidate, &verdict)) {
            add(object, explanation->config->rules[i].name, word(verdict_name(verdict)));
        }
    }
    return object;
}

static struct json_object *candidate_json(const struct explanation *explanation, size_t index)
{
    const struct record *record = &explanation->record;
    const struct candidate *candidate = &record->candidates[index];
    struct host host = host_read(candidate->host);
    int32_t port = index == 0 && record->port >= 0 ? record->port : host.port;
    struct json_object *object = json_object_new_object();
    char address_text[ADDRESS_TEXT_MAX];
    struct address address;
    bool has_address = explain_address(&host, record, &address);

    if (has_address) {
        address_format(&address, address_text);
    }
    add(object, "operation", word(operation_name(candidate->operation)));
    add(object, "host", text(candidate->host));
    add(object, "host_kind", word(record->names_only ? "name" : explain_host_word(host.kind)));
    add(object, "address", has_address ? word(address_text) : NULL);
    add(object, "port", port >= 0 ? json_object_new_int(port) : NULL);
    add(object, "connection_id",
        candidate->connection_id == RECORD_NO_ID ? NULL
                                                 : json_object_new_int64(candidate->connection_id));
    add(object, "counts", json_object_new_boolean(candidate->counts));
    add(object, "networks",
        has_address ? networks_json(explanation->config->networks, &address) : NULL);
    add(object, "verdicts", verdicts_json(explanation, index));
    return object;
}

static struct json_object *change_json(const struct change *change)
{
    struct json_object *object = json_object_new_object();

    add(object, "row", json_object_new_int64(change->finding));
    add(object, "withdrawn", json_object_new_boolean(change->withdrawn));
    add(object, "marks", marks_json(change->marks));
    add(object, "true_client", filled(change->true_client));
    add(object, "outcome",
        change->outcome == OUTCOME_UNKNOWN ? NULL : word(outcome_name(change->outcome)));
    add(object, "reason", reason_json(change->failure));
    add(object, "user", text(change->user));
    add(object, "database", text(change->database));
    add(object, "encryption", word(encryption_word(change->encryption)));
    add(object, "tls_version", filled(change->tls));
    return object;
}

static struct json_object *because_json(const struct explanation *explanation,
                                        const struct hit *hit)
{
    char *words = NULL;
    size_t len;
    FILE *stream = open_memstream(&words, &len);

    if (!stream) {
        return NULL;
    }
    explain_because(stream, explanation, hit);
    struct json_object *result = fclose(stream) == 0 ? word(words) : NULL;
    free(words);
    return result;
}

static struct json_object *hit_json(const struct explanation *explanation, const struct hit *hit)
{
    const struct config_rule *rule = &explanation->config->rules[hit->rule];
    struct json_object *object = json_object_new_object();
    bool of_client = hit->record->count > 0;

    add(object, "rule", word(rule->name));
    add(object, "kind", word(finding_kind_name(hit->kind)));
    add(object, "severity", word(severity_name(hit->severity)));
    add(object, "verdict", word(verdict_name(hit->verdict)));
    add(object, "outcome", word(outcome_name(hit->outcome)));
    add(object, "host", of_client ? text(hit->record->candidates[hit->candidate].host) : NULL);
    add(object, "marks", marks_json(hit->marks));
    add(object, "because", because_json(explanation, hit));
    add(object, "exceptions", json_object_new_int64((int64_t)rule->except_count));
    return object;
}

static void add_record(struct json_object *object, const struct explanation *explanation)
{
    const struct record *record = &explanation->record;
    bool of_client = record->count > 0;
    int64_t ms;

    add(object, "time", finding_json_time(record_time_ms(record, 0, &ms) ? ms : FINDING_NONE));
    add(object, "server", record->time_form != RECORD_TIME_NONE ? text(record->server) : NULL);
    add(object, "user", of_client ? text(explain_user(explanation)) : NULL);
    add(object, "database", of_client ? text(explain_database(explanation)) : NULL);
    add(object, "code", of_client && record->has_code ? json_object_new_int(record->code) : NULL);
    add(object, "reason", of_client ? reason_json(record->failure) : NULL);
    add(object, "connection_type", of_client ? filled(record->connection_type) : NULL);
    add(object, "encryption", of_client ? word(encryption_word(record->encryption)) : NULL);
    add(object, "tls_version", of_client ? filled(record->tls) : NULL);
    add(object, "in_sql", json_object_new_int64((int64_t)record->in_sql));
}

void explain_json_write(FILE *out, const struct explanation *explanation)
{
    const struct reading *reading = explanation->reading;
    struct json_object *object = json_object_new_object();
    struct json_object *candidates = json_object_new_array();
    struct json_object *changes = json_object_new_array(), *findings = json_object_new_array();
    char row[EXPLAIN_ROW_MAX];

    for (size_t i = 0; i < explanation->record.count; i++) {
        json_object_array_add(candidates, candidate_json(explanation, i));
    }
    for (size_t i = 0; i < reading->change_count; i++) {
        json_object_array_add(changes, change_json(&reading->changes[i]));
    }
    for (size_t i = 0; i < explanation->hit_count; i++) {
        json_object_array_add(findings, hit_json(explanation, &explanation->hits[i]));
    }
    add(object, "type", word("explanation"));
    add(object, "row", json_object_new_int64(explanation->number));
    add(object, "format", word(format_name((unsigned)explanation->format)));
    add(object, "dialect", word(explanation->record.dialect));
    add_record(object, explanation);
    add(object, "candidates", candidates);
    add(object, "marks", marks_json(explanation->marks));
    add(object, "kind",
        explanation->record.count > 0 || reading->kind != KIND_CONNECTION
            ? word(finding_kind_name(reading->kind))
            : NULL);
    add(object, "true_client", filled(reading->true_client));
    add(object, "changes", changes);
    add(object, "findings", findings);
    add(object, "no_finding",
        explanation->hit_count == 0 ? word(explain_no_finding(explanation)) : NULL);
    add(object, "message", text(explain_row(explanation, row)));
    escape_write_json(out, object);
    fputc('\n', out);
    json_object_put(object);
}
