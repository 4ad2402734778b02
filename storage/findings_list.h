/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: listings of findings by queries other than that of findings.h. */
#ifndef TAILGATE_STORAGE_FINDINGS_LIST_H
#define TAILGATE_STORAGE_FINDINGS_LIST_H

#include "storage/findings.h"
#include "storage/sql.h"

/* What every query that gives findings begins with; the finding is f. */
#define FINDING_SELECT                                                                             \
    "SELECT f.id, f.fingerprint, f.source, f.rule, f.severity, f.time, f.event_time,"              \
    " f.ingestion_time, f.seen_at, f.verdict, f.operation, f.outcome, f.code, f.user, f.host,"     \
    " f.address, f.port, f.database, f.connection_id, f.server, f.account, f.region, f.log_group," \
    " f.log_stream, f.event_id, f.line, f.marks, f.candidates, f.message, f.finding_kind,"         \
    " f.true_client, f.tls, f.reason, f.quiet,"                                                    \
    " a.id, a.sent_at FROM finding AS f LEFT JOIN alert AS a ON a.row = f.alert"

/* A listing by a query that begins with FINDING_SELECT, to be bound through findings_list_sql with
 * what outlives it.  NULL only without memory; a wrong query shows at the first findings_next. */
struct findings_list *findings_list_new(struct store *store, const char *text,
                                        struct store_error *error);
struct sql *findings_list_sql(struct findings_list *list);

#endif
