/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts for programs that speak OCSF. */
#include "agent/ocsf.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "agent/escape.h"
#include "agent/finding_output.h"
#include "agent/fingerprint.h"
#include "agent/notice.h"
#include "filters/host.h"
#include "filters/rule.h"

#define OCSF_VERSION       "1.3.0"
#define OCSF_CATEGORY      2 /* Findings */
#define OCSF_CLASS         2004
#define OCSF_CREATE        1
#define OCSF_UPDATE        2
#define OCSF_EVIDENCES_MAX 50
#define OCSF_BYTES_MAX     (200 * 1024) /* of evidences; the rest is counted */
#define OCSF_ROW_MAX       4096
#define SEVERITY_WORD_MAX  16

static int severity_id(struct store_bytes severity)
{
    char word[SEVERITY_WORD_MAX];
    enum severity parsed = SEVERITY_HIGH;

    (void)snprintf(word, sizeof word, "%.*s", (int)severity.len, severity.data);
    severity_parse(word, &parsed);
    return (int)parsed + 1; /* 2 low, 3 medium, 4 high, 5 critical */
}

static void add_text(struct json_object *object, const char *name, struct store_bytes bytes)
{
    if (bytes.len) {
        json_object_object_add(object, name, finding_json_text(bytes));
    }
}

/* The client that wrote a row which names another. */
static struct json_object *proved_endpoint(struct store_bytes client)
{
    struct json_object *source = json_object_new_object();
    struct host host = host_read((struct slice){ client.data, client.len });
    char address[ADDRESS_TEXT_MAX];

    if (host.kind == HOST_ADDRESS || host.kind == HOST_DERIVED) {
        address_format(&host.address, address);
        json_object_object_add(source, "ip", json_object_new_string(address));
    }
    add_text(source, "hostname", client);
    return source;
}

static struct json_object *named_endpoint(const struct finding *finding)
{
    struct json_object *source = json_object_new_object();

    add_text(source, "ip", finding->address);
    add_text(source, "hostname", finding->host);
    if (finding->port != FINDING_NONE) {
        json_object_object_add(source, "port", finding_json_number(finding->port));
    }
    return source;
}

/* Programs act on the address that stands as the source, so of a forged row it is the forger's;
 * what the row names stands in the data. */
static struct json_object *evidence(const struct finding *finding)
{
    struct json_object *item = json_object_new_object();
    struct json_object *source =
        finding->true_client.len ? proved_endpoint(finding->true_client) : named_endpoint(finding);
    struct json_object *actor = json_object_new_object();
    struct json_object *user = json_object_new_object();
    struct json_object *database = json_object_new_object();

    add_text(user, "name", finding->user);
    json_object_object_add(actor, "user", user);
    add_text(database, "name", finding->database);
    json_object_object_add(item, "src_endpoint", source);
    json_object_object_add(item, "actor", actor);
    json_object_object_add(item, "database", database);
    json_object_object_add(item, "data", finding_json(finding, true));
    return item;
}

static struct json_object *metadata(void)
{
    struct json_object *object = json_object_new_object();
    struct json_object *product = json_object_new_object();

    json_object_object_add(product, "name", json_object_new_string("tailgate"));
    json_object_object_add(product, "vendor_name", json_object_new_string("tailgate"));
    json_object_object_add(product, "version", json_object_new_string(PACKAGE_VERSION));
    json_object_object_add(object, "version", json_object_new_string(OCSF_VERSION));
    json_object_object_add(object, "product", product);
    return object;
}

static struct json_object *cloud(const struct finding *finding)
{
    struct json_object *object = json_object_new_object();
    struct json_object *account = json_object_new_object();

    add_text(account, "uid", finding->account);
    json_object_object_add(object, "provider", json_object_new_string("AWS"));
    add_text(object, "region", finding->region);
    json_object_object_add(object, "account", account);
    return object;
}

/* What is told, in a few words. */
static const char *title(const struct finding *finding)
{
    static const char *const titles[] = {
        [KIND_CONNECTION] = "Database connection to look at",
        [KIND_PATTERN] = "Log row that matched a filter",
        [KIND_FRAGMENT] = "Torn log row",
        [KIND_FORGERY] = "Forged log rows",
        [KIND_HOSTILE_NAME] = "Name that can forge log rows",
    };
    struct store_bytes kind = finding_kind_word(finding);
    const struct notice_words *notice = notice_words(finding);

    if (notice) {
        return notice->headline;
    }
    for (unsigned i = 0; i < KINDS_COUNT; i++) {
        if (finding_word_is(kind, finding_kind_name(i))) {
            return titles[i];
        }
    }
    return titles[KIND_CONNECTION];
}

static struct json_object *finding_info(const struct finding *finding)
{
    struct json_object *object = json_object_new_object();
    struct json_object *analytic = json_object_new_object();
    struct json_object *types = json_object_new_array();
    char uid[FINGERPRINT_TEXT_MAX];

    fingerprint_text(finding->fingerprint, uid);
    add_text(analytic, "name", finding->rule);
    json_object_object_add(analytic, "type_id", json_object_new_int(1)); /* Rule */
    json_object_object_add(object, "uid", json_object_new_string(uid));
    json_object_object_add(object, "title", json_object_new_string(title(finding)));
    json_object_array_add(types, finding_json_text(finding_kind_word(finding)));
    json_object_object_add(object, "types", types);
    add_text(object, "desc", notice_words(finding) ? finding->message : finding->reason);
    json_object_object_add(object, "created_time", json_object_new_int64(finding->seen_at));
    json_object_object_add(object, "analytic", analytic);
    return object;
}

/* How many bytes an evidence takes in the message. */
static size_t written_size(struct json_object *object)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        return OCSF_BYTES_MAX;
    }
    escape_write_json(out, object);
    (void)fclose(out);
    free(text);
    return len;
}

/* Adds an evidence while there is room: cut anywhere else the document would not be JSON any more.
 */
static bool add_evidence(struct json_object *list, struct finding finding, size_t *used)
{
    finding.message.len = escape_cut(finding.message.data ? finding.message.data : "",
                                     finding.message.len, OCSF_ROW_MAX);
    struct json_object *item = evidence(&finding);
    *used += written_size(item);
    if (*used > OCSF_BYTES_MAX) {
        json_object_put(item);
        return false;
    }
    json_object_array_add(list, item);
    return true;
}

static bool add_evidences(struct json_object *list, struct store *store, const struct alert *alert,
                          struct store_error *error)
{
    struct findings_list *findings = alerts_findings(store, alert, OCSF_EVIDENCES_MAX, error);
    struct finding finding;
    size_t used = 0;
    int step = -1;

    while (findings && (step = findings_next(findings, &finding, error)) == 1) {
        if (!add_evidence(list, finding, &used)) {
            step = 0;
            break;
        }
    }
    findings_list_free(findings);
    return step == 0;
}

bool ocsf_write(FILE *out, struct store *store, const struct alert *alert,
                const struct finding *finding, struct store_error *error)
{
    struct json_object *object = json_object_new_object();
    struct json_object *evidences = json_object_new_array();
    bool single = alert_tells_one(alert);
    int activity = alert->form == ALERT_FIRST ? OCSF_CREATE : OCSF_UPDATE;

    json_object_object_add(object, "activity_id", json_object_new_int(activity));
    json_object_object_add(object, "category_uid", json_object_new_int(OCSF_CATEGORY));
    json_object_object_add(object, "class_uid", json_object_new_int(OCSF_CLASS));
    json_object_object_add(object, "type_uid", json_object_new_int(OCSF_CLASS * 100 + activity));
    json_object_object_add(object, "time", json_object_new_int64(finding->event_time));
    json_object_object_add(object, "severity_id",
                           json_object_new_int(severity_id(alert->severity)));
    json_object_object_add(object, "count", json_object_new_int64(single ? 1 : alert->count));
    json_object_object_add(object, "is_alert", json_object_new_boolean(true));
    json_object_object_add(object, "metadata", metadata());
    json_object_object_add(object, "cloud", cloud(finding));
    json_object_object_add(object, "finding_info", finding_info(finding));
    json_object_object_add(object, "evidences", evidences);
    if (single) {
        (void)add_evidence(evidences, *finding, &(size_t){ 0 });
    }
    bool ok = single || add_evidences(evidences, store, alert, error);
    escape_write_json(out, object);
    json_object_put(object);
    return ok;
}
